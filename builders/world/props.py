"""Drawn things that people use outdoors: bench, umbrella, ball, kite, traffic light, swings."""

from __future__ import annotations

import math
from random import Random

from .canvas import Canvas, Gradient, Pen
from .colour import CLOTHES, Colour, darker, lighter
from .shapes import Pair, Shape, capsule, chain, ellipse, polygon, rectangle, ribbon, sector, shifted

WOOD: Colour = (176, 118, 74)
IRON: Colour = (66, 66, 84)


def draw_bench(canvas: Canvas, x: float, y: float, width: float) -> None:
    """Draw a park bench of the given width in pixels whose feet stand at y."""
    pen = Pen(canvas, x, y, width)
    for side in (-0.4, 0.4):
        pen.fill(chain([(side, 0), (side, -0.24), (side, -0.52)], [0.018, 0.018, 0.014]), IRON)
        pen.fill(chain([(side, -0.24), (side * 1.06, 0)], [0.016, 0.016]), IRON)
    for row in range(3):
        top = -0.52 + row * 0.085
        pen.fill(rectangle(-0.5, top, 0.5, top + 0.06, 0.02), Gradient(lighter(WOOD, 0.18), darker(WOOD, 0.08)))
    pen.fill(rectangle(-0.52, -0.25, 0.52, -0.19, 0.02), Gradient(lighter(WOOD, 0.25), WOOD))
    pen.fill(rectangle(-0.52, -0.19, 0.52, -0.165, 0.01), darker(WOOD, 0.35))


def draw_parasol(canvas: Canvas, x: float, y: float, height: float, colour: Colour, tilt: float) -> None:
    """Draw an open umbrella whose stick ends at (x, y), height pixels tall, leaning by tilt degrees."""
    pen = Pen(canvas, x, y, height, angle=tilt)
    pen.fill(capsule((0, 0), (0, -0.95), 0.014), (236, 226, 208))
    dome = sector(0, -0.62, 0.58, 180, 360, 0.66)
    pen.fill(dome, Gradient(lighter(colour, 0.18), darker(colour, 0.1)))
    for centre, spread in ((-0.36, 0.11), (0.0, 0.13), (0.36, 0.11)):
        wedge = polygon((0, -1.02), (centre - spread, -0.6), (centre + spread, -0.6))
        pen.fill(wedge, (252, 246, 234), within=dome)
    for index in range(5):
        centre = -0.464 + index * 0.232
        pen.fill(sector(centre, -0.622, 0.116, 0, 180, 0.35), colour if index % 2 == 0 else (252, 246, 234))
    shade = shifted(dome, 0.16, 0.1)
    pen.fill(shade, darker(colour, 0.6), alpha=0.16, within=dome, blur=0.03, solid=False)
    pen.fill(capsule((0, -1.02), (0, -1.06), 0.014), darker(colour, 0.3))


def draw_ball(canvas: Canvas, x: float, y: float, radius: float, random: Random) -> None:
    """Draw a ball that rests at (x, y): a beach ball or a football."""
    pen = Pen(canvas, x, y - radius, radius, angle=random.uniform(0, 360))
    disc = ellipse(0, 0, 1)
    pen.fill(disc, (250, 248, 242))
    if random.random() < 0.5:
        for turn, name in enumerate(("red", "yellow", "blue")):
            start = turn * 120
            pen.fill([*sector(0, 0, 1.05, start, start + 60), *_tip(start)], CLOTHES[name], within=disc)
    else:
        pen.fill(_pentagon(0, 0, 0.36), IRON, within=disc)
        for turn in range(5):
            angle = math.radians(turn * 72 + 36)
            pen.fill(_pentagon(0.92 * math.cos(angle), 0.92 * math.sin(angle), 0.34), IRON, within=disc)
    upright = Pen(canvas, x, y - radius, radius)
    upright.fill(ellipse(0.25, 0.35, 0.95), (60, 48, 90), alpha=0.2, within=disc, blur=0.2, solid=False)
    upright.fill(ellipse(-0.35, -0.42, 0.2), (255, 255, 255), alpha=0.7, blur=0.08, solid=False)


def _tip(angle: float) -> Shape:
    """Triangle from the centre to a sector's chord: a sector alone lacks it."""
    first, second = math.radians(angle), math.radians(angle + 60)
    return polygon((0, 0), (1.05 * math.cos(first), 1.05 * math.sin(first)),
                   (1.05 * math.cos(second), 1.05 * math.sin(second)))  # fmt: skip


