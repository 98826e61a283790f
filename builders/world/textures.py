"""Small pictures for the surfaces of rooms: floors, rugs, wallpapers, views, paintings, books, fabrics."""

from __future__ import annotations

import math
from random import Random

import cv2
import numpy as np

from .canvas import Canvas, Gradient
from .colour import FLOWERS, Colour, darker, lighter, mix, palette, vary
from .shapes import capsule, ellipse, polygon, puffs, rectangle, ribbon
from .sky import MOODS, Mood, draw_sky
from .solids import Array, Texture


def _image(canvas: Canvas) -> Array:
    return np.asarray(cv2.resize(canvas.rgb, (canvas.width, canvas.height), interpolation=cv2.INTER_AREA), np.float32)


def _blank(width: int, height: int, paint: Colour | Gradient) -> Canvas:
    canvas = Canvas(width, height, scale=1)
    canvas.fill(rectangle(-1, -1, width + 1, height + 1), paint)
    return canvas


def planks(random: Random, wood: Colour) -> Texture:
    """Floorboards along the room, 2.4 m by 2.4 m a tile."""
    size, board = 640, 40
    canvas = _blank(size, size, wood)
    for column in range(size // board):
        y = -random.uniform(0, 300)
        while y < size:
            length = random.uniform(220, 380)
            tone = vary(
                random,
                mix(wood, random.choice((darker(wood, 0.14), lighter(wood, 0.14))), random.random()),
                0.015,
            )
            left = column * board
            canvas.fill(rectangle(left, y, left + board, y + length), tone)
            for _ in range(3):
                x = left + random.uniform(6, board - 6)
                canvas.fill(
                    ribbon([(x, y + 10), (x + random.uniform(-4, 4), y + length / 2), (x, y + length - 10)], 1.2),
                    darker(tone, 0.16),
                    alpha=0.45,
                )
            canvas.fill(rectangle(left, y, left + board, y + 1.6), darker(wood, 0.42))
            y += length
        canvas.fill(rectangle(column * board, -1, column * board + 1.6, size + 1), darker(wood, 0.42))
    return Texture(_image(canvas), (2.4, 2.4))


def tiles(random: Random, first: Colour, second: Colour) -> Texture:
    """Chequered floor tiles, 0.8 m a tile of four."""
    canvas = _blank(256, 256, lighter(first, 0.5))
    for row in range(2):
        for column in range(2):
            tone = first if (row + column) % 2 else second
            left, top = column * 128 + 2, row * 128 + 2
            canvas.fill(
                rectangle(left, top, left + 124, top + 124, 6),
                Gradient(lighter(tone, 0.06), darker(tone, 0.04)),
            )
    return Texture(_image(canvas), (0.9, 0.9))


def wallpaper(random: Random, colour: Colour) -> Texture:
    """Plain, striped, dotted or leafy wall, 1 m a tile."""
    canvas = _blank(256, 256, colour)
    style = random.choice(("plain", "plain", "stripes", "dots", "leaves"))
    tone = lighter(colour, 0.22) if random.random() < 0.6 else darker(colour, 0.07)
    if style == "stripes":
        for step in range(4):
            canvas.fill(rectangle(step * 64, -1, step * 64 + 32, 257), tone)
    elif style == "dots":
        for row in range(4):
            for column in range(4):
                canvas.fill(ellipse(column * 64 + 16 + 32 * (row % 2), row * 64 + 32, 8), tone)
    elif style == "leaves":
        for row in range(4):
            for column in range(4):
                x, y = column * 64 + 32 * (row % 2) + 16, row * 64 + 32
                for lean in (-35, 0, 35):
                    angle = math.radians(lean)
                    tip = (x + 22 * math.sin(angle), y - 22 * math.cos(angle))
                    canvas.fill(ellipse((x + tip[0]) / 2, (y + tip[1]) / 2, 5, 12, angle=lean), tone)
    return Texture(_image(canvas), (0.9, 0.9))


def rug(random: Random, colour: Colour) -> Texture:
    """Carpet with a border and medallions, stretched over the rug."""
    canvas = _blank(360, 260, colour)
    pale, deep, accent = (
        lighter(colour, 0.62),
        darker(colour, 0.3),
        random.choice(palette("#f0b95a #e8896a #6fb1a8 #f3ddb3")),
    )
    canvas.fill(rectangle(14, 14, 346, 246), pale)
    canvas.fill(rectangle(22, 22, 338, 238), deep)
    canvas.fill(rectangle(34, 34, 326, 226), colour)
    for step in range(9):
        canvas.fill(ellipse(46 + step * 33.5, 28, 4), accent)
        canvas.fill(ellipse(46 + step * 33.5, 232, 4), accent)
    for x in (90, 180, 270):
        canvas.fill(polygon((x - 40, 130), (x, 62), (x + 40, 130), (x, 198)), pale)
        canvas.fill(polygon((x - 28, 130), (x, 84), (x + 28, 130), (x, 176)), accent)
        canvas.fill(ellipse(x, 130, 12), deep)
    for side in (3, 357):
        for step in range(26):
            canvas.fill(capsule((side - 3, 5 + step * 10), (side + 3, 5 + step * 10), 1.5), lighter(colour, 0.8))
    return Texture(_image(canvas))


def view(random: Random, mood: Mood) -> Texture:
    """What is seen through a window: sky, hills, trees, behind the glazing bars."""
    canvas = Canvas(220, 260, scale=2)
    draw_sky(canvas, random, mood, 190)
    green = mix((126, 182, 104), mood.haze, 0.35)
    for row in range(3):
        phase = random.uniform(0, 6)
        line = [(x, 168 + row * 20 - 14 * math.sin(phase + x * 0.03)) for x in range(-10, 240, 10)]
        canvas.fill(polygon((-10, 270), *line, (240, 270)), mix(green, mood.haze, 0.5 - row * 0.25))
    for _ in range(3):
        x, size = random.uniform(10, 210), random.uniform(20, 40)
        canvas.fill(puffs(random, x, 215 - size * 0.5, size, size), Gradient(lighter(green, 0.1), darker(green, 0.25)))
    rgb = canvas.finish(mood.tint).rgb.astype(np.float32)
    frame: Colour = (250, 247, 240)
    canvas = Canvas(220, 260, scale=1)
    canvas.rgb[:] = rgb
    for x in (0, 110, 220):
        canvas.fill(rectangle(x - 7, -1, x + 7, 261), frame)
    for y in (0, 95, 260):
        canvas.fill(rectangle(-1, y - 7, 221, y + 7), frame)
    canvas.fill(polygon((24, 95), (70, 0), (92, 0), (46, 95)), (255, 255, 255), alpha=0.2)
    return Texture(_image(canvas))


def painting(random: Random) -> Texture:
    """Framed picture: a small landscape, a vase of flowers, or an abstract."""
    canvas = Canvas(240, 180, scale=2)
    style = random.choice(("land", "flowers", "abstract"))
    if style == "land":
        mood = MOODS[random.choice(("sunset", "day", "morning"))]
        draw_sky(canvas, random, mood, 130)
        for row, colour in enumerate(palette("#6d8fb0 #5c8f7c #86b15f")):
            line = [(x, 110 + row * 20 - 16 * math.sin(x * 0.02 + row * 2)) for x in range(-10, 260, 10)]
            canvas.fill(polygon((-10, 190), *line, (260, 190)), colour)
    elif style == "flowers":
        canvas.fill(rectangle(-1, -1, 241, 181), Gradient((244, 228, 200), (226, 196, 168)))
        canvas.fill(polygon((98, 100), (142, 100), (134, 160), (106, 160)), (84, 130, 160))
        for _ in range(16):
            x, y = random.gauss(120, 26), random.gauss(74, 18)
            canvas.fill(ribbon([(120, 104), ((x + 120) / 2, y + 20), (x, y)], 2.4), (92, 140, 90))
            canvas.fill(puffs(random, x, y, 13, 13, 5), random.choice(FLOWERS))
    else:
        tones = random.sample(palette("#e8795a #f3c15f #3f7d8c #2f4a6b #f2e4c9 #9c6fa3"), 4)
        canvas.fill(rectangle(-1, -1, 241, 181), (245, 236, 220))
        for tone in tones:
            canvas.fill(
                ellipse(random.uniform(40, 200), random.uniform(40, 140), random.uniform(24, 60)),
                tone,
                alpha=0.88,
            )
    frame = random.choice(palette("#7a5538 #3a3440 #d7b97a #f5f0e6"))
    for edge in ((-1, -1, 241, 12), (-1, 168, 241, 181), (-1, -1, 12, 181), (228, -1, 241, 181)):
        canvas.fill(rectangle(*edge), frame)
    return Texture(_image(canvas))


def books(random: Random, wood: Colour) -> Texture:
    """Front of a bookcase: shelves with books and a few ornaments."""
    canvas = _blank(240, 400, darker(wood, 0.45))
    for shelf in range(5):
        floor = 76 + shelf * 78
        x = 14.0
        while x < 220:
            if random.random() < 0.12:
                colour = random.choice(palette("#e8795a #6fb1a8 #f3c15f"))
                canvas.fill(ellipse(x + 12, floor - 14, 11, 14), colour)
                x += 28
                continue
            wide, tall = random.uniform(8, 16), random.uniform(38, 60)
            colour = vary(
                random,
                random.choice(palette("#c8553d #3f6f8f #e0a94c #5f8a62 #7d5a8a #e7d9c0 #34495e")),
                0.03,
            )
            canvas.fill(
                rectangle(x, floor - tall, x + wide - 1, floor, 1),
                Gradient(lighter(colour, 0.12), darker(colour, 0.1)),
            )
            canvas.fill(rectangle(x + 2, floor - tall + 8, x + wide - 3, floor - tall + 12), lighter(colour, 0.55))
            x += wide
        canvas.fill(rectangle(0, floor, 240, floor + 8), Gradient(lighter(wood, 0.15), wood))
    for side in (0, 228):
        canvas.fill(rectangle(side, 0, side + 12, 400), Gradient(lighter(wood, 0.1), wood, across=True))
    canvas.fill(rectangle(0, 0, 240, 10), lighter(wood, 0.15))
    return Texture(_image(canvas))


def drawers(wood: Colour, rows: int, columns: int) -> Texture:
    """Front with panels and knobs."""
    canvas = _blank(240, 240, darker(wood, 0.12))
    for row in range(rows):
        for column in range(columns):
            left, top = column * 240 / columns + 6, row * 240 / rows + 6
            right, bottom = (column + 1) * 240 / columns - 6, (row + 1) * 240 / rows - 6
            canvas.fill(rectangle(left - 2, top - 2, right + 2, bottom + 2, 3), darker(wood, 0.4))
            canvas.fill(rectangle(left, top, right, bottom, 3), Gradient(lighter(wood, 0.14), wood))
            canvas.fill(ellipse((left + right) / 2, (top + bottom) / 2, 6), (240, 210, 140))
    return Texture(_image(canvas))


def panelled_door(colour: Colour) -> Texture:
    """Door with four panels and a knob."""
    canvas = _blank(120, 260, colour)
    for left, top, right, bottom in (
        (16, 18, 54, 120),
        (66, 18, 104, 120),
        (16, 140, 54, 240),
        (66, 140, 104, 240),
    ):
        canvas.fill(rectangle(left, top, right, bottom, 2), darker(colour, 0.25))
        canvas.fill(rectangle(left + 3, top + 3, right - 1, bottom - 1, 2), Gradient(lighter(colour, 0.1), colour))
    canvas.fill(ellipse(110, 134, 6), (236, 200, 110))
    return Texture(_image(canvas))


def folds(random: Random, colour: Colour) -> Texture:
    """Curtain with soft folds."""
    x = np.linspace(0, 6 * math.pi, 200, dtype=np.float32)
    wave = (0.5 + 0.5 * np.sin(x + random.uniform(0, 6)))[None, :, None]
    light, dark = np.array(lighter(colour, 0.2), np.float32), np.array(darker(colour, 0.24), np.float32)
    return Texture(np.repeat(dark + (light - dark) * wave, 40, axis=0).astype(np.float32))


def leaves(random: Random) -> Texture:
    """House plant on a clear ground: (H, W, 4)."""
    canvas = Canvas(200, 240, scale=2)
    with canvas.stuff(1):
        base = random.choice(palette("#3f9463 #5aa557 #2f7f6b"))
        for index in range(13):
            angle = math.radians(-160 + index * 140 / 12 + random.uniform(-6, 6))
            reach = random.uniform(90, 150) * (1.0 if 3 < index < 9 else 0.8)
            tip = (100 + reach * 0.72 * math.cos(angle), 235 + reach * 1.35 * math.sin(angle))
            middle = (100 + reach * 0.3 * math.cos(angle), 235 + reach * 0.9 * math.sin(angle))
            tone = vary(random, mix(base, lighter(base, 0.35), random.random()), 0.03)
            canvas.fill(ribbon([(100, 236), middle], 4), darker(base, 0.3))
            lean = math.degrees(math.atan2(tip[1] - middle[1], tip[0] - middle[0]))
            long = math.dist(middle, tip) * 0.62
            centre = ((middle[0] + tip[0]) / 2, (middle[1] + tip[1]) / 2)
            canvas.fill(
                ellipse(*centre, long, long * 0.36, angle=lean),
                Gradient(lighter(tone, 0.16), darker(tone, 0.1)),
            )
            canvas.fill(capsule(middle, tip, 1.0), darker(tone, 0.25), alpha=0.6)
    rgb = _image(canvas)
    cover = cv2.resize((canvas.labels > 0).astype(np.float32) * 255, (200, 240), interpolation=cv2.INTER_AREA)
    return Texture(np.concatenate([rgb, np.asarray(cover, np.float32)[:, :, None]], axis=2))
