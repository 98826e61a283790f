"""Drawn land: mountains, hills, trees, bushes, grass, flowers, water, sand."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import numpy as np

from .canvas import Canvas, Gradient
from .colour import FLOWERS, Colour, darker, hex_colour, lighter, mix, palette, vary
from .names import ADE
from .shapes import Pair, Shape, blob, capsule, ellipse, polygon, puffs, rectangle, ribbon, smooth
from .sky import Mood

LEAVES = palette("#5da85c #7fb955 #3f8f63 #98bf4f #4c9c7a")
AUTUMN = palette("#e0913f #d9653b #edbb4c #b9b24a")
TRUNK: Colour = hex_colour("#80583e")
GRASS = palette("#86c25f #7bb866 #9cc85c #6fb277")


def ridge(random: Random, width: int, base: float, height: float) -> list[Pair]:
    """Return a skyline of peaks from left to right, roughened by halving: points in pixels."""
    points: list[Pair] = []
    x = -random.uniform(20, 90)
    while x < width + 60:
        points.append((x, base - height * random.uniform(0.18, 0.42)))
        x += random.uniform(0.09, 0.17) * width
        points.append((x, base - height * random.uniform(0.55, 1.0)))
        x += random.uniform(0.09, 0.17) * width
    points.append((x, base - height * 0.3))
    spread = 0.055
    for _ in range(3):
        finer = [points[0]]
        for left, right in pairwise(points):
            middle = ((left[0] + right[0]) / 2, (left[1] + right[1]) / 2 + random.uniform(-spread, spread) * height)
            finer += [middle, right]
        points, spread = finer, spread * 0.5
    return points


def draw_mountains(canvas: Canvas, random: Random, mood: Mood, horizon: float, height: float) -> None:
    """Draw three ranges, paler with distance; high peaks carry snow, and one flank of each lies in shadow."""
    rock = random.choice(palette("#5f7aa3 #6d7f8f #7a6f9c #55808a"))
    with canvas.stuff(ADE["mountain"]):
        for row in range(3):
            line = ridge(random, canvas.width, horizon, height * (1 - row * 0.3))
            colour = mix(rock, mood.haze, 0.6 - row * 0.24)
            outline = polygon((line[0][0], horizon + 8), *line, (line[-1][0], horizon + 8))
            canvas.fill(outline, Gradient(colour, mix(colour, mood.haze, 0.5)))
            top = min(y for _, y in line)
            if row < 2 and height > 60:
                _snow(canvas, random, outline, top, height * 0.26, mix((255, 255, 255), mood.haze, 0.16))
            _flanks(canvas, random, line, outline, darker(colour, 0.3), height)


def _flanks(canvas: Canvas, random: Random, line: list[Pair], outline: Shape, colour: Colour, height: float) -> None:
    """Shade the right flank below each peak."""
    for place in range(4, len(line) - 4):
        x, y = line[place]
        if y == min(level for _, level in line[place - 4 : place + 5]):
            drop = height * random.uniform(0.5, 0.8)
            flank = polygon(
                (x, y - 3),
                (x + drop * 1.1, y + drop),
                (x + drop * 0.34, y + drop),
                (x + drop * 0.2, y + drop * 0.55),
                (x - drop * 0.04, y + drop * 0.3),
            )
            canvas.fill(
                flank, Gradient(colour, mix(colour, (255, 255, 255), 0.1)), alpha=0.3, within=outline, solid=False
            )


def _snow(canvas: Canvas, random: Random, outline: Shape, top: float, depth: float, colour: Colour) -> None:
    """Cover what rises above a ragged snow line."""
    edge: list[Pair] = []
    x = -20.0
    while x < canvas.width + 20:
        edge += [(x, top + depth * random.uniform(0.5, 0.7)), (x + 7, top + depth * random.uniform(0.85, 1.15))]
        x += random.uniform(14, 24)
    cover = polygon((-20, top - 20), *edge, (canvas.width + 40, top - 20))
    canvas.fill(cover, colour, within=outline)


def draw_hills(canvas: Canvas, random: Random, mood: Mood, horizon: float, rows: int = 2) -> None:
    """Draw soft far hills along the horizon."""
    green = random.choice(GRASS)
    with canvas.stuff(ADE["hill"]):
        for row in range(rows):
            points: list[Pair] = [(-30.0, horizon + 20)]
            phase, swing = random.uniform(0, 6), random.uniform(10, 24) * (1 - row * 0.3)
            for step in range(13):
                x = -30 + step * (canvas.width + 60) / 12
                points.append((x, horizon - 14 + row * 10 - swing * (0.6 + math.sin(phase + step * 0.9))))
            points.append((canvas.width + 30.0, horizon + 20))
            colour = mix(green, mood.haze, 0.6 - row * 0.25)
            canvas.fill(smooth(points, closed=False), Gradient(lighter(colour, 0.1), colour))


def draw_ground(canvas: Canvas, top: float, near: Colour, far: Colour, label: int) -> None:
    """Fill from a line to the lower border."""
    with canvas.stuff(label):
        canvas.fill(rectangle(-2, top, canvas.width + 2, canvas.height + 2), Gradient(far, near))


def draw_meadow(canvas: Canvas, random: Random, mood: Mood, horizon: float) -> None:
    """Draw grass with light and dark swathes, tufts, and some flowers."""
    green = random.choice(GRASS)
    draw_ground(canvas, horizon, darker(green, 0.1), mix(green, mood.haze, 0.25), ADE["grass"])
    depth = canvas.height - horizon
    for _ in range(9):
        share = random.random() ** 1.4
        y, reach = horizon + depth * share, (40 + 190 * share)
        tone = lighter(green, 0.28) if random.random() < 0.5 else darker(green, 0.18)
        swathe = blob(random, random.uniform(0, canvas.width), y + 5, reach, 5 + 14 * share)
        canvas.fill(
            swathe,
            tone,
            alpha=0.32,
            blur=2,
            within=rectangle(-2, horizon, canvas.width + 2, canvas.height + 2),
            solid=False,
        )
    for _ in range(70):
        share = random.random()
        x, y = random.uniform(0, canvas.width), horizon + 4 + depth * share
        _tuft(canvas, random, x, y, 3 + 8 * share, darker(green, 0.22))
    for _ in range(random.choice((0, 26, 50))):
        share = random.random() ** 0.7
        x, y = random.uniform(0, canvas.width), horizon + 10 + depth * share
        canvas.fill(ellipse(x, y, 1 + 1.9 * share, count=12), random.choice(FLOWERS), solid=False)


def _tuft(canvas: Canvas, random: Random, x: float, y: float, size: float, colour: Colour) -> None:
    for lean in (-0.5, 0.0, 0.45):
        tip = (x + lean * size, y - size * random.uniform(0.7, 1.1))
        canvas.fill(polygon((x - size * 0.12, y), tip, (x + size * 0.12, y)), colour, alpha=0.55, solid=False)


def draw_tree(canvas: Canvas, x: float, y: float, height: float, random: Random, mood: Mood, kind: str = "") -> None:
    """Draw a tree whose trunk stands at (x, y): round, pine, birch or autumn."""
    kind = kind or random.choice(("round", "round", "pine", "birch", "autumn"))
    far = 0.4 if height < 60 else (0.2 if height < 110 else 0.0)
    canvas.shade(x, y, height * 0.26, height * 0.045)
    with canvas.stuff(ADE["tree"]):
        bark = mix(TRUNK if kind != "birch" else hex_colour("#efe8dc"), mood.haze, far)
        canvas.fill(capsule((x, y - height * 0.02), (x, y - height * 0.5), height * 0.036, height * 0.022), bark)
        leaf = mix(vary(random, random.choice(AUTUMN if kind == "autumn" else LEAVES), 0.04), mood.haze, far)
        if kind == "pine":
            _pine(canvas, x, y, height, leaf)
            return
        if kind == "birch":
            for row in range(4):
                level = y - height * (0.08 + row * 0.09)
                canvas.fill(
                    ellipse(x + (row % 2 - 0.5) * height * 0.02, level, height * 0.016, height * 0.006),
                    darker(bark, 0.6),
                )
        tall = 0.4 if kind == "birch" else 0.36
        crown_x, crown_y = x, y - height * 0.66
        wide = height * (0.23 if kind == "birch" else 0.34)
        crown = puffs(random, crown_x, crown_y, wide, height * tall, 8)
        canvas.fill(crown, Gradient(lighter(leaf, 0.14), darker(leaf, 0.2)))
        for _ in range(7):
            dx, dy = random.uniform(-0.6, 0.5) * wide, random.uniform(-0.7, 0.5) * height * tall
            size = random.uniform(0.2, 0.36) * wide
            lit = lighter(leaf, 0.32) if dx - dy * 0.4 < 0.1 * wide else darker(leaf, 0.24)
            canvas.fill(
                ellipse(crown_x + dx, crown_y + dy, size, size * 0.9),
                lit,
                alpha=0.34,
                within=crown,
                blur=size * 0.12,
            )


def _pine(canvas: Canvas, x: float, y: float, height: float, leaf: Colour) -> None:
    leaf = mix(leaf, hex_colour("#2f7265"), 0.6)
    for row in range(4):
        bottom, top = y - height * (0.14 + row * 0.2), y - height * (0.5 + row * 0.167)
        half = height * (0.27 - row * 0.05)
        canvas.fill(polygon((x, top), (x + half, bottom), (x + half * 0.5, bottom + height * 0.03), (x, bottom),
                            (x - half * 0.5, bottom + height * 0.03), (x - half, bottom)),
                    Gradient(lighter(leaf, 0.06 + row * 0.05), darker(leaf, 0.14)))  # fmt: skip
        canvas.fill(polygon((x, top), (x + half, bottom), (x + half * 0.2, bottom)), darker(leaf, 0.3), alpha=0.35)


def draw_palm(canvas: Canvas, x: float, y: float, height: float, random: Random) -> None:
    """Draw a palm that leans, its foot at (x, y)."""
    lean = random.uniform(-0.22, 0.22) * height
    top = (x + lean, y - height * 0.82)
    canvas.shade(x, y, height * 0.2, height * 0.03)
    with canvas.stuff(ADE["palm"]):
        canvas.fill(
            ribbon([(x, y), (x + lean * 0.3, y - height * 0.4), top], height * 0.055, height * 0.032),
            hex_colour("#a0764e"),
        )
        for turn in range(9):
            angle = math.radians(-200 + turn * 27.5 + random.uniform(-6, 6))
            reach = height * random.uniform(0.32, 0.4)
            tip = (top[0] + reach * math.cos(angle), top[1] + reach * (math.sin(angle) * 0.7 + 0.3))
            middle = ((top[0] + tip[0]) / 2, (top[1] + tip[1]) / 2 - reach * 0.26)
            leaf = random.choice(palette("#3f9a63 #58ad5e #2f8560"))
            canvas.fill(ribbon([top, middle, tip], height * 0.07, height * 0.008), leaf)
        for dx in (-0.02, 0.025):
            canvas.fill(ellipse(top[0] + dx * height, top[1] + height * 0.03, height * 0.022), hex_colour("#7a4a2b"))


def draw_bush(canvas: Canvas, x: float, y: float, size: float, random: Random, mood: Mood) -> None:
    """Draw a low bush that sits on (x, y)."""
    leaf = vary(random, random.choice(LEAVES), 0.04)
    canvas.shade(x, y, size * 0.9, size * 0.14)
    with canvas.stuff(ADE["plant"]):
        shape = puffs(random, x, y - size * 0.42, size, size * 0.55, 8)
        canvas.fill(shape, Gradient(lighter(leaf, 0.18), darker(leaf, 0.2)))
        for _ in range(random.choice((0, 7))):
            spot = (x + random.uniform(-0.7, 0.7) * size, y - random.uniform(0.2, 0.8) * size)
            canvas.fill(ellipse(*spot, size * 0.06, count=12), random.choice(FLOWERS), within=shape)


def draw_water(
    canvas: Canvas, random: Random, mood: Mood, top: float, bottom: float, label: int, sun_x: float | None
) -> None:
    """Draw water between two levels with ripples, and the sun's path below sun_x if there is a sun."""
    deep = mix(hex_colour("#2f8fb5"), mood.top, 0.3)
    near = mix(hex_colour("#5cc7c6"), mood.top, 0.12)
    with canvas.stuff(label):
        area = rectangle(-2, top, canvas.width + 2, bottom)
        canvas.fill(area, Gradient(mix(deep, mood.low, 0.25), near))
        for _ in range(46):
            share = random.random() ** 1.3
            y = top + 2 + (bottom - top - 4) * share
            x, half = random.uniform(0, canvas.width), random.uniform(6, 26) * (0.35 + share)
            tone = lighter(mood.low, 0.4) if random.random() < 0.7 else darker(deep, 0.15)
            canvas.fill(capsule((x - half, y), (x + half, y), 0.5 + 0.9 * share), tone, alpha=0.42, solid=False)


