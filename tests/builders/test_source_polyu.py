"""PolyU: the excerpt, and files without their other half."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.polyu import PolyU
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
    index = open_index(PolyU(shared_data / "polyu_denoise"))
    stems = (
        "Canon5D2_5_160_3200_chair_11",
        "Canon600D_3-5_125_1600_waterhouse_11",
        "NikonD800_4-5_160_1800_classroom_15",
    )
    assert list(_twins(index).values()) == [
        (f"polyu/all/{stem[:-3]}", f"CroppedImages/{stem}_real.JPG", f"CroppedImages/{stem}_mean.JPG") for stem in stems
    ]
    assert index.rejects() == [] and set(index.features().tolist()) == {Feature.RESTORATION}


def test_crops_of_one_scene_share_a_key(tmp_path: Path):
    """Written in the documented layout."""
    names = ("A_5_160_3200_plug_1", "A_5_160_3200_plug_12", "A_5_160_3200_door_1")
    _pictures(tmp_path, *(f"CroppedImages/{name}_{kind}.JPG" for name in names for kind in ("real", "mean")))
    _pictures(tmp_path, "CroppedImages/B_1_real.JPG")
    index = open_index(PolyU(tmp_path))
    assert sorted(index.image_keys()) == ["polyu/all/A_5_160_3200_door"] + ["polyu/all/A_5_160_3200_plug"] * 2
    assert [reject.id for reject in index.rejects()] == ["CroppedImages/B_1_real.JPG"]


def test_a_wrong_folder(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match="folder CroppedImages is missing"):
        open_index(PolyU(tmp_path))
