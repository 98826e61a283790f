"""Values that fill the slots of a candidate when it is tried out: long ones for length, short ones for grammar."""

from __future__ import annotations

from collections.abc import Sequence

from ..templates import fill, make_template

_SIX_ENTRIES = (
    "all the grass in red, the sky in blue, every brick wall in orange, all of the chests of drawers in green, "
    "each car in yellow and every person in purple"
)
_THREE_ENTRIES = (
    "all of the chests of drawers in magenta, both American bulldogs in orange and every visible "
    "traffic light in purple"
)
_FACE = "the jaw line in red, the eyebrows in green, the nose in blue, the eyes in white and the mouth in cyan"
_CAPTION = "A man in a red jacket rides a brown horse along a sandy beach while two small dogs run after him at sunset"
_SHORT_CAPTION = "A man in a red jacket rides a brown horse along a sandy beach at sunset"
_QUOTED = '"the bigger of the two elephants" in magenta, "left guy in black" in orange and "woman on phone" in green'

# The longest that the tasks plausibly ask for. CLIP's tokens: captions are cut to 26 words by their builder, 16 beside
# a legend; a legend has up to six entries where it lists the classes of a scene, three elsewhere.
LONGEST = {
    "axes": "red where surfaces face right, green where they face up and blue where they face the camera, "
    "with gray for unknown",
    "background": "magenta",
    "caption": _CAPTION,
    "category": "an American Staffordshire terrier",
    "color": "magenta",
    "colormap": "viridis",
    "colors": "magenta, orange, purple, yellow, white",
    "expression": "the second elephant from the left, the bigger of the two",
    "face": "the second face from the left",
    "factor": "8x",
    "first": "magenta",
    "instruction": "Replace the old wooden fence on the left of the house with a low stone wall and add some flowers",
    "joint": "every visible left shoulder of the person in front",
    "legend": _THREE_ENTRIES,
    "lines": "magenta",
    "no": "magenta",
    "object": "all of the chests of drawers",
    "part": "all the door handles of the chests of drawers",
    "ramp": "black at 0 m, red at 0.6 m, yellow at 1.4 m, green at 2.5 m, cyan at 4.4 m, blue at 8.2 m, magenta at "
    "21.1 m, white at infinity",
    "range": "white at the nearest point to black at the farthest on an inverse-depth scale",
    "second": "orange",
    "width": "15 pixels",
    "yes": "orange",
}
_LONGEST_OF: dict[str, dict[str, str]] = {
    "face_alignment": {"legend": _FACE},
    "panoptic": {"legend": _SIX_ENTRIES},
    "semantic": {"legend": _SIX_ENTRIES},
    "inverse.mask": {"legend": _SIX_ENTRIES},
    "inverse.mask-caption": {"caption": _SHORT_CAPTION},
    "inverse.boxes-caption": {"caption": _SHORT_CAPTION},
    "referring": {"legend": _QUOTED},
}
_UNKNOWN_LONGEST = "all of the American Staffordshire terriers"

# Singular, plural, mass and plural-only values for slots that are noun phrases.
_NOUNS = ("the dog", "all three dogs", "the grass", "the scissors", "every hourglass")
# Nobody knows whether the values of a slot not listed bring an article; these need none.
_UNKNOWN = ("orange", "blue")
EXAMPLES: dict[str, tuple[str, ...]] = {
    "object": _NOUNS,
    "part": ("every wheel of a car", "all left arms", "the roof", "the scissors", "the fur"),
    "joint": ("the left shoulder", "the person's nose", "both left wrists", "every visible left ear"),
    "face": ("the face", "the leftmost face"),
    "category": ("a dog", "grass", "scissors", "an orange"),
    "expression": ("left guy", "woman in red coat", "the bigger of the two elephants"),
    "legend": ("the dog in red, the two cats in blue and the grass in orange", "the dog in red"),
    "color": ("orange", "blue"),
    "yes": ("green", "orange"),
    "no": ("red", "white"),
    "background": ("black", "orange"),
    "lines": ("white", "yellow"),
    "first": ("cyan", "red"),
    "second": ("yellow", "green"),
    "width": ("1 pixel", "3 pixels"),
    "factor": ("2x", "8x"),
    "range": ("0 m in black to 10 m in white", "the nearest point in black to the farthest in white"),
    "colormap": ("turbo", "viridis"),
    "colors": ("red, green, blue, yellow, magenta", "orange, cyan, red"),
    "ramp": ("black, red, yellow, green, cyan, blue, magenta and white",),
    "axes": ("red for left, green for up and blue for toward the viewer",),
    "caption": ("A dog runs across a lawn",),
    "instruction": ("Make the sky purple", "remove the person on the left please"),
}


def fill_longest(text: str, task: str, section: str, slots: Sequence[str]) -> str:
    """The sentence with the longest plausible value in each slot."""
    special = {**_LONGEST_OF.get(task, {}), **_LONGEST_OF.get(f"{task}.{section}", {})}
    longest = {slot: special.get(slot) or LONGEST.get(slot, _UNKNOWN_LONGEST) for slot in slots}
    return fill(make_template(task, section, text, slots, "candidate"), longest)


def fill_examples(text: str, task: str, section: str, slots: Sequence[str]) -> list[str]:
    """The sentence with each kind of value in turn: as many fillings as the slot with the most examples has."""
    template = make_template(task, section, text, slots, "candidate")
    examples = {slot: EXAMPLES.get(slot, _UNKNOWN) for slot in slots}
    most = max((len(values) for values in examples.values()), default=1)
    return [
        fill(template, {slot: values[turn % len(values)] for slot, values in examples.items()}) for turn in range(most)
    ]
