"""Keypoints: joints marked on the photograph, a colour each."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block, between
from ...manifests.slots import Legend, SlotValue
from ...manifests.target import PhotoTarget, SameTarget, Target
from ..geometry import hull
from ..marks.disc_finder import find_marks
from ..marks.discs import MarkShape, Point, can_be_read, pixels_under, stamp
from ..marks.evidence import read_evidence
from ..marks.mark_layout import shown_point
from ..marks.matching import assign_within
from ..marks.palette import PALETTES, Color, pick_apart
from ..sample import Feature, Instance, Sample
from ..subjects.augment import Augment, draw_warp, joint_names
from ..subjects.people import crop_around, head_size, joint_of_all, joint_of_one, longer_side, person_box
from ..task import Limit, Rendered, Subject, Task
from ..view import View


class KeypointsOptions(Block):
    """Options of the keypoints task."""

    style: Literal["disc", "ring"] = Field("disc", description="a filled dot, or a circle around the joint")
    count: Annotated[tuple[int, int], between(1, 6)] = Field((1, 3), description="least and most joints an instruction")
    radius: float = Field(0.04, ge=0.005, le=0.2, description="share of the shorter side; at least 3 pixels")
    thickness: float = Field(
        0.012, ge=0.001, le=0.1, description="of a ring's line, share of the shorter side; at least 1.5 pixels"
    )
    who: Literal["person", "everyone"] = Field(
        "person", description="person: one, cut out by its box; everyone: all who are annotated, in the whole image"
    )
    margin: float = Field(0.25, ge=0, le=2, description="around a person, share of the box on each side")
    shape: Literal["square", "box"] = Field(
        "square", description="of the part cut out: widened to a square as far as the image reaches, or like the box"
    )
    min_person: int = Field(64, ge=8, description="least longer side of a person's box, pixels of the source")
    hidden: Literal["ask", "mark", "skip"] = Field(
        "mark", description="annotated joints that are out of sight: asked for and left unmarked, marked, or not asked"
    )
    unlabelled: Literal["ask", "skip"] = Field(
        "skip", description="joints that are not annotated or not shown: asked for and left unmarked, or not asked"
    )
    palette: Literal["vivid", "instructdiffusion-keypoints"] = "vivid"
    augment: Augment | None = Field(
        None, description="turn, scale, mirror or halve the person drawn; {} takes the usual amounts"
    )

    @model_validator(mode="after")
    def _holds_together(self) -> KeypointsOptions:
        if self.augment is not None and self.who != "person":
            raise ValueError("augment shows one person's window; it needs who: person")
        return self


@dataclass(frozen=True, slots=True)
class _Question:
    """A joint to ask for, and where it is to be marked: output pixels, pixel centres, and its visibility there."""

    joint: str
    points: tuple[Point, ...]
    visibility: tuple[int, ...]


class Keypoints(Task[KeypointsOptions]):
    """Mark joints with discs or rings, opaque, a colour a joint.

    In an image of everyone, a joint is asked for when it is marked on at least one person, or may be asked for
    unmarked; those on whom it is not annotated or not shown get no mark. `hidden: mark` then makes the instruction
    say "every left wrist", the others "every visible left wrist". Joints whose marks could not be told apart are not
    asked for together. Later joints are drawn over earlier ones.
    """

    name = "keypoints"
    summary = "mark body joints or landmarks with coloured dots or rings"
    needs = (Feature.KEYPOINTS,)
    options_type = KeypointsOptions
    sections: ClassVar = {
        "disc": ("joint", "color"),
        "disc-many": ("legend",),
        "ring": ("joint", "color"),
        "ring-many": ("legend",),
    }
    limits = (Limit("max_error_px", at_most=1.0), Limit("missed", at_most=0), Limit("extra", at_most=0))

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Draw one person that is large enough, or take everyone of one skeleton."""
        people = [one for one in sample.instances if one.skeleton is not None and one.joints and not one.crowd]
        if self.options.who == "everyone":
            return self._everyone(people, draw)
        able = [one for one in people if self._askable(one) and longer_side(person_box(one)) >= self.options.min_person]
        if not able:
            raise NotApplicable("nobody in the image is large enough and has enough joints annotated")
        one = draw.choice(able)
        if self.options.augment is not None:
            return Subject([one], warp=draw_warp(one, self.options.augment, self.options.margin, draw))
        box, square = person_box(one), self.options.shape == "square"
        return Subject([one], box=box, crop=crop_around(box, sample, self.options.margin, square=square))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the marks; pixels of the photo are only decoded when there is a mark to draw."""
        people: list[Instance] = subject.choice
        whose = self._whose(view, people, draw)
        shape = MarkShape.scaled(self.options.style, view.size_wh, self.options.radius, self.options.thickness)
        assert people[0].skeleton is not None
        names = joint_names(people[0].skeleton, mirrored=subject.warp is not None and subject.warp.mirrored)
        questions = self._questions(view, people, names, shape, draw)
        colors, lossless = self._colors(view, questions, shape, draw)
        target: Target = SameTarget()
        if any(question.points for question in questions):
            painted = view.canvas()
            for question, color in zip(questions, colors, strict=True):
                for point in question.points:
                    stamp(painted, point, shape, color.rgb)
            target = PhotoTarget(painted, lossless)
        nouns = [whose.format(joint=question.joint) for question in questions]
        params = self._params(view, people, shape, questions, colors, lossless)
        annotation = {
            "size": [view.size_wh[1], view.size_wh[0]],
            "points": [
                {"joint": q.joint, "xy": [list(point) for point in q.points], "visibility": list(q.visibility)}
                for q in questions
            ],
        }
        return Rendered(target, *self._wording(nouns, colors), params, annotation)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Centres of the marks of each colour; as the annotation, without visibility, which is not drawn."""
        colors = [tuple(asked["rgb"]) for asked in params["targets"]]
        evidence = read_evidence(target, source, colors, 1.0, lossless=params.get("lossless", False))
        shape = MarkShape(params["radius"], params["radius"] - params["thickness"] if params["thickness"] else -1.0)
        return {
            "size": list(target.shape[:2]),
            "points": [
                {
                    "joint": asked["joint"],
                    "xy": [[round(x, 2), round(y, 2)] for x, y in find_marks(seen, shape)],
                }
                for asked, seen in zip(params["targets"], evidence, strict=True)
            ],
        }

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """max_error_px: the worst distance of a mark found within its own diameter of a true one; missed, extra."""
        worst, missed, extra = 0.0, 0, 0
        for found, true in zip(decoded["points"], annotation["points"], strict=True):
            costs = np.array([[math.dist(a, b) for b in true["xy"]] for a in found["xy"]], float)
            pairs = assign_within(costs.reshape(len(found["xy"]), len(true["xy"])), 2 * params["radius"])
            worst = max([worst, *(float(costs[pair]) for pair in pairs)])
            missed += len(true["xy"]) - len(pairs)
            extra += len(found["xy"]) - len(pairs)
        return {"max_error_px": worst, "missed": float(missed), "extra": float(extra)}

    def _everyone(self, people: Sequence[Instance], draw: random.Random) -> Subject:
        if not people:
            raise NotApplicable("nobody in the image has joints annotated")
        names = sorted({one.skeleton.name for one in people if one.skeleton})
        name = draw.choice(names) if len(names) > 1 else names[0]
        shared = [one for one in people if one.skeleton and one.skeleton.name == name]
        return Subject(shared, box=hull(map(person_box, shared)))

    def _askable(self, one: Instance) -> bool:
        kinds = (
            {2}
            | ({1} if self.options.hidden != "skip" else set())
            | ({0} if self.options.unlabelled == "ask" else set())
        )
        marked = {2} | ({1} if self.options.hidden == "mark" else set())
        seen = [joint.visibility for joint in one.joints]
        return sum(v in kinds for v in seen) >= self.options.count[0] and any(v in marked for v in seen)

    def _whose(self, view: View, people: Sequence[Instance], draw: random.Random) -> str:
        """How the instruction speaks of a joint, with {joint} for its name.

        Raises:
            NotApplicable: there are others, and no phrase tells whose joint is meant.
        """
        if self.options.who == "person":
            return joint_of_one(people[0], view, draw)
        return joint_of_all(people, view, seen_only=self.options.hidden != "mark")

    def _questions(
        self, view: View, people: Sequence[Instance], names: Sequence[str], shape: MarkShape, draw: random.Random
    ) -> list[_Question]:
        """Joints in random order, as many as asked, of which all marks can be read back."""
        order = list(range(len(names)))
        draw.shuffle(order)
        wanted = draw.randint(*self.options.count)
        chosen: list[_Question] = []
        points: list[Point] = []
        owners: list[int] = []
        for position in order:
            question = self._question(view, people, position, names[position])
            if question is None:
                continue
            more = [*points, *question.points]
            owned = [*owners, *([position] * len(question.points))]
            if question.points and not can_be_read(more, owned, shape, view.size_wh):
                continue
            chosen.append(question)
            points, owners = more, owned
            if len(chosen) == wanted:
                return chosen
        if len(chosen) < self.options.count[0]:
            raise NotApplicable("too few joints are shown that can be marked and told apart")
        return chosen

    def _question(self, view: View, people: Sequence[Instance], position: int, name: str) -> _Question | None:
        """One joint on all the people, or None when it is not to be asked for."""
        points: list[Point] = []
        visibility: list[int] = []
        asked = False
        for one in people:
            joint = one.joints[position]
            point = shown_point(view, joint)
            if point is None:
                asked |= self.options.unlabelled == "ask"
            elif joint.visibility == 2 or self.options.hidden == "mark":
                points.append(point)
                visibility.append(joint.visibility)
            else:
                asked |= self.options.hidden == "ask"
        return _Question(name, tuple(points), tuple(visibility)) if points or asked else None

    def _colors(
        self, view: View, questions: Sequence[_Question], shape: MarkShape, draw: random.Random
    ) -> tuple[list[Color], bool]:
        """A colour a joint, apart from each other and from what the marks cover; and whether JPEG would lose them."""
        nothing = np.zeros((0, 3), np.uint8)
        under = (pixels_under(view.rgb, one.points, shape) if one.points else nothing for one in questions)
        return pick_apart(PALETTES[self.options.palette], under, draw)

    def _wording(self, nouns: Sequence[str], colors: Sequence[Color]) -> tuple[str, dict[str, SlotValue]]:
        style = self.options.style
        if len(nouns) == 1:
            return style, {"joint": nouns[0], "color": colors[0].name}
        return f"{style}-many", {"legend": Legend(tuple(zip(nouns, (c.name for c in colors), strict=True)))}

    def _params(
        self,
        view: View,
        people: Sequence[Instance],
        shape: MarkShape,
        questions: Sequence[_Question],
        colors: Sequence[Color],
        lossless: bool,
    ) -> dict[str, Any]:
        """What was asked; thickness is 0 for discs; of the one that is meant, the box and the size of the head, output
        pixels."""
        skeleton = people[0].skeleton
        assert skeleton is not None
        person = view.geometry.box(person_box(people[0])) if self.options.who == "person" else None
        head = head_size(people[0], view) if self.options.who == "person" else None
        return {
            "style": self.options.style,
            "radius": shape.outer,
            "thickness": round(shape.outer - shape.inner, 2) if shape.inner > 0 else 0.0,
            "who": self.options.who,
            "skeleton": skeleton.name,
            **({"person_xyxy": [round(edge, 2) for edge in person]} if person else {}),
            **({"head_px": round(head, 2)} if head else {}),
            "targets": [
                {"joint": question.joint, "color": color.name, "rgb": list(color.rgb)}
                for question, color in zip(questions, colors, strict=True)
            ],
            **({"lossless": True} if lossless else {}),
        }
