"""Skeleton: everyone's pose as stick figures, on black or on the photograph."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.slots import Noun
from ...manifests.target import FlatTarget, PhotoTarget, Target
from ..marks.disc_finder import find_marks
from ..marks.discs import MarkShape, Point, pixels_under, stamp
from ..marks.mark_layout import match_marks, readable_ones, shown_point
from ..marks.palette import CLEAR_DISTANCE, RGBTuple
from ..marks.stick_figures import BLACK, LIMB_COLORS, draw_bone, joint_colors, joint_evidence, limb_of
from ..sample import Feature, Instance, Sample, Skeleton
from ..subjects.faces import is_face
from ..subjects.people import joint_of_all, longer_side, person_box
from ..task import Limit, Rendered, Subject, Task
from ..view import View

_RIVAL = 0.5
"""People without joints who are less than half as large as anyone drawn count as background."""


class SkeletonOptions(Block):
    """Options of the skeleton task."""

    style: Literal["black", "photo"] = Field("black", description="stick figures on black, or on the photo")
    radius: float = Field(
        0.012, ge=0.004, le=0.1, description="of a joint's dot, share of the shorter side; at least 3 pixels"
    )
    bone: float = Field(0.8, ge=0.2, le=2, description="width of a bone, in radii of a joint's dot")
    hidden: Literal["draw", "skip"] = Field("draw", description="annotated joints that are out of sight")
    min_joints: int = Field(5, ge=1, description="least joints that are shown, of everyone together")
    min_shown: float = Field(
        0.6, gt=0, le=1, description="least share of the joints shown that get a dot of their own, see the task"
    )


@dataclass(frozen=True, slots=True)
class _Figure:
    """One person: where each joint of the skeleton is shown, or None, and its visibility."""

    points: tuple[Point | None, ...]
    visibility: tuple[int, ...]


class SkeletonTask(Task[SkeletonOptions]):
    """Draw the pose of everyone who is annotated as a stick figure.

    Colours are fixed: `JOINT_COLORS` and `LIMB_COLORS`. All bones are drawn first, then all dots, larger people
    before smaller ones. A dot that could not be told from those before it (an eye beside the nose of a small face, two
    people's hands) is left out, which the annotation tells; its bones still end there. Faces have a task of their own.
    """

    name = "skeleton"
    summary = "draw the pose of all people as stick figures, on black or on the photo"
    needs = (Feature.KEYPOINTS,)
    options_type = SkeletonOptions
    sections: ClassVar = {"black": ("object",), "photo": ("object",)}
    limits = (Limit("max_error_px", at_most=1.0), Limit("missed", at_most=0), Limit("extra", at_most=0))

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Everyone of one skeleton, the larger first."""
        by_skeleton: dict[str, list[Instance]] = {}
        for one in sample.instances:
            if one.skeleton is not None and one.joints and not one.crowd and not is_face(one.skeleton):
                by_skeleton.setdefault(one.skeleton.name, []).append(one)
        if not by_skeleton:
            raise NotApplicable("nobody in the image has joints annotated")
        people = by_skeleton[draw.choice(sorted(by_skeleton))]
        people.sort(key=lambda one: -longer_side(person_box(one)))
        boxes = np.array([person_box(one) for one in people])
        left, top = boxes[:, :2].min(axis=0).tolist()
        right, bottom = boxes[:, 2:].max(axis=0).tolist()
        return Subject(people, box=(left, top, right, bottom))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw; pixels of the photo are not needed on black."""
        people: list[Instance] = subject.choice
        skeleton = people[0].skeleton
        assert skeleton is not None
        colors = joint_colors(skeleton)
        if colors is None:
            raise NotApplicable(f"skeleton {skeleton.name} has {len(skeleton.joints)} joints, too many for colours")
        _check_all_annotated(people, view)
        figures = [figure for one in people if any((figure := self._figure(view, one)).points)]
        shape = MarkShape.scaled("disc", view.size_wh, self.options.radius, 0)
        drawn = self._drawn(figures, shape, view.size_wh)
        on_photo = self.options.style == "photo"
        paint = partial(_paint, figures=figures, drawn=drawn, skeleton=skeleton, shape=shape, bone=self.options.bone)
        target: Target
        lossless = False
        if on_photo:
            canvas = view.canvas()
            lossless = not _all_clear(canvas, drawn, colors, shape)
            paint(canvas, limbs=LIMB_COLORS, joints=colors)
            target = PhotoTarget(canvas, lossless)
        else:
            palette = [BLACK, *LIMB_COLORS.values(), *colors]
            index = np.zeros(view.size_wh[::-1], np.uint8)
            limbs = {limb: place for place, limb in enumerate(LIMB_COLORS, start=1)}
            paint(index, limbs=limbs, joints=range(1 + len(limbs), len(palette)))
            target = FlatTarget(index, np.array(palette, np.uint8))
        params = {
            "style": self.options.style,
            "skeleton": skeleton.name,
            "radius": shape.outer,
            "joints": [{"joint": name, "rgb": list(rgb)} for name, rgb in zip(skeleton.joints, colors, strict=True)],
            "limbs": [{"limb": limb, "rgb": list(rgb)} for limb, rgb in LIMB_COLORS.items()],
            **({"lossless": True} if lossless else {}),
        }
        slots = {"object": _noun(view, people, len(figures))}
        return Rendered(target, self.options.style, slots, params, _annotation(view, skeleton, figures, drawn))

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """`points`: for each joint the centres of its dots, whosever they are."""
        black = params["style"] == "black"
        seen = joint_evidence(
            target,
            np.zeros_like(target) if black else source,
            [tuple(entry["rgb"]) for entry in params["joints"]],
            [tuple(entry["rgb"]) for entry in params["limbs"]],
            lossless=black or params.get("lossless", False),
        )
        shape = MarkShape(params["radius"])
        return {
            "size": list(target.shape[:2]),
            "points": [
                {"joint": entry["joint"], "xy": [[round(x, 2), round(y, 2)] for x, y in find_marks(joint, shape)]}
                for entry, joint in zip(params["joints"], seen, strict=True)
            ],
        }

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """max_error_px: the worst distance of a dot found within its own diameter of a true one; missed, extra."""
        distances: list[float] = []
        missed, extra = 0, 0
        for found, true in zip(decoded["points"], annotation["points"], strict=True):
            matched, lost, more = match_marks(found["xy"], true["xy"], 2 * params["radius"])
            distances, missed, extra = distances + matched, missed + lost, extra + more
        return {"max_error_px": max(distances, default=0.0), "missed": float(missed), "extra": float(extra)}

    def _figure(self, view: View, one: Instance) -> _Figure:
        wanted = {1, 2} if self.options.hidden == "draw" else {2}
        points = tuple(shown_point(view, joint) if joint.visibility in wanted else None for joint in one.joints)
        return _Figure(points, tuple(joint.visibility for joint in one.joints))

    def _drawn(
        self, figures: Sequence[_Figure], shape: MarkShape, size_wh: tuple[int, int]
    ) -> list[tuple[int, int, Point]]:
        """Figure, joint and place of every dot.

        Raises:
            NotApplicable: there are too few.
        """
        shown = [
            (person, joint, point)
            for person, figure in enumerate(figures)
            for joint, point in enumerate(figure.points)
            if point is not None
        ]
        if len(shown) < self.options.min_joints:
            raise NotApplicable(f"{len(shown)} joints are shown, less than min_joints {self.options.min_joints}")
        kept = readable_ones([point for *_, point in shown], [joint for _, joint, _ in shown], shape, size_wh)
        if len(kept) < self.options.min_shown * len(shown):
            raise NotApplicable(f"only {len(kept)} of {len(shown)} joints can have a dot of their own")
        return [shown[position] for position in kept]


def _check_all_annotated(people: Sequence[Instance], view: View) -> None:
    """Refuse pictures where "every person" would mean some without joints.

    Raises:
        NotApplicable: one of them is large, or at least `_RIVAL` as large as someone who is drawn.
    """
    joint_of_all(people, view, seen_only=False)
    known = {id(one) for one in people}
    drawn = [longer_side(box) for one in people if (box := view.geometry.box(person_box(one))) is not None]
    least = _RIVAL * min(drawn, default=0.0)
    for other in view.sample.instances:
        box = view.box(other) if other.category == people[0].category and id(other) not in known else None
        if box is not None and longer_side(box) >= least:
            raise NotApplicable(f"joints of some {other.category.name} are not annotated, so not all can be drawn")


def _paint(
    canvas: NDArray[np.uint8],
    *,
    figures: Sequence[_Figure],
    drawn: Sequence[tuple[int, int, Point]],
    skeleton: Skeleton,
    shape: MarkShape,
    bone: float,
    limbs: Mapping[str, RGBTuple | int],
    joints: Sequence[RGBTuple | int],
) -> None:
    """Bones, then dots, in place; in colours, or on a canvas of palette positions in these."""
    for figure in figures:
        for first, second in skeleton.bones:
            start, end = figure.points[first], figure.points[second]
            if start is not None and end is not None:
                limb = limb_of(skeleton.joints[first], skeleton.joints[second])
                draw_bone(canvas, start, end, bone * shape.outer, limbs[limb])
    for _, joint, point in drawn:
        stamp(canvas, point, shape, joints[joint])


def _all_clear(
    canvas: RGB, drawn: Sequence[tuple[int, int, Point]], colors: Sequence[RGBTuple], shape: MarkShape
) -> bool:
    """Whether every dot stands out from what it covers."""
    for _, joint, point in drawn:
        offsets = pixels_under(canvas, [point], shape).astype(np.int32) - np.array(colors[joint], np.int32)
        if np.einsum("nc,nc->n", offsets, offsets).min() < CLEAR_DISTANCE**2:
            return False
    return True


def _annotation(
    view: View, skeleton: Skeleton, figures: Sequence[_Figure], drawn: Sequence[tuple[int, int, Point]]
) -> dict[str, Any]:
    """`points`: the dots by joint; `people`: [x, y, visibility] of every joint of each, 0 0 0 where not shown."""
    return {
        "size": [view.size_wh[1], view.size_wh[0]],
        "points": [
            {"joint": name, "xy": [list(point) for _, joint, point in drawn if joint == position]}
            for position, name in enumerate(skeleton.joints)
        ],
        "people": [
            [
                [*point, visibility] if point is not None else [0, 0, 0]
                for point, visibility in zip(figure.points, figure.visibility, strict=True)
            ]
            for figure in figures
        ],
        "bones": [list(bone) for bone in skeleton.bones],
    }


def _noun(view: View, people: Sequence[Instance], shown: int) -> Noun:
    """Everyone in words; a number only when all of the class are drawn, or one is."""
    category = people[0].category
    complete = sum(one.category == category for one in view.sample.instances) == shown
    return Noun(category.name, count=shown if complete or shown == 1 else None)
