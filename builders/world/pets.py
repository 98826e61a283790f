"""Portraits of cats and dogs: coats, ears and markings of several breeds, on soft backdrops."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from .breeds import Breed
from .canvas import Canvas, Gradient, Pen, Thing
from .colour import CLOTHES, Colour, darker, hex_colour, lighter, mix, palette, vary
from .pet_faces import INK, draw_face, face_patches
from .shapes import Pair, Shape, blob, capsule, ellipse, puffs, ribbon, shifted, smooth
from .sky import paper_grain


@dataclass(frozen=True)
class PetPicture:
    """A drawn pet.

    Attributes:
        rgb: (H, W, 3) uint8.
        mask: (H, W) bool, the pet.
        head_xyxy: box of the head in pixels, right and bottom exclusive.
    """

    rgb: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    head_xyxy: tuple[int, int, int, int]


def draw_pet(random: Random, breed: Breed, width: int, height: int) -> PetPicture:
    """Draw a portrait of a pet, head and chest, of width x height pixels."""
    canvas = Canvas(width, height)
    coat = vary(random, random.choice(palette(breed.coats)), 0.015)
    _backdrop(canvas, random, coat)
    size = min(width, height) * random.uniform(0.265, 0.295)
    x, y = width * random.uniform(0.44, 0.56), height * random.uniform(0.45, 0.49)
    tilt = random.uniform(-7, 7)
    with canvas.thing(Thing("cat" if breed.cat else "dog"), 127):
        _body(Pen(canvas, x, y, size), random, breed, coat, (height - y) / size)
        pen = Pen(canvas, x, y, size, angle=tilt, flip=random.random() < 0.5)
        outline = _head(pen, random, breed, coat)
    points = np.concatenate(pen.place(outline))
    low, high = np.floor(points.min(0)).astype(int), np.ceil(points.max(0)).astype(int)
    box = (max(int(low[0]), 0), max(int(low[1]), 0), min(int(high[0]), width), min(int(high[1]), height))
    picture = canvas.finish(noise=paper_grain(random, width, height))
    return PetPicture(picture.rgb, picture.mask(0), box)


def _backdrop(canvas: Canvas, random: Random, coat: Colour) -> None:
    """Soft wall with large quiet shapes, never close to the coat in colour."""
    choices = palette("#f7c6b0 #b9dcd4 #f6dca0 #c5cdf0 #e8c3dc #a9cfe6 #cfe0a8 #f2a98f #8fbfc0")
    far = sorted(choices, key=lambda colour: -sum(abs(a - b) for a, b in zip(colour, coat, strict=True)))
    base = random.choice(far[:6])
    width, height = canvas.width, canvas.height
    canvas.fill([np.array([(-2, -2), (width + 2, -2), (width + 2, height + 2), (-2, height + 2.0)])],
                Gradient(lighter(base, 0.4), darker(base, 0.06)))  # fmt: skip
    style = random.choice(("disc", "hills", "dots", "rays"))
    pale, deep = lighter(base, 0.45), darker(base, 0.1)
    if style == "disc":
        canvas.fill(ellipse(width / 2, height * 0.45, min(width, height) * 0.43), pale, alpha=0.75)
        for _ in range(7):
            canvas.fill(
                ellipse(random.uniform(0, width), random.uniform(0, height), random.uniform(3, 9)),
                deep,
                alpha=0.45,
            )
    elif style == "hills":
        for row in range(3):
            y = height * (0.62 + row * 0.12)
            line: list[Pair] = [(step * width / 5 - 20, y + random.uniform(-22, 22)) for step in range(7)]
            canvas.fill(
                smooth([(-60, height + 60), *line, (width + 60, height + 60)]),
                mix(pale, deep, row / 2),
                alpha=0.8,
            )
        canvas.fill(
            ellipse(width * random.choice((0.16, 0.84)), height * 0.17, width * 0.075),
            (255, 244, 205),
            alpha=0.9,
        )
    elif style == "dots":
        for row in range(12):
            for column in range(12):
                x = column * 58 + 29 * (row % 2)
                canvas.fill(ellipse(x, row * 50 + 12, 5.5, count=20), pale, alpha=0.8)
    else:
        for turn in range(0, 360, 30):
            angles = np.radians([turn, turn + 15])
            far_out = 2 * max(width, height)
            wedge = [(width / 2, height * 0.5)] + [
                (width / 2 + far_out * np.cos(a), height * 0.5 + far_out * np.sin(a)) for a in angles
            ]
            canvas.fill([np.array(wedge)], pale, alpha=0.5)
    canvas.shade(width * 0.52, height * 1.0, width * 0.42, height * 0.07, 0.25)


def _body(pen: Pen, random: Random, breed: Breed, coat: Colour, floor: float) -> None:
    """Neck, shoulders and chest down to the lower border, which lies floor head sizes below the head."""
    broad = 1.5 if breed.fluffy else (1.2 if breed.cat else 1.36)
    shape = smooth([(-0.66, 0.3), (0.66, 0.3), (0.86, 0.95), (broad, 1.6), (broad * 1.06, floor + 0.6),
                    (-broad * 1.06, floor + 0.6), (-broad, 1.6), (-0.86, 0.95)])  # fmt: skip
    if breed.fluffy:
        shape = shape + puffs(random, 0, 1.25, 1.2, 0.72, 15)
    pen.fill(shape, Gradient(coat, darker(coat, 0.16)))
    second = hex_colour(breed.second)
    if breed.pattern in ("blaze", "mask_pale", "tabby", "plain", "spots") and breed.name not in (
        "Bombay",
        "newfoundland",
    ):
        bib = smooth([(-0.44, 0.8), (0.44, 0.8), (0.62, 1.5), (0.36, floor + 0.4), (-0.36, floor + 0.4), (-0.62, 1.5)])
        pen.fill(bib, lighter(second, 0.1), within=shape, blur=0.05)
    if breed.pattern in ("tabby", "spots"):
        for side in (-1, 1):
            for row in range(4):
                y = 1.1 + row * 0.26
                mark = ribbon([(side * 0.55, y), (side * 0.85, y - 0.05), (side * 1.2, y + 0.1)], 0.09, 0.04)
                spot = blob(random, side * random.uniform(0.65, 1.05), y, 0.12, 0.085)
                pen.fill(mark if breed.pattern == "tabby" else spot, darker(coat, 0.42), within=shape)
    if breed.pattern == "saddle":
        pen.fill(blob(random, 0.95, 1.5, 0.5, 0.6), second, within=shape)
    if breed.fluffy:
        for _ in range(16):
            x, y = random.uniform(-0.95, 0.95), random.uniform(0.95, floor)
            pen.fill(
                ribbon([(x - 0.1, y), (x, y + 0.12), (x + 0.12, y + 0.02)], 0.035),
                darker(coat, 0.2),
                alpha=0.4,
                within=shape,
            )
    pen.fill(ellipse(0, 0.72, 0.86, 0.5), darker(coat, 0.6), alpha=0.3, within=shape, blur=0.12, solid=False)
    if random.random() < 0.7:
        _collar(pen, random)


def _collar(pen: Pen, random: Random) -> None:
    colour = CLOTHES[random.choice(("red", "teal", "blue", "purple", "orange"))]
    pen.fill(ribbon([(-0.76, 0.84), (0, 1.12), (0.76, 0.84)], 0.17), colour)
    pen.fill(ribbon([(-0.74, 0.8), (0, 1.08), (0.74, 0.8)], 0.035), lighter(colour, 0.5))
    pen.fill(ellipse(0, 1.27, 0.13), Gradient((255, 226, 130), (226, 168, 62)))
    pen.fill(ellipse(0, 1.27, 0.07), darker((226, 168, 62), 0.1))


def _head(pen: Pen, random: Random, breed: Breed, coat: Colour) -> Shape:
    """Ears, skull, markings and face; returns the outline of head and ears."""
    wide, skull = breed.wide, _skull(breed)
    hang = breed.ears in ("flop", "button", "rose")
    ears = [_ear(breed, side) for side in (-1, 1)]
    if not hang:
        for ear, side in zip(ears, (-1, 1), strict=True):
            _pointed_ear(pen, breed, coat, ear, side)
    pen.fill(skull, Gradient(lighter(coat, 0.13), darker(coat, 0.07)))
    face_patches(pen, random, breed.pattern, coat, hex_colour(breed.second), skull, wide)
    pen.fill(
        shifted(skull, 0.0, 0.62),
        darker(coat, 0.55),
        alpha=0.16,
        within=skull,
        blur=0.16,
        solid=False,
    )
    draw_face(
        pen,
        breed.cat,
        breed.pattern,
        coat,
        hex_colour(breed.second),
        hex_colour(breed.eyes),
        breed.snout,
        wide,
        skull,
    )
    if hang:
        shade = darker(coat, 0.3) if breed.pattern != "mask" else hex_colour(breed.second)
        if breed.pattern == "saddle":
            shade = hex_colour(breed.second)
        for ear in ears:
            pen.fill(
                shifted(ear, 0.03, 0.04),
                INK,
                alpha=0.22,
                within=skull,
                blur=0.05,
                solid=False,
            )
            pen.fill(ear, Gradient(lighter(shade, 0.12), darker(shade, 0.12)))
    return skull + ears[0] + ears[1]


def _skull(breed: Breed) -> Shape:
    """Round head with full cheeks; a long coat stands off at the sides."""
    wide, cheeks = breed.wide, 0.12 if breed.fluffy else 0.0
    skull = smooth(
        [
            (0, -0.92),
            (0.5 * wide, -0.8),
            (0.84 * wide, -0.3),
            ((0.88 + cheeks) * wide, 0.2),
            (0.62 * wide, 0.66),
            (0.26, 0.9),
            (-0.26, 0.9),
            (-0.62 * wide, 0.66),
            ((-0.88 - cheeks) * wide, 0.2),
            (-0.84 * wide, -0.3),
            (-0.5 * wide, -0.8),
        ]
    )
    if breed.fluffy:
        for side in (-1, 1):
            skull = skull + puffs(Random(11), side * 0.72 * wide, 0.34, 0.32, 0.36, 7)
    return skull


def _ear(breed: Breed, side: int) -> Shape:
    wide = breed.wide
    outlines: dict[str, list[Pair]] = {
        "pointed": [(0.2, -0.72), (0.5, -1.32), (0.66, -1.44), (0.8, -1.2), (0.88, -0.34)],
        "tufted": [(0.18, -0.72), (0.52, -1.42), (0.7, -1.66), (0.78, -1.3), (0.9, -0.34)],
        "flop": [
            (0.52, -0.82),
            (0.86, -0.74),
            (1.14, -0.2),
            (1.16, 0.42),
            (0.96, 0.64),
            (0.78, 0.36),
            (0.7, -0.2),
        ],
        "button": [(0.42, -0.86), (0.8, -0.88), (1.0, -0.5), (0.92, -0.14), (0.7, -0.36)],
        "rose": [(0.5, -0.84), (0.96, -0.86), (1.14, -0.56), (0.98, -0.32), (0.72, -0.5)],
    }
    return smooth([(side * wide * x, y) for x, y in outlines[breed.ears]])


def _pointed_ear(pen: Pen, breed: Breed, coat: Colour, ear: Shape, side: int) -> None:
    shade = hex_colour(breed.second) if breed.pattern == "points" else darker(coat, 0.1)
    pen.fill(ear, Gradient(shade, mix(shade, coat, 0.6)))
    centre = ear[0].mean(0)
    inner = [(points - centre) * 0.62 + centre + (0, 0.05) for points in ear]
    pink = mix((240, 170, 160), shade, 0.25)
    pen.fill(inner, Gradient(lighter(pink, 0.1), darker(pink, 0.1)))
    if breed.ears == "tufted":
        for lean in (-0.05, 0.02, 0.08):
            tip = (side * 0.72 * breed.wide + lean, -1.74)
            pen.fill(capsule((side * 0.68 * breed.wide, -1.45), tip, 0.03, 0.005), darker(coat, 0.3))
