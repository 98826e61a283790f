"""The skeleton task: colours, limbs and what is drawn, by hand; crowded pictures; and back through the codec."""

from __future__ import annotations

import json
import math
import random

import cv2
import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import fit
from taskpaint.builders.index import open_index
from taskpaint.builders.marks.stick_figures import JOINT_COLORS, LIMB_COLORS, joint_colors, limb_of
from taskpaint.builders.registry import find_source
from taskpaint.builders.sample import Category, FileBytes, Instance, Joint, Sample, Skeleton
from taskpaint.builders.sources._faces import FACE_68
from taskpaint.builders.sources._people import AIC_SKELETON, CROWDPOSE_SKELETON, MPII_SKELETON
from taskpaint.builders.tasks.skeleton import SkeletonOptions, SkeletonTask
from taskpaint.builders.view import View
from taskpaint.manifests.errors import ItemError, NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.slots import Noun
from taskpaint.manifests.target import FlatTarget, PhotoTarget
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

PERSON = Category(1, "person")
ARM = Skeleton("arm", ("left shoulder", "left elbow", "left wrist", "nose"), ((0, 1), (1, 2), (0, 3)))
STRAIGHT = [(50, 50, 2), (100, 50, 2), (150, 50, 1), (50, 20, 2)]


def _person(joints, box=None, skeleton=ARM):
    return Instance(PERSON, box, joints=tuple(Joint(*joint) for joint in joints), skeleton=skeleton if joints else None)


def _sample(people, width=200, height=200, pixels=None):
    pixels = np.full((height, width, 3), 90, np.uint8) if pixels is None else pixels
    return Sample("1", FileBytes(None, encode_png(pixels)), width, height, instances=tuple(people))


def _render(sample, sizing=None, seed=0, **options):
    task, draw = SkeletonTask(SkeletonOptions(**{"min_joints": 1, **options})), random.Random(seed)
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
    return SkeletonTask.compare(SkeletonTask.decode(target, decode_rgb(source), params), annotation, params)


def _holds(figures):
    return all(limit.holds(figures[limit.metric]) for limit in SkeletonTask.limits)


def test_colours_are_apart():
    colors = [(0, 0, 0), *JOINT_COLORS.values(), *LIMB_COLORS.values()]
    assert min(math.dist(a, b) for n, a in enumerate(colors) for b in colors[:n]) >= 85


@pytest.mark.parametrize("skeleton", [MPII_SKELETON, CROWDPOSE_SKELETON, AIC_SKELETON], ids=lambda one: one.name)
def test_joints_of_known_skeletons_have_their_own_colours(skeleton):
    assert joint_colors(skeleton) == [JOINT_COLORS[joint] for joint in skeleton.joints]


def test_other_skeletons_get_spare_colours():
    dog = Skeleton("dog", ("nose", "withers", "tail base", "left front paw"))
    colors = joint_colors(dog)
    assert colors[0] == JOINT_COLORS["nose"]
    everything = [(0, 0, 0), *JOINT_COLORS.values(), *LIMB_COLORS.values(), *colors[1:]]
    assert min(math.dist(a, b) for n, a in enumerate(everything) for b in everything[:n]) >= 85
    assert joint_colors(Skeleton("many", tuple(f"point {n}" for n in range(64)))) is None


@pytest.mark.parametrize(
    ("first", "second", "limb"),
    [
        ("left shoulder", "left elbow", "left arm"),
        ("right_elbow", "right_wrist", "right arm"),
        ("left hip", "left knee", "left leg"),
        ("right knee", "right ankle", "right leg"),
        ("left shoulder", "right shoulder", "torso"),
        ("left hip", "right hip", "torso"),
        ("thorax", "base of the head", "head"),
        ("nose", "left eye", "head"),
        ("top of the head", "neck", "head"),
        ("left forearm", "left thigh", "torso"),
    ],
)
def test_limbs(first, second, limb):
    assert limb_of(first, second) == limb_of(second, first) == limb


def test_a_figure_by_hand():
    rendered, view = _render(_sample([_person(STRAIGHT)]))
    pixels = rendered.target.pixels()
    assert isinstance(rendered.target, FlatTarget) and len(rendered.target.palette) == 1 + 6 + 4
    for (x, y, _), name in zip(STRAIGHT, ARM.joints, strict=True):
        assert pixels[y, x].tolist() == list(JOINT_COLORS[name])
    assert pixels[50, 75].tolist() == pixels[50, 125].tolist() == list(LIMB_COLORS["left arm"])
    assert pixels[35, 50].tolist() == list(LIMB_COLORS["head"])
    assert pixels[120, 100].tolist() == [0, 0, 0]
    assert "rgb" not in vars(view)  # the photo is not decoded
    assert rendered.annotation["people"] == [[list(joint) for joint in STRAIGHT]]
    assert [entry["xy"] for entry in rendered.annotation["points"]] == [[[x, y]] for x, y, _ in STRAIGHT]
    assert rendered.slots == {"object": Noun("person", count=1)}
    assert _holds(_back(rendered, view))


def test_on_the_photo():
    rendered, view = _render(_sample([_person(STRAIGHT)]), style="photo")
    changed = (rendered.target.rgb != 90).any(axis=2)
    assert changed[50, 75] and changed[50, 50] and not changed[120:].any()
    assert rendered.section == "photo" and not rendered.target.lossless
    assert _holds(_back(rendered, view))
    # a photo in a joint's own colour: only exact pixels tell
    red = np.full((200, 200, 3), JOINT_COLORS["nose"], np.uint8)
    rendered, _ = _render(_sample([_person(STRAIGHT)], pixels=red), style="photo")
    assert rendered.target.lossless and rendered.params["lossless"]


