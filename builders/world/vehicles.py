"""Drawn vehicles in side view: cars, buses, bicycles, boats."""

from __future__ import annotations

import math
from random import Random

from .canvas import Canvas, Gradient, Pen
from .colour import Colour, darker, hex_colour, lighter, mix
from .shapes import Shape, capsule, chain, ellipse, polygon, rectangle, ribbon, smooth

TYRE: Colour = (48, 44, 56)
RIM: Colour = (206, 210, 216)
GLASS = Gradient((196, 226, 238), (108, 150, 178))


def _wheel(pen: Pen, x: float, radius: float) -> None:
    pen.fill(ellipse(x, -radius, radius), TYRE)
    pen.fill(ellipse(x, -radius, radius * 0.6), Gradient(lighter(RIM, 0.4), darker(RIM, 0.25)))
    pen.fill(ellipse(x, -radius, radius * 0.2), darker(RIM, 0.5))
    for turn in range(5):
        angle = math.radians(turn * 72 + 18)
        spot = (x + radius * 0.4 * math.cos(angle), -radius + radius * 0.4 * math.sin(angle))
        pen.fill(ellipse(*spot, radius * 0.09), darker(RIM, 0.45))


def draw_car(canvas: Canvas, x: float, y: float, length: float, colour: Colour, random: Random, flip: bool) -> None:
    """Draw a car of the given length in pixels whose wheels stand at y; it drives to the right."""
    pen = Pen(canvas, x, y, length, flip=flip)
    roof = random.choice(("hatch", "saloon", "estate"))
    rear = {"hatch": -0.34, "saloon": -0.27, "estate": -0.42}[roof]
    body = smooth([(-0.49, -0.11), (-0.495, -0.2), (-0.46, -0.245), (-0.2, -0.255), (0.2, -0.252), (0.41, -0.225),
                   (0.485, -0.18), (0.49, -0.1), (0.44, -0.065), (-0.44, -0.065)])  # fmt: skip
    cabin = smooth([(rear - 0.07, -0.24), (rear + 0.02, -0.37), (rear + 0.12, -0.4), (0.02, -0.405), (0.1, -0.385),
                    (0.25, -0.24)])  # fmt: skip
    pen.fill(rectangle(-0.4, -0.1, 0.4, -0.05), (56, 52, 66))
    pen.fill(cabin, Gradient(lighter(colour, 0.12), colour))
    for left, right in ((rear + 0.025, -0.045), (-0.02, 0.165)):
        lean_left = 0.055 if left < -0.1 else 0.0
        lean_right = 0.0 if right < 0 else 0.075
        window = polygon((left, -0.25), (left + lean_left, -0.365), (right - lean_right, -0.372), (right, -0.25))
        pen.fill(window, GLASS)
        pen.fill(polygon((left + 0.06, -0.25), (left + 0.12, -0.38), (left + 0.15, -0.38), (left + 0.09, -0.25)),
                 (255, 255, 255), alpha=0.3, within=window, solid=False)  # fmt: skip
    pen.fill(body, Gradient(lighter(colour, 0.16), darker(colour, 0.22)))
    pen.fill(rectangle(-0.44, -0.13, 0.44, -0.115, 0.006), darker(colour, 0.3))
    pen.fill(
        capsule((-0.43, -0.215), (0.3, -0.222), 0.006),
        lighter(colour, 0.6),
        alpha=0.7,
        within=body,
        solid=False,
    )
    for seam in (-0.03, 0.19):
        pen.fill(ribbon([(seam, -0.25), (seam - 0.008, -0.11)], 0.006), darker(colour, 0.32))
    pen.fill(capsule((-0.09, -0.2), (-0.06, -0.2), 0.007), lighter(colour, 0.5))
    pen.fill(ellipse(0.455, -0.185, 0.026, 0.02), (255, 240, 190))
    pen.fill(rectangle(-0.492, -0.215, -0.465, -0.165, 0.01), (224, 66, 60))
    for wheel in (-0.29, 0.29):
        pen.fill(ellipse(wheel, -0.085, 0.098), darker(colour, 0.6), within=body)
        _wheel(pen, wheel, 0.083)
    if canvas_is_dark(canvas):
        light = pen.place(ellipse(0.49, -0.18, 0.01))[0].mean(0)
        canvas.glow(float(light[0]), float(light[1]), length * 0.3, (255, 236, 180), 0.7)


