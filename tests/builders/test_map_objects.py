"""Objects read out of number maps, against pycocotools and numpy, and the two small readers beside it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask
from taskpaint.builders.masks import regions
from taskpaint.builders.reading.annotation_xml import box_of, number_of, parse_xml
from taskpaint.builders.sample import FileBytes
from taskpaint.builders.sources._map_objects import objects_in, read_colour, read_grey
from taskpaint.manifests.errors import BadItem


def _file(values: np.ndarray, mode: str | None = None) -> FileBytes:
    out = io.BytesIO()
    Image.fromarray(values, mode).save(out, "PNG")
    return FileBytes(Path("map.png"), out.getvalue())


def test_a_map_by_hand():
    values = np.array([[0, 7, 7], [0, 7, 9]], np.uint16)
    found = objects_in(values)
    assert list(found) == [0, 7, 9]
    # down the columns: 0 0 | 7 7 | 7 9; counts below 16 are one digit, the character 48 + count
    assert found[0].segmentation == {"size": [2, 3], "counts": b"024"} and found[0].box_xyxy == (0, 0, 1, 2)
    assert found[7].segmentation == {"size": [2, 3], "counts": b"231"} and found[7].box_xyxy == (1, 0, 3, 2)
    assert found[9].segmentation == {"size": [2, 3], "counts": b"51"} and found[9].box_xyxy == (2, 1, 3, 2)
    boxes = objects_in(values, masks=False)
    assert [one.segmentation for one in boxes.values()] == [None] * 3
    assert [one.box_xyxy for one in boxes.values()] == [one.box_xyxy for one in found.values()]


def test_more_objects_than_a_byte_counts():
    values = np.arange(600).reshape(20, 30)
    found = objects_in(values)
    assert list(found) == list(range(600))
    assert [one.box_xyxy for one in found.values()] == [(x, y, x + 1, y + 1) for y in range(20) for x in range(30)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_masks_and_boxes_equal_pycocotools(seed: int, height: int, width: int, kinds: int):
    values = np.random.default_rng(seed).integers(0, kinds, (height, width)) * 70_001
    found = objects_in(values)
    assert list(found) == np.unique(values).tolist()
    for number, one in found.items():
        reference = coco_mask.encode(np.asfortranarray((values == number).astype(np.uint8)))
        assert regions.to_rle(one.segmentation, height, width) == reference
        x, y, across, down = coco_mask.toBbox(reference)
        assert one.box_xyxy == (x, y, x + across, y + down)


def test_an_empty_map_holds_nothing():
    assert objects_in(np.zeros((0, 5), np.uint8)) == {}


def test_maps_of_the_wrong_kind():
    assert read_grey(_file(np.full((2, 3), 60_000, np.uint16)), "map").max() == 60_000
    with pytest.raises(BadItem, match=r"class map map\.png is a colour image"):
        read_grey(_file(np.zeros((2, 3, 3), np.uint8)), "class map")
    with pytest.raises(BadItem, match=r"part map map\.png is no RGB image of 8 bits"):
        read_colour(_file(np.zeros((2, 3), np.uint8)), "part map")
    with pytest.raises(BadItem, match=r"nowhere\.png is missing"):
        read_colour(FileBytes(Path("/nowhere.png")), "part map")
    assert read_colour(_file(np.array([[[1, 2, 3]]], np.uint8)), "part map").tolist() == [[[3, 2, 1]]]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is no XML"),
        (b"<a><b></a>", "it is no XML"),
        (b"\xff\xfe<", "it is no XML"),
        (b"<a>&laugh;</a>", "it is no XML"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type or entities"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type or entities"),
        (b"<a>" * (1 << 19), "too many for an annotation"),
    ],
)
def test_xml_that_is_refused(data: bytes, says: str):
    with pytest.raises(BadItem, match=says):
        parse_xml(data)


@pytest.mark.parametrize("text", ["", "nan", "inf", "-1e7", "ten", "1,5"])
def test_text_that_is_no_number(text: str):
    with pytest.raises(BadItem, match="size/width is"):
        number_of(parse_xml(f"<a><size><width>{text}</width></size></a>".encode()), "size/width")


@pytest.mark.parametrize(
    ("edges", "box"),
    [
        ((1, 1, 6, 4), [0, 0, 6, 4]),
        ((2, 3, 2, 3), [1, 2, 2, 3]),
        ((0, -2, 9, 9), [0, 0, 6, 4]),
        ((1.5, 1, 3.25, 4), [0.5, 0, 3.25, 4]),
        ((3, 1, 2, 4), None),
        ((8, 1, 9, 4), None),
        ((-3, 1, 0, 4), None),
    ],
)
def test_boxes_count_from_one(edges: tuple[float, ...], box: list[float] | None):
    names = ("xmin", "ymin", "xmax", "ymax")
    inside = "".join(f"<{name}>{edge}</{name}>" for name, edge in zip(names, edges, strict=True))
    element = parse_xml(f"<object><bndbox>{inside}</bndbox></object>".encode())
    if box is None:
        with pytest.raises(BadItem, match="does not lie in the image of 6x4"):
            box_of(element, 6, 4)
    else:
        assert box_of(element, 6, 4) == box
