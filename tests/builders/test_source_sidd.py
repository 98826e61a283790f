"""SIDD: the excerpt, and the release and its crops written as documented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.sidd import Sidd
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
        assert sample.pair is not None and sample.pair.kind == "noise"
        paths = (file.path.relative_to(index.source.path).as_posix() for file in (sample.image, sample.pair.image))
        found[sample.id] = (index.key_and_id(row)[0], *paths)
    return found


def test_the_excerpt(shared_data: Path):
    index = open_index(Sidd(shared_data / "sidd"))
    scene = "Data/0000_000_XX_00000_00000_0000_X"
    assert _twins(index) == {"0000/010": ("sidd/train/0000", f"{scene}/NOISY_SRGB_010.PNG", f"{scene}/GT_SRGB_010.PNG")}
    assert index.rejects() == [] and set(index.features().tolist()) == {Feature.RESTORATION}
    sample = index.sample(0)
    assert sample.pair is not None
    with Image.open(sample.image.path) as noisy, Image.open(sample.pair.image.path) as clean:
        spread = [np.abs(np.diff(np.asarray(image, int), axis=1)).mean() for image in (noisy, clean)]
    assert spread[0] > spread[1]  # noise makes neighbours differ


def test_both_releases(tmp_path: Path):
    """Written in the documented layout: names with and without the scene's number, two pairs in one scene."""
    first, second = "Data/0001_001_S6_00100_00060_3200_L", "Data/0002_001_S6_00100_00020_3200_N"
    root = tmp_path / "SIDD_Medium_Srgb"
    _pictures(root, *(f"{first}/0001_{kind}_SRGB_01{n}.PNG" for kind in ("NOISY", "GT") for n in (0, 1)))
    _pictures(root, f"{second}/NOISY_SRGB_010.PNG", f"{second}/GT_SRGB_010.PNG", f"{second}/GT_SRGB_011.PNG")
    index = open_index(Sidd(tmp_path))
    found = _twins(index)
    assert {key for key, *_ in found.values()} == {"sidd/train/0001", "sidd/train/0002"} and len(found) == 3
    assert all(degraded.replace("NOISY", "GT") == clean for _, degraded, clean in found.values())
    assert [reject.id for reject in index.rejects()] == [f"{second}/GT_SRGB_011.PNG"]


@pytest.mark.parametrize(
    ("degraded", "clean"),
    [
        ("train/input/12_3", "train/gt/12_3"),
        ("train/SIDD/input_crops/12_3", "train/SIDD/target_crops/12_3"),
        ("train/input_crops/0012_NOISY_SRGB_010_s003", "train/gt_crops/0012_GT_SRGB_010_s003"),
    ],
)
def test_crops(tmp_path: Path, degraded: str, clean: str):
    """Written in the documented layout: all crops of a photograph share its key."""
    other = [path.replace("3", "4") if path.endswith("3") else path for path in (degraded, clean)]
    _pictures(tmp_path, *(f"{path}.png" for path in (degraded, clean, *other)))
    index = open_index(Sidd(tmp_path))
    assert [(a, b) for _, a, b in _twins(index).values()] == [
        (f"{degraded}.png", f"{clean}.png"),
        (f"{other[0]}.png", f"{other[1]}.png"),
    ]
    assert len(set(index.image_keys())) == 1 and index.rejects() == []


def test_a_wrong_folder(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=r"folder Data \(nor train\) is missing"):
        open_index(Sidd(tmp_path))
