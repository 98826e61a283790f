"""Samples of what the drawn world's four datasets do not carry, made from the same drawings, for the pictures of docs.

Sentences that mean objects, panoptic segments, parts, facial landmarks, and pairs with an edit instruction. They go
straight to a task; everything else in the pictures comes through the readers.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from taskpaint.builders.geometry import fit
from taskpaint.builders.masks import regions
from taskpaint.builders.registry import find_task
from taskpaint.builders.sample import (
    Category,
    Expression,
    FileBytes,
    Instance,
    Joint,
    Pair,
    Sample,
    Segment,
    SegmentMap,
    Skeleton,
)
from taskpaint.builders.view import View
from taskpaint.builders.world.breeds import BREEDS
from taskpaint.builders.world.canvas import Canvas, Gradient, Pen
from taskpaint.builders.world.faces import Head, draw_head, hair_behind
from taskpaint.builders.world.pets import draw_pet
from taskpaint.builders.world.scenes import draw_scene
from taskpaint.engines.banks import bank_of
from taskpaint.manifests.images import decode_rgb, read_header
from taskpaint.manifests.recipe import Output, Sizing
from taskpaint.paraphrase.templates import section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_png, encode_target

SIZE: Final = (480, 480)
_DAY, _SUNSET = 0, 2
"""Places in the list of a park's times of day."""


@dataclass(frozen=True)
class Drawn:
    """A triplet of the pictures; style as the task calls it."""

    task: str
    style: str
    instruction: str
    source: Image.Image
    target: Image.Image


def drawn_triplets(side: int) -> Iterator[Drawn]:
    """Triplets of the tasks that the world's datasets do not feed, `side` pixels square."""
    yield _triplet("referring", _sentences(), side, count=(1, 1))
    yield _triplet("referring", _sentences(), side, style="mask", count=(2, 2), mask_color="color")
    yield _triplet("panoptic", _panoptic(), side)
    yield _triplet("parts", _pet_parts(), side)
    yield _triplet("parts", _pet_parts(), side, style="mask", count=(2, 2))
    yield _triplet("face_alignment", _face(), side)
    yield _triplet("face_alignment", _face(), side, style="black")
    yield _triplet("edit", _edit(), side)
    yield _triplet("lanes", _road(), side)
    yield _triplet("lanes", _road(), side, style="black", coloring="one")


def _triplet(name: str, sample: Sample, side: int, **options: Any) -> Drawn:
    kind = find_task(name)
    task, draw = kind(kind.options_type(**options)), random.Random(1)
    data = sample.image.read()
    header = read_header(data)
    subject = task.choose(sample, draw)
    sizing = Sizing(resize="square", size=side, crop="subject")
    geometry = fit(sizing, (header.width, header.height), subject.box, draw, subject.crop)
    view = View(sample, data, header, geometry)
    rendered = task.render(view, subject, draw)
    text, _ = word(section(bank_of(task), rendered.section), rendered.slots, draw)
    target = decode_rgb(encode_target(rendered.target, encode_png(view.rgb), Output()))
    return Drawn(name, rendered.section, text, Image.fromarray(view.rgb), Image.fromarray(target))


def _scene(kind: str, seed: str) -> tuple[Any, FileBytes]:
    picture = draw_scene(random.Random(seed), kind, *SIZE, 0).picture
    return picture, _file(picture.rgb)


def _file(rgb: NDArray[np.uint8]) -> FileBytes:
    return FileBytes(None, encode_png(rgb))  # type: ignore[arg-type]


def _instances(picture: Any) -> list[tuple[Any, Instance]]:
    """Things of which something shows, with mask and box."""
    found = []
    for number, thing in enumerate(picture.things):
        mask = picture.mask(number).astype(np.uint8)
        box = regions.bounds(mask)
        if box is None or mask.sum() < 200 or thing.crowd:
            continue
        rle = regions.to_json(regions.encode(mask))
        found.append((thing, Instance(Category(1, thing.category), tuple(map(float, box)), rle)))
    return found


def _sentences() -> Sample:
    """The largest things of a scene, called by their colour or by where they are."""
    picture, image = _scene("street", "docs/referring/3")
    things = sorted(_instances(picture), key=lambda one: -regions.area(regions.from_json(one[1].segmentation)))[:2]
    expressions = []
    for position, (thing, one) in enumerate(things):
        left = one.box_xyxy is not None and (one.box_xyxy[0] + one.box_xyxy[2]) / 2 < SIZE[0] / 2
        side = "left" if left else "right"
        called = " ".join(filter(None, [thing.words.get("colour", ""), thing.category]))
        expressions.append(Expression((f"the {called} on the {side}",), (position,)))
    instances = tuple(one for _, one in things)
    return Sample("1", image, *SIZE, instances=instances, expressions=tuple(expressions))


