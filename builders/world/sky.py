"""Skies, and the light that a time of day throws on a scene."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np

from .canvas import Canvas, Gradient
from .colour import Colour, hex_colour, lighter, mix
from .names import ADE
from .shapes import Shape, ellipse, puffs, rectangle, shifted


@dataclass(frozen=True)
class Mood:
    """A time of day: the sky's colours from top to horizon, the haze of far things, the tint of everything.

    Attributes:
        phrase: how a caption says it.
        adjective: how a caption describes the sky.
    """

    name: str
    phrase: str
    adjective: str
    top: Colour
    middle: Colour
    low: Colour
    haze: Colour
    tint: Colour
    sun: Colour
    cloud: Colour

    @property
    def dark(self) -> bool:
        """Whether lamps are lit."""
        return self.name == "night"


def _mood(name: str, phrase: str, adjective: str, colours: str) -> Mood:
    top, middle, low, haze, tint, sun, cloud = (hex_colour(word) for word in colours.split())
    return Mood(name, phrase, adjective, top, middle, low, haze, tint, sun, cloud)


MOODS = {
    mood.name: mood
    for mood in (
        _mood("day", "on a sunny day", "blue", "#4fa3e0 #8fcbee #d8f0f5 #bfe0ea #ffffff #fff3c4 #ffffff"),
        _mood("morning", "on a clear morning", "pale", "#7cc4e0 #b9e3e6 #fdeccb #d3e6df #fff9f0 #fff0b8 #fffaf0"),
        _mood("cloudy", "on a cloudy day", "grey", "#8fa8bf #b3c5d2 #dbe4e8 #c2d0d6 #eef1f6 #f4f2e8 #f3f6f8"),
        _mood("sunset", "at sunset", "orange", "#5b5ea6 #f08a75 #fdd28a #f3b48e #ffe6d2 #fff1b5 #f9b7a0"),
        _mood("dusk", "at dusk", "purple", "#3c3f7d #8a6bb0 #f3a9a4 #a58bbb #ddd3ee #ffe9d6 #b493c4"),
        _mood("night", "at night", "dark", "#0f1638 #24306a #46539a #4a5798 #a6b1e2 #fdf6dc #3d4a86"),
    )
}


def draw_sky(canvas: Canvas, random: Random, mood: Mood, horizon: float) -> float | None:
    """Fill the picture down to a little below the horizon with a sky: sun or moon, clouds, stars.

    Returns:
        Where the sun or moon stands from the left, pixels; None where clouds hide it.
    """
    width = canvas.width
    with canvas.stuff(ADE["sky"]):
        split = horizon * 0.55
        canvas.fill(rectangle(-2, -2, width + 2, split + 1), Gradient(mood.top, mood.middle))
        canvas.fill(rectangle(-2, split, width + 2, horizon + 6), Gradient(mood.middle, mood.low))
        if mood.dark:
            _stars(canvas, random, horizon)
        sun_x = _sun(canvas, random, mood, horizon)
        for _ in range(random.randint(2, 5) if mood.name != "cloudy" else 7):
            size = random.uniform(0.08, 0.2) * width
            _cloud(canvas, random, mood, random.uniform(0, width), random.uniform(0.14, 0.72) * horizon, size)
    return sun_x


def _stars(canvas: Canvas, random: Random, horizon: float) -> None:
    for _ in range(70):
        x, y = random.uniform(0, canvas.width), random.uniform(0, horizon * 0.85)
        size = random.choice((0.5, 0.6, 0.8, 1.2))
        canvas.fill(ellipse(x, y, size, count=10), (255, 250, 226), alpha=random.uniform(0.4, 1.0))


def _sun(canvas: Canvas, random: Random, mood: Mood, horizon: float) -> float | None:
    if mood.name == "cloudy":
        return None
    low = mood.name in ("sunset", "dusk")
    x = random.uniform(0.15, 0.85) * canvas.width
    y = horizon * (random.uniform(0.7, 0.86) if low else random.uniform(0.16, 0.34))
    radius = canvas.width * (0.05 if low else 0.036)
    for share, alpha in ((7.0, 0.05), (4.6, 0.09), (3.0, 0.13), (1.8, 0.2)):
        reach = radius * share
        disc: Shape = [points for points in ellipse(x, y, reach) if y - reach < horizon]
        canvas.fill(disc, mood.sun, alpha=alpha, blur=reach * 0.14, solid=False)
    canvas.fill(ellipse(x, y, radius), mood.sun)
    if mood.dark:
        for dx, dy, share in ((-0.3, -0.25, 0.22), (0.28, 0.1, 0.16), (-0.1, 0.42, 0.13)):
            canvas.fill(ellipse(x + dx * radius, y + dy * radius, radius * share), (226, 214, 190))
        canvas.glow(x, y, radius * 2.4, (240, 236, 220), 0.75)
        canvas.glow(x, y, radius * 9, (150, 170, 240), 0.3)
    return x


def _cloud(canvas: Canvas, random: Random, mood: Mood, x: float, y: float, size: float) -> None:
    """Flat-bottomed cloud with a lit top."""
    shape: Shape = []
    for step in range(5):
        across = (step - 2) / 2.4
        tall = size * (0.3 - 0.1 * abs(across)) * random.uniform(0.8, 1.25)
        shape += ellipse(x + across * size * 0.72, y - tall * 0.5, size * random.uniform(0.2, 0.28), tall)
    flat = rectangle(x - size * 1.3, y - size, x + size * 1.3, y + size * 0.02)
    shade = mix(mood.cloud, mood.middle, 0.55)
    canvas.fill(shape, Gradient(mood.cloud, shade), within=flat, alpha=0.92)
    lit = shifted(shape, -size * 0.03, -size * 0.05)
    canvas.fill(lit, lighter(mood.cloud, 0.5), alpha=0.35, within=flat, blur=size * 0.03, solid=False)


def paper_grain(random: Random, width: int, height: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return faint noise, (H, W) float32: it hides banding and gives the drawing some tooth."""
    generator = np.random.default_rng(random.getrandbits(63))
    return generator.normal(0, 1.1, (height, width)).astype(np.float32)


def draw_far_puffs(canvas: Canvas, random: Random, horizon: float, colour: Colour) -> None:
    """Row of distant foliage along the horizon."""
    x = -20.0
    while x < canvas.width + 20:
        size = random.uniform(14, 30)
        canvas.fill(puffs(random, x, horizon - size * 0.3, size, size * 0.8, 6), colour)
        x += size * random.uniform(0.7, 1.1)
