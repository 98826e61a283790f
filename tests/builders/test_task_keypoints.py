"""The keypoints task: what is drawn, by hand; every option; and back through the codec."""

from __future__ import annotations

import json
import math
import random

import cv2
import numpy as np
import pydantic
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import Geometry, fit
from taskpaint.builders.index import open_index
from taskpaint.builders.registry import find_source
from taskpaint.builders.sample import Category, FileBytes, Instance, Joint, Sample, Skeleton
from taskpaint.builders.tasks.keypoints import Keypoints, KeypointsOptions
from taskpaint.builders.view import View
from taskpaint.builders.warp import warp_to
from taskpaint.manifests.errors import ItemError, NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.target import PhotoTarget, SameTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_source, encode_target

PERSON = Category(1, "person")
SKELETON = Skeleton("three", ("nose", "left wrist", "right knee"))


def _person(joints, box=(20, 20, 180, 180), crowd=False):
    placed = tuple(Joint(*joint) for joint in joints)
    return Instance(PERSON, box, joints=placed, skeleton=SKELETON if joints else None, crowd=crowd)


def _photo(kind, width, height, seed=0):
    noise = np.random.default_rng(seed)
    if kind == "noise":
        return noise.integers(0, 256, (height, width, 3)).astype(np.uint8)
    ramp = np.linspace(0, 255, width)[None, :, None] * np.array([1, 0.5, 0.2]) + np.arange(height)[:, None, None] / 4
    return np.clip(ramp + noise.normal(0, 4, (height, width, 3)), 0, 255).astype(np.uint8)


def _sample(people, width=200, height=200, pixels=None):
    pixels = np.full((height, width, 3), 90, np.uint8) if pixels is None else pixels
    return Sample("1", FileBytes(None, encode_png(pixels)), width, height, instances=tuple(people))


def _render(sample, sizing=None, seed=0, **options):
    task, draw, data = Keypoints(KeypointsOptions(**options)), random.Random(seed), sample.image.read()
    header = read_header(data)
    subject = task.choose(sample, draw)
    geometry = fit(sizing or Sizing(), (header.width, header.height), subject.box, draw, subject.crop)
    view = View(sample, data, header, geometry)
    return task.render(view, subject, draw), view


def _back(rendered, view):
    """Through the codec and JSON, as a user gets it."""
    exact = isinstance(rendered.target, PhotoTarget) and rendered.target.lossless
    source = encode_source(view.rgb, Output(), lossless=exact)
    target = decode_rgb(encode_target(rendered.target, source, Output()))
    annotation, params = json.loads(json.dumps([rendered.annotation, rendered.params]))
    return Keypoints.compare(Keypoints.decode(target, decode_rgb(source), params), annotation, params)


def _whole(**options):
    return {"who": "everyone", "count": (3, 3), **options}


def test_a_disc_by_hand():
    sample = _sample([_person([(100.3, 60.8, 2), (0, 0, 0), (0, 0, 0)])])
    rendered, _ = _render(sample, **_whole(count=(1, 1)))
    params, target = rendered.params, rendered.target
    assert (params["radius"], params["thickness"]) == (8.0, 0.0)  # 0.04 of 200
    assert rendered.annotation == {
        "size": [200, 200],
        "points": [{"joint": "nose", "xy": [[100.3, 60.8]], "visibility": [2]}],
    }
    assert isinstance(target, PhotoTarget)
    rows, columns = np.nonzero((target.rgb != 90).any(axis=2))
    inside = {(i, j) for i in range(200) for j in range(200) if math.hypot(i - 100.3, j - 60.8) <= 8}
    assert set(zip(columns.tolist(), rows.tolist(), strict=True)) == inside
    assert np.unique(target.rgb[rows, columns], axis=0).tolist() == [params["targets"][0]["rgb"]]


def test_a_ring_has_a_hole():
    sample = _sample([_person([(100, 60, 2), (0, 0, 0), (0, 0, 0)])])
    rendered, _ = _render(sample, **_whole(count=(1, 1), style="ring", radius=0.1, thickness=0.03))
    painted = (rendered.target.rgb != 90).any(axis=2)
    assert not painted[60, 86:115].any()  # inner radius 14; the rest of the row is the line
    assert painted[60, 80:86].all() and painted[60, 115:121].all()
    assert rendered.section == "ring"


