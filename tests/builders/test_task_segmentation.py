"""Segmentation: what is painted can be read back, through the codec, from any photograph."""

from __future__ import annotations

import json
import random
import re

import numpy as np
import pydantic
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from taskpaint.builders.geometry import Geometry, fit
from taskpaint.builders.masks import regions
from taskpaint.builders.sample import Category, FileBytes, Instance, LabelMap, LabelSet, Sample
from taskpaint.builders.sources.ade20k import Ade20k
from taskpaint.builders.sources.coco import Coco
from taskpaint.builders.subjects.pointing import point_at
from taskpaint.builders.tasks.segmentation import Segmentation, SegmentationOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import BadItem, NotApplicable
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.manifests.slots import Noun
from taskpaint.manifests.target import FlatTarget, PhotoTarget, SameTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_jpeg, encode_png, encode_source, encode_target

DOG, CAT = Category(1, "dog"), Category(2, "cat")
STYLES = ("overlay", "solid", "mask")


def _rectangle(category, x0, y0, x1, y1, crowd=False):
    """An object that covers the pixels x0 to x1 - 1 and y0 to y1 - 1."""
    return Instance(category, (x0, y0, x1, y1), [[x0, y0, x1, y0, x1, y1, x0, y1]], crowd)


def _sample(*instances, width=100, height=60, pixels=None, encode=encode_png, **known):
    if pixels is None:
        pixels = np.full((height, width, 3), 90, np.uint8)
    return Sample("1", FileBytes(None, encode(pixels)), width, height, tuple(instances), **known)


def _view(sample, geometry=None):
    data = sample.image.read()
    header = read_header(data)
    return View(sample, data, header, geometry or Geometry.native((header.width, header.height)))


def _task(**options):
    return Segmentation(SegmentationOptions(**{"absent": 0.0, **options}))


def _render(sample, seed=0, geometry=None, **options):
    task, draw = _task(**options), random.Random(seed)
    return task.render(_view(sample, geometry), task.choose(sample, draw), draw)


def _written(sample, rendered, geometry=None, output=None):
    """Source and target pixels after the codecs, as a builder writes them."""
    view, output = _view(sample, geometry), output or Output()
    data = sample.image.read()
    source = data
    if not (view.geometry.is_native and read_header(data).passable):
        exact = isinstance(rendered.target, PhotoTarget) and rendered.target.lossless
        source = encode_source(view.rgb, output, lossless=exact)
    return decode_rgb(encode_target(rendered.target, source, output)), decode_rgb(source)


def _round_trip(sample, rendered, geometry=None, output=None):
    target, source = _written(sample, rendered, geometry, output)
    params = json.loads(json.dumps(rendered.params))
    decoded = Segmentation.decode(target, source, params)
    return Segmentation.compare(decoded, rendered.annotation, params)


def _masks(rendered):
    return {part["name"]: regions.decode(regions.from_json(part["rle"])) for part in rendered.annotation["regions"]}


def test_an_overlay_by_hand():
    rendered = _render(_sample(_rectangle(DOG, 10, 20, 40, 50)), opacity=0.5)
    assert isinstance(rendered.target, PhotoTarget)
    expected = np.full((60, 100, 3), 90)
    rgb = np.array(rendered.params["targets"][0]["rgb"])
    expected[20:50, 10:40] = np.rint((90 + rgb) / 2)
    assert np.array_equal(rendered.target.pixels(), expected)
    assert rendered.annotation["size"] == [60, 100]
    assert rendered.annotation["regions"][0]["area"] == 900
    assert rendered.section == "overlay"


def test_a_solid_coat_and_a_mask_by_hand():
    sample = _sample(_rectangle(DOG, 10, 20, 40, 50))
    solid = _render(sample, style="solid")
    assert (solid.target.pixels()[20:50, 10:40] == solid.params["targets"][0]["rgb"]).all()
    assert (solid.target.pixels()[:20] == 90).all()
    mask = _render(sample, style="mask", mask_color="white")
    assert isinstance(mask.target, FlatTarget)
    pixels = mask.target.pixels()
    assert (pixels[20:50, 10:40] == 255).all()
    assert pixels.sum() == 900 * 3 * 255
    assert mask.params["targets"] == [{"name": "dog", "color": "white", "rgb": [255, 255, 255]}]


