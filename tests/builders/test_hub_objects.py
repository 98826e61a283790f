"""Objects, boxes and joints of Hugging Face columns against hand calculations; what does not hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.reading.hub_objects import (
    Vocabulary,
    box_xyxy,
    figures_of,
    rows_of_objects,
    segmentation_of,
)
from taskpaint.builders.sample import Joint
from taskpaint.manifests.errors import BadItem

_WIDTH, _HEIGHT = 200, 100


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ([], []),
        ({}, []),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}]),
        ({"a": [1, 2], "b": [[3], [4]], "c": None}, [{"a": 1, "b": [3]}, {"a": 2, "b": [4]}]),
    ],
)
def test_both_forms_of_objects(value: Any, expected: list[dict[str, Any]]):
    assert rows_of_objects(value) == expected


@pytest.mark.parametrize("value", [5, "text", [1], [[{}]], {"a": [1], "b": [1, 2]}])
def test_objects_that_do_not_hold(value: Any):
    with pytest.raises(BadItem, match="objects"):
        rows_of_objects(value)


@pytest.mark.parametrize(
    ("form", "box", "expected"),
    [
        ("coco", [20, 10, 60, 40], (20, 10, 80, 50)),
        ("voc", [20, 10, 80, 50], (20, 10, 80, 50)),
        ("yolo", [0.25, 0.3, 0.3, 0.4], (20, 10, 80, 50)),
        ("coco", [-5, -5, 10, 10], (0, 0, 5, 5)),
        ("voc", [190, 90, 220, 120], (190, 90, 200, 100)),
    ],
)
def test_forms_of_boxes(form: Any, box: list[float], expected: tuple[float, ...]):
    assert box_xyxy(box, form, _WIDTH, _HEIGHT) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("form", "box", "says"),
    [
        ("coco", [1, 2, 3], "not four finite numbers"),
        ("coco", [1, 2, float("nan"), 3], "not four finite numbers"),
        ("voc", [80, 10, 20, 50], "no area"),
        ("coco", [500, 10, 20, 50], "outside the image of 200x100"),
        ("yolo", [20, 10, 60, 40], "correct the option `boxes`"),
        ("coco", "text", "not four finite numbers"),
    ],
)
def test_boxes_that_do_not_hold(form: Any, box: Any, says: str):
    with pytest.raises(BadItem, match=says):
        box_xyxy(box, form, _WIDTH, _HEIGHT)


_TRIANGLE = [10.0, 10.0, 50.0, 10.0, 10.0, 40.0]


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        ("coco", None, None),
        ("coco", [], None),
        ("coco", [_TRIANGLE, _TRIANGLE], [_TRIANGLE, _TRIANGLE]),
        ("coco", _TRIANGLE, [_TRIANGLE]),
        ("coco", [[10.0, 10.0], [50.0, 10.0], [10.0, 40.0]], [_TRIANGLE]),
        ("voc", [[[10.0, 10.0], [50.0, 10.0], [10.0, 40.0]]], [_TRIANGLE]),
        ("yolo", [0.05, 0.1, 0.25, 0.1, 0.05, 0.4], [_TRIANGLE]),
        ("coco", {"size": [100, 200], "counts": [20000]}, {"size": [100, 200], "counts": [20000]}),
        ("coco", {"size": [100, 200], "counts": b"PPb"}, {"size": [100, 200], "counts": "PPb"}),
    ],
)
def test_forms_of_segmentations(form: Any, value: Any, expected: Any):
    found = segmentation_of(value, form, _WIDTH, _HEIGHT)
    if isinstance(found, list):
        assert [pytest.approx(polygon) for polygon in expected] == found
    else:
        assert found == expected


@pytest.mark.parametrize(
    "value", [5, "text", [1, "x"], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5]], {"size": [1, 1], "counts": [1]}]
)
def test_segmentations_that_do_not_hold(value: Any):
    with pytest.raises(BadItem):
        segmentation_of(value, "coco", _WIDTH, _HEIGHT)


_FIGURE = (Joint(1, 2, 2), Joint(0, 0, 0), Joint(5, 6, 1))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ([], []),
        ([1, 2, 2, 0, 0, 0, 5, 6, 1], [_FIGURE]),
        ([[1, 2, 2], [0, 0, 0], [5, 6, 1]], [_FIGURE]),
        ([[1, 2, 2, 0, 0, 0, 5, 6, 1], [0] * 9], [_FIGURE]),
        ([[[1, 2, 2], [0, 0, 0], [5, 6, 1]], [[0, 0, 0]] * 3], [_FIGURE]),
        ([1, 2, 0, 0, 5, 6], [(Joint(1, 2, 2), Joint(0, 0, 0), Joint(5, 6, 2))]),
        ([[1, 2], [0, 0], [5, 6]], [(Joint(1, 2, 2), Joint(0, 0, 0), Joint(5, 6, 2))]),
        ([[1, 2, 0, 0, 5, 6]] * 2, [(Joint(1, 2, 2), Joint(0, 0, 0), Joint(5, 6, 2))] * 2),
    ],
)
def test_forms_of_keypoints(value: Any, expected: list[tuple[Joint, ...]]):
    assert figures_of(value, 3) == expected


@pytest.mark.parametrize(
    "value",
    [
        5,
        "text",
        [1, 2, 3],
        [[1, 2], [3, 4]],
        [[]],
        [[[1, 2, 2]]],
        [1, 2, 9] * 3,
        [float("nan"), 1] * 3,
        [[1, 2], 3, 4],
    ],
)
def test_keypoints_that_do_not_hold(value: Any):
    with pytest.raises(BadItem, match="keypoints"):
        figures_of(value, 3)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=2) | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["size", "counts", "x"]), inner),
)


@settings(max_examples=300, deadline=None)
@given(_JSON)
def test_whatever_a_cell_holds(value: Any):
    for read in (
        lambda: rows_of_objects(value),
        lambda: figures_of(value, 2),
        lambda: box_xyxy(value, "voc", 9, 9),
        lambda: segmentation_of(value, "yolo", 9, 9),
        lambda: Vocabulary((), []).id_of(value),
    ):
        try:
            read()
        except BadItem as fault:
            assert str(fault)


def test_vocabularies():
    given, noted, grown = Vocabulary(("cat", "dog"), ["x"]), Vocabulary((), ["cat", "dog"]), Vocabulary((), [])
    for words in (given, noted):
        assert [words.id_of(value) for value in (1, "cat")] == [1, 0] and words.dump() == {"0": "cat", "1": "dog"}
        for wrong in (2, -1, "bird", True, None, 1.0, " "):
            with pytest.raises(BadItem, match="class"):
                words.id_of(wrong)
    assert [grown.id_of(value) for value in ("b", "a", "b")] == [0, 1, 0] and grown.dump() == {"0": "b", "1": "a"}
    with pytest.raises(BadItem, match="class number 0 has no name; give the names"):
        Vocabulary((), []).id_of(0)
