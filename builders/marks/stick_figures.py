"""Stick figures: colours of joints and limbs, and drawing them.

All colours lie on the grid of the levels 0, 85, 170 and 255, so that any two, and black, are at least 85 apart. The
person's right is warm, the left cool.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ..sample import Skeleton
from .discs import Point
from .evidence import Evidence
from .overlay import classify, squared_distance
from .palette import CLEAR_DISTANCE, RGBTuple

BLACK: Final[RGBTuple] = (0, 0, 0)

LIMB_COLORS: Final[dict[str, RGBTuple]] = {
    "head": (255, 255, 255),
    "torso": (170, 170, 170),
    "right arm": (255, 85, 0),
    "left arm": (0, 85, 255),
    "right leg": (255, 255, 0),
    "left leg": (0, 255, 255),
}
JOINT_COLORS: Final[dict[str, RGBTuple]] = {
    "nose": (255, 0, 255),
    "right eye": (255, 0, 170),
    "left eye": (170, 0, 255),
    "right ear": (255, 85, 170),
    "left ear": (170, 85, 255),
    "right shoulder": (255, 0, 0),
    "left shoulder": (0, 0, 255),
    "right elbow": (255, 0, 85),
    "left elbow": (85, 0, 255),
    "right wrist": (255, 85, 85),
    "left wrist": (85, 85, 255),
    "right hip": (255, 170, 0),
    "left hip": (0, 170, 255),
    "right knee": (255, 255, 85),
    "left knee": (0, 255, 170),
    "right ankle": (255, 170, 85),
    "left ankle": (85, 170, 255),
    "neck": (0, 255, 0),
    "base of the head": (170, 255, 170),
    "top of the head": (255, 170, 255),
    "thorax": (85, 255, 85),
    "pelvis": (0, 170, 0),
}
"""Joints of COCO, MPII, CrowdPose and AI Challenger."""

_LEVELS: Final = (255, 170, 85, 0)
_DARK: Final = 170
_WORDS: Final = (
    ("arm", {"elbow", "wrist", "hand", "thumb", "finger"}),
    ("leg", {"knee", "ankle", "foot", "heel", "toe", "paw", "hoof"}),
    ("head", {"nose", "eye", "ear", "head", "mouth", "chin"}),
)
_SHIFT: Final = 4


def joint_colors(skeleton: Skeleton) -> list[RGBTuple] | None:
    """A colour for every joint: by its name, else a spare one by its place among the unknown names.

    Returns:
        None when there are more joints than colours.
    """
    taken = {*JOINT_COLORS.values(), *LIMB_COLORS.values()}
    grid = [(red, green, blue) for red in _LEVELS for green in _LEVELS for blue in _LEVELS]
    spare = iter([color for color in grid if color not in taken and sum(color) >= _DARK])
    found = [JOINT_COLORS.get(joint.lower().replace("_", " ")) or next(spare, None) for joint in skeleton.joints]
    colors = [color for color in found if color is not None]
    return colors if len(set(colors)) == len(skeleton.joints) else None


def limb_of(first: str, second: str) -> str:
    """The limb that a bone belongs to, by the names of its two joints: a key of `LIMB_COLORS`.

    >>> limb_of("left shoulder", "left elbow"), limb_of("left shoulder", "left hip")
    ('left arm', 'torso')
    """
    words = {word for name in (first, second) for word in name.lower().replace("_", " ").split()}
    for limb, telling in _WORDS:
        if words & telling:
            side = next((side for side in ("right", "left") if side in words), "")
            return limb if limb == "head" else f"{side} {limb}" if side else "torso"
    return "torso"


def draw_bone(canvas: NDArray[np.uint8], first: Point, second: Point, width: float, color: RGBTuple | int) -> None:
    """Draw a bone, in place, without anti-aliasing.

    Args:
        canvas: (H, W, 3) uint8, or (H, W) of palette positions.
        first, second: its ends, pixel centres from 0.
        width: pixels; at least 1 is drawn.
        color: or its position.
    """
    ends = [tuple(round(value * 2**_SHIFT) for value in point) for point in (first, second)]
    cv2.line(canvas, ends[0], ends[1], color, max(1, round(width)), cv2.LINE_8, _SHIFT)


def joint_evidence(
    target: RGB, source: RGB, joints: Sequence[RGBTuple], limbs: Sequence[RGBTuple], *, lossless: bool
) -> list[Evidence]:
    """What each pixel says about each joint's discs, which lie above bones and may be covered by other discs.

    Args:
        target: (H, W, 3) uint8.
        source: what the figures were drawn on; (H, W, 3) uint8.
        joints, limbs: their colours.
        lossless: the target went through no lossy codec.
    """
    labels = classify(target, source, [*joints, *limbs], 1.0, lossless=True)
    bare = (labels == 0) | (labels > len(joints))
    least = 1.0 if lossless else CLEAR_DISTANCE**2
    found: list[Evidence] = []
    for position, rgb in enumerate(joints, start=1):
        telling = squared_distance(source, np.broadcast_to(np.array(rgb, np.uint8), source.shape)) >= least
        mine: NDArray[np.int8] = ((labels == position) & telling).astype(np.int8)
        found.append(mine - (bare & telling).astype(np.int8))
    return found
