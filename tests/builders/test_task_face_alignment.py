"""The face alignment task: parts of faces, dots by hand, closed mouths, and back through the codec."""

from __future__ import annotations

import json
import random
from collections import Counter

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import fit
from taskpaint.builders.index import open_index
from taskpaint.builders.marks.discs import MarkShape, can_be_read
from taskpaint.builders.marks.mark_layout import match_marks, readable_ones
from taskpaint.builders.registry import find_source
from taskpaint.builders.sample import Category, FileBytes, Instance, Joint, Sample, Skeleton
from taskpaint.builders.sources._faces import FACE_68, FACE_98
from taskpaint.builders.sources._people import MPII_SKELETON
from taskpaint.builders.subjects.faces import face_part, is_face
from taskpaint.builders.tasks.face_alignment import FaceAlignment, FaceAlignmentOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.target import FlatTarget, PhotoTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

FACE = Category(1, "face")
FIVE = Skeleton("face 5", ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth"))
PLACES = [(130, 70, 2), (70, 70, 2), (100, 100, 2), (125, 140, 2), (75, 140, 2)]


def _face(joints, skeleton=FIVE, box=(40, 30, 160, 170)):
    return Instance(FACE, box, joints=tuple(Joint(*joint) for joint in joints), skeleton=skeleton)


def _sample(faces, width=200, height=200, pixels=None):
    pixels = np.full((height, width, 3), 90, np.uint8) if pixels is None else pixels
    return Sample("1", FileBytes(None, encode_png(pixels)), width, height, instances=tuple(faces))


def _render(sample, sizing=None, seed=0, **options):
    task, draw = FaceAlignment(FaceAlignmentOptions(**{"margin": 2, **options})), random.Random(seed)
    data = sample.image.read()
    header = read_header(data)
    subject = task.choose(sample, draw)
    geometry = fit(sizing or Sizing(), (header.width, header.height), subject.box, draw, subject.crop)
    view = View(sample, data, header, geometry)
    return task.render(view, subject, draw), view


def _back(rendered, view):
    exact = isinstance(rendered.target, PhotoTarget) and rendered.target.lossless
    source = encode_source(view.rgb, Output(), lossless=exact)
    target = decode_rgb(encode_target(rendered.target, source, Output()))
    annotation, params = json.loads(json.dumps([rendered.annotation, rendered.params]))
    return FaceAlignment.compare(FaceAlignment.decode(target, decode_rgb(source), params), annotation, params)


def _holds(figures):
    return all(limit.holds(figures[limit.metric]) for limit in FaceAlignment.limits)


def test_parts_of_the_known_skeletons():
    """300-W: contour 0 to 16, eyebrows to 26, nose to 35, eyes to 47, mouth to 67; WFLW likewise, pupils last."""
    parts = [face_part(joint) for joint in FACE_68.joints]
    assert parts == ["jaw line"] * 17 + ["eyebrows"] * 10 + ["nose"] * 9 + ["eyes"] * 12 + ["mouth"] * 20
    parts = [face_part(joint) for joint in FACE_98.joints]
    assert parts[:76] == ["jaw line"] * 33 + ["eyebrows"] * 18 + ["nose"] * 9 + ["eyes"] * 16
    assert parts[76:] == ["mouth"] * 20 + ["eyes"] * 2


def test_what_is_a_face():
    assert is_face(FACE_68) and is_face(FACE_98) and is_face(FIVE)
    assert not is_face(MPII_SKELETON)
    assert not is_face(Skeleton("head of a pose", ("nose", "left eye", "right eye", "left ear", "right ear")))
    assert not is_face(Skeleton("eyes", ("left eye", "right eye", "left pupil", "right pupil", "iris")))


@pytest.mark.parametrize("style", ["photo", "black"])
def test_five_points_by_hand(style):
    rendered, view = _render(_sample([_face(PLACES)]), style=style)
    assert rendered.annotation["face_xyxy"] == [40, 30, 160, 170]
    assert rendered.annotation["dots"] == [
        {"part": "nose", "xy": [[100, 100]]},
        {"part": "eyes", "xy": [[130, 70], [70, 70]]},
        {"part": "mouth", "xy": [[125, 140], [75, 140]]},
    ]
    assert Counter(part for _, part in rendered.annotation["landmarks"]) == {"nose": 1, "eyes": 2, "mouth": 2}
    pixels = rendered.target.pixels() if isinstance(rendered.target, FlatTarget) else rendered.target.rgb
    ground = [0, 0, 0] if style == "black" else [90, 90, 90]
    assert isinstance(rendered.target, FlatTarget) == (style == "black") == (not view._decoded)
    assert ((pixels != ground).any(axis=2)).sum() == 5 * 29  # whole centres, radius 3: 1 + 5 * 5 + 2 + 1 pixels
    for entry in rendered.params["parts"]:
        for dots in rendered.annotation["dots"]:
            if dots["part"] == entry["part"]:
                assert all(pixels[int(y), int(x)].tolist() == entry["rgb"] for x, y in dots["xy"])
    assert len({tuple(entry["rgb"]) for entry in rendered.params["parts"]}) == 3
    figures = _back(rendered, view)
    assert _holds(figures) and figures["nme"] < 0.002


def test_the_words_name_parts_and_colours():
    rendered, _ = _render(_sample([_face(PLACES)]))
    for seed in range(20):
        text, _ = word(section(load_bank("face_alignment"), "photo"), rendered.slots, random.Random(seed))
        for entry in rendered.params["parts"]:
            assert f"the {entry['part']} in {entry['color']}" in text.lower()
        assert "the face" in text.lower()


def test_one_face_among_others():
    left, right = _face(PLACES), _face([(x + 200, y, v) for x, y, v in PLACES], box=(240, 30, 360, 170))
    rendered, view = _render(_sample([left, right], 400, 200))
    assert rendered.slots["face"] in ("the leftmost face", "the rightmost face")
    assert _holds(_back(rendered, view))
    alone, view = _render(_sample([left, right], 400, 200), margin=0)
    assert alone.slots["face"] == "the face" and view.size_wh == (140, 140)


def test_a_dot_stands_for_those_too_near():
    """The lips of a closed mouth: the first of two points gets the dot, the other counts as met within 2 pixels."""
    mouth = ("upper lip", "lower lip")
    skeleton = Skeleton("face 6", (*FIVE.joints[:3], "left corner of the mouth", *mouth))
    joints = [*PLACES[:4], (100, 140, 2), (100, 142, 2)]
    rendered, view = _render(_sample([_face(joints, skeleton)]))
    assert rendered.annotation["dots"][-1]["xy"] == [[125, 140], [100, 140]]
    assert len(rendered.annotation["landmarks"]) == 6
    figures = _back(rendered, view)
    assert _holds(figures)
    assert figures["nme"] == pytest.approx(2 / 6 / (120 * 140) ** 0.5, abs=0.001)
    with pytest.raises(NotApplicable, match="only 5 of 6"):
        _render(_sample([_face(joints, skeleton)]), min_shown=0.9)


@pytest.mark.parametrize(
    ("faces", "options", "reason"),
    [
        ([], {}, "no face"),
        ([_face(PLACES, box=(40, 30, 120, 90))], {}, "at least 96"),
        ([_face([(60, 60, 2)] * 16, MPII_SKELETON)], {}, "no face"),
        ([_face([(60, 60, 0)] * 5)], {}, "only 0 of 5"),
        ([_face([(60, 60, 2)] * 5)], {"min_shown": 0.1}, "a part of the face is too small"),
        ([_face(PLACES), _face(PLACES)], {}, "no phrase"),
    ],
)
def test_not_applicable(faces, options, reason):
    with pytest.raises(NotApplicable, match=reason):
        _render(_sample(faces), **options)


@pytest.mark.parametrize("options", [{"style": "white"}, {"radius": 1}, {"min_shown": 0}, {"palette": "x"}, {"n": 1}])
def test_bad_options(options):
    with pytest.raises(pydantic.ValidationError):
        FaceAlignmentOptions(**options)


def test_compare_by_hand():
    annotation = {
        "face_xyxy": [0, 0, 40, 90],  # root of the area: 60
        "landmarks": [[[10, 10], "nose"], [[20, 10], "eyes"], [[40, 10], "eyes"]],
        "dots": [{"part": "nose", "xy": [[10, 10]]}, {"part": "eyes", "xy": [[20, 10], [40, 10]]}],
    }
    found = {"dots": [{"part": "nose", "xy": []}, {"part": "eyes", "xy": [[23, 14], [70, 50]]}]}
    figures = FaceAlignment.compare(found, annotation, {"radius": 3.0})
    # the nose counts 60, the eyes 5 and hypot(17, 4) to the only dot near
    assert figures == {
        "max_error_px": 5,
        "missed": 2,
        "extra": 1,
        "nme": pytest.approx((60 + 5 + (17**2 + 4**2) ** 0.5) / 60 / 3),
    }


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(30, 170), st.floats(30, 170), st.just(2)), min_size=5, max_size=5),
    st.sampled_from(["photo", "black"]),
    st.sampled_from([0.01, 0.03]),
    st.sampled_from([Sizing(), Sizing(resize="square", size=128)]),
    st.integers(0, 10**6),
)
def test_every_face_comes_back(joints, style, radius, sizing, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    sample = _sample([_face(joints)], pixels=noise)
    try:
        rendered, view = _render(sample, sizing, seed=seed, style=style, radius=radius, min_shown=0.4)
    except NotApplicable:
        return
    figures = _back(rendered, view)
    assert _holds(figures), figures


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 60)), max_size=25), st.integers(1, 4))
def test_what_is_kept_can_be_read_together(points, colors):
    owners, shape = [n % colors for n in range(len(points))], MarkShape(4.0)
    kept = readable_ones(points, owners, shape, (61, 61))
    assert kept == sorted(set(kept))
    if kept:
        assert can_be_read([points[n] for n in kept], [owners[n] for n in kept], shape, (61, 61))


