"""Drawn streets: houses, towers, road and pavement, street lamps."""

from __future__ import annotations

from random import Random

from .canvas import Canvas, Gradient, Pen
from .colour import CLOTHES, FACADES, Colour, darker, lighter, mix, palette, vary
from .names import ADE
from .shapes import capsule, chain, ellipse, polygon, rectangle, sector
from .sky import Mood

LIT: Colour = (255, 222, 140)
DARK_GLASS = Gradient((64, 76, 118), (44, 52, 92))
DAY_GLASS = Gradient((204, 230, 238), (132, 172, 196))


def _pane(canvas: Canvas, random: Random, mood: Mood, left: float, top: float, right: float, bottom: float) -> None:
    lit = random.random() < (0.55 if mood.dark else (0.25 if mood.name in ("dusk", "sunset") else 0.0))
    glass = DARK_GLASS if mood.dark else DAY_GLASS
    canvas.fill(rectangle(left, top, right, bottom, 1), Gradient(lighter(LIT, 0.3), LIT) if lit else glass)
    if lit:
        size = right - left
        canvas.glow((left + right) / 2, (top + bottom) / 2, size * 1.7, LIT, 0.5 if mood.dark else 0.2)


def draw_skyline(canvas: Canvas, random: Random, mood: Mood, base: float, height: float) -> None:
    """Draw a far row of towers in the haze."""
    x = -10.0
    with canvas.stuff(ADE["skyscraper"]):
        while x < canvas.width:
            width, tall = random.uniform(26, 60), height * random.uniform(0.4, 1.0)
            colour = mix(random.choice(FACADES), mood.haze, 0.72)
            canvas.fill(rectangle(x, base - tall, x + width, base + 4), Gradient(colour, mix(colour, mood.haze, 0.5)))
            tone = LIT if mood.dark else darker(colour, 0.14)
            for row in range(int(tall // 13)):
                for column in range(int(width // 10)):
                    if random.random() < 0.6:
                        left, top = x + 4 + column * 10, base - tall + 5 + row * 13
                        canvas.fill(rectangle(left, top, left + 4, top + 6), tone, alpha=0.5)
            x += width + random.uniform(-4, 10)


def draw_houses(canvas: Canvas, random: Random, mood: Mood, base: float, height: float) -> None:
    """Draw a closed row of town houses whose doors stand at base."""
    x = random.uniform(-60, -10)
    with canvas.stuff(ADE["building"]):
        while x < canvas.width:
            width = random.uniform(0.5, 0.78) * height
            _house(canvas, random, mood, x, base, width, height * random.uniform(0.74, 1.0))
            x += width


def _house(canvas: Canvas, random: Random, mood: Mood, x: float, base: float, width: float, height: float) -> None:
    colour = vary(random, random.choice(FACADES), 0.03)
    trim = random.choice((lighter(colour, 0.6), (250, 246, 238), darker(colour, 0.2)))
    top = base - height
    roof = random.choice(("gable", "flat", "mansard"))
    tile = random.choice(palette("#a8553f #6b5b73 #c06c4a #556a7a"))
    middle = x + width / 2
    if roof == "gable":
        canvas.fill(
            polygon((x - 3, top + 1), (middle, top - width * 0.42), (x + width + 3, top + 1)),
            Gradient(lighter(tile, 0.1), tile),
        )
        canvas.fill(ellipse(middle, top - width * 0.15, width * 0.07), DAY_GLASS)
    elif roof == "mansard":
        canvas.fill(
            polygon(
                (x, top + 1),
                (x + width * 0.08, top - width * 0.24),
                (x + width * 0.92, top - width * 0.24),
                (x + width, top + 1),
            ),
            Gradient(lighter(tile, 0.1), tile),
        )
        for share in (0.3, 0.7):
            canvas.fill(rectangle(x + width * share - 6, top - width * 0.19, x + width * share + 6, top - 3, 2), trim)
            _pane(
                canvas,
                random,
                mood,
                x + width * share - 4,
                top - width * 0.17,
                x + width * share + 4,
                top - 4,
            )
    canvas.fill(rectangle(x, top, x + width, base + 2), Gradient(lighter(colour, 0.12), darker(colour, 0.05)))
    canvas.fill(rectangle(x + width * 0.9, top, x + width, base), darker(colour, 0.3), alpha=0.3, solid=False)
    canvas.fill(rectangle(x - 2, top - 3, x + width + 2, top + 4, 1), trim)
    _storeys(canvas, random, mood, x, base, width, height, trim)


def _storeys(
    canvas: Canvas,
    random: Random,
    mood: Mood,
    x: float,
    base: float,
    width: float,
    height: float,
    trim: Colour,
) -> None:
    columns, ground = (3 if width > 90 else 2), height * 0.3
    floors = max(1, int((height - ground) // 44))
    storey = (height - ground) / floors
    pane_width = width / columns * 0.46
    boxes = random.random() < 0.4
    for floor in range(floors):
        for column in range(columns):
            centre = x + width * (column + 0.5) / columns
            top = base - height + storey * (floor + 0.22)
            bottom = top + storey * 0.56
            canvas.fill(
                rectangle(centre - pane_width / 2 - 2, top - 2, centre + pane_width / 2 + 2, bottom + 2, 2),
                trim,
            )
            with canvas.stuff(ADE["windowpane"]):
                _pane(canvas, random, mood, centre - pane_width / 2, top, centre + pane_width / 2, bottom)
            canvas.fill(capsule((centre, top), (centre, bottom), 0.8), trim)
            canvas.fill(
                capsule(
                    (centre - pane_width / 2, (top + bottom) / 2),
                    (centre + pane_width / 2, (top + bottom) / 2),
                    0.8,
                ),
                trim,
            )
            if boxes:
                with canvas.stuff(ADE["flower"]):
                    for step in range(5):
                        spot = centre + (step - 2) * pane_width / 4.5
                        canvas.fill(
                            ellipse(spot, bottom + 1.5, 3, count=12),
                            random.choice(palette("#e2607a #f4c150 #5fa35f #5fa35f")),
                        )
    _ground_floor(canvas, random, mood, x, base, width, ground, trim)


def _ground_floor(
    canvas: Canvas,
    random: Random,
    mood: Mood,
    x: float,
    base: float,
    width: float,
    ground: float,
    trim: Colour,
) -> None:
    colour = random.choice(palette("#7b4a3a #3f6f74 #4d5a86 #9a4a4f #5a7a56"))
    door_left = x + width * random.choice((0.1, 0.62))
    door = (door_left, base - ground * 0.72, door_left + width * 0.24, base + 1)
    with canvas.stuff(ADE["door"]):
        canvas.fill(rectangle(*door, 2), Gradient(lighter(colour, 0.12), colour))
        canvas.fill(ellipse(door[0] + 4, (door[1] + door[3]) / 2 + 3, 1.3), (246, 214, 120))
    canvas.fill(rectangle(door[0] + 3, door[1] + 4, door[2] - 3, door[1] + ground * 0.28, 1), DAY_GLASS)
    shop_left = x + width * (0.42 if door_left < x + width / 2 else 0.08)
    shop = (shop_left, base - ground * 0.68, shop_left + width * 0.48, base - ground * 0.12)
    canvas.fill(rectangle(shop[0] - 2, shop[1] - 2, shop[2] + 2, shop[3] + 2, 1), colour)
    with canvas.stuff(ADE["windowpane"]):
        _pane(canvas, random, mood, *shop)
    canvas.fill(
        polygon((shop[0] + 6, shop[3]), (shop[0] + 16, shop[1]), (shop[0] + 22, shop[1]), (shop[0] + 12, shop[3])),
        (255, 255, 255),
        alpha=0.25,
        solid=False,
    )
    if random.random() < 0.7:
        _awning(canvas, random.choice([CLOTHES[name] for name in ("red", "teal", "yellow", "blue")]), shop, ground)


def _awning(canvas: Canvas, colour: Colour, shop: tuple[float, float, float, float], ground: float) -> None:
    left, top, right, _ = shop
    top -= ground * 0.1
    step = (right - left + 8) / 6
    with canvas.stuff(ADE["awning"]):
        for stripe in range(6):
            start = left - 4 + stripe * step
            paint = colour if stripe % 2 == 0 else (252, 246, 236)
            drop = top + ground * 0.2
            canvas.fill(
                polygon((start, top), (start + step, top), (start + step, drop), (start, drop)),
                Gradient(lighter(paint, 0.1), darker(paint, 0.1)),
            )
            canvas.fill(sector(start + step / 2, drop - 0.5, step / 2, 0, 180, 0.6), darker(paint, 0.06))


def draw_street(canvas: Canvas, random: Random, top: float) -> tuple[float, float, float]:
    """Draw far pavement, road and near pavement from top downwards.

    Returns:
        The levels of the far kerb, the near kerb and the road's middle line, pixels.
    """
    floor = canvas.height
    far, near = top + (floor - top) * 0.2, top + (floor - top) * 0.74
    stone, tar = (
        random.choice(palette("#d9cfc4 #cfd0d2 #e0d2bd")),
        random.choice(palette("#6d6f82 #74727c #666a80")),
    )
    with canvas.stuff(ADE["sidewalk"]):
        canvas.fill(rectangle(-2, top, canvas.width + 2, far + 3), Gradient(darker(stone, 0.1), stone))
        canvas.fill(rectangle(-2, near - 3, canvas.width + 2, floor + 2), Gradient(stone, lighter(stone, 0.15)))
        for step in range(-3, 22):
            x = step * canvas.width / 18
            slope = (x - canvas.width / 2) * 0.16
            canvas.fill(
                capsule((x, near + 4), (x + slope, floor + 4), 0.7),
                darker(stone, 0.22),
                alpha=0.5,
                solid=False,
            )
        canvas.fill(
            capsule((-5, (near + floor) / 2), (canvas.width + 5, (near + floor) / 2), 0.6),
            darker(stone, 0.22),
            alpha=0.5,
            solid=False,
        )
    with canvas.stuff(ADE["road"]):
        canvas.fill(rectangle(-2, far, canvas.width + 2, near), Gradient(darker(tar, 0.1), lighter(tar, 0.06)))
        middle = far + (near - far) * 0.44
        for step in range(10):
            x = step * canvas.width / 8 - 30
            canvas.fill(
                polygon((x, middle), (x + 38, middle), (x + 40, middle + 4), (x - 2, middle + 4)),
                (246, 240, 222),
                alpha=0.9,
            )
        if random.random() < 0.5:
            _crossing(canvas, random.uniform(0.15, 0.7) * canvas.width, far, near)
    with canvas.stuff(ADE["sidewalk"]):
        canvas.fill(rectangle(-2, far - 1, canvas.width + 2, far + 3), lighter(stone, 0.4))
        canvas.fill(rectangle(-2, near - 1, canvas.width + 2, near + 4), lighter(stone, 0.4))
    return far, near, middle


def _crossing(canvas: Canvas, x: float, far: float, near: float) -> None:
    for bar in range(6):
        left = x + bar * 17
        lean = (left - canvas.width / 2) * 0.1
        canvas.fill(
            polygon((left, far + 3), (left + 9, far + 3), (left + 11 + lean, near - 2), (left - 1 + lean, near - 2)),
            (246, 240, 230),
            alpha=0.88,
        )


def draw_lamp_post(canvas: Canvas, x: float, y: float, height: float, mood: Mood) -> None:
    """Draw an old-fashioned street lamp; by night it shines."""
    pen = Pen(canvas, x, y, height)
    iron: Colour = (62, 66, 84)
    canvas.shade(x, y, height * 0.06, height * 0.015)
    with canvas.stuff(ADE["streetlight"]):
        pen.fill(chain([(0, 0), (0, -0.08), (0, -0.8)], [0.03, 0.018, 0.011]), Gradient(lighter(iron, 0.15), iron))
        bulb = polygon((-0.035, -0.8), (0.035, -0.8), (0.055, -0.92), (-0.055, -0.92))
        pen.fill(bulb, LIT if mood.dark else (240, 238, 226))
        pen.fill(polygon((-0.065, -0.92), (0.065, -0.92), (0.0, -0.99)), iron)
    if mood.dark or mood.name == "dusk":
        canvas.glow(x, y - height * 0.86, height * 0.55, LIT, 0.75)
        canvas.glow(x, y - height * 0.86, height * 0.12, (255, 250, 230), 0.9)