def test_a_class_is_the_union_of_its_objects():
    sample = _sample(_rectangle(DOG, 0, 0, 30, 30), _rectangle(DOG, 60, 20, 90, 50), _rectangle(CAT, 0, 40, 20, 60))
    found = {}
    for seed in range(20):
        rendered = _render(sample, seed)
        found[rendered.annotation["regions"][0]["name"]] = rendered.annotation["regions"][0]["area"]
    assert found == {"dog": 1800, "cat": 400}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", range(5))
def test_the_smaller_lies_on_top(style, seed):
    sample = _sample(_rectangle(DOG, 10, 10, 90, 50), _rectangle(CAT, 30, 20, 50, 40))
    rendered = _render(sample, seed, style=style, count=(2, 2))
    masks = _masks(rendered)
    assert masks["cat"].sum() == 400
    assert masks["dog"].sum() == 80 * 40 - 400
    assert not (masks["cat"] & masks["dog"]).any()
    assert rendered.section == ("mask-many" if style == "mask" else "overlay-many")
    figures = _round_trip(sample, rendered)
    assert figures["iou"] == 1 if style == "mask" else figures["iou"] >= 0.99


def test_an_object_that_is_covered_is_not_asked_for():
    sample = _sample(_rectangle(DOG, 10, 10, 40, 40), _rectangle(CAT, 10, 10, 40, 41))
    rendered = _render(sample, count=(2, 2))
    assert [part["name"] for part in rendered.annotation["regions"]] == ["dog"]
    assert rendered.section == "overlay"


CROWDED = (_rectangle(DOG, 0, 0, 30, 30), _rectangle(DOG, 50, 0, 90, 40, crowd=True))


def test_crowds_belong_to_their_class_or_not():
    assert _render(_sample(*CROWDED)).annotation["regions"][0]["area"] == 900 + 1600
    assert _render(_sample(*CROWDED), crowd="exclude").annotation["regions"][0]["area"] == 900


def test_a_crowd_has_no_number():
    for seed in range(20):
        assert _render(_sample(*CROWDED), seed).slots["object"] == Noun("dog")


def test_a_crowd_is_no_object():
    with pytest.raises(NotApplicable):
        _render(_sample(CROWDED[1]), unit="instance")
    with pytest.raises(NotApplicable, match="no class or object"):
        _render(_sample(CROWDED[1]), crowd="exclude")


def test_numbers_are_true_and_not_always_given():
    sample = _sample(_rectangle(DOG, 0, 0, 30, 30), _rectangle(DOG, 60, 20, 90, 50), _rectangle(DOG, 0, 31, 20, 60))
    nouns = [_render(sample, seed).slots["object"] for seed in range(60)]
    assert {noun.count for noun in nouns} == {3, None}
    # with the right part cut off, two are left
    geometry = Geometry((100, 60), (0, 0, 50, 60), (50, 60), (0, 0), (50, 60))
    assert {_render(sample, seed, geometry).slots["object"].count for seed in range(40)} == {2, None}


def test_objects_without_a_box_are_painted_but_not_counted():
    boxless = Instance(DOG, None, [[60, 20, 90, 20, 90, 50, 60, 50]])
    sample = _sample(_rectangle(DOG, 0, 0, 30, 30), boxless)
    for seed in range(10):
        rendered = _render(sample, seed)
        assert rendered.annotation["regions"][0]["area"] == 1800
        assert rendered.slots["object"] == Noun("dog")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 6))
def test_what_a_single_object_is_called_is_true(seed, count):
    draw = random.Random(seed)
    dogs = []
    for _ in range(count):
        x, y = draw.randrange(0, 160), draw.randrange(0, 80)
        dogs.append(_rectangle(DOG, x, y, x + draw.randrange(12, 40), y + draw.randrange(12, 40)))
    sample = _sample(*dogs, width=200, height=120)
    try:
        rendered = _render(sample, seed, unit="instance", style="mask")
    except NotApplicable:
        return
    rows, columns = np.nonzero(_masks(rendered)["dog"])
    edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    meant = [dog for dog in dogs if dog.box_xyxy == edges]
    assert meant
    centres = sorted((dog.box_xyxy[0] + dog.box_xyxy[2]) / 2 for dog in dogs)
    centre = (edges[0] + edges[2]) / 2
    places = {"leftmost dog": 0, "second dog from the left": 1, "third dog from the left": 2}
    places |= {"fourth dog from the left": 3, "rightmost dog": count - 1}
    name = rendered.slots["object"].name
    if name == "largest dog":
        areas = [(d.box_xyxy[2] - d.box_xyxy[0]) * (d.box_xyxy[3] - d.box_xyxy[1]) for d in dogs]
        assert len(rows) == max(areas)
        assert areas.count(max(areas)) == 1
    else:
        assert centres[places[name]] == centre
        assert centres.count(centre) == 1


