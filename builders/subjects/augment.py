"""A person shown turned, nearer or farther, mirrored or by half, as pose estimation is trained.

Source: the affine augmentation of top-down pose training, which InstructDiffusion took over: scale jitter 0.35,
rotation up to 45 degrees with probability 0.6, mirroring with 0.5, half of the body with 0.3.
"""

from __future__ import annotations

import random

from pydantic import Field

from ...manifests.recipe import Block
from ..geometry import Box
from ..sample import Instance, Skeleton
from ..warp import Warp
from .faces import is_face
from .people import person_box

_LOWER = frozenset(["hip", "knee", "ankle", "foot", "heel", "toe"])
_ENOUGH = 8
"""More labelled joints than this, and half of them still make a picture."""
_LEAST = 3
_HALF_MARGIN = 0.25
_SIDES = {"left": "right", "right": "left"}


class Augment(Block):
    """How a person's window varies from draw to draw."""

    rotate: float = Field(45, ge=0, le=180, description="most degrees to either side")
    rotate_chance: float = Field(0.6, ge=0, le=1, description="share of draws that are turned")
    scale: float = Field(0.35, ge=0, le=0.9, description="most change of size, share")
    mirror: float = Field(0.5, ge=0, le=1, description="share of draws with left and right swapped, in words too")
    half_body: float = Field(0.3, ge=0, le=1, description="share of draws that show the upper or the lower half")


def draw_warp(one: Instance, augment: Augment, margin: float, draw: random.Random) -> Warp:
    """A square window around a person.

    Args:
        one: the person, with joints.
        augment: how much may vary.
        margin: around the person, share of the longer side.
        draw: the unit's randomness.
    """
    box = person_box(one)
    if draw.random() < augment.half_body and (half := _half(one, draw)):
        box, margin = half, max(margin, _HALF_MARGIN)
    side = max(box[2] - box[0], box[3] - box[1]) * (1 + 2 * margin) * (1 + _jitter(augment.scale, draw))
    degrees = _jitter(augment.rotate, draw) if draw.random() < augment.rotate_chance else 0.0
    mirrored = draw.random() < augment.mirror and one.skeleton is not None and _can_be_mirrored(one.skeleton)
    return Warp(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), max(side, 1.0), degrees, mirrored)


def joint_names(skeleton: Skeleton, *, mirrored: bool) -> tuple[str, ...]:
    """The joints' names as the window shows them: in a mirror, what was the left hand is a right one."""
    return tuple(_swapped(name) if mirrored else name for name in skeleton.joints)


def _half(one: Instance, draw: random.Random) -> Box | None:
    """Box around the labelled joints of the upper or the lower half; None when there are too few."""
    assert one.skeleton is not None
    placed = [(joint, name) for joint, name in zip(one.joints, one.skeleton.joints, strict=True) if joint.visibility]
    if len(placed) <= _ENOUGH:
        return None
    halves: list[list[tuple[float, float]]] = [[], []]
    for joint, name in placed:
        halves[not _LOWER.isdisjoint(name.split())].append((joint.x, joint.y))
    able = [half for half in halves if len(half) >= _LEAST]
    if not able:
        return None
    across, down = zip(*draw.choice(able), strict=True)
    return min(across), min(down), max(across) + 1, max(down) + 1


def _can_be_mirrored(skeleton: Skeleton) -> bool:
    return not is_face(skeleton) and all(_swapped(name) in skeleton.joints for name in skeleton.joints)


def _swapped(name: str) -> str:
    return " ".join(_SIDES.get(word, word) for word in name.split())


def _jitter(most: float, draw: random.Random) -> float:
    """Around 0, with a standard deviation of half of `most` and never beyond it."""
    return min(max(draw.gauss(0, most / 2), -most), most)
