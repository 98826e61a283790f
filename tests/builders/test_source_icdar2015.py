"""ICDAR 2015, from files written in its documented layout."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.masks import regions
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.icdar2015 import Icdar2015
from taskpaint.builders.tasks.referring import Referring, ReferringOptions
from taskpaint.builders.view import union_of
from taskpaint.manifests.errors import SourceLayoutError

LINES = """\ufeff10,10,50,10,50,30,10,30,Genaxis, Theatre
60,12,90,20,88,40,58,32,[06]
100,10,140,10,140,30,100,30,###
10,50,50,50,50,70,10,70,EXIT
60,50,90,50,90,70,60,70,exit
100,50,110,50,110,60,100,60,a
"""


@pytest.fixture
def root(tmp_path):
    for folder in ("ch4_training_images", "ch4_training_localization_transcription_gt"):
        (tmp_path / folder).mkdir()
    out = io.BytesIO()
    Image.fromarray(np.zeros((80, 160, 3), np.uint8)).save(out, "JPEG")
    (tmp_path / "ch4_training_images/img_1.jpg").write_bytes(out.getvalue())
    _texts(tmp_path).write_text(LINES)
    return tmp_path


def _texts(root, name="img_1"):
    return root / "ch4_training_localization_transcription_gt" / f"gt_{name}.txt"


def test_a_photograph_by_hand(root):
    index = open_index(Icdar2015(root))
    sample = index.sample(0)
    assert index.features().tolist() == [Feature.INSTANCES | Feature.BOXES | Feature.EXPRESSIONS]
    assert [one.box_xyxy for one in sample.instances][:2] == [(10, 10, 50, 30), (58, 12, 90, 40)]
    assert sample.instances[1].segmentation == [[60, 12, 90, 20, 88, 40, 58, 32]]
    meant = {expression.sentences[0]: expression.members for expression in sample.expressions}
    # "EXIT" stands there twice, "a" is a letter, "###" cannot be read
    assert meant == {"the word Genaxis, Theatre": (0,), "the word [06]": (1,)}
    assert regions.area(union_of(sample.instances[:1], sample)) == 800
    assert (sample.width, sample.height, sample.id) == (160, 80, "img_1")


def test_it_feeds_referring(root):
    subject = Referring(ReferringOptions()).choose(open_index(Icdar2015(root)).sample(0), random.Random(0))
    assert subject.choice[0].sentence.split()[-1] in {"Theatre", "[06]"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,2,3,4,5,6,7,x,EXIT", "eight numbers"),
        ("1,2,3,4,5,6,7,EXIT", "eight numbers"),
        ("1,2,3,4,5,6,7,nan,EXIT", "eight numbers"),
        ("200,10,240,10,240,30,200,30,EXIT", "outside the image"),
        ("10,10,10,10,10,10,10,10,EXIT", "has no area"),
    ],
)
def test_a_bad_line_is_a_reject_and_boxes_are_no_longer_complete(root, line, reason):
    _texts(root).write_text(LINES + line)
    index = open_index(Icdar2015(root))
    assert [reason in reject.reason and "line 7" in reject.reason for reject in index.rejects()] == [True]
    assert index.features().tolist() == [Feature.INSTANCES | Feature.EXPRESSIONS]
    assert len(index.sample(0).instances) == 6


def test_missing_files(root):
    _texts(root, "img_2").write_text(LINES)
    (root / "ch4_training_images/img_3.jpg").write_bytes(b"no picture")
    (root / "ch4_training_images/img_4.jpg").write_bytes(b"no picture")
    _texts(root, "img_3").write_text(LINES)
    index = open_index(Icdar2015(root))
    reasons = {reject.id: reject.reason for reject in index.rejects()}
    assert "img_2.jpg is missing" in reasons["img_2"] and "img_3.jpg" in reasons["img_3"]
    assert "gt_img_4.txt is missing" in reasons["img_4"] and list(index.ids()) == ["img_1"]
    with pytest.raises(SourceLayoutError, match="ch4_test_images"):
        open_index(Icdar2015(root, "test"))


@given(st.binary(max_size=300))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_lists(root, data):
    _texts(root).write_bytes(data)
    index = open_index(Icdar2015(root))
    assert len(index.sample(0).instances) + len(index.rejects()) <= data.count(b"\n") + data.count(b"\r") + len(data)