@pytest.mark.parametrize("style", STYLES)
def test_a_class_that_is_not_there(style):
    sample = _sample(_rectangle(DOG, 10, 20, 40, 50), absent=("zebra", "kite"), encode=lambda rgb: encode_jpeg(rgb, 90))
    for seed in range(8):
        rendered = _render(sample, seed, style=style, absent=1.0)
        assert rendered.params["targets"][0]["name"] in ("zebra", "kite")
        assert rendered.annotation["regions"][0]["area"] == 0
        source = sample.image.read()
        written = encode_target(rendered.target, source, Output())
        if style == "mask":
            assert not decode_rgb(written).any()
        else:
            assert isinstance(rendered.target, SameTarget)
            assert written == source
        assert _round_trip(sample, rendered) == {"iou": 1.0, "clean": 1.0}


def test_the_share_of_absent_questions():
    sample = _sample(_rectangle(DOG, 10, 20, 40, 50), absent=("zebra",))
    asked = [_render(sample, seed, absent=0.3).annotation["regions"][0]["name"] for seed in range(300)]
    assert 60 <= asked.count("zebra") <= 120  # binomial: 90, standard deviation 8


@pytest.mark.parametrize(
    ("known", "names"),
    [
        ({"labels": (LabelSet("object", ("dog",), ("dog", "cat", "car")),)}, {"cat", "car"}),
        ({"labels": (LabelSet("breed", ("pug",), ("pug", "boxer")),)}, {"dog"}),
        ({}, {"dog"}),
    ],
)
def test_what_is_known_to_be_absent(known, names):
    sample = _sample(_rectangle(DOG, 10, 20, 40, 50), **known)
    asked = {_render(sample, seed, absent=1.0).annotation["regions"][0]["name"] for seed in range(20)}
    assert asked == names


def test_only_the_classes_asked_for():
    sample = _sample(_rectangle(DOG, 0, 0, 30, 30), _rectangle(CAT, 50, 0, 90, 40), absent=("kite", "zebra"))
    for seed in range(10):
        assert _render(sample, seed, classes=("cat",)).annotation["regions"][0]["name"] == "cat"
        asked = _render(sample, seed, classes=("cat", "kite"), absent=1.0)
        assert asked.annotation["regions"][0]["name"] == "kite"
    with pytest.raises(NotApplicable):
        _render(sample, classes=("horse",))


def test_small_things_are_not_asked_for():
    speck = _rectangle(CAT, 0, 0, 9, 11)  # 99 pixels
    with pytest.raises(NotApplicable):
        _render(_sample(speck))
    assert _render(_sample(_rectangle(CAT, 0, 0, 10, 10))).annotation["regions"][0]["area"] == 100
    with pytest.raises(NotApplicable):
        _render(_sample(_rectangle(CAT, 0, 0, 10, 10)), min_area=0.02)


def test_a_crop_that_loses_the_object():
    sample = _sample(_rectangle(DOG, 10, 20, 40, 50))
    geometry = Geometry((100, 60), (60, 0, 100, 60), (40, 60), (0, 0), (40, 60))
    with pytest.raises(NotApplicable, match="crop leaves too little"):
        _render(sample, geometry=geometry)


def test_a_broken_mask_is_a_bad_item():
    with pytest.raises(BadItem, match="cannot be rasterised"):
        _render(_sample(Instance(DOG, (0, 0, 9, 9), [[1, 2, 3]])))


def _mapped(values, names):
    values = np.array(values)
    return _sample(width=values.shape[1], height=values.shape[0], label_map=LabelMap(names, lambda: values))


def test_label_maps():
    values = np.zeros((40, 50), np.uint8)
    values[:20, :20], values[30:] = 3, 7
    sample = _mapped(values, {3: "sky", 7: "road", 9: "boat"})
    found = {}
    for seed in range(20):
        part = _render(sample, seed).annotation["regions"][0]
        found[part["name"]] = part["area"]
    assert found == {"sky": 400, "road": 500}
    assert _render(sample, absent=1.0).annotation["regions"][0]["name"] == "boat"
    with pytest.raises(NotApplicable, match="does not tell objects apart"):
        _render(sample, unit="instance")


