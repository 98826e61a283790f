"""Colours: palettes whose members stay apart, and choosing one that shows."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.marks.palette import (
    CLEAR_DISTANCE,
    PALETTES,
    Color,
    coats_apart,
    colors_apart,
    least_squared_distance,
    pick_apart,
    pick_clear,
)

VIVID = PALETTES["vivid"]


@pytest.mark.parametrize(
    ("name", "least"), [("vivid", 126), ("instructdiffusion", 126), ("instructdiffusion-keypoints", 126)]
)
def test_members_are_apart(name, least):
    palette = PALETTES[name]
    assert min(math.dist(one.rgb, other.rgb) for one, other in itertools.combinations(palette, 2)) >= least
    assert len({color.name for color in palette}) == len(palette)
    assert all(0 <= level <= 255 for color in palette for level in color.rgb)
    assert all(color.name.replace(" ", "").isalpha() for color in palette)


def test_colors_apart_by_hand():
    palette = [Color("black", (0, 0, 0)), Color("dark", (30, 30, 20)), Color("blue", (0, 0, 255))]
    # dark is 46.9 from black, within the 48
    assert [color.name for color in colors_apart(palette, [(0, 0, 0)])] == ["blue"]
    assert colors_apart(palette, []) == palette
    assert colors_apart([], [(0, 0, 0)]) == []


def _picks(pixels, opacity=0.5, palette=VIVID, seeds=200):
    return [
        pick_clear(palette, np.array(pixels, np.uint8).reshape(-1, 3), opacity, random.Random(s)) for s in range(seeds)
    ]


@pytest.mark.parametrize(("level", "own"), [(255, "white"), (0, "black")])
def test_on_white_and_on_black(level, own):
    picks = _picks([[level] * 3] * 10)
    assert all(clear for _, clear in picks)
    # every other member is at least 96 away, so moves a pixel by 48 at opacity 0.5
    assert {color.name for color, _ in picks} == {color.name for color in VIVID} - {own}


def test_a_faint_coat_on_white_needs_a_far_colour():
    # at opacity 0.2 a colour must be 240 away from white: yellow is 255 away, pink 142
    names = {color.name for color, clear in _picks([[255] * 3], opacity=0.2) if clear}
    far = {color.name for color in VIVID if math.dist(color.rgb, (255, 255, 255)) >= 240}
    assert names == far
    assert "pink" not in names
    assert "yellow" in names


@pytest.mark.parametrize(
    ("away", "clear"),
    [
        ((48, 0, 0), True),
        ((47, 0, 0), False),
        ((28, 28, 28), True),  # 48.5
        ((27, 27, -28), False),  # 47.3
        ((-40, 30, 0), True),  # 50: farther, though no channel differs by 48
        ((38, 29, 0), False),  # 47.8
    ],
)
def test_how_near_is_too_near(away, clear):
    gray = [Color("gray", (128, 128, 128))]
    pixels = [[128 + by for by in away], [255, 255, 255]]
    assert _picks(pixels, opacity=1.0, palette=gray, seeds=1) == [(gray[0], clear)]


def test_colours_that_show_are_drawn_evenly():
    picks = [color.name for color, _ in _picks([[255] * 3] * 10, seeds=5000)]
    others = [color.name for color in VIVID if color.name != "white"]
    assert all(400 < picks.count(name) < 600 for name in others)  # 500, give or take 21


def test_when_nothing_is_clear_the_best_worst_case_wins():
    palette = [Color("black", (0, 0, 0)), Color("gray", (128, 128, 128)), Color("white", (255, 255, 255))]
    pixels = [[10] * 3, [128] * 3, [235] * 3]  # gray touches one, black is 10 away from one, white 20
    picks = _picks(pixels, palette=palette, seeds=5)
    assert [(color.name, clear) for color, clear in picks] == [("white", False)] * 5


def test_nothing_to_paint_over():
    picks = _picks(np.zeros((0, 3)))
    assert all(clear for _, clear in picks)
    assert {color.name for color, _ in picks} == {color.name for color in VIVID}


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 300), st.sampled_from([0.2, 0.35, 0.5, 0.9, 1.0]), st.booleans())
def test_against_a_plain_formula(seed, count, opacity, narrow):
    source = np.random.default_rng(seed)
    pixels = source.integers(100, 130, (count, 3)) if narrow else source.integers(0, 256, (count, 3))
    pixels = pixels.astype(np.uint8)
    chosen, clear = pick_clear(VIVID, pixels, opacity, random.Random(seed))
    worst = {color.name: min(opacity * math.dist(color.rgb, pixel) for pixel in pixels.tolist()) for color in VIVID}
    assert clear == (max(worst.values()) >= CLEAR_DISTANCE)
    if clear:
        assert worst[chosen.name] >= CLEAR_DISTANCE - 1e-4
    else:
        assert worst[chosen.name] == pytest.approx(max(worst.values()))


def test_colours_of_several_marks_differ_and_each_stands_out():
    """On white, black and nothing; the third may have any colour but the first two's."""
    white, black = np.full((5, 3), 255, np.uint8), np.zeros((7, 3), np.uint8)
    seen = set()
    for seed in range(300):
        (first, second, third), lost = pick_apart(VIVID, [white, black, white[:0]], random.Random(seed))
        assert not lost and len({first.name, second.name, third.name}) == 3
        assert first.name != "white" and second.name != "black"
        seen.add(third.name)
    assert seen == {color.name for color in VIVID}


def test_a_mark_that_cannot_stand_out_is_told():
    gray = [Color("gray", (128, 128, 128)), Color("red", (255, 0, 0))]
    under = np.array([[130, 130, 130], [250, 0, 0]], np.uint8)
    colors, lost = pick_apart(gray, [under, under], random.Random(0))
    assert [color.name for color in colors] == ["red", "gray"] and lost  # red is 5 from a pixel, gray 3.5


def test_thin_coats_of_like_colors_are_not_apart():
    """Purple and magenta are 127 apart, so that coats of 48 / 127 = 0.378 differ by 48."""
    purple, magenta, white = (color for name in ("purple", "magenta", "white") for color in VIVID if color.name == name)
    assert coats_apart([purple, magenta], 0.38) and not coats_apart([purple, magenta], 0.37)
    assert not coats_apart([white, purple, magenta], 0.37)
    assert coats_apart([purple], 0.01) and coats_apart([], 0.01)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3000))
def test_the_nearest_pixel_to_the_last_digit(seed, count):
    """The mark that moves its worst pixel by 48.000 exactly is clear, so the distance must be exact."""
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 3)).astype(np.uint8)
    colors = [color.rgb for color in VIVID]
    expected = [min(((pixels.astype(int) - color) ** 2).sum(axis=1)) for color in colors]
    assert least_squared_distance(colors, pixels) == expected
