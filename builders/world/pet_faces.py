"""Faces of the pet portraits: markings, muzzle, eyes, whiskers."""

from __future__ import annotations

from random import Random

from .canvas import Gradient, Pen
from .colour import Colour, darker, lighter, mix
from .shapes import Shape, blob, capsule, ellipse, ribbon, sector, smooth

INK: Colour = (46, 34, 40)


def face_patches(
    pen: Pen, random: Random, pattern: str, coat: Colour, second: Colour, skull: Shape, wide: float
) -> None:
    """Draw a breed's markings on the skull."""
    dark = darker(coat, 0.42)
    if pattern in ("tabby", "spots"):
        for across in (-0.22, 0.0, 0.22):
            pen.fill(
                ribbon([(across, -0.95), (across * 0.8, -0.7), (across * 0.62, -0.48)], 0.09, 0.03),
                dark,
                within=skull,
            )
        for side in (-1, 1):
            for row in range(3):
                y = 0.0 + row * 0.22
                pen.fill(
                    ribbon([(side * 0.62 * wide, y + 0.06), (side * 0.95 * wide, y - 0.06)], 0.035, 0.08),
                    dark,
                    within=skull,
                )
        if pattern == "spots":
            for _ in range(7):
                spot = blob(
                    random,
                    random.choice((-1, 1)) * random.uniform(0.34, 0.66),
                    random.uniform(-0.72, -0.4),
                    0.07,
                    0.05,
                )
                pen.fill(spot, dark, within=skull)
    elif pattern == "points":
        pen.fill(ellipse(0, 0.24, 0.52, 0.6), second, alpha=0.85, within=skull, blur=0.14)
    elif pattern == "blaze":
        pen.fill(smooth([(-0.1, -1.0), (0.1, -1.0), (0.13, -0.3), (0.5, 0.3), (0.42, 0.95), (-0.42, 0.95), (-0.5, 0.3),
                         (-0.13, -0.3)]), second, within=skull)  # fmt: skip
    elif pattern == "mask":
        pen.fill(ellipse(0, 0.42, 0.56, 0.5), second, alpha=0.92, within=skull, blur=0.06)
        for across in (-0.12, 0.0, 0.12):
            pen.fill(
                ribbon([(across, -0.62), (across * 1.3, -0.4)], 0.04),
                darker(coat, 0.35),
                alpha=0.7,
                within=skull,
            )
    elif pattern == "mask_pale":
        for side in (-1, 1):
            pen.fill(ellipse(side * 0.5 * wide, 0.42, 0.42, 0.4), second, within=skull, blur=0.06)
            pen.fill(ellipse(side * 0.3, -0.4, 0.12, 0.08), second, within=skull)
    elif pattern == "saddle":
        pen.fill(blob(random, 0.5, -0.3, 0.46, 0.5), second, within=skull)


def draw_face(
    pen: Pen,
    cat: bool,
    pattern: str,
    coat: Colour,
    second: Colour,
    iris: Colour,
    snout: float,
    wide: float,
    skull: Shape,
) -> None:
    """Draw muzzle, nose, mouth, eyes, whiskers."""
    pale = {"mask": darker(second, 0.1), "points": lighter(second, 0.08)}.get(
        pattern, lighter(mix(coat, second, 0.8), 0.1)
    )
    nose_y = 0.22 if cat else 0.16
    if cat:
        for side in (-1, 1):
            pen.fill(ellipse(side * snout * 0.42, 0.44, snout * 0.52, snout * 0.44), pale, within=skull)
        pen.fill(ellipse(0, 0.62, snout * 0.42, snout * 0.3), pale, within=skull)
    else:
        muzzle = smooth([(0, -0.06), (snout * 0.62, 0.1), (snout * 0.9, 0.46), (snout * 0.5, 0.8), (0, 0.86),
                         (-snout * 0.5, 0.8), (-snout * 0.9, 0.46), (-snout * 0.62, 0.1)])  # fmt: skip
        pen.fill(muzzle, Gradient(lighter(pale, 0.1), darker(pale, 0.06)), within=skull)
    for side in (-1, 1):
        _eye(pen, side, cat, iris, wide)
    _nose_and_mouth(pen, cat, nose_y, pale, coat)


