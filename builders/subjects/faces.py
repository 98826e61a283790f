"""Faces: which skeletons are faces, and which part of a face each landmark belongs to."""

from __future__ import annotations

import functools
from typing import Final

from ..sample import Skeleton

JAW, EYEBROWS, NOSE, EYES, MOUTH = "jaw line", "eyebrows", "nose", "eyes", "mouth"
FACE_PARTS: Final = (JAW, EYEBROWS, NOSE, EYES, MOUTH)
"""In the order in which they are drawn."""

_WORDS: Final = (
    (EYEBROWS, ("brow",)),
    (JAW, ("jaw", "chin", "cheek", "contour")),
    (NOSE, ("nose", "nostril", "nasal")),
    (MOUTH, ("mouth", "lip")),
    (EYES, ("eye", "pupil", "iris")),
)
"""Looked for one after another: an eyebrow is no eye, and the way from the ear to the chin is the jaw's."""
_LEAST_JOINTS: Final = 5


@functools.lru_cache(maxsize=4096)
def face_part(joint: str) -> str | None:
    """The part of the face that a landmark belongs to by its name, one of `FACE_PARTS`; None when it is no landmark."""
    name = joint.lower()
    return next((part for part, words in _WORDS if any(word in name for word in words)), None)


@functools.lru_cache(maxsize=256)
def is_face(skeleton: Skeleton) -> bool:
    """Whether all joints are landmarks of a face, eyes, nose and mouth among them."""
    parts = [face_part(joint) for joint in skeleton.joints]
    return len(parts) >= _LEAST_JOINTS and None not in parts and {EYES, NOSE, MOUTH} <= set(parts)
