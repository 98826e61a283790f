"""Face alignment: all landmarks of a face as dots, a colour for each part of the face."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.slots import Legend, SlotValue
from ...manifests.target import FlatTarget, PhotoTarget
from ..geometry import Box
from ..marks.disc_finder import find_marks
from ..marks.discs import MarkShape, Point, pixels_under, stamp_all
from ..marks.evidence import read_evidence
from ..marks.mark_layout import match_marks, readable_ones, shown_point
from ..marks.palette import PALETTES, Color, pick_apart
from ..sample import Feature, Instance, Sample
from ..subjects.faces import FACE_PARTS, face_part, is_face
from ..subjects.naming import name_one_of
from ..subjects.people import crop_around, longer_side, person_box
from ..task import Limit, Rendered, Subject, Task
from ..view import View

_BLACK: tuple[int, int, int] = (0, 0, 0)
_RIVAL = 0.25
"""As with people: a face of less than this share of the area leaves no doubt which is meant."""


class FaceAlignmentOptions(Block):
    """Options of the face alignment task."""

    style: Literal["photo", "black"] = Field("photo", description="dots on the photo, or on black")
    radius: float = Field(0.01, ge=0.002, le=0.05, description="of a dot, share of the shorter side; at least 3 pixels")
    margin: float = Field(0.25, ge=0, le=2, description="around the face, share of its box on each side")
    min_face: int = Field(96, ge=16, description="least longer side of the face's box, pixels of the source")
    min_shown: float = Field(
        0.8, gt=0, le=1, description="least share of the landmarks that get a dot of their own, see the task"
    )
    palette: Literal["vivid", "instructdiffusion-keypoints"] = "vivid"


@dataclass(frozen=True, slots=True)
class _Landmarks:
    """What is shown of a face.

    Attributes:
        points: every landmark that is annotated and shown, x and y, output pixels.
        owners: position of the part of each, in `parts`.
        drawn: positions of those that get a dot.
        parts: the parts of the face that are shown.
    """

    points: list[Point]
    owners: list[int]
    drawn: list[int]
    parts: list[str]

    def dots(self, part: int) -> list[Point]:
        """The dots of one part."""
        return [self.points[one] for one in self.drawn if self.owners[one] == part]


class FaceAlignment(Task[FaceAlignmentOptions]):
    """Draw all landmarks of one face: jaw line, eyebrows, nose, eyes and mouth, each part in a colour of its own.

    Where landmarks lie closer together than dots can be told apart (the lips of a closed mouth), the first of them in
    the skeleton's order gets a dot, which then stands for the others; the annotation tells the landmarks from the
    dots. `min_shown` keeps out faces that are too small for their dots.
    """

    name = "face_alignment"
    summary = "draw all landmarks of a face as dots, a color for each part of the face"
    needs = (Feature.KEYPOINTS,)
    options_type = FaceAlignmentOptions
    sections: ClassVar = {"photo": ("face", "legend"), "black": ("face", "legend")}
    limits = (
        Limit("max_error_px", at_most=1.0),
        Limit("missed", at_most=0),
        Limit("extra", at_most=0),
    )

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Draw one face that is large enough."""
        faces = [one for one in sample.instances if one.skeleton is not None and is_face(one.skeleton)]
        able = [one for one in faces if longer_side(person_box(one)) >= self.options.min_face]
        if not able:
            raise NotApplicable(f"no face with landmarks is at least {self.options.min_face} pixels large")
        one = draw.choice(able)
        box = person_box(one)
        return Subject(one, box=box, crop=crop_around(box, sample, self.options.margin, square=True))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the dots; pixels of the photo are not needed on black."""
        face: Instance = subject.choice
        whose = _whose(face, view, draw)
        shape = MarkShape.scaled("disc", view.size_wh, self.options.radius, 0)
        found = self._landmarks(view, face, shape)
        canvas = view.canvas() if self.options.style == "photo" else np.zeros((*view.size_wh[::-1], 3), np.uint8)
        colors, lossless = self._colors(canvas, found, shape, draw)
        for part, color in enumerate(colors):
            stamp_all(canvas, found.dots(part), shape, color.rgb)
        slots: dict[str, SlotValue] = {
            "face": whose,
            "legend": Legend(tuple((f"the {part}", c.name) for part, c in zip(found.parts, colors, strict=True))),
        }
        params = {
            "style": self.options.style,
            "radius": shape.outer,
            "parts": [
                {"part": part, "color": color.name, "rgb": list(color.rgb)}
                for part, color in zip(found.parts, colors, strict=True)
            ],
            **({"lossless": True} if lossless else {}),
        }
        target = (
            PhotoTarget(canvas, lossless)
            if self.options.style == "photo"
            else _flat(canvas, [_BLACK, *(color.rgb for color in colors)])
        )
        return Rendered(target, self.options.style, slots, params, _annotation(view, face, found))

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """`dots`: for each part the centres of its dots."""
        black = params["style"] == "black"
        seen = read_evidence(
            target,
            np.zeros_like(target) if black else source,
            [tuple(asked["rgb"]) for asked in params["parts"]],
            1.0,
            lossless=black or params.get("lossless", False),
        )
        shape = MarkShape(params["radius"])
        return {
            "size": list(target.shape[:2]),
            "dots": [
                {"part": asked["part"], "xy": [[round(x, 2), round(y, 2)] for x, y in find_marks(part, shape)]}
                for asked, part in zip(params["parts"], seen, strict=True)
            ],
        }

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """How well the dots and the landmarks were met.

        Returns:
            max_error_px, missed and extra of the dots, those within their diameter being pairs; nme: mean distance
            from each landmark to the nearest dot of its part, as a share of the root of the face box's area, the
            usual norm when eyes may be hidden; 1 for parts without any.
        """
        distances: list[float] = []
        missed, extra, total, count = 0, 0, 0.0, 0
        left, top, right, bottom = annotation["face_xyxy"]
        norm = ((right - left) * (bottom - top)) ** 0.5
        for found, true in zip(decoded["dots"], annotation["dots"], strict=True):
            matched, lost, more = match_marks(found["xy"], true["xy"], 2 * params["radius"])
            distances, missed, extra = distances + matched, missed + lost, extra + more
            landmarks = np.array([x_y for x_y, part in annotation["landmarks"] if part == true["part"]], float)
            count += len(landmarks)
            total += float(_nearest(landmarks, np.array(found["xy"], float), norm).sum())
        return {
            "max_error_px": max(distances, default=0.0),
            "missed": float(missed),
            "extra": float(extra),
            "nme": total / norm / count,
        }

    def _landmarks(self, view: View, face: Instance, shape: MarkShape) -> _Landmarks:
        """Landmarks by part, and which of them can have a dot.

        Raises:
            NotApplicable: too few can.
        """
        assert face.skeleton is not None
        by_part: dict[str, list[Point]] = {part: [] for part in FACE_PARTS}
        for joint, name in zip(face.joints, face.skeleton.joints, strict=True):
            point, part = shown_point(view, joint), face_part(name)
            if point is not None and part is not None:
                by_part[part].append(point)
        points = [point for group in by_part.values() for point in group]
        parts = [part for part, group in by_part.items() if group]
        owners = [position for position, part in enumerate(parts) for _ in by_part[part]]
        drawn = readable_ones(points, owners, shape, view.size_wh)
        if not points or len(drawn) < self.options.min_shown * len(face.joints):
            raise NotApplicable(f"only {len(drawn)} of {len(face.joints)} landmarks can have a dot of their own")
        if len({owners[one] for one in drawn}) < len(parts):
            raise NotApplicable("a part of the face is too small for a dot of its own")
        return _Landmarks(points, owners, drawn, parts)

    def _colors(
        self, canvas: RGB, found: _Landmarks, shape: MarkShape, draw: random.Random
    ) -> tuple[list[Color], bool]:
        """A colour a part, apart from each other and from what the dots cover; and whether JPEG would lose them."""
        under = (pixels_under(canvas, found.dots(part), shape) for part in range(len(found.parts)))
        return pick_apart(PALETTES[self.options.palette], under, draw)


def _annotation(view: View, face: Instance, found: _Landmarks) -> dict[str, Any]:
    box = view.geometry.box(person_box(face))
    assert box is not None
    return {
        "size": [view.size_wh[1], view.size_wh[0]],
        "face_xyxy": [round(edge, 2) for edge in box],
        "landmarks": [
            [list(point), found.parts[owner]] for point, owner in zip(found.points, found.owners, strict=True)
        ],
        "dots": [
            {"part": part, "xy": [list(point) for point in found.dots(position)]}
            for position, part in enumerate(found.parts)
        ],
    }


def _whose(face: Instance, view: View, draw: random.Random) -> str:
    """The face in words.

    Raises:
        NotApplicable: there are others of a like size, and no phrase tells them apart.
    """
    own = _area(view.geometry.box(person_box(face)))
    others = [one for one in view.sample.instances if one.category == face.category and one is not face]
    rivals = [one for one in others if _area(view.box(one)) >= _RIVAL * own]
    return f"the {name_one_of(face, [face, *rivals], view, draw).name}"


def _area(box: Box | None) -> float:
    return (box[2] - box[0]) * (box[3] - box[1]) if box else 0.0


def _flat(canvas: RGB, palette: Sequence[tuple[int, int, int]]) -> FlatTarget:
    """A picture of these colours, by palette."""
    index = np.zeros(canvas.shape[:2], np.uint8)
    for position, rgb in enumerate(palette):
        index[(canvas == np.array(rgb, np.uint8)).all(axis=2)] = position
    return FlatTarget(index, np.array(palette, np.uint8))


def _nearest(landmarks: NDArray[np.float64], dots: NDArray[np.float64], missing: float) -> NDArray[np.float64]:
    """(N,) distance from each landmark to the nearest dot; `missing` when there is no dot."""
    if not len(dots):
        return np.full(len(landmarks), missing)
    offsets = landmarks[:, None] - dots[None]
    distances: NDArray[np.float64] = np.hypot(offsets[..., 0], offsets[..., 1]).min(axis=1)
    return distances
