"""CLWD: the stand-in in its layout, masks against Pillow, and what is broken."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.clwd import Clwd
from taskpaint.manifests.errors import BadItem, SourceLayoutError


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
        assert sample.pair is not None and sample.pair.kind == "watermark"
        paths = (file.path.relative_to(index.source.path).as_posix() for file in (sample.image, sample.pair.image))
        found[sample.id] = (index.key_and_id(row)[0], *paths)
    return found


def test_the_stand_in(shared_data: Path):
    folder = shared_data / "clwd_placeholder"
    index = open_index(Clwd(folder, "test"))
    assert _twins(index) == {
        number: (
            f"clwd/test/{number}",
            f"test/Watermarked_image/{number}.jpg",
            f"test/Watermark_free_image/{number}.jpg",
        )
        for number in "123"
    }
    assert index.rejects() == [] and set(index.features().tolist()) == {Feature.RESTORATION | Feature.SEMANTIC}
    for row in range(3):
        sample = pickle.loads(pickle.dumps(index.sample(row)))
        with Image.open(folder / f"CLWD/test/Mask/{sample.id}.png") as image:
            expected = np.asarray(image) == 255
        values = sample.label_map.load()
        np.testing.assert_array_equal(values, expected)
        assert values.dtype == np.uint8 and sample.label_map.names == {1: "watermark"} and 0.02 < values.mean() < 0.06
        with Image.open(sample.image.path) as marked, Image.open(sample.pair.image.path) as clean:
            difference = np.abs(np.asarray(marked, int) - np.asarray(clean, int)).mean(axis=2)
        assert difference[expected].mean() > 5 * difference[~expected].mean()


def test_numbers_and_not_places(tmp_path: Path):
    """Written in the documented layout: 10 comes before 2 in a listing, and one twin is missing."""
    folder = "train/Watermark{}_image"
    _pictures(tmp_path, *(f"{folder.format('ed')}/{n}.jpg" for n in (2, 10, 3)))
    _pictures(tmp_path, *(f"{folder.format('_free')}/{n}.jpg" for n in (2, 10, 7)))
    index = open_index(Clwd(tmp_path))
    assert {a.rpartition("/")[2]: b.rpartition("/")[2] for _, a, b in _twins(index).values()} == {
        "2.jpg": "2.jpg",
        "10.jpg": "10.jpg",
    }
    assert {reject.id.rpartition("/")[2] for reject in index.rejects()} == {"3.jpg", "7.jpg"}
    assert set(index.features().tolist()) == {Feature.RESTORATION} and index.sample(0).label_map is None


def test_a_broken_mask_is_a_bad_item(tmp_path: Path):
    names = (f"train/Watermark{kind}_image/1.jpg" for kind in ("ed", "_free"))
    _pictures(tmp_path, *names, "train/Mask/1.png")
    index = open_index(Clwd(tmp_path))
    assert index.sample(0).label_map.load().tolist() == [[0] * 4] * 3
    (tmp_path / "train/Mask/1.png").write_bytes(b"no picture")
    with pytest.raises(BadItem, match="not an image"):
        index.sample(0).label_map.load()
    Image.fromarray(np.full((3, 4), 300, np.uint16)).save(tmp_path / "train/Mask/1.png")
    with pytest.raises(BadItem, match=r"mask 1\.png has 16 bits"):
        index.sample(0).label_map.load()


def test_a_wrong_folder(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match="folder train is missing"):
        open_index(Clwd(tmp_path))
