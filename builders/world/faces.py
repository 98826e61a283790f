"""Heads of the drawn people: face, hair, and where the five COCO face joints lie."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from .canvas import Pen
from .colour import Colour, darker, lighter, mix
from .poses import Joint, View
from .shapes import Shape, capsule, chain, ellipse, puffs, ribbon, sector, shifted, smooth

INK: Colour = (52, 38, 44)
BLUSH: Colour = (235, 110, 105)


@dataclass(frozen=True)
class Head:
    """Place and looks of a head; x, y is its centre and radius half its height, in the figure's units."""

    x: float
    y: float
    radius: float
    view: View
    skin: Colour
    hair: Colour
    hairdo: str
    beard: bool

    def at(self, across: float, down: float) -> Joint:
        """Return a point given in head radii from the centre."""
        return (self.x + across * self.radius, self.y + down * self.radius)


def face_joints(head: Head) -> dict[str, tuple[Joint, float]]:
    """Return nose, eye_a, eye_b, ear_a, ear_b with COCO visibility (2 seen, 1 hidden by the head or hair)."""
    if head.view == "side":
        ear = 1.0 if head.hairdo in ("long", "bob", "curly") else 2.0
        return {
            "nose": (head.at(0.96, 0.16), 2.0),
            "eye_a": (head.at(0.56, -0.04), 2.0),
            "eye_b": (head.at(0.8, -0.04), 1.0),
            "ear_a": (head.at(-0.12, 0.1), ear),
            "ear_b": (head.at(0.0, 0.1), 1.0),
        }
    seen = 1.0 if head.view == "back" else 2.0
    ear = 1.0 if head.hairdo in ("long", "bob", "curly") else 2.0
    return {
        "nose": (head.at(0.0, 0.2), seen),
        "eye_a": (head.at(0.36, -0.03), seen),
        "eye_b": (head.at(-0.36, -0.03), seen),
        "ear_a": (head.at(0.88, 0.08), ear),
        "ear_b": (head.at(-0.88, 0.08), ear),
    }


def hair_behind(pen: Pen, head: Head) -> None:
    """Draw the hair that hangs behind neck and torso."""
    r, shade = head.radius, darker(head.hair, 0.14)
    back = -0.25 if head.view == "side" else 0.0
    x, y = head.at(back, 0)
    if head.hairdo == "long":
        pen.fill(smooth([(x - r, y - r * 0.4), (x, y - r), (x + r, y - r * 0.4), (x + r * 1.02, y + r * 1.7),
                         (x, y + r * 1.95), (x - r * 1.06, y + r * 1.7)]), shade)  # fmt: skip
    elif head.hairdo == "bob":
        pen.fill(smooth([(x - r, y - r * 0.3), (x, y - r), (x + r, y - r * 0.3), (x + r * 1.06, y + r * 0.85),
                         (x, y + r), (x - r * 1.06, y + r * 0.85)]), shade)  # fmt: skip
    elif head.hairdo == "curly":
        pen.fill(_curls(head), shade)
    elif head.hairdo == "ponytail" and head.view == "side":
        pen.fill(
            ribbon([head.at(-0.75, -0.5), head.at(-1.5, -0.2), head.at(-1.65, 1.1)], r * 0.55, r * 0.12),
            shade,
        )
    elif head.hairdo == "bun":
        bun = head.at(-0.6, -1.0) if head.view == "side" else head.at(0, -1.2)
        pen.fill(ellipse(*bun, r * 0.42), shade)


def _curls(head: Head) -> Shape:
    back = -0.2 if head.view == "side" else 0.0
    x, y = head.at(back, -0.2)
    return puffs(Random(7), x, y, head.radius * 1.28, head.radius * 1.22, 10)


def draw_head(pen: Pen, head: Head) -> Shape:
    """Draw the head and return its outline."""
    r = head.radius
    outline = smooth(
        [head.at(0, -1), head.at(0.66, -0.78), head.at(0.9, -0.1), head.at(0.72, 0.6), head.at(0.2, 0.98),
         head.at(-0.2, 0.98), head.at(-0.72, 0.6), head.at(-0.9, -0.1), head.at(-0.66, -0.78)]
    )  # fmt: skip
    if head.view == "back":
        pen.fill(outline, head.skin)
        _hair_front(pen, head, outline)
        return outline
    if head.view == "front":
        for across in (-0.9, 0.9):
            pen.fill(ellipse(*head.at(across, 0.08), r * 0.17, r * 0.22), darker(head.skin, 0.08))
    pen.fill(outline, head.skin)
    if head.view == "side":
        pen.fill(ellipse(*head.at(0.9, 0.16), r * 0.15, r * 0.13), head.skin)
    shade = shifted(outline, -r * 0.5, r * 0.1)
    pen.fill(shade, darker(head.skin, 0.5), alpha=0.13, within=outline, blur=r * 0.12, solid=False)
    _features(pen, head, outline)
    _hair_front(pen, head, outline)
    if head.view == "side" and head.hairdo not in ("long", "bob", "curly"):
        pen.fill(ellipse(*head.at(-0.12, 0.1), r * 0.17, r * 0.22), mix(head.skin, BLUSH, 0.14))
    return outline


