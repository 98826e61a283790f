"""GoPro: the excerpt, and both layouts written as documented."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from PIL import Image
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.gopro import GoPro, GoProOptions
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
        assert sample.pair is not None and sample.pair.kind == "blur"
        paths = (file.path.relative_to(index.source.path).as_posix() for file in (sample.image, sample.pair.image))
        found[sample.id] = (index.key_and_id(row)[0], *paths)
    return found


def test_the_excerpt(shared_data: Path):
    index = open_index(GoPro(shared_data / "gopro", "test"))
    clip = "test/GOPR0000_00_00"
    assert _twins(index) == {
        f"GOPR0000_00_00/{frame}": (
            "gopro/GOPR0000_00_00",
            f"{clip}/blur/{frame}.png",
            f"{clip}/sharp/{frame}.png",
        )
        for frame in ("000000", "000003")
    }
    assert index.rejects() == [] and set(index.features().tolist()) == {Feature.RESTORATION}
    sample = index.sample(0)
    assert sample.pair is not None
    with Image.open(sample.image.path) as blurred, Image.open(sample.pair.image.path) as sharp:
        assert blurred.size == sharp.size == (1280, 720)
        # blur takes away detail: neighbouring pixels differ less in the degraded frame
        steps = [sum(abs(a - b) for a, b in itertools.pairwise(row)) for row in map(_middle_row, (blurred, sharp))]
    assert steps[0] < steps[1]


def _middle_row(image: Image.Image) -> list[int]:
    return list(image.convert("L").crop((0, 360, 1280, 361)).tobytes())


def test_clips_as_released(tmp_path: Path):
    """Written in the documented layout."""
    clip = "train/GOPR0372_07_00"
    _pictures(tmp_path, *(f"{clip}/{kind}/00004{n}.png" for kind in ("blur", "blur_gamma", "sharp") for n in (7, 8)))
    (tmp_path / clip / "sharp/000048.png").unlink()
    index = open_index(GoPro(tmp_path))
    assert _twins(index) == {
        "GOPR0372_07_00/000047": ("gopro/GOPR0372_07_00", f"{clip}/blur/000047.png", f"{clip}/sharp/000047.png")
    }
    assert [reject.id for reject in index.rejects()] == [f"{clip}/blur/000048.png"]
    gamma = open_index(GoPro(tmp_path, "train", GoProOptions(blurred="blur_gamma")))
    assert [degraded for _, degraded, _ in _twins(gamma).values()] == [f"{clip}/blur_gamma/000047.png"]


def test_flat_folders(tmp_path: Path):
    """Written in the documented layout: frames of one clip have one key, and the same as in the release."""
    names = ("GOPR0372_07_00-000047", "GOPR0372_07_00_000048", "000001")
    _pictures(tmp_path, *(f"train/{side}/{name}.png" for side in ("input", "target") for name in names))
    found = _twins(open_index(GoPro(tmp_path)))
    assert {name: key for name, (key, *_) in found.items()} == {
        "GOPR0372_07_00/000047": "gopro/GOPR0372_07_00",
        "GOPR0372_07_00/000048": "gopro/GOPR0372_07_00",
        "000001": "gopro/train/000001",
    }
    assert all(degraded.replace("input", "target") == clean for _, degraded, clean in found.values())


def test_a_missing_split_shows_the_tree(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=r"folder train is missing[\s\S]*blur/000047\.png"):
        open_index(GoPro(_pictures(tmp_path, "test/a/blur/1.png")))