def test_nothing_to_go_by():
    with pytest.raises(NotApplicable, match="the image has no mask"):
        _render(_sample())
    with pytest.raises(NotApplicable, match="the image has no mask"):
        _render(_sample(Instance(DOG, (0, 0, 50, 50))))


@pytest.mark.parametrize("count", [(0, 1), (2, 1), (1, 7)])
def test_senseless_counts(count):
    with pytest.raises(pydantic.ValidationError, match="must be two numbers from 1 to 6"):
        _task(count=count)


def test_every_wording_has_a_template():
    bank = load_bank("segmentation")
    sample = _sample(_rectangle(DOG, 0, 0, 30, 30), _rectangle(CAT, 50, 0, 90, 40))
    for style in STYLES:
        for count in ((1, 1), (2, 2)):
            rendered = _render(sample, style=style, count=count)
            text, _ = word(section(bank, rendered.section), rendered.slots, random.Random(1))
            for asked in rendered.params["targets"]:
                assert asked["color"] in text.lower()
                assert asked["name"] in text.lower()


def _photo(kind, width, height, source):
    if kind == "noise":
        return source.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if kind == "gradient":
        rows, columns = np.indices((height, width))
        planes = [columns * 255 // width, rows * 255 // height, (rows + columns) * 255 // (width + height)]
        return np.stack(planes, axis=2).astype(np.uint8)
    if kind == "smooth":
        small = source.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))
    return np.full((height, width, 3), {"white": 255, "black": 0, "grey": 128}[kind], np.uint8)


def _blob(source, width, height):
    """Outline of a random star, as COCO has it, at least about 150 pixels."""
    x, y = source.uniform(20, width - 20), source.uniform(20, height - 20)
    angles = np.sort(source.uniform(0, 2 * np.pi, 9))
    reach = source.uniform(9, 40, 9)
    points = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], axis=1)
    return points.clip(0, [width, height]).ravel().tolist()


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(["noise", "gradient", "smooth", "white", "black", "grey"]),
    st.sampled_from(STYLES),
    st.integers(1, 3),
    st.sampled_from([0.2, 0.35, 0.5, 0.9]),
    st.sampled_from(["vivid", "instructdiffusion"]),
    st.booleans(),
)
@example(5203, "black", "overlay", 3, 0.2, "vivid", True)  # thin coats of purple and magenta, a quarter as far apart
def test_painted_is_read_back(seed, kind, style, count, opacity, palette, shrunk):
    source = np.random.default_rng(seed)
    width, height = int(source.integers(64, 200)), int(source.integers(64, 160))
    categories = [Category(n, name) for n, name in enumerate(("dog", "cat", "kite"))]
    objects = [Instance(category, None, [_blob(source, width, height)]) for category in categories]
    photo = _photo(kind, width, height, source)
    sample = _sample(*objects, width=width, height=height, pixels=photo, encode=lambda rgb: encode_jpeg(rgb, 92))
    geometry = fit(Sizing(resize="shortest", size=64), (width, height), None, random.Random(0)) if shrunk else None
    try:
        rendered = _render(
            sample, seed, geometry, style=style, count=(1, count), opacity=opacity, palette=palette, min_area=0
        )
    except NotApplicable:
        return
    figures = _round_trip(sample, rendered, geometry)
    assert all(part["area"] >= 100 for part in rendered.annotation["regions"])
    if style == "mask":
        assert figures == {"iou": 1.0, "clean": 1.0}
    else:
        assert figures["iou"] >= 0.99
        assert figures["clean"] >= 0.999


def test_compare_by_hand():
    def answer(*masks):
        rles = [regions.encode(np.array(mask, np.uint8)) for mask in masks]
        return {
            "size": [2, 4],
            "regions": [{"rle": regions.to_json(rle), "area": regions.area(rle)} for rle in rles],
        }

    true = answer([[1, 1, 0, 0], [1, 1, 0, 0]], [[0, 0, 0, 1], [0, 0, 0, 1]])
    off = answer([[1, 1, 1, 0], [1, 0, 0, 0]], [[0, 0, 0, 1], [0, 0, 0, 1]])
    # 3 pixels in common of 5; one of 8 painted by mistake
    assert Segmentation.compare(off, true, {}) == {"iou": 0.6, "clean": 0.875}
    nothing = answer([[0] * 4] * 2)
    assert Segmentation.compare(nothing, nothing, {}) == {"iou": 1.0, "clean": 1.0}
    painted = answer([[1, 0, 0, 0], [0, 0, 0, 0]])
    assert Segmentation.compare(painted, nothing, {}) == {"iou": 1.0, "clean": 0.875}