def _features(pen: Pen, head: Head, outline: Shape) -> None:
    r = head.radius
    if head.view == "side":
        pen.fill(ellipse(*head.at(0.56, -0.04), r * 0.085, r * 0.12), INK)
        pen.fill(ellipse(*head.at(0.42, 0.34), r * 0.18, r * 0.13), BLUSH, alpha=0.4, blur=r * 0.05, solid=False)
        mouth = [head.at(0.46, 0.56), head.at(0.6, 0.62), head.at(0.74, 0.54)]
    else:
        for across in (-0.36, 0.36):
            pen.fill(ellipse(*head.at(across, -0.03), r * 0.095, r * 0.125), INK)
            pen.fill(ellipse(*head.at(across * 1.35, 0.34), r * 0.17, r * 0.12), BLUSH, alpha=0.4,
                     blur=r * 0.05, solid=False)  # fmt: skip
            brow = [head.at(across - 0.16, -0.28), head.at(across, -0.34), head.at(across + 0.16, -0.28)]
            pen.fill(ribbon(brow, r * 0.07), darker(head.hair, 0.1))
        pen.fill(capsule(head.at(0.02, 0.08), head.at(0.05, 0.22), r * 0.06), darker(head.skin, 0.2))
        mouth = [head.at(-0.24, 0.5), head.at(0, 0.62), head.at(0.24, 0.5)]
    if head.beard:
        across, low, reach = (0.3, 0.42, 0.8) if head.view == "side" else (0.0, 0.34, 1.05)
        beard = sector(*head.at(across, low), r * reach, 0, 180, 0.95)
        pen.fill(beard, head.hair, within=outline)
    pen.fill(ribbon(mouth, r * 0.09), (150, 52, 58))


def _hair_front(pen: Pen, head: Head, outline: Shape) -> None:
    """Draw the hair or cap over the skull."""
    r, colour = head.radius, head.hair
    if head.view == "back":
        cover = smooth([head.at(-0.98, 0.2), head.at(-0.75, -0.85), head.at(0, -1.12), head.at(0.75, -0.85),
                        head.at(0.98, 0.2), head.at(0.6, 0.75), head.at(-0.6, 0.75)])  # fmt: skip
    elif head.view == "side":
        cover = smooth(
            [
                head.at(0.72, -0.5),
                head.at(0.5, -1.06),
                head.at(-0.3, -1.12),
                head.at(-1.0, -0.5),
                head.at(-0.98, 0.35),
                head.at(-0.55, 0.62),
                head.at(-0.3, 0.0),
                head.at(0.15, -0.38),
            ]
        )
    elif head.hairdo in ("long", "bob", "ponytail", "bun"):
        cover = smooth([head.at(-0.97, 0.2), head.at(-0.86, -0.72), head.at(0, -1.14), head.at(0.86, -0.72),
                        head.at(0.97, 0.2), head.at(0.74, -0.28), head.at(0.2, -0.66), head.at(-0.4, -0.44),
                        head.at(-0.78, -0.18)])  # fmt: skip
    else:
        cover = smooth(
            [
                head.at(-0.94, -0.05),
                head.at(-0.9, -0.72),
                head.at(-0.1, -1.18),
                head.at(0.84, -0.8),
                head.at(0.94, -0.05),
                head.at(0.7, -0.46),
                head.at(0, -0.55),
                head.at(-0.7, -0.42),
            ]
        )
    if head.hairdo == "cap":
        _cap(pen, head, cover)
        return
    pen.fill(cover, colour)
    shine = chain([head.at(-0.35, -0.86), head.at(0.25, -0.92)], [r * 0.06, r * 0.05])
    pen.fill(shine, lighter(colour, 0.45), alpha=0.5, within=cover, solid=False)
    if head.hairdo == "curly":
        pen.fill([points for points in _curls(head) if points[:, 1].max() < head.y - r * 0.1], colour)
    elif head.hairdo == "quiff" and head.view != "back":
        pen.fill(ribbon([head.at(-0.5, -0.9), head.at(0.1, -1.2), head.at(0.72, -0.98)], r * 0.5, r * 0.2), colour)


def _cap(pen: Pen, head: Head, cover: Shape) -> None:
    r, colour = head.radius, mix(darker(head.hair, 0.1), (224, 92, 76), 0.75)
    pen.fill(cover, head.hair)
    pen.fill(sector(*head.at(0, -0.3), r * 0.96, 180, 360, 0.95), colour)
    if head.view == "side":
        pen.fill(capsule(head.at(0.4, -0.34), head.at(1.3, -0.26), r * 0.1, r * 0.06), darker(colour, 0.2))
    else:
        pen.fill(capsule(head.at(-0.7, -0.34), head.at(0.7, -0.34), r * 0.11), darker(colour, 0.2))
