"""Colormaps: the published colours, all different, and far from the colour that means "no value"."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from taskpaint.builders.depths.colormaps import LEVELS, RESERVED, end_names, level_colors, nearest_entry, table

NAMES = ("gray", "turbo", "viridis", "inferno", "spectral")
ENDS = {
    "gray": ((0, 0, 0), (255, 255, 255)),
    "turbo": ((48, 18, 59), (122, 4, 3)),
    "viridis": ((68, 1, 84), (253, 231, 37)),
    "inferno": ((0, 0, 4), (252, 255, 164)),
    "spectral": ((158, 1, 66), (94, 79, 162)),
}


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    difference = first[:, None].astype(np.int64) - second[None].astype(np.int64)
    return (difference**2).sum(axis=2)


@pytest.mark.parametrize(
    ("name", "code", "moved"),
    [
        ("turbo", cv2.COLORMAP_TURBO, 0),
        ("viridis", cv2.COLORMAP_VIRIDIS, 2),
        ("inferno", cv2.COLORMAP_INFERNO, 0),
    ],
)
def test_the_tables_are_the_published_ones(name, code, moved):
    reference = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], code)[:, 0, ::-1]
    difference = np.abs(table(name).astype(int) - reference)
    assert difference.max(initial=0) <= 1
    assert np.count_nonzero(difference) == moved  # viridis: two entries of the 256, to tell twins apart


def test_spectral_runs_through_its_anchors():
    # 11 anchors over 256 entries: every second one falls on an entry, 51 apart
    anchors = [(158, 1, 66), (244, 109, 67), (254, 224, 139), (230, 245, 152), (102, 194, 165), (94, 79, 162)]
    assert [tuple(color) for color in table("spectral")[::51].tolist()] == anchors


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_can_be_read_back(name):
    colors = table(name)
    assert colors.shape == (256, 3)
    assert colors.dtype == np.uint8
    assert len(np.unique(colors, axis=0)) == 256
    assert np.array_equal(nearest_entry(colors[None], colors)[0], np.arange(256))


@pytest.mark.parametrize("name", NAMES)
def test_the_levels_keep_both_ends(name):
    levels = level_colors(name)
    assert len(levels) == LEVELS == 255
    assert (tuple(levels[0].tolist()), tuple(levels[-1].tolist())) == ENDS[name]
    assert np.array_equal(levels, np.concatenate([table(name)[:128], table(name)[129:]]))


@pytest.mark.parametrize("name", NAMES)
def test_the_reserved_colour_is_far_from_all(name):
    assert RESERVED.rgb == (255, 0, 255)
    assert _distances(table(name), np.array([RESERVED.rgb])).min() >= 187**2


def test_the_ends_have_names():
    assert {name: end_names(name) for name in ("gray", "inferno")} == {
        "gray": ("black", "white"),
        "inferno": ("black", "pale yellow"),
    }


def test_tables_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        table("turbo")[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        level_colors("turbo")[0] = 0


@given(arrays(np.uint8, (3, 5, 3)), st.sampled_from(NAMES))
def test_the_nearest_entry_is_the_nearest(image, name):
    colors = table(name)
    distances = _distances(image.reshape(-1, 3), colors)
    assert np.array_equal(nearest_entry(image, colors).ravel(), distances.argmin(axis=1))


def test_a_picture_of_many_colours_is_read_in_parts():
    image = np.random.default_rng(0).integers(0, 256, (200, 150, 3), dtype=np.uint8)
    colors = table("turbo")
    expected = np.concatenate([_distances(row, colors).argmin(axis=1)[None] for row in image])
    assert np.array_equal(nearest_entry(image, colors), expected)