@pytest.mark.parametrize("order", [None, "instructdiffusion-keypoints"])
def test_the_instruction_names_joint_and_colour(order):
    sample = _sample([_person([(60, 60, 2), (100, 100, 2), (140, 60, 2)])])
    options = {"palette": order} if order else {}
    for count, name in ((1, "disc"), (3, "disc-many")):
        rendered, view = _render(sample, **_whole(count=(count, count), **options))
        assert rendered.section == name
        text, _ = word(section(load_bank("keypoints"), name), rendered.slots, random.Random(1))
        for asked in rendered.params["targets"]:
            assert f"the {asked['joint']}" in text.lower() and asked["color"] in text.lower()
        assert len({asked["color"] for asked in rendered.params["targets"]}) == count
        assert _back(rendered, view)["missed"] == 0


def _all_asked(joints, **options):
    """What is asked for and the visibility of its marks, over many draws, so that all that may be asked for is."""
    found = {}
    for seed in range(30):
        rendered, view = _render(_sample([_person(joints)]), **{"count": (1, 3), **options}, seed=seed)
        figures = _back(rendered, view)
        assert (figures["missed"], figures["extra"]) == (0, 0)
        found |= {point["joint"]: point["visibility"] for point in rendered.annotation["points"]}
    return found


_MIXED = [(60, 60, 2), (100, 100, 1), (0, 0, 0)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"nose": [2], "left wrist": [1]}),
        ({"hidden": "skip"}, {"nose": [2]}),
        ({"hidden": "ask"}, {"nose": [2], "left wrist": []}),
        ({"unlabelled": "ask"}, {"nose": [2], "left wrist": [1], "right knee": []}),
        ({"hidden": "ask", "unlabelled": "ask"}, {"nose": [2], "left wrist": [], "right knee": []}),
    ],
)
@pytest.mark.parametrize("who", ["person", "everyone"])
def test_hidden_and_unlabelled_joints(options, expected, who):
    assert _all_asked(_MIXED, who=who, **options) == expected


def test_nothing_to_mark_leaves_the_image_as_it_is():
    sample = _sample([_person([(60, 60, 2), (100, 100, 1), (140, 60, 1)])])
    unmarked = 0
    for seed in range(20):
        rendered, view = _render(sample, hidden="ask", count=(1, 1), seed=seed)
        if not rendered.annotation["points"][0]["xy"]:
            unmarked += 1
            assert isinstance(rendered.target, SameTarget)
            assert _back(rendered, view) == {"max_error_px": 0, "missed": 0, "extra": 0}
    assert unmarked


def test_everyone_is_marked_and_meant():
    left = [(40, 50, 2), (40, 100, 1), (0, 0, 0)]
    right = [(150, 50, 2), (150, 100, 2), (150, 150, 2)]
    sample = _sample([_person(left, (20, 20, 80, 180)), _person(right, (120, 20, 180, 180))])
    rendered, view = _render(sample, **_whole())
    points = {point["joint"]: point["xy"] for point in rendered.annotation["points"]}
    assert points == {"nose": [[40, 50], [150, 50]], "left wrist": [[40, 100], [150, 100]], "right knee": [[150, 150]]}
    assert {phrase for phrase, _ in rendered.slots["legend"].parts} == {f"every {joint}" for joint in SKELETON.joints}
    assert _back(rendered, view)["missed"] == 0
    rendered, _ = _render(sample, **_whole(hidden="skip"))
    points = {point["joint"]: point["xy"] for point in rendered.annotation["points"]}
    assert points["left wrist"] == [[150, 100]]
    assert ("every visible nose",) in {(phrase,) for phrase, _ in rendered.slots["legend"].parts}


def test_every_is_not_said_when_someone_is_left_out():
    people = [_person([(40, 50, 2), (40, 100, 2), (40, 150, 2)], (20, 20, 80, 180))]
    with pytest.raises(NotApplicable, match="not annotated"):
        _render(_sample([*people, _person([], (120, 20, 180, 180))]), **_whole())
    with pytest.raises(NotApplicable, match="not annotated"):
        _render(_sample([*people, _person([], (120, 20, 130, 30), crowd=True)]), **_whole())
    tiny, _ = _render(_sample([*people, _person([], (120, 20, 135, 35))]), **_whole())
    assert len(tiny.annotation["points"]) == 3


def test_one_among_others_is_named():
    joints = [(40, 50, 2), (40, 100, 2), (40, 150, 2)]
    pair = [_person(joints, (20, 20, 80, 180)), _person([], (120, 20, 180, 180))]
    rendered, _ = _render(_sample(pair), count=(1, 1), margin=0.5)
    assert rendered.slots["joint"].endswith(" of the leftmost person")
    alone, _ = _render(_sample(pair[:1]), count=(1, 1), margin=0.5)
    assert alone.slots["joint"] in {f"the {joint}" for joint in SKELETON.joints}
    # too small to be meant
    small, _ = _render(_sample([pair[0], _person([], (120, 20, 140, 60))]), count=(1, 1), margin=0.5)
    assert " of " not in small.slots["joint"]


