"""People among others: their boxes, the part of a photograph around one, and phrases for whose joint is meant."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from ...manifests.errors import NotApplicable
from ..geometry import Box
from ..sample import Instance, Sample
from ..view import View
from .naming import name_one_of

_RIVAL = 0.25
"""Others in the background with less than this share of a person's box leave no doubt who is meant."""
_SEEN = 0.02
"""But when a phrase has to say who is meant, others down to this share count."""
_OVERLOOKED = 0.15
"""A person without joints, larger than this share of the image's shorter side, makes "every" untrue."""


def person_box(one: Instance) -> Box:
    """A person's box in the source image; around the labelled joints when none is annotated."""
    if one.box_xyxy is not None:
        return one.box_xyxy
    placed = [joint for joint in one.joints if joint.visibility] or list(one.joints)
    across, down = [joint.x for joint in placed], [joint.y for joint in placed]
    return min(across), min(down), max(across) + 1, max(down) + 1


def head_size(one: Instance, view: View) -> float | None:
    """MPII's unit of errors, output pixels: 0.6 of the diagonal of the head's box; where there is no box, the length
    from the base to the top of the head; None without either.

    A person's head, where it has a box, is the instance that follows the person.

    Source: Andriluka et al. 2014, and the benchmark's own evaluation (SC_BIAS 0.6).
    """
    following = view.sample.instances[view.sample.instances.index(one) + 1 :][:1]
    if following and following[0].category.name == "head" and following[0].box_xyxy and not following[0].joints:
        left, top, right, bottom = following[0].box_xyxy
        ways = (((left, top), (right, bottom)), ((left, bottom), (right, top)))
        return 0.6 * sum(math.dist(*(view.geometry.point(*end) for end in way)) for way in ways) / 2
    if one.skeleton is None:
        return None
    ends = [
        joint
        for name, joint in zip(one.skeleton.joints, one.joints, strict=True)
        if name in ("base of the head", "top of the head") and joint.visibility
    ]
    return math.dist(*(view.geometry.point(end.x, end.y) for end in ends)) if len(ends) == 2 else None


def longer_side(box: Box) -> float:
    """The longer of a box's sides, pixels."""
    return max(box[2] - box[0], box[3] - box[1])


def crop_around(box: Box, sample: Sample, margin: float, *, square: bool) -> Box:
    """The part of the source image to show of a person.

    Args:
        box: the person's, source pixels.
        sample: gives the image's size, when it is known.
        margin: added on each side, share of the box.
        square: widen to a square, moved and if need be cut to lie inside the image.
    """
    width, height = ((box[2] - box[0]) * (1 + 2 * margin), (box[3] - box[1]) * (1 + 2 * margin))
    if square:
        width = height = max(width, height)
    x, y = (box[0] + box[2] - width) / 2, (box[1] + box[3] - height) / 2
    if square and sample.width and sample.height:
        width, height = min(width, sample.width), min(height, sample.height)
        x, y = min(max(x, 0), sample.width - width), min(max(y, 0), sample.height - height)
    return x, y, x + width, y + height


def joint_of_one(one: Instance, view: View, draw: random.Random) -> str:
    """A phrase for a joint of one person, with {joint} for its name: "the {joint} of the leftmost person".

    Raises:
        NotApplicable: others of a like size are shown, and no phrase tells the person from them.
    """
    own = _area(view.geometry.box(person_box(one)))
    seen = [other for other in _others([one], view) if _area(view.box(other)) >= _SEEN * own]
    if not any(_area(view.box(other)) >= _RIVAL * own for other in seen):
        return "the {joint}"
    return f"the {{joint}} of the {name_one_of(one, [one, *seen], view, draw).name}"


def joint_of_all(people: Sequence[Instance], view: View, *, seen_only: bool) -> str:
    """A phrase for a joint of everyone, with {joint} for its name: "every {joint}".

    Args:
        people: those whose joints are annotated.
        seen_only: hidden joints are not meant.

    Raises:
        NotApplicable: others are shown whose joints are not annotated.
    """
    least = _OVERLOOKED * min(view.size_wh)
    for other in _others(people, view):
        box = view.box(other)
        if box is not None and (other.crowd or longer_side(box) >= least):
            raise NotApplicable(f"joints of some {other.category.name} are not annotated, so not all can be marked")
    if sum(view.geometry.box(person_box(one)) is not None for one in people) == 1:
        return "the {joint}"
    return "every visible {joint}" if seen_only else "every {joint}"


def _others(people: Sequence[Instance], view: View) -> list[Instance]:
    """Objects of the same class that are not among the people."""
    known = {id(one) for one in people}
    category = people[0].category
    return [other for other in view.sample.instances if other.category == category and id(other) not in known]


def _area(box: Box | None) -> float:
    return (box[2] - box[0]) * (box[3] - box[1]) if box else 0.0
