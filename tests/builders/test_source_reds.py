"""REDS, written in the documented layouts; there is no sample of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.reds import Reds
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


@pytest.mark.parametrize("form", ["train/train_{}", "train/{}", "train_{}"])
def test_the_forms_of_the_archives(tmp_path: Path, form: str):
    """Written in the documented layout."""
    frames = [f"{clip:03d}/{frame:08d}.png" for clip in (0, 11) for frame in (0, 99)]
    _pictures(tmp_path / "REDS", *(f"{form.format(kind)}/{frame}" for kind in ("blur", "sharp") for frame in frames))
    _pictures(tmp_path / "REDS", f"{form.format('blur_comp')}/000/00000000.png")
    index = open_index(Reds(tmp_path))
    blur, sharp = form.format("blur"), form.format("sharp")
    assert _twins(index) == {
        frame[:-4]: (f"reds/train/{frame[:3]}", f"{blur}/{frame}", f"{sharp}/{frame}") for frame in frames
    }
    assert index.rejects() == [] and set(index.features().tolist()) == {Feature.RESTORATION}


def test_clips_of_the_same_number_in_two_splits_are_other_videos(tmp_path: Path):
    for split in ("train", "val"):
        _pictures(tmp_path, *(f"{split}/{split}_{kind}/000/00000000.png" for kind in ("blur", "sharp")))
    keys = [list(open_index(Reds(tmp_path, split)).image_keys()) for split in ("train", "val")]
    assert keys == [["reds/train/000"], ["reds/val/000"]]
    assert Reds(tmp_path, "val").held_out_as() == "validation"


def test_one_archive_alone_is_an_error(tmp_path: Path):
    _pictures(tmp_path, "train_blur/000/00000000.png")
    with pytest.raises(SourceLayoutError, match="no clean twin with the key '000/00000000'"):
        open_index(Reds(tmp_path))
    with pytest.raises(SourceLayoutError, match=r"folder val .* is missing"):
        open_index(Reds(tmp_path, "val"))
