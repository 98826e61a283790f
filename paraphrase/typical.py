"""Slot values as datasets bring them, drawn at random, to try banks on instructions instead of bare templates."""

from __future__ import annotations

import random

from .grammar import definite, indefinite, join

_NAMES = (
    "person", "bicycle", "car", "airplane", "bus", "train", "truck", "boat", "traffic light", "bench", "bird", "cat",
    "dog", "horse", "sheep", "elephant", "zebra", "backpack", "umbrella", "suitcase", "kite", "surfboard", "bottle",
    "wine glass", "cup", "fork", "bowl", "banana", "apple", "pizza", "chair", "couch", "potted plant", "dining table",
    "laptop", "book", "clock", "vase", "scissors", "teddy bear", "grass", "sky", "road", "wall", "tree",
)  # fmt: skip
_COLORS = (
    "red", "green", "blue", "yellow", "orange", "purple", "pink", "cyan", "magenta", "brown", "lime", "teal", "navy",
    "olive", "gray", "white",
)  # fmt: skip
_JOINTS = (
    "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow",
    "right elbow", "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left ankle",
)  # fmt: skip
_PARTS = ("wheel", "door", "window", "roof", "head", "tail", "leg", "ear", "arm", "handle", "wing", "seat", "neck")
_EXPRESSIONS = (
    "left guy", "woman in red coat", "the bigger of the two elephants", "man with hat", "second cup from the left",
    "blue car behind the bus", "girl holding the umbrella", "dog on the couch", "far right zebra", "kid in front",
    "the chair nobody sits on", "top slice",
)  # fmt: skip
_CAPTIONS = (
    "A dog runs across a lawn", "Two people wait for a bus in the rain", "A bowl of fruit on a wooden table",
    "A man rides a wave on a surfboard", "A cat sleeps on top of a laptop", "Horses graze in front of a mountain",
    "A kitchen with white cabinets and a gas stove", "A red train pulls into the station",
)  # fmt: skip
_INSTRUCTIONS = ("Make the sky purple", "remove the person on the left please", "Turn the dog into a cat", "add snow")
_FACES = ("the face", "the leftmost face", "the second face from the left", "the rightmost face")


def typical_value(slot: str, draw: random.Random) -> str:
    """A value for a slot of any task; a slot that nobody knows gets a noun phrase."""
    if slot in ("color", "yes", "no", "background", "lines", "first", "second"):
        return draw.choice(_COLORS)
    if slot == "colors":
        return ", ".join(draw.sample(_COLORS, 5))
    if slot == "legend":
        return join([f"{_object(draw)} in {color}" for color in draw.sample(_COLORS, draw.randint(1, 3))])
    if slot == "range":
        far = draw.randint(3, 80)
        return draw.choice((f"0 m in black to {far} m in white", f"0 m in white to {far} m in black"))
    if slot == "ramp":
        return f"black, red, yellow, green, cyan, blue, magenta and white at {draw.randint(3, 80)} m"
    if slot == "width":
        return draw.choice(("1 pixel", f"{draw.randint(2, 9)} pixels"))
    lists = {
        "joint": [definite(name, None, draw) for name in _JOINTS],
        "part": [definite(name, None, draw) for name in _PARTS],
        "category": [indefinite(name) for name in _NAMES],
        "expression": _EXPRESSIONS,
        "caption": _CAPTIONS,
        "instruction": _INSTRUCTIONS,
        "face": _FACES,
        "colormap": ("turbo", "viridis", "inferno", "Spectral"),
        "axes": ("red for left, green for up and blue for toward the viewer",),
    }
    return draw.choice(lists[slot]) if slot in lists else _object(draw)


def _object(draw: random.Random) -> str:
    return definite(draw.choice(_NAMES), draw.choice((None, 1, 1, 2, 3)), draw)
