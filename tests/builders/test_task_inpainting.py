"""The inpainting task: holes of every shape, read back after the codec, in photographs of any colour."""

from __future__ import annotations

import json
import random

import numpy as np
import pydantic
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from taskpaint.builders.degradations.holes import HOLE_SHAPES, draw_hole, pick_fill
from taskpaint.builders.geometry import Geometry
from taskpaint.builders.marks.palette import PALETTES
from taskpaint.builders.masks import regions
from taskpaint.builders.sample import FileBytes, Sample
from taskpaint.builders.tasks.inpainting import Inpainting, InpaintingOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output
from taskpaint.manifests.target import SameTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_target


def _render(photo, seed=0, **options):
    data = encode_png(photo)
    height, width = photo.shape[:2]
    sample = Sample("1", FileBytes(None, data), width, height)
    view = View(sample, data, read_header(data), Geometry.native((width, height)))
    task, draw = Inpainting(InpaintingOptions(**options)), random.Random(seed)
    return task.render(view, task.choose(sample, draw), draw)


def _figures(rendered, photo, noise=0.0, quality=95):
    """Through the codec and JSON; the target, when asked for, as a model might draw it."""
    source = decode_rgb(encode_target(rendered.source, b"", Output(jpeg_quality=quality)))
    wobble = np.random.default_rng(0).normal(0, noise, photo.shape)
    target = np.clip(np.rint(photo + wobble), 0, 255).astype(np.uint8)
    params, annotation = json.loads(json.dumps([rendered.params, rendered.annotation]))
    return Inpainting.compare(Inpainting.decode(target, source, params), annotation, params)


@st.composite
def _photos(draw):
    """Photographs from nothing but one colour to coarse noise in all colours."""
    height, width = draw(st.integers(40, 90)), draw(st.integers(40, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    low, high = sorted(draw(st.tuples(st.integers(0, 255), st.integers(0, 255))))
    tiles = rng.integers(low, high + 1, (height // 8 + 1, width // 8 + 1, 3))
    return np.kron(tiles, np.ones((8, 8, 1)))[:height, :width].astype(np.uint8)


@given(_photos(), st.sampled_from(HOLE_SHAPES), st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_holes_come_back(photo, shape, seed):
    try:
        rendered = _render(photo, seed, shapes=[shape])
    except NotApplicable:  # the hole drawn has fewer pixels than count as one
        assume(False)
    assert isinstance(rendered.target, SameTarget)
    figures = _figures(rendered, photo)
    assert all(limit.holds(figures[limit.metric]) for limit in Inpainting.limits), figures
    mask = regions.decode(regions.from_json(rendered.annotation["regions"][0]["rle"])) != 0
    assert np.array_equal(rendered.source.rgb[~mask], photo[~mask])
    assert (rendered.source.rgb[mask] == rendered.params["rgb"]).all()


def test_a_wobbly_answer_does_not_hide_the_holes():
    photo = np.full((120, 160, 3), (120, 130, 110), np.uint8)
    for seed in range(8):
        figures = _figures(_render(photo, seed), photo, noise=6)
        assert figures["iou"] > 0.97


@pytest.mark.parametrize("shape", HOLE_SHAPES)
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_holes_have_about_the_size_asked_for(shape, share):
    found = [draw_hole(shape, (320, 240), share, random.Random(seed)).mean() for seed in range(20)]
    assert np.mean(found) == pytest.approx(share, rel=0.15)
    assert max(found) < 1.4 * share + 0.02


def test_a_frame_leaves_one_window():
    for seed in range(20):
        mask = draw_hole("frame", (200, 150), 0.4, random.Random(seed))
        left, top, right, bottom = regions.bounds(1 - mask)
        assert (mask[top:bottom, left:right] == 0).all()
        assert mask.mean() == pytest.approx(0.4, abs=0.02)
        assert right - left < 200
        assert bottom - top < 150


def test_shapes_differ():
    masks = {draw_hole(shape, (200, 150), 0.2, random.Random(1)).tobytes() for shape in HOLE_SHAPES}
    assert len(masks) == len(HOLE_SHAPES)


def test_the_fill_stands_out():
    red = np.tile(np.array([[250, 5, 5]], np.uint8), (100, 1))
    names = set()
    for seed in range(60):
        color, clear = pick_fill(PALETTES["vivid"], red, random.Random(seed))
        assert clear
        names.add(color.name)
    assert names == {color.name for color in PALETTES["vivid"]} - {"red"}


def test_where_every_color_occurs_the_rarest_is_taken_without_loss():
    colors = [color.rgb for color in PALETTES["vivid"] for _ in range(1 if color.name == "cyan" else 5)]
    color, clear = pick_fill(PALETTES["vivid"], np.array(colors, np.uint8), random.Random(0))
    assert (color.name, clear) == ("cyan", False)


def test_a_photo_with_every_color_is_stored_without_loss():
    rng = np.random.default_rng(0)
    colors = np.array([color.rgb for color in PALETTES["vivid"]], np.uint8)
    photo = colors[rng.integers(0, len(colors), (80, 100))]
    rendered = _render(photo)
    assert rendered.source.lossless
    figures = _figures(rendered, photo)
    # one pixel in eleven has the fill's colour already, and nobody can tell it from the hole
    assert figures["clean"] == 1


def test_sections_and_words():
    photo = np.full((60, 60, 3), 90, np.uint8)
    bank = load_bank("inpainting")
    for shape in HOLE_SHAPES:
        rendered = _render(photo, shapes=[shape])
        assert rendered.section == ("frame" if shape == "frame" else "hole")
        text, _ = word(section(bank, rendered.section), rendered.slots, random.Random(1))
        assert rendered.params["color"] in text


def test_a_tiny_photo():
    with pytest.raises(NotApplicable, match="too small for a hole"):
        _render(np.full((9, 9, 3), 90, np.uint8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"area": (0.4, 0.2)}, "area"),
        ({"area": (0.0, 0.2)}, "area"),
        ({"area": (0.1, 0.9)}, "area"),
        ({"shapes": []}, "shapes"),
        ({"shapes": ["star"]}, "shapes"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        InpaintingOptions(**options)