def canvas_is_dark(canvas: Canvas) -> bool:
    """Whether the sky drawn so far is dark, so that lamps should be lit."""
    return float(canvas.rgb[:8].mean()) < 90


def draw_bus(canvas: Canvas, x: float, y: float, length: float, colour: Colour, random: Random, flip: bool) -> None:
    """Draw a bus of the given length in pixels whose wheels stand at y; it drives to the right."""
    pen = Pen(canvas, x, y, length, flip=flip)
    top = -0.42
    body = rectangle(-0.5, top, 0.5, -0.05, 0.035)
    pen.fill(body, Gradient(lighter(colour, 0.14), darker(colour, 0.12)))
    pen.fill(rectangle(-0.5, -0.17, 0.5, -0.13), lighter(colour, 0.72), within=body)
    pen.fill(rectangle(-0.5, -0.085, 0.5, -0.05), darker(colour, 0.45), within=body)
    pen.fill(rectangle(-0.44, top - 0.018, 0.3, top + 0.01, 0.01), darker(colour, 0.2))
    people = [random.random() < 0.5 for _ in range(6)]
    for index in range(6):
        left = -0.465 + index * 0.125
        pane = rectangle(left, top + 0.055, left + 0.11, -0.2, 0.012)
        pen.fill(pane, GLASS)
        if people[index]:
            pen.fill(ellipse(left + 0.055, -0.255, 0.022) + ellipse(left + 0.055, -0.2, 0.036, 0.036), (70, 74, 98),
                     alpha=0.75, within=pane)  # fmt: skip
        pen.fill(polygon((left + 0.02, -0.2), (left + 0.07, top), (left + 0.09, top), (left + 0.04, -0.2)),
                 (255, 255, 255), alpha=0.25, within=pane, solid=False)  # fmt: skip
    door = rectangle(0.295, top + 0.06, 0.395, -0.075, 0.01)
    pen.fill(door, darker(colour, 0.4))
    for left in (0.303, 0.349):
        pen.fill(rectangle(left, top + 0.075, left + 0.038, -0.1, 0.008), GLASS)
    pen.fill(rectangle(0.41, top + 0.055, 0.5, -0.2, 0.015), GLASS, within=body)
    sign = rectangle(0.12, top + 0.012, 0.28, top + 0.044, 0.006)
    pen.fill(sign, (44, 42, 56))
    for dot in range(6):
        pen.fill(rectangle(0.135 + dot * 0.023, top + 0.021, 0.149 + dot * 0.023, top + 0.035), (255, 196, 84))
    pen.fill(ellipse(0.478, -0.12, 0.018, 0.016), (255, 240, 190))
    pen.fill(rectangle(-0.5, -0.16, -0.488, -0.11), (224, 66, 60))
    for wheel in (-0.3, 0.24):
        pen.fill(ellipse(wheel, -0.06, 0.07), darker(colour, 0.65), within=body)
        _wheel(pen, wheel, 0.06)