def draw_beach(canvas: Canvas, random: Random, top: float) -> None:
    """Draw sand from a wavy waterline down, with wet sand, foam, shells and footprints."""
    sand = random.choice(palette("#f3dca8 #f0d3a0 #f6e2b8"))
    wave: list[Pair] = []
    phase = random.uniform(0, 6)
    for step in range(15):
        x = -30 + step * (canvas.width + 60) / 14
        wave.append((x, top + 6 * math.sin(phase + step * 0.8)))
    curve = [(float(x), float(y)) for x, y in smooth(wave, closed=False)[0]]
    floor = canvas.height + 2.0
    with canvas.stuff(ADE["sand"]):
        canvas.fill(
            polygon((-30, floor), *curve, (canvas.width + 30, floor)),
            Gradient(lighter(sand, 0.1), darker(sand, 0.06)),
        )
        wet = polygon(*curve, *((x, y + 13) for x, y in reversed(curve)))
        canvas.fill(wet, darker(sand, 0.2), alpha=0.55, blur=1.5, solid=False)
    with canvas.stuff(ADE["sea"]):
        canvas.fill(
            polygon(*((x, y - 2) for x, y in curve), *((x, y + 4) for x, y in reversed(curve))),
            (255, 255, 255),
            alpha=0.9,
        )
    for _ in range(110):
        x, y = random.uniform(0, canvas.width), random.uniform(top + 22, canvas.height)
        canvas.fill(ellipse(x, y, random.uniform(0.5, 1.4), 0.6, count=10), darker(sand, 0.3), alpha=0.5, solid=False)


def draw_path(canvas: Canvas, random: Random, horizon: float, colour: Colour, label: int) -> None:
    """Draw a path that winds from the lower border towards the horizon."""
    start, end = random.uniform(0.2, 0.8) * canvas.width, random.uniform(0.3, 0.7) * canvas.width
    bend = random.uniform(-0.3, 0.3) * canvas.width
    depth = canvas.height - horizon
    left, right = [], []
    for share in np.linspace(0, 1, 24):
        along = float(share)
        centre = start + (end - start) * along + bend * math.sin(math.pi * along) * (1 - along)
        half = 3 + canvas.width * 0.13 * (1 - along) ** 1.5
        y = canvas.height + 4 - (depth + 2) * (1 - (1 - along) ** 1.6)
        left.append((centre - half, y))
        right.append((centre + half, y))
    with canvas.stuff(label):
        canvas.fill(polygon(*left, *reversed(right)), Gradient(darker(colour, 0.06), lighter(colour, 0.1)))