def _eye(pen: Pen, side: int, cat: bool, iris: Colour, wide: float) -> None:
    x, y = side * (0.4 if cat else 0.38) * wide, -0.1 if cat else -0.12
    if cat:
        almond = smooth(
            [
                (x - side * 0.21, y + 0.07),
                (x - side * 0.08, y - 0.14),
                (x + side * 0.12, y - 0.15),
                (x + side * 0.22, y - 0.06),
                (x + side * 0.08, y + 0.13),
                (x - side * 0.1, y + 0.14),
            ]
        )
        pen.fill([(points - (x, y)) * 1.16 + (x, y) for points in almond], INK)
        pen.fill(almond, Gradient(lighter(iris, 0.3), darker(iris, 0.12)))
        pen.fill(ellipse(x, y, 0.07, 0.125), INK, within=almond)
        pen.fill(ellipse(x + 0.055, y - 0.07, 0.042), (255, 255, 255))
        pen.fill(ellipse(x - 0.05, y + 0.06, 0.02), (255, 255, 255), alpha=0.8)
        return
    pen.fill(ellipse(x, y, 0.165, 0.175), INK)
    pen.fill(ellipse(x, y + 0.015, 0.135, 0.14), Gradient(darker(iris, 0.35), lighter(iris, 0.18)))
    pen.fill(ellipse(x, y, 0.085, 0.09), (26, 18, 22))
    pen.fill(ellipse(x + 0.05, y - 0.065, 0.046), (255, 255, 255))
    pen.fill(ellipse(x - 0.055, y + 0.06, 0.02), (255, 255, 255), alpha=0.7)


def _nose_and_mouth(pen: Pen, cat: bool, y: float, pale: Colour, coat: Colour) -> None:
    line = darker(pale, 0.62) if sum(pale) > 300 else lighter(pale, 0.25)
    drop = y + (0.2 if cat else 0.3)
    if not cat:
        tongue = smooth(
            [
                (-0.13, drop + 0.1),
                (0.13, drop + 0.1),
                (0.13, drop + 0.3),
                (0, drop + 0.42),
                (-0.13, drop + 0.3),
            ]
        )
        pen.fill(tongue, Gradient((226, 96, 104), (244, 140, 146)))
        pen.fill(ribbon([(0, drop + 0.12), (0, drop + 0.32)], 0.02), (206, 78, 90))
    width = 0.17 if cat else 0.26
    pen.fill(ribbon([(0, y + 0.06), (0, drop)], 0.028), line)
    for side in (-1, 1):
        pen.fill(ribbon([(0, drop), (side * width * 0.5, drop + 0.085), (side * width, drop + 0.02)], 0.032), line)
    if cat:
        _cat_nose(pen, y, coat)
    else:
        _dog_nose(pen, y, pale)


def _cat_nose(pen: Pen, y: float, coat: Colour) -> None:
    """Nose and whiskers; the whiskers are too fine to count as part of the cat."""
    nose = smooth(
        [
            (-0.11, y - 0.04),
            (0, y - 0.06),
            (0.11, y - 0.04),
            (0.05, y + 0.06),
            (0, y + 0.09),
            (-0.05, y + 0.06),
        ]
    )
    pen.fill(nose, (226, 132, 128) if sum(coat) > 260 else (92, 74, 82))
    tone: Colour = (255, 252, 246) if sum(coat) < 520 else darker(coat, 0.4)
    for side in (-1, 1):
        for row in range(3):
            start, rise = (side * 0.26, 0.4 + row * 0.08), -0.1 + row * 0.12
            stop = (side * 1.12, 0.34 + row * 0.1 + rise)
            pen.fill(
                ribbon([start, (side * 0.66, 0.37 + row * 0.08 + rise * 0.3), stop], 0.02, 0.006),
                tone,
                alpha=0.85,
                solid=False,
            )


def _dog_nose(pen: Pen, y: float, pale: Colour) -> None:
    """Shiny nose and the dots of the whiskers."""
    pen.fill(
        smooth(
            [
                (-0.2, y - 0.07),
                (0, y - 0.12),
                (0.2, y - 0.07),
                (0.15, y + 0.09),
                (0, y + 0.15),
                (-0.15, y + 0.09),
            ]
        ),
        INK,
    )
    pen.fill(sector(0, y - 0.03, 0.1, 200, 340, 0.5), (130, 116, 128), alpha=0.8)
    for side in (-1, 1):
        for row in range(3):
            pen.fill(ellipse(side * (0.24 + row * 0.07), y + 0.24 + (row % 2) * 0.07, 0.016), darker(pale, 0.4))
    pen.fill(capsule((-0.04, y - 0.08), (0.04, y - 0.08), 0.02), (150, 136, 148), alpha=0.7)
