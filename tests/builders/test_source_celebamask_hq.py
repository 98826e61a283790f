"""CelebAMask-HQ, from files written in its documented layout."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sources.celebamask_hq import CelebaMaskHq
from taskpaint.manifests.errors import BadItem, SourceLayoutError


def _file(array, kind):
    out = io.BytesIO()
    Image.fromarray(np.asarray(array, np.uint8)).save(out, kind)
    return out.getvalue()


SKIN, LEFT_EYE, RIGHT_EYE = [[0, 255], [255, 255]], [[0, 0], [255, 0]], [[0, 0], [0, 255]]


@pytest.fixture
def root(tmp_path):
    """Face 2001, 4x4 pixels, whose masks are 2x2."""
    photos, masks = tmp_path / "CelebA-HQ-img", tmp_path / "CelebAMask-HQ-mask-anno" / "1"
    photos.mkdir()
    masks.mkdir(parents=True)
    (photos / "2001.jpg").write_bytes(_file(np.zeros((4, 4, 3)), "JPEG"))
    for part, mask in (("skin", SKIN), ("l_eye", LEFT_EYE), ("r_eye", RIGHT_EYE)):
        rgb = np.repeat(np.asarray(mask, np.uint8)[:, :, None], 3, axis=2)
        (masks / f"02001_{part}.png").write_bytes(_file(rgb, "PNG"))
    return tmp_path


def test_a_face_by_hand(root):
    index = open_index(CelebaMaskHq(root))
    label_map = index.sample(0).label_map
    names = label_map.names
    found = [[names.get(int(value), "") for value in row] for row in label_map.load()]
    assert found == [
        ["", "", "skin", "skin"],
        ["", "", "skin", "skin"],
        ["eye", "eye", "eye", "eye"],
        ["eye", "eye", "eye", "eye"],
    ]
    assert len(names) == len(set(names.values())) == 15
    assert list(index.image_keys()) == ["celeba_hq/2001"]


def test_stray_files_are_rejects(root):
    masks = root / "CelebAMask-HQ-mask-anno" / "1"
    (masks / "02001_beard.png").write_bytes(b"")
    (masks / "00007_hair.png").write_bytes(b"")  # belongs to folder 0
    (masks / "02002_hair.png").write_bytes(b"")
    (root / "CelebA-HQ-img/3.jpg").write_bytes(b"")
    index = open_index(CelebaMaskHq(root))
    reasons = {reject.id: reject.reason for reject in index.rejects()}
    assert list(index.ids()) == ["2001"]
    assert set(reasons) == {"02001_beard", "00007_hair", "2002", "3"}
    assert "photograph 2002.jpg is missing" in reasons["2002"] and reasons["3"] == "the face has no masks"


def test_wrong_folder(tmp_path):
    with pytest.raises(SourceLayoutError, match="CelebA-HQ-img"):
        open_index(CelebaMaskHq(tmp_path))


@given(st.binary(max_size=200))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_masks(root, data):
    (root / "CelebAMask-HQ-mask-anno/1/02001_skin.png").write_bytes(data)
    with pytest.raises(BadItem):
        open_index(CelebaMaskHq(root)).sample(0).label_map.load()


def test_masks_of_two_sizes(root):
    (root / "CelebAMask-HQ-mask-anno/1/02001_skin.png").write_bytes(_file(np.zeros((3, 2)), "PNG"))
    with pytest.raises(BadItem, match="unlike the face's other masks"):
        open_index(CelebaMaskHq(root)).sample(0).label_map.load()