def _pentagon(x: float, y: float, radius: float) -> Shape:
    angles = [math.radians(turn * 72 + 36) for turn in range(5)]
    return polygon(*((x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles))


def draw_kite(
    canvas: Canvas, x: float, y: float, size: float, colour: Colour, accent: Colour, string_to: Pair | None
) -> None:
    """Draw a kite about size pixels tall centred at (x, y); its string, if any, is not part of its shape."""
    if string_to is not None:
        middle = ((x + string_to[0]) / 2, (y + string_to[1]) / 2 + abs(x - string_to[0]) * 0.12)
        canvas.fill(ribbon([(x, y), middle, string_to], 0.9), (250, 248, 244), alpha=0.85, solid=False)
    pen = Pen(canvas, x, y, size, angle=18)
    tail: list[Pair] = [(0, 0.5), (0.1, 0.75), (-0.06, 1.0), (0.08, 1.25)]
    pen.fill(ribbon(tail, 0.04), accent)
    for knot in tail[1:]:
        pen.fill(polygon((knot[0] - 0.09, knot[1] - 0.05), (knot[0] + 0.09, knot[1] + 0.05),
                         (knot[0] + 0.09, knot[1] - 0.05), (knot[0] - 0.09, knot[1] + 0.05)), colour)  # fmt: skip
    quarters = (((0, -0.5), (0.36, -0.12), colour), ((0, -0.5), (-0.36, -0.12), accent),
                ((0, 0.5), (0.36, -0.12), accent), ((0, 0.5), (-0.36, -0.12), darker(colour, 0.12)))  # fmt: skip
    for end, side, paint in quarters:
        pen.fill(polygon((0, -0.12), end, side), paint)
    pen.fill(chain([(0, -0.5), (0, 0.5)], [0.008, 0.008]), IRON)
    pen.fill(chain([(-0.36, -0.12), (0.36, -0.12)], [0.008, 0.008]), IRON)


LAMPS: dict[str, tuple[float, Colour]] = {
    "red": (-0.93, (240, 74, 66)),
    "yellow": (-0.85, (250, 196, 66)),
    "green": (-0.77, (84, 206, 128)),
}


def draw_traffic_light(canvas: Canvas, x: float, y: float, height: float, lit: str) -> None:
    """Draw a traffic light on a pole that stands at (x, y), with one lamp lit: red, yellow or green."""
    pen = Pen(canvas, x, y, height)
    pen.fill(capsule((0, -0.01), (0, -0.74), 0.013), Gradient((96, 98, 116), IRON))
    pen.fill(rectangle(-0.03, -0.03, 0.03, 0.0, 0.01), IRON)
    pen.fill(rectangle(-0.06, -1.0, 0.06, -0.7, 0.03), Gradient((70, 70, 90), (44, 42, 58)))
    for name, (level, colour) in LAMPS.items():
        pen.fill(ellipse(0, level, 0.034), colour if name == lit else darker(colour, 0.68))
    spot = pen.place(ellipse(0, LAMPS[lit][0], 0.01))[0].mean(0)
    canvas.glow(float(spot[0]), float(spot[1]), height * 0.15, LAMPS[lit][1], 0.55)


def draw_swings(canvas: Canvas, x: float, y: float, width: float) -> None:
    """Draw a swing frame with two seats."""
    pen = Pen(canvas, x, y, width)
    for side in (-0.5, 0.5):
        for spread in (-0.09, 0.09):
            pen.fill(capsule((side * 0.94, -0.66), (side + spread, 0), 0.018), (226, 108, 84))
    pen.fill(capsule((-0.48, -0.66), (0.48, -0.66), 0.02), (240, 186, 76))
    for seat in (-0.2, 0.2):
        for rope in (-0.06, 0.06):
            pen.fill(capsule((seat + rope, -0.66), (seat + rope, -0.16), 0.005), (130, 122, 130))
        pen.fill(rectangle(seat - 0.08, -0.18, seat + 0.08, -0.15, 0.01), (70, 126, 190))


def draw_slide(canvas: Canvas, x: float, y: float, width: float, colour: Colour) -> None:
    """Draw a playground slide with a ladder and a roof."""
    pen = Pen(canvas, x, y, width)
    for leg in (-0.48, -0.2):
        pen.fill(capsule((leg, 0), (leg, -0.86), 0.02), (240, 186, 76))
    for rung in range(5):
        pen.fill(capsule((-0.48, -0.1 - rung * 0.1), (-0.2, -0.1 - rung * 0.1), 0.012), (196, 150, 80))
    pen.fill(rectangle(-0.52, -0.58, -0.16, -0.53, 0.01), darker(colour, 0.3))
    pen.fill(polygon((-0.58, -0.84), (-0.34, -1.06), (-0.1, -0.84)), Gradient(lighter(colour, 0.2), colour))
    curve: list[Pair] = [(-0.18, -0.56), (0.08, -0.4), (0.3, -0.12), (0.52, -0.05)]
    pen.fill(ribbon(curve, 0.1, 0.08), darker(colour, 0.25))
    pen.fill(ribbon([(px, py - 0.025) for px, py in curve], 0.05, 0.04), lighter(colour, 0.25))
