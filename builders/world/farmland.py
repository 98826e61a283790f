"""Drawn farm land: fences, barns, fields in rows."""

from __future__ import annotations

from random import Random

from .canvas import Canvas, Gradient, Pen
from .colour import Colour, darker, hex_colour, lighter, mix
from .names import ADE
from .shapes import capsule, chain, ellipse, polygon, rectangle, ribbon, sector
from .sky import Mood
from .town import LIT


def draw_fence(canvas: Canvas, y: float, height: float, colour: Colour) -> None:
    """Draw a wooden fence across the picture."""
    with canvas.stuff(ADE["fence"]):
        for level in (0.35, 0.75):
            canvas.fill(
                rectangle(-5, y - height * level - 2, canvas.width + 5, y - height * level + 2),
                Gradient(lighter(colour, 0.2), darker(colour, 0.1)),
            )
        for step in range(int(canvas.width / (height * 1.6)) + 2):
            x = step * height * 1.6
            canvas.fill(
                rectangle(x - 3, y - height, x + 3, y + 2, 2),
                Gradient(lighter(colour, 0.2), darker(colour, 0.15)),
            )


def draw_barn(canvas: Canvas, x: float, y: float, width: float, mood: Mood) -> None:
    """Draw a red barn whose front stands at (x, y), with a silo."""
    pen = Pen(canvas, x, y, width)
    red, cream = mix(hex_colour("#c5504a"), mood.haze, 0.12), (250, 242, 228)
    with canvas.stuff(ADE["building"]):
        pen.fill(rectangle(0.52, -0.92, 0.76, 0.0, 0.02), Gradient((226, 226, 228), (176, 180, 192), across=True))
        pen.fill(sector(0.64, -0.9, 0.12, 180, 360), (150, 160, 178))
        front = polygon((-0.5, 0), (-0.5, -0.46), (-0.36, -0.68), (0.0, -0.86), (0.36, -0.68), (0.5, -0.46), (0.5, 0))
        pen.fill(front, Gradient(lighter(red, 0.1), darker(red, 0.12)))
        for step in range(9):
            pen.fill(
                capsule((-0.4 + step * 0.1, -0.9), (-0.4 + step * 0.1, 0), 0.003),
                darker(red, 0.3),
                alpha=0.5,
                within=front,
            )
        for side in (-1, 1):
            edge = [(0.0, -0.89), (side * 0.38, -0.7), (side * 0.54, -0.45)]
            pen.fill(chain(edge, [0.028] * 3), (92, 84, 104))
        pen.fill(rectangle(-0.2, -0.4, 0.2, 0), cream)
        pen.fill(rectangle(-0.17, -0.37, 0.17, 0), darker(red, 0.12))
        for start, stop in (((-0.17, -0.37), (0.17, 0)), ((0.17, -0.37), (-0.17, 0)), ((0, -0.37), (0, 0))):
            pen.fill(capsule(start, stop, 0.012), cream)
        pen.fill(ellipse(0, -0.6, 0.075), cream)
        pen.fill(ellipse(0, -0.6, 0.055), LIT if mood.dark else (84, 74, 92))


def draw_crops(canvas: Canvas, random: Random, top: float, bottom: float, colour: Colour) -> None:
    """Draw a ploughed or sown field whose rows run to one point."""
    with canvas.stuff(ADE["field"]):
        area = rectangle(-2, top, canvas.width + 2, bottom)
        canvas.fill(area, Gradient(lighter(colour, 0.2), colour))
        vanish = random.uniform(0.3, 0.7) * canvas.width
        for step in range(-14, 15):
            x = vanish + step * canvas.width * 0.12
            canvas.fill(
                ribbon([(vanish + step * 14.0, top), (x, bottom + 4)], 1.0, 5.0),
                darker(colour, 0.16),
                alpha=0.55,
                within=area,
            )