def test_the_cut_follows_the_box():
    sample = _sample([_person([(110, 50, 2), (100, 100, 2), (0, 0, 0)], (90, 20, 130, 120))], 400, 300)
    square, view = _render(sample, count=(1, 2))
    assert view.geometry.crop_xyxy == (35, 0, 185, 150)  # 100 and half of it more, moved down to the image's top
    assert square.params["person_xyxy"] == [55, 20, 95, 120]
    box, view = _render(sample, count=(1, 2), shape="box", margin=0.1)
    assert view.geometry.crop_xyxy == (86, 10, 134, 130)
    assert {tuple(xy) for point in box.annotation["points"] for xy in point["xy"]} <= {(24, 40), (14, 90)}


def test_joints_outside_are_not_marked():
    sample = _sample([_person([(25, 100, 2), (100, 100, 2), (175, 100, 2)], (0, 50, 200, 150))], 200, 200)
    window = Geometry((200, 200), (50, 50, 150, 150), (100, 100), (0, 0), (100, 100))
    task, draw, data = Keypoints(KeypointsOptions(who="everyone")), random.Random(0), sample.image.read()
    view = View(sample, data, read_header(data), window)
    rendered = task.render(view, task.choose(sample, draw), draw)
    assert [(p["joint"], p["xy"]) for p in rendered.annotation["points"]] == [("left wrist", [[50, 50]])]


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        ([], "nobody"),
        ([_person([(0, 0, 0)] * 3)], "nobody"),
        ([_person([(60, 60, 2)] * 3, (20, 20, 60, 60))], "nobody"),
        ([_person([(60, 60, 2)] * 3, crowd=True)], "nobody"),
        ([_person([(60, 60, 2), (63, 60, 2), (0, 0, 0)])], "told apart"),
        ([_person([(60, 60, 2), (0, 0, 0), (0, 0, 0)])], "nobody"),
    ],
)
def test_not_applicable(people, reason):
    with pytest.raises(NotApplicable, match=reason):
        _render(_sample(people), count=(2, 3))


@pytest.mark.parametrize(
    "options",
    [{"count": (3, 1)}, {"count": (0, 1)}, {"count": (1, 9)}, {"radius": 0.9}, {"style": "cross"}, {"colour": 1}],
)
def test_bad_options(options):
    with pytest.raises(pydantic.ValidationError):
        KeypointsOptions(**options)


def test_compare_counts_by_hand():
    params = {"radius": 5.0}
    true = {"points": [{"joint": "nose", "xy": [[10, 10], [50, 50]]}, {"joint": "knee", "xy": []}]}
    found = {"points": [{"joint": "nose", "xy": [[53, 54], [90, 90]]}, {"joint": "knee", "xy": [[1, 1]]}]}
    assert Keypoints.compare(found, true, params) == {"max_error_px": 5.0, "missed": 1.0, "extra": 2.0}
    assert Keypoints.compare(true, true, params) == {"max_error_px": 0.0, "missed": 0.0, "extra": 0.0}


def test_a_models_rough_answer():
    """Blurred, faded and a little noisy, as a generator would draw it."""
    sample = _sample([_person([(60.4, 60.2, 2), (100, 100, 2), (140, 160, 2)])], pixels=_photo("ramp", 200, 200))
    rendered, view = _render(sample, **_whole())
    noise = np.random.default_rng(0).normal(0, 8, view.rgb.shape)
    rough = cv2.GaussianBlur(rendered.target.rgb, (3, 3), 0) * 0.9 + 12 + noise
    decoded = Keypoints.decode(np.clip(rough, 0, 255).astype(np.uint8), view.rgb, rendered.params)
    figures = Keypoints.compare(decoded, rendered.annotation, rendered.params)
    assert figures["missed"] == figures["extra"] == 0
    assert figures["max_error_px"] < 1


def test_same_seed_same_bytes():
    sample = _sample([_person([(60, 60, 2), (100, 100, 2), (140, 160, 2)])])
    first, second = (_render(sample, **_whole(), seed=7)[0] for _ in range(2))
    assert np.array_equal(first.target.rgb, second.target.rgb) and first.params == second.params


