"""Rain100L: the excerpt, and the names of every release written as documented."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.rain100l import Rain100L
from taskpaint.manifests.errors import SourceLayoutError


def _pictures(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3), (len(name), 0, 0)).save(root / name)
    return root


def _twins(index: SourceIndex) -> dict[str, tuple[str, str, str]]:
    """Photograph, degraded file and clean file by id."""
    found = {}
    for row in range(len(index)):
        sample = index.sample(row)
        assert sample.pair is not None and sample.pair.kind == "rain"
        paths = (file.path.relative_to(index.source.path).as_posix() for file in (sample.image, sample.pair.image))
        found[sample.id] = (index.key_and_id(row)[0], *paths)
    return found


def test_the_excerpt(shared_data: Path):
    index = open_index(Rain100L(shared_data / "rain100l", "test"))
    assert _twins(index) == {
        number: (f"rain100l/test/{number}", *(f"test/Rain100L/{side}/{number}.png" for side in ("input", "target")))
        for number in "12"
    }
    assert index.rejects() == [] and set(index.features().tolist()) == {Feature.RESTORATION}


@pytest.mark.parametrize(
    ("degraded", "clean"),
    [
        ("RainTrainL/rain-{}", "RainTrainL/norain-{}"),
        ("train/Rain100L/rain/{}", "train/Rain100L/norain/{}"),
        ("train/rain/rain-{}", "train/norain/norain-{}"),
        ("train/Rain100L/rainy/rain-{}", "train/Rain100L/norain-{}"),
        ("rain_data_train_Light/rain/X2/norain-{}x2", "rain_data_train_Light/norain/norain-{}"),
        ("rain_data_train_Light/rain/norain-{}", "rain_data_train_Light/norain/norain-{}"),
    ],
)
def test_the_names_of_the_releases(tmp_path: Path, degraded: str, clean: str):
    """Written in the documented layout; 10 comes before 2 in a listing."""
    _pictures(tmp_path, *(f"{side.format(n)}.png" for side in (degraded, clean) for n in (2, 10)))
    _pictures(tmp_path, f"{clean.format('77')}.png", f"{clean.rpartition('/')[0]}/rainstreak-2.png")
    index = open_index(Rain100L(tmp_path))
    assert _twins(index) == {
        number: (f"rain100l/train/{number}", f"{degraded.format(number)}.png", f"{clean.format(number)}.png")
        for number in ("10", "2")
    }
    assert [reject.id for reject in index.rejects()] == [f"{clean.format('77')}.png"]


def test_a_wrong_folder(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=r"folder train/Rain100L .* is missing"):
        open_index(Rain100L(tmp_path))