def test_hidden_joints():
    rendered, view = _render(_sample([_person(STRAIGHT)]), hidden="skip")
    assert [len(entry["xy"]) for entry in rendered.annotation["points"]] == [1, 1, 0, 1]
    assert rendered.annotation["people"][0][2] == [0, 0, 0]
    assert not rendered.target.pixels()[50, 110:].any()  # nor is there a bone
    assert _holds(_back(rendered, view))


def test_a_joint_too_close_gets_no_dot_but_keeps_its_bone():
    joints = [(50, 50, 2), (100, 50, 2), (101, 51, 2), (50, 20, 2)]
    rendered, view = _render(_sample([_person(joints)]))
    assert [len(entry["xy"]) for entry in rendered.annotation["points"]] == [1, 1, 0, 1]
    assert rendered.annotation["people"][0][2] == [101, 51, 2]
    assert _holds(_back(rendered, view))
    with pytest.raises(NotApplicable, match="only 3 of 4"):
        _render(_sample([_person(joints)]), min_shown=0.9)


def test_everyone_is_meant():
    second = [(x, y + 100, v) for x, y, v in STRAIGHT]
    rendered, view = _render(_sample([_person(STRAIGHT), _person(second)]))
    assert rendered.slots == {"object": Noun("person", count=2)}
    assert [len(entry["xy"]) for entry in rendered.annotation["points"]] == [2, 2, 2, 2]
    assert _holds(_back(rendered, view))
    tiny = _person([], (190, 190, 195, 199))
    assert _render(_sample([_person(STRAIGHT), _person(second), tiny]))[0].slots["object"].count is None
    with pytest.raises(NotApplicable, match="not annotated"):
        _render(_sample([_person(STRAIGHT), _person([], (20, 100, 100, 190))]))
    small = [(x / 5, y / 5, v) for x, y, v in STRAIGHT]  # as small as the one without joints
    with pytest.raises(NotApplicable, match="not annotated"):
        _render(_sample([_person(small), _person([], (150, 150, 165, 165))]), radius=0.004)


@pytest.mark.parametrize(
    ("people", "options", "reason"),
    [
        ([], {}, "nobody"),
        ([_person([])], {}, "nobody"),
        ([_person([(9, 9, 2)] * 68, skeleton=FACE_68)], {}, "nobody"),
        ([_person([(0, 0, 0)] * 4)], {}, "0 joints are shown"),
        ([_person(STRAIGHT)], {"min_joints": 5}, "4 joints are shown"),
        ([_person([(9, 9, 2)] * 80, skeleton=Skeleton("x", tuple(map(str, range(80)))))], {}, "too many for colours"),
    ],
)
def test_not_applicable(people, options, reason):
    with pytest.raises(NotApplicable, match=reason):
        _render(_sample(people), **options)


@pytest.mark.parametrize(
    "options", [{"style": "mask"}, {"radius": 1}, {"bone": 0}, {"hidden": "ask"}, {"min_shown": 0}]
)
def test_bad_options(options):
    with pytest.raises(pydantic.ValidationError):
        SkeletonOptions(**options)


def test_a_models_rough_answer():
    """Blurred, in slightly wrong colours and a little noisy, on black."""
    rendered, view = _render(_sample([_person(STRAIGHT)]), radius=0.025)
    noise = np.random.default_rng(0).normal(0, 8, (200, 200, 3))
    rough = cv2.GaussianBlur(rendered.target.pixels(), (3, 3), 0) * 0.92 + 8 + noise
    decoded = SkeletonTask.decode(np.clip(rough, 0, 255).astype(np.uint8), view.rgb, rendered.params)
    figures = SkeletonTask.compare(decoded, rendered.annotation, rendered.params)
    assert _holds(figures), figures


_PLACE = st.tuples(st.floats(-0.4, 119.4), st.floats(-0.4, 95.4), st.sampled_from([2, 2, 1, 0]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_PLACE, _PLACE, _PLACE, _PLACE), min_size=1, max_size=8),
    st.sampled_from(["black", "photo"]),
    st.sampled_from([0.03, 0.06]),
    st.sampled_from([0.4, 1.0, 1.6]),
    st.integers(0, 10**6),
)
def test_crowded_pictures_come_back(people, style, radius, bone, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (96, 120, 3)).astype(np.uint8)
    sample = _sample([_person(joints) for joints in people], 120, 96, noise)
    try:
        rendered, view = _render(sample, style=style, radius=radius, bone=bone, seed=seed, min_shown=0.1)
    except NotApplicable:
        return
    figures = _back(rendered, view)
    assert _holds(figures), figures


@pytest.mark.parametrize("style", ["black", "photo"])
@pytest.mark.parametrize("sizing", [Sizing(resize="longest", size=480), Sizing(resize="square", size=256)], ids=str)
def test_real_photographs(shared_data, style, sizing):
    built = 0
    for source, folder, split in (("coco", "coco", "val2017"), ("mpii", "mpii", "train"), ("aic", "aic", "train")):
        index = open_index(find_source(source)(shared_data / folder, split))
        for row in range(len(index)):
            try:
                rendered, view = _render(index.sample(row), sizing, style=style, seed=row, min_joints=5)
            except ItemError:
                continue
            assert _holds(_back(rendered, view)), (source, row)
            built += 1
    assert built >= 9