def _panoptic() -> Sample:
    """Things one by one, and what lies around them by class."""
    picture, image = _scene("farm", "docs/panoptic/1")
    values = np.zeros(SIZE[::-1], np.int32)
    segments: list[Segment] = []
    names = {int(value): f"area {value}" for value in np.unique(picture.labels)}
    names |= {3: "sky", 10: "grass", 5: "tree", 18: "plant", 14: "ground", 17: "mountain", 2: "building"}
    for value in np.unique(picture.labels).tolist():
        if value and (picture.labels == value).mean() > 0.02 and not names[value].startswith("area"):
            segments.append(Segment(len(segments) + 1, Category(value, names[value]), thing=False))
            values[picture.labels == value] = len(segments)
    for thing, one in _instances(picture):
        segments.append(Segment(len(segments) + 1, Category(1000, thing.category)))
        values[regions.decode(regions.from_json(one.segmentation)) != 0] = len(segments)
    present = set(np.unique(values).tolist())
    kept = tuple(segment for segment in segments if segment.id in present)
    return Sample("1", image, *SIZE, segments=SegmentMap(kept, lambda: values))


def _pet_parts() -> Sample:
    """Head and body of a drawn pet."""
    picture = draw_pet(random.Random("docs/parts/2"), BREEDS[0], *SIZE)
    left, top, right, bottom = picture.head_xyxy
    values = np.where(picture.mask, 2, 0).astype(np.int32)
    values[top:bottom, left:right][picture.mask[top:bottom, left:right]] = 1
    segments = (Segment(1, Category(1, "head")), Segment(2, Category(2, "body")))
    return Sample("1", _file(picture.rgb), *SIZE, parts=SegmentMap(segments, lambda: values))


def _face() -> Sample:
    """A drawn face and the landmarks of its features."""
    canvas = Canvas(*SIZE)
    pen = Pen(canvas, 240, 250, 150)
    head = Head(0, 0, 1, "front", (238, 196, 160), (92, 60, 40), "short", beard=False)
    pen.fill(_quad((-2, -2), (2, -2), (2, 2), (-2, 2)), (170, 200, 220))
    hair_behind(pen, head)
    draw_head(pen, head)
    picture = canvas.finish()
    names, joints = zip(*_landmarks(), strict=True)
    placed = tuple(Joint(240 + 150 * x, 250 + 150 * y, 2) for x, y in joints)
    one = Instance(Category(1, "face"), (90.0, 90.0, 390.0, 410.0), joints=placed, skeleton=Skeleton("drawn", names))
    return Sample("1", _file(picture.rgb), *SIZE, instances=(one,))


def _landmarks() -> Iterator[tuple[str, tuple[float, float]]]:
    """Names and places in head radii, as draw_head draws a face seen from the front."""
    for number, degrees in enumerate(range(0, 181, 20)):
        angle = math.radians(degrees)
        yield f"jaw {number}", (0.88 * math.cos(angle), -0.02 + 0.98 * math.sin(angle))
    for side, across in (("right", -0.36), ("left", 0.36)):
        for number, step in enumerate((-0.16, 0, 0.16)):
            yield f"{side} eyebrow {number}", (across + step, -0.28 - 0.06 * (step == 0))
        for number, step in enumerate((-0.1, 0.1)):
            yield f"{side} eye corner {number}", (across + step, -0.03)
    yield "nose bridge", (0.02, 0.06)
    yield "nose tip", (0.05, 0.24)
    for name, place in (("right", (-0.24, 0.5)), ("middle", (0.0, 0.6)), ("left", (0.24, 0.5))):
        yield f"mouth {name}", place


def _road() -> Sample:
    """A road that runs to the horizon, and its lane lines."""
    canvas = Canvas(*SIZE)
    pen = Pen(canvas, 240, 200, 1)
    pen.fill(_quad((-240, -200), (240, -200), (240, 0), (-240, 0)), Gradient((120, 178, 232), (226, 240, 250)))
    pen.fill(_quad((-240, 0), (240, 0), (240, 280), (-240, 280)), Gradient((150, 190, 120), (104, 156, 84)))
    pen.fill(_quad((-14, 0), (14, 0), (330, 280), (-330, 280)), Gradient((128, 130, 138), (92, 94, 102)))
    lines = [_line(foot) for foot in (-260, -80, 100, 270)]
    for line, dashed in zip(lines, (False, True, True, False), strict=True):
        for top, bottom in zip(line[:-1:2], line[1::2], strict=True) if dashed else pairwise(line):
            half = [0.6 + (y - 200) / 90 for _, y in (top, bottom)]
            (x0, y0), (x1, y1) = ((x - 240, y - 200) for x, y in (top, bottom))
            edge = _quad((x0 - half[0], y0), (x0 + half[0], y0), (x1 + half[1], y1), (x1 - half[1], y1))
            pen.fill(edge, (246, 244, 232))
    return Sample("1", _file(canvas.finish().rgb), *SIZE, lanes=tuple(lines))


def _quad(*corners: tuple[float, float]) -> list[NDArray[np.float64]]:
    return [np.array(corners, float)]


def _line(foot: float) -> tuple[tuple[float, float], ...]:
    """Points from near the horizon down to the lower edge, at y 480."""
    return tuple((240 + foot * (y - 196) / 284, float(y)) for y in range(216, 481, 12))


def _edit() -> Sample:
    """The same place at another time of day."""
    before, after = (
        draw_scene(random.Random("docs/edit/1"), "park", *SIZE, time).picture.rgb for time in (_DAY, _SUNSET)
    )
    pair = Pair(_file(after), "edit", ("Turn the clock to a golden evening.",))
    return Sample("1", _file(before), *SIZE, pair=pair)