_PLACE = st.tuples(st.floats(-0.4, 119.4), st.floats(-0.4, 95.4), st.sampled_from([2, 2, 1, 0]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_PLACE, _PLACE, _PLACE), min_size=1, max_size=5),
    st.sampled_from(["disc", "ring"]),
    st.sampled_from(["noise", "ramp"]),
    st.sampled_from([0.03, 0.06, 0.1]),
    st.integers(0, 10**6),
)
def test_crowded_images_come_back(people, style, kind, radius, seed):
    instances = [_person(joints, (0, 0, 120, 96)) for joints in people]
    sample = _sample(instances, 120, 96, _photo(kind, 120, 96, seed))
    try:
        rendered, view = _render(sample, who="everyone", style=style, radius=radius, count=(1, 3), seed=seed)
    except NotApplicable:
        return
    figures = _back(rendered, view)
    assert figures["missed"] == figures["extra"] == 0
    assert figures["max_error_px"] <= 1


@pytest.mark.parametrize("sizing", [Sizing(), Sizing(resize="square", size=256)], ids=["native", "256"])
@pytest.mark.parametrize("options", [{"style": "disc"}, {"who": "everyone", "style": "ring"}], ids=["one", "all"])
def test_real_photographs(shared_data, sizing, options):
    index = open_index(find_source("coco")(shared_data / "coco", "val2017"))
    built = 0
    for row in range(len(index)):
        try:
            rendered, view = _render(index.sample(row), sizing, **options, seed=row)
        except ItemError:
            continue
        figures = _back(rendered, view)
        assert all(limit.holds(figures[limit.metric]) for limit in Keypoints.limits), row
        built += 1
    assert built >= 7


SIDES = Skeleton("sides", ("nose", "left wrist", "right wrist"))
STILL = {"rotate_chance": 0, "scale": 0, "mirror": 0, "half_body": 0}


def _augmented(person, augment, sizing=None, seed=0, **options):
    """A person in a warped window."""
    task = Keypoints(KeypointsOptions(augment=augment, **options))
    sample, draw = _sample([person]), random.Random(seed)
    data = sample.image.read()
    header = read_header(data)
    subject = task.choose(sample, draw)
    view = View(sample, data, header, warp_to(sizing or Sizing(), (header.width, header.height), subject.warp))
    return task.render(view, subject, draw), view


@pytest.mark.parametrize(("mirror", "x"), [(0, 59.5), (1, 99.5)])
def test_a_mirror_swaps_left_and_right(mirror, x):
    one = Instance(PERSON, (20, 20, 180, 180), joints=(Joint(0, 0, 0), Joint(79.5, 99.5, 2), Joint(0, 0, 0)))
    one = one._replace(skeleton=SIDES)
    rendered, view = _augmented(one, {**STILL, "mirror": mirror}, margin=0, count=(1, 1))
    point = rendered.annotation["points"][0]
    assert view.size_wh == (160, 160)
    assert point["joint"] == ("right wrist" if mirror else "left wrist")
    assert point["xy"][0] == pytest.approx((x, 79.5), abs=0.01)


def test_half_of_a_body():
    names = ("nose", "left shoulder", "right shoulder", "left wrist", "right wrist", "left hip", "right hip",
             "left knee", "right knee", "left ankle")  # fmt: skip
    joints = tuple(Joint(50 + 10 * (i % 2), 10 + 18 * i, 2) for i in range(10))
    one = Instance(PERSON, (20, 0, 180, 200), joints=joints, skeleton=Skeleton("ten", names))
    shown = {
        _augmented(one, {**STILL, "half_body": 1}, seed=seed, count=(1, 1))[1].geometry.point(50, 10)[1] > 0
        for seed in range(12)
    }
    assert shown == {True, False}  # the nose is in the upper half's window, above the lower half's
    three = one._replace(joints=tuple(joint if i < 3 else Joint(0, 0, 0) for i, joint in enumerate(joints)))
    _, view = _augmented(three, {**STILL, "half_body": 1}, margin=0, count=(1, 1))
    assert view.size_wh == (200, 200)  # too few joints for a half: the whole box


@given(st.integers(0, 2**32), st.sampled_from([64, 256]), st.sampled_from(["disc", "ring"]))
@settings(max_examples=40, deadline=None)
def test_augmented_people_come_back(seed, size, style):
    noise = random.Random(seed)
    joints = tuple(Joint(noise.uniform(20, 180), noise.uniform(20, 180), 2) for _ in range(3))
    one = Instance(PERSON, (20, 20, 180, 180), joints=joints, skeleton=SIDES)
    try:
        rendered, view = _augmented(one, {}, Sizing(resize="square", size=size), seed, style=style, count=(1, 3))
    except NotApplicable:
        assume(False)
    figures = _back(rendered, view)
    assert all(limit.holds(figures[limit.metric]) for limit in Keypoints.limits), figures


def test_augment_needs_one_person():
    with pytest.raises(pydantic.ValidationError, match="who: person"):
        KeypointsOptions(augment={}, who="everyone")
