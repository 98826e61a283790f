"""A picture divided into pieces, whatever the annotation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import measure
from taskpaint.builders.geometry import fit
from taskpaint.builders.masks import division
from taskpaint.builders.masks.division import Division, Piece
from taskpaint.builders.sample import Category, FileBytes, Instance, LabelMap, Sample, Segment, SegmentMap
from taskpaint.builders.view import View
from taskpaint.manifests.errors import BadItem, NotApplicable
from taskpaint.manifests.images import read_header
from taskpaint.manifests.recipe import Sizing
from taskpaint.writers.codecs import encode_png

DOG, CAT, SKY = Category(1, "dog"), Category(2, "cat"), Category(3, "sky")


def _view(sizing=None, **known):
    data = encode_png(np.zeros((6, 8, 3), np.uint8))
    sample = Sample("1", FileBytes(None, data), 8, 6, **known)
    return View(sample, data, read_header(data), fit(sizing or Sizing(), (8, 6), None, None))


def _box(category, x0, y0, x1, y1, crowd=False):
    return Instance(category, (x0, y0, x1, y1), [[x0, y0, x1, y0, x1, y1, x0, y1]], crowd)


def _names(found):
    return [piece.name for piece in found.pieces]


def test_segments_and_what_belongs_to_none():
    values = np.zeros((6, 8), np.int32)
    values[:, :4], values[:2, 6:], values[5, 5] = 70000, 3, 9  # 9 is no segment
    segments = SegmentMap(
        (Segment(3, DOG, crowd=True), Segment(70000, SKY, thing=False), Segment(5, CAT)), lambda: values
    )
    found = division.from_segments(_view(), segments)
    assert found.pieces == (Piece("dog", True, True), Piece("sky", False))
    assert found.areas == [4, 24]
    assert found.labels[5, 5] == 0
    assert found.labels[0].tolist() == [2, 2, 2, 2, 0, 0, 1, 1]
    assert found.mask(0).sum() == 4


def test_padding_belongs_to_none():
    values = np.ones((6, 8), np.int32)
    view = _view(Sizing(resize="pad", size=16))
    found = division.from_segments(view, SegmentMap((Segment(1, DOG),), lambda: values))
    assert found.labels.shape == (16, 16)
    assert found.areas == [16 * 12]
    zero = LabelMap({0: "wall"}, lambda: np.zeros((6, 8), np.uint8))
    assert division.from_classes(_view(Sizing(resize="pad", size=16), label_map=zero)).areas == [16 * 12]


def test_classes_of_one_name_are_one_and_their_regions_are_several():
    values = np.array([[1, 1, 0, 2, 0, 9, 9, 1]] * 6, np.uint8)
    view = _view(label_map=LabelMap({1: "dog", 2: "dog", 9: "sky", 7: "cat"}, lambda: values))
    classes = division.from_classes(view)
    assert _names(classes) == ["dog", "sky"]
    assert classes.areas == [24, 12]
    regions = division.from_regions(view)
    assert sorted(zip(_names(regions), regions.areas, strict=True)) == [
        ("dog", 6),
        ("dog", 6),
        ("dog", 12),
        ("sky", 12),
    ]
    assert ((regions.labels == 0) == (values == 0)).all()


def test_the_smaller_instance_lies_on_top():
    view = _view(instances=(_box(CAT, 2, 2, 4, 4), _box(DOG, 0, 0, 8, 6), Instance(SKY, (0, 0, 8, 6))))
    found = division.from_instances(view, view.sample.instances)
    assert _names(found) == ["cat", "dog"]
    assert found.areas == [4, 44]


def test_a_covered_instance_is_no_piece():
    view = _view(instances=(_box(CAT, 0, 0, 4, 4), _box(DOG, 0, 0, 4, 4)))
    found = division.from_instances(view, view.sample.instances)
    assert _names(found) == ["dog"]


def test_keep_reorders_and_joins():
    found = Division.of(
        np.array([[1, 2, 3, 0]], np.int32), (Piece("a"), Piece("b", crowd=True), Piece("a", crowd=True))
    )
    assert found.keep([2, 0]).labels.tolist() == [[2, 0, 1, 0]]
    assert found.keep([]).labels.tolist() == [[0, 0, 0, 0]]
    joined = found.by_class()
    assert joined.labels.tolist() == [[1, 2, 1, 0]]
    assert joined.pieces == (Piece("a", crowd=True), Piece("b", crowd=True))
    assert found.areas == [1, 1, 1] and joined.areas == [2, 1]
    halves = found.joined([0, 1, 1])
    assert halves.labels.tolist() == [[1, 2, 2, 0]] and [piece.name for piece in halves.pieces] == ["a", "b"]


def test_classes_come_from_what_there_is():
    labels = LabelMap({1: "sky"}, lambda: np.ones((6, 8), np.uint8))
    segments = SegmentMap((Segment(1, CAT),), lambda: np.ones((6, 8), np.int32))
    dogs = (_box(DOG, 0, 0, 4, 4), _box(DOG, 4, 0, 8, 4))
    assert _names(division.classes_of(_view(label_map=labels, segments=segments, instances=dogs))) == ["sky"]
    assert _names(division.classes_of(_view(segments=segments, instances=dogs))) == ["cat"]
    found = division.classes_of(_view(instances=dogs))
    assert (_names(found), found.areas) == (["dog"], [32])
    with pytest.raises(NotApplicable, match="no label map, no segments and no masks"):
        division.classes_of(_view(instances=(Instance(DOG, (0, 0, 1, 1)),)))


def test_a_map_of_another_size_is_refused():
    segments = SegmentMap((Segment(1, CAT),), lambda: np.ones((6, 9), np.int32))
    with pytest.raises(BadItem, match="segment map is 9x6, the image is 8x6"):
        division.from_segments(_view(), segments)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(1, 30))
def test_regions_equal_skimage(seed, height, width):
    noise = np.random.default_rng(seed)
    values = np.repeat(noise.integers(0, 4, (height, width)), 2, axis=1)
    data = encode_png(np.zeros((height, 2 * width, 3), np.uint8))
    label_map = LabelMap({1: "dog", 2: "cat", 3: "dog"}, lambda: values)
    sample = Sample("1", FileBytes(None, data), 2 * width, height, label_map=label_map)
    view = View(sample, data, read_header(data), fit(Sizing(), (2 * width, height), None, None))
    found = division.from_regions(view)
    classes = np.where(values == 3, 1, values)
    expected = []
    by_value = {1: "dog", 2: "cat", 3: "dog"}
    for name in dict.fromkeys(name for value, name in by_value.items() if value in values):
        number = {"dog": 1, "cat": 2}[name]
        labels, count = measure.label(classes == number, connectivity=1, return_num=True)
        masks = [labels == place for place in range(1, count + 1)]
        expected += [(name, mask.tobytes()) for mask in masks]
    drawn = [(piece.name, (found.labels == place).tobytes()) for place, piece in enumerate(found.pieces, start=1)]
    assert drawn == expected  # class by class, the upper first
    assert found.areas == [int((found.labels == place).sum()) for place in range(1, len(found.pieces) + 1)]


def test_many_pieces_are_counted_in_more_than_a_byte():
    numbers = np.arange(1, 301).reshape(10, 30)
    found = Division.of(numbers, tuple(Piece(str(place)) for place in range(300)))
    assert found.labels.dtype == np.int32 and np.array_equal(found.labels, numbers)
    few = found.keep(range(255))
    assert few.labels.dtype == np.uint8 and np.array_equal(few.labels, np.where(numbers < 256, numbers, 0))
    assert found.shape == (10, 30) and found.size == 300