def test_marks_are_paired_within_reach():
    assert match_marks([[0, 0], [9, 9]], [[3, 4]], 5) == ([5.0], 0, 1)
    assert match_marks([], [[1, 1]], 5) == ([], 1, 0)
    assert match_marks([[0, 0]], [[3, 4]], 4.9) == ([], 1, 1)


@pytest.mark.parametrize("style", ["photo", "black"])
@pytest.mark.parametrize("sizing", [Sizing(resize="square", size=512), Sizing(resize="square", size=256)], ids=str)
def test_real_faces(shared_data, style, sizing):
    built = 0
    for source, folder, split in (("face_300w", "300w", "all"), ("wflw", "wflw", "train")):
        index = open_index(find_source(source)(shared_data / folder, split))
        for row in range(len(index)):
            rendered, view = _render(index.sample(row), sizing, style=style, margin=0.25, seed=row)
            figures = _back(rendered, view)
            assert _holds(figures) and figures["nme"] < 0.01
            built += 1
    assert built == 3


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 14), st.sampled_from([3.0, 4.5]), st.sampled_from([40, 90]))
def test_marks_that_may_be_drawn_are_those_that_can_be_read_one_after_another(seed, count, outer, side):
    noise = np.random.default_rng(seed)
    points = [tuple(point) for point in noise.uniform(0, side - 1, (count, 2)).round(2).tolist()]
    owners = noise.integers(0, 3, count).tolist()
    shape = MarkShape(outer)
    kept: list[int] = []
    for position in range(count):
        order = [*kept, position]  # judged with all before it, near or far
        if can_be_read([points[one] for one in order], [owners[one] for one in order], shape, (side, side)):
            kept = order
    assert readable_ones(points, owners, shape, (side, side)) == kept