def draw_bicycle(canvas: Canvas, x: float, y: float, length: float, colour: Colour, flip: bool) -> None:
    """Draw a bicycle of the given length in pixels that stands at (x, y) and points to the right.

    The discs of the wheels count as part of the bicycle, as annotators outline them.
    """
    pen = Pen(canvas, x, y, length, flip=flip)
    radius, rear, front = 0.19, (-0.3, -0.19), (0.3, -0.19)
    crank, saddle, stem = (-0.04, -0.2), (-0.13, -0.5), (0.21, -0.5)
    for hub in (rear, front):
        pen.fill(ellipse(*hub, radius), (0, 0, 0), alpha=0.0)
        for turn in range(8):
            angle = math.radians(turn * 22.5)
            reach = (radius * 0.95 * math.cos(angle), radius * 0.95 * math.sin(angle))
            spoke = capsule((hub[0] - reach[0], hub[1] - reach[1]), (hub[0] + reach[0], hub[1] + reach[1]), 0.0022)
            pen.fill(spoke, (170, 174, 182), alpha=0.8)
        _ring(pen, hub, radius, 0.02, TYRE)
        _ring(pen, hub, radius * 0.88, 0.008, RIM)
        pen.fill(ellipse(*hub, 0.02), darker(RIM, 0.3))
    frame: list[Shape] = [
        chain([rear, crank, stem, (-0.115, -0.45), rear], [0.013] * 5),
        chain([crank, saddle], [0.013, 0.012]),
        chain([front, stem, (0.2, -0.58)], [0.012, 0.013, 0.011]),
    ]
    for part in frame:
        pen.fill(part, colour)
    pen.fill(capsule((-0.19, -0.515), (-0.07, -0.512), 0.02, 0.013), TYRE)
    pen.fill(ribbon([(0.2, -0.58), (0.15, -0.605), (0.23, -0.62), (0.28, -0.59)], 0.02), TYRE)
    pen.fill(ellipse(*crank, 0.042), darker(RIM, 0.35))
    pen.fill(
        chain([(crank[0] - 0.05, crank[1] - 0.05), crank, (crank[0] + 0.05, crank[1] + 0.05)], [0.01] * 3),
        TYRE,
    )


def _ring(pen: Pen, centre: tuple[float, float], radius: float, width: float, colour: Colour) -> None:
    points = []
    for turn in range(25):
        angle = math.radians(turn * 15)
        points.append((centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)))
    pen.fill(chain(points, [width / 2] * 25), colour)


def draw_boat(canvas: Canvas, x: float, y: float, length: float, colour: Colour, random: Random, flip: bool) -> None:
    """Draw a small boat of the given length in pixels, its waterline at y: with sails or a cabin."""
    pen = Pen(canvas, x, y, length, flip=flip)
    hull = smooth([(-0.5, -0.16), (0, -0.12), (0.54, -0.2), (0.4, -0.01), (0.3, 0.02), (-0.36, 0.02), (-0.45, -0.02)])
    if random.random() < 0.65:
        pen.fill(capsule((0.02, -0.12), (0.02, -1.02), 0.014, 0.008), hex_colour("#8a6242"))
        main = smooth([(-0.01, -0.98), (-0.02, -0.24), (-0.42, -0.23), (-0.26, -0.6)], steps=10)
        pen.fill(main, Gradient((255, 252, 244), (232, 220, 206)))
        pen.fill(
            polygon((-0.5, -0.42), (0, -0.42), (0, -0.36), (-0.5, -0.36)),
            mix(colour, (255, 255, 255), 0.2),
            within=main,
        )
        pen.fill(polygon((0.05, -0.92), (0.07, -0.24), (0.46, -0.23)), Gradient(lighter(colour, 0.25), colour))
        pen.fill(polygon((0.02, -1.02), (0.02, -0.95), (0.13, -0.985)), (224, 82, 77))
    else:
        cabin = rectangle(-0.22, -0.4, 0.14, -0.12, 0.03)
        pen.fill(cabin, Gradient((250, 246, 236), (216, 210, 206)))
        pen.fill(rectangle(-0.26, -0.43, 0.18, -0.38, 0.02), colour)
        for left in (-0.18, -0.06, 0.05):
            pen.fill(rectangle(left, -0.34, left + 0.08, -0.24, 0.015), GLASS)
        pen.fill(rectangle(-0.14, -0.58, -0.05, -0.43, 0.01), darker(colour, 0.3))
    pen.fill(hull, Gradient(lighter(colour, 0.1), darker(colour, 0.25)))
    pen.fill(ribbon([(-0.49, -0.135), (0, -0.095), (0.51, -0.175)], 0.022), (250, 244, 232), within=hull)
