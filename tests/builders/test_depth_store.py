"""Depth inside annotations: read back by an independent PNG reader, and odd values."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image
from taskpaint.builders.depths.store import from_annotation, to_annotation, to_units
from taskpaint.manifests.errors import BadItem


def _array(*rows):
    return np.array(rows, np.float32)


def test_depth_in_millimetres():
    units, unit_m = to_units(_array([0, 0.001, 1.2344], [65.5, 2, 0.0001]))
    assert unit_m == 0.001
    assert units.tolist() == [[0, 1, 1234], [65500, 2000, 1]]


def test_the_unit_doubles_until_the_farthest_fits():
    assert to_units(_array([65.5]))[1] == 0.001
    assert to_units(_array([65.6]))[1] == 0.002
    units, unit_m = to_units(_array([80.0, 1.0]))
    assert (unit_m, units.tolist()) == (0.002, [[40000, 500]])
    units, unit_m = to_units(_array([9_999.0]))
    assert units[0, 0] * unit_m == pytest.approx(9_999, abs=unit_m)


def test_what_is_no_depth():
    units, unit_m = to_units(_array([np.nan, np.inf, -np.inf, -1, 0], [65504, 1e10, 10_000, 3, 4]))
    assert units.tolist() == [[0, 0, 0, 0, 0], [0, 0, 0, 3000, 4000]]
    assert unit_m == 0.001


@given(
    arrays(
        np.float32,
        array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(0, 200, width=32) | st.sampled_from([0.0, 1e-5, -2.0, 9_999.0, 1e10, np.inf, np.nan]),
    )
)
def test_units_are_rounded_depth(depth):
    units, unit_m = to_units(depth)
    farthest = max([float(one) for one in depth.flat if 0 < one < 10_000] or [0])
    assert unit_m == next(0.001 * 2**power for power in range(20) if farthest <= 65.535 * 2**power)
    for found, true in zip(units.flat, depth.flat, strict=True):
        expected = max(1, int(np.rint(true * np.float32(1 / unit_m)))) if 0 < true < 10_000 else 0
        assert found == expected


@given(arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 65535)))
def test_any_reader_of_png_gets_the_units(units):
    stored = json.loads(json.dumps(to_annotation(units, 0.002)))
    with Image.open(io.BytesIO(base64.b64decode(stored["depth_png"]))) as image:
        assert image.mode.startswith("I")
        assert np.array_equal(np.array(image), units)
    found, unit_m = from_annotation(stored)
    assert np.array_equal(found, units)
    assert unit_m == 0.002


def test_the_same_map_gives_the_same_text():
    units = np.arange(600, dtype=np.uint16).reshape(20, 30)
    assert to_annotation(units, 0.001) == to_annotation(units[::-1][::-1], 0.001)


@pytest.mark.parametrize(
    "annotation",
    [
        {},
        {"unit_m": 0.001},
        {"unit_m": 0.001, "depth_png": 3},
        {"unit_m": 0.001, "depth_png": "no base64!"},
        {"unit_m": "far", "depth_png": ""},
        {"unit_m": 0.001, "depth_png": base64.b64encode(b"no picture").decode()},
    ],
)
def test_an_annotation_without_depth(annotation):
    with pytest.raises(BadItem):
        from_annotation(annotation)


def test_an_annotation_with_another_picture():
    data = io.BytesIO()
    Image.new("L", (4, 3)).save(data, "PNG")
    with pytest.raises(BadItem, match="not 16-bit grey"):
        from_annotation({"unit_m": 0.001, "depth_png": base64.b64encode(data.getvalue()).decode()})