def _real(shared_data):
    found = []
    for source in (
        Coco(shared_data / "coco", "train2017"),
        Coco(shared_data / "coco", "val2017"),
        Ade20k(shared_data / "ade20k" / "ADEChallengeData2016", "validation"),
    ):
        entries = list(source.scan(lambda item, reason: None))
        found += [source.sample(entry.id, json.loads(json.dumps(entry.record))) for entry in entries]
    return found


@pytest.mark.parametrize(
    "options",
    [
        {"count": (1, 3), "absent": 0.2},
        {"style": "solid", "count": (1, 2)},
        {"style": "mask", "count": (1, 6)},
        {"unit": "instance", "opacity": 0.35},
    ],
    ids=["overlay", "solid", "mask", "instance"],
)
def test_every_real_photograph(shared_data, options):
    built = 0
    samples = _real(shared_data)
    assert len(samples) == 44
    for number, sample in enumerate(samples):
        try:
            rendered = _render(sample, seed=number, **options)
        except NotApplicable:
            continue
        figures = _round_trip(sample, rendered)
        limits = {limit.metric: limit for limit in Segmentation.limits}
        assert all(limits[name].holds(value) for name, value in figures.items()), (sample.id, figures)
        built += 1
    assert built >= (25 if options.get("unit") == "instance" else 38)


def test_the_annotation_is_the_datasets_own_mask(shared_data):
    """Drawn independently with Pillow: within the outline's pixels, which the two rasterise differently."""
    sample = _real(shared_data)[0]
    rendered = _render(sample, style="mask", crowd="exclude")
    name, mask = next(iter(_masks(rendered).items()))
    drawn = Image.new("1", (sample.width, sample.height))
    edge = 0
    for instance in sample.instances:
        if instance.category.name == name and not instance.crowd:
            for polygon in instance.segmentation:
                ImageDraw.Draw(drawn).polygon(polygon, fill=1)
                points = np.array(polygon).reshape(-1, 2)
                edge += np.hypot(*np.diff(points, axis=0, append=points[:1]).T).sum()
    assert (mask != np.asarray(drawn)).sum() <= 1.5 * edge
    assert mask.sum() > 3 * edge


@given(st.integers(0, 2**32), st.integers(20, 90), st.integers(20, 90))
@settings(max_examples=60, deadline=None)
def test_a_point_lies_on_the_object(seed, width, height):
    draw = random.Random(seed)
    mask = np.zeros((height, width), np.uint8)
    left, top = draw.randrange(width - 8), draw.randrange(height - 8)
    mask[top : top + draw.randint(4, 60), left : left + draw.randint(4, 60)] = 1
    found = point_at(mask, draw)
    assert found is not None
    phrase, (x, y) = found
    assert mask[min(int(y * height + 1e-9), height - 1), min(int(x * width + 1e-9), width - 1)]
    numbers = [int(number) for number in re.findall(r"\d+(?=%|,|$)", phrase.replace("0.", ""))]
    assert numbers == [round(100 * x), round(100 * y)]


def test_objects_meant_by_points():
    sample = _sample(_rectangle(DOG, 10, 10, 40, 50), _rectangle(DOG, 60, 10, 95, 50))
    rendered = _render(sample, unit="instance", naming="point", count=(2, 2))
    masks = [regions.decode(regions.from_json(part["rle"])) for part in rendered.annotation["regions"]]
    for target, mask, (phrase, _) in zip(
        rendered.params["targets"], masks, rendered.slots["legend"].parts, strict=True
    ):
        x, y = target["point_xy"]
        assert mask[int(y * 60 + 1e-9), int(x * 100 + 1e-9)] and "dog" not in phrase


def test_a_needle_has_no_point_in_hundredths():
    mask = np.zeros((1000, 1000), np.uint8)
    mask[:, 5:8] = 1
    assert point_at(mask, random.Random(0)) is None


def test_points_need_single_objects():
    with pytest.raises(pydantic.ValidationError, match="unit: instance"):
        SegmentationOptions(naming="point")
