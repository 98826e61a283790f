"""DUTS, COD10K and GDD, from files written in their documented layouts."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.registry import find_source
from taskpaint.builders.sample import Feature
from taskpaint.builders.tasks.foreground import Foreground
from taskpaint.manifests.errors import BadItem, SourceLayoutError

LAYOUTS = {
    "duts": ("DUTS-TR/DUTS-TR-Image", "DUTS-TR/DUTS-TR-Mask", "ILSVRC2012_test_00000004", "salient object"),
    "cod10k": ("Train/Image", "Train/GT_Object", "COD10K-CAM-1-Aquatic-1-BatFish-1", "bat fish"),
    "gdd": ("train/image", "train/mask", "12", "glass surface"),
}
MASK = np.array([[0, 255, 255, 0], [0, 127, 128, 0], [0, 0, 0, 0]], np.uint8)


def _file(array, kind):
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind)
    return out.getvalue()


def _write(root, name, stem=None, mask=MASK, photo=True):
    images, masks, usual, _ = LAYOUTS[name]
    for folder in (images, masks):
        (root / folder).mkdir(parents=True, exist_ok=True)
    stem = stem or usual
    if photo:
        (root / images / f"{stem}.jpg").write_bytes(_file(np.zeros((3, 4, 3), np.uint8), "JPEG"))
    if mask is not None:
        (root / masks / f"{stem}.png").write_bytes(_file(mask, "PNG"))
    return root


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_photograph_by_hand(tmp_path, name):
    index = open_index(find_source(name)(_write(tmp_path, name)))
    sample = index.sample(0)
    *_, stem, subject = LAYOUTS[name]
    assert (list(index.ids()), list(index.image_keys())) == ([stem], [f"{name}/{stem}"])
    assert index.features().tolist() == [Feature.SEMANTIC]
    assert sample.label_map.names == {1: subject}
    assert sample.label_map.load().tolist() == [[0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert Foreground.fits(Feature.SEMANTIC)


def test_masks_of_zero_and_one(tmp_path):
    sample = open_index(find_source("gdd")(_write(tmp_path, "gdd", mask=(MASK > 127).astype(np.uint8)))).sample(0)
    assert sample.label_map.load().sum() == 3


@pytest.mark.parametrize(
    ("stem", "subject"),
    [
        ("COD10K-CAM-2-Terrestrial-23-Cat-1345", "cat"),
        ("COD10K-CAM-1-Aquatic-13-Pipefish-623", "pipefish"),
        ("COD10K-CAM-5-Other-69-Other-5065", "hidden animal"),
        ("something else", "hidden animal"),
    ],
)
def test_classes_in_file_names(tmp_path, stem, subject):
    assert open_index(find_source("cod10k")(_write(tmp_path, "cod10k", stem))).sample(0).label_map.names == {1: subject}


def test_photographs_where_nothing_hides_are_left_out(tmp_path):
    _write(tmp_path, "cod10k")
    _write(tmp_path, "cod10k", "COD10K-NonCAM-1-Aquatic-1-BatFish-1", np.zeros((3, 4), np.uint8))
    index = open_index(find_source("cod10k")(tmp_path))
    assert len(index) == 1 and index.rejects() == []


@pytest.mark.parametrize("name", LAYOUTS)
def test_missing_files_are_rejects_and_missing_folders_errors(tmp_path, name):
    _write(tmp_path, name)
    _write(tmp_path, name, "lonely-photo", mask=None)
    _write(tmp_path, name, "lonely-mask", photo=False)
    index = open_index(find_source(name)(tmp_path))
    reasons = {reject.id: reject.reason for reject in index.rejects()}
    assert "mask lonely-photo.png is missing" in reasons["lonely-photo"]
    assert "photograph lonely-mask.jpg is missing" in reasons["lonely-mask"]
    with pytest.raises(SourceLayoutError, match="is missing in"):
        open_index(find_source(name)(tmp_path / "nothing"))


@given(st.binary(max_size=200))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_masks(tmp_path, data):
    _write(tmp_path, "gdd")
    (tmp_path / "train/mask/12.png").write_bytes(data)
    with pytest.raises(BadItem):
        open_index(find_source("gdd")(tmp_path)).sample(0).label_map.load()
