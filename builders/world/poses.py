"""Poses of the drawn people: joint angles, and the 17 COCO joints they lead to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Literal

View = Literal["front", "side", "back"]
Angles = tuple[float, float]
"""Upper and lower segment, degrees from straight down; positive leans towards where the figure faces
(in front and back views: towards the right of the picture)."""
Joint = tuple[float, float]

# Segment lengths as shares of the standing height (a little long-legged, as illustrations are).
THIGH, SHIN, ANKLE = 0.25, 0.235, 0.035
TORSO, NECK = 0.285, 0.045
UPPER_ARM, FOREARM = 0.165, 0.155


@dataclass(frozen=True)
class Pose:
    """Joint angles of one pose.

    In a side view limb "a" is the near one; in front and back views it is the one on the right of the picture
    before mirroring.
    """

    action: str
    view: View
    arm_a: Angles
    arm_b: Angles
    leg_a: Angles
    leg_b: Angles
    lean: float = 0.0
    lift: float = 0.0
    thigh_share: float = 1.0


POSES = {
    "stand": Pose("standing", "front", (9, 4), (-9, -4), (4, 1), (-4, -1)),
    "hip": Pose("standing", "front", (38, -48), (-8, -3), (6, 2), (-5, -1)),
    "behind": Pose("standing", "back", (10, 4), (-10, -4), (4, 1), (-4, -1)),
    "wave": Pose("waving", "front", (118, 172), (-10, -3), (5, 1), (-5, -1)),
    "cheer": Pose("raising both arms", "front", (140, 168), (-140, -168), (8, 2), (-8, -2)),
    "dance": Pose("dancing", "front", (112, 160), (-64, -12), (24, -22), (-8, -2), lean=5),
    "twirl": Pose("dancing", "front", (95, 120), (-98, -70), (12, 2), (-30, 25), lean=-4),
    "jump": Pose("jumping", "front", (128, 150), (-128, -150), (34, -38), (-30, 30), lift=0.12),
    "walk": Pose("walking", "side", (-24, -8), (22, 42), (24, 10), (-20, -38), lean=3),
    "stroll": Pose("walking", "side", (20, 38), (-20, -6), (-16, -30), (20, 8), lean=2),
    "run": Pose("running", "side", (-46, 28), (42, 122), (52, -16), (-22, -82), lean=11),
    "kick": Pose("kicking", "side", (-40, -14), (48, 70), (48, 34), (-10, -16), lean=-5),
    "hold": Pose("standing", "side", (34, 112), (6, 12), (4, -2), (-5, -8), lean=1),
    "reach": Pose("standing", "side", (66, 118), (60, 110), (6, 0), (-8, -12), lean=-4),
    "ride": Pose("riding", "side", (62, 68), (58, 64), (66, -8), (26, -14), lean=24),
    "sit": Pose("sitting", "side", (22, 62), (16, 50), (86, 4), (80, 10), lean=-3),
    "rest": Pose("sitting", "front", (22, -18), (-22, 18), (12, 3), (-12, -3), thigh_share=0.42),
}


def loosened(random: Random, pose: Pose, amount: float = 5.0) -> Pose:
    """Return the pose with every limb moved by up to amount degrees."""

    def move(angles: Angles) -> Angles:
        return (angles[0] + random.uniform(-amount, amount), angles[1] + random.uniform(-amount, amount))

    return Pose(
        pose.action,
        pose.view,
        move(pose.arm_a),
        move(pose.arm_b),
        move(pose.leg_a),
        move(pose.leg_b),
        pose.lean + random.uniform(-1.5, 1.5),
        pose.lift,
        pose.thigh_share,
    )


@dataclass(frozen=True)
class Skeleton:
    """Joints of one figure in its own units: standing height 1, y down, the ground at 0.

    Limbs are (top, middle, end) triples; "a" and "b" as in Pose.
    """

    arm_a: tuple[Joint, Joint, Joint]
    arm_b: tuple[Joint, Joint, Joint]
    leg_a: tuple[Joint, Joint, Joint]
    leg_b: tuple[Joint, Joint, Joint]
    neck: Joint
    head: Joint
    hips: Joint


def _limb(top: Joint, angles: Angles, upper: float, lower: float) -> tuple[Joint, Joint, Joint]:
    middle = _step(top, angles[0], upper)
    return (top, middle, _step(middle, angles[1], lower))


def _step(start: Joint, angle: float, length: float) -> Joint:
    turn = math.radians(angle)
    return (start[0] + length * math.sin(turn), start[1] + length * math.cos(turn))


def skeleton(pose: Pose, shoulder: float, hip: float, head_size: float) -> Skeleton:
    """Place the joints of a pose.

    Args:
        pose: joint angles.
        shoulder: half the distance between the shoulders.
        hip: half the distance between the hips.
        head_size: height of the head.
    """
    wide = 0.18 if pose.view == "side" else 1.0
    thigh = THIGH * pose.thigh_share
    centre = (0.0, 0.0)
    up, across = _step(centre, 180 - pose.lean, 1.0), _step(centre, 90 - pose.lean, 1.0)

    def at(along: float, aside: float) -> Joint:
        return (up[0] * along + across[0] * aside, up[1] * along + across[1] * aside)

    leg_a = _limb((hip * wide, 0.0), pose.leg_a, thigh, SHIN)
    leg_b = _limb((-hip * wide, 0.0), pose.leg_b, thigh, SHIN)
    arm_a = _limb(at(TORSO, shoulder * wide), pose.arm_a, UPPER_ARM, FOREARM)
    arm_b = _limb(at(TORSO, -shoulder * wide), pose.arm_b, UPPER_ARM, FOREARM)
    drop = -max(leg_a[2][1], leg_b[2][1]) - ANKLE - pose.lift
    neck, head = at(TORSO, 0.0), at(TORSO + NECK + head_size * 0.42, 0.0)

    def down(joints: tuple[Joint, Joint, Joint]) -> tuple[Joint, Joint, Joint]:
        top, middle, end = ((x, y + drop) for x, y in joints)
        return (top, middle, end)

    return Skeleton(
        down(arm_a),
        down(arm_b),
        down(leg_a),
        down(leg_b),
        (neck[0], neck[1] + drop),
        (head[0], head[1] + drop),
        (0.0, drop),
    )


def left_is_a(view: View, flip: bool) -> bool:
    """Whether the limbs called "a" are the person's left ones.

    Facing us, the person's left is on the right of the picture. Seen from the side and facing the right of
    the picture, the near side is the person's right. A mirror swaps the sides each time.
    """
    return (view == "front") != flip
