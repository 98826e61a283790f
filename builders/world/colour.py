"""Colours of the drawn world: parsing, mixing, and the palettes that scenes draw from."""

from __future__ import annotations

import colorsys
from random import Random

Colour = tuple[float, float, float]
"""Red, green, blue, each in [0, 255]."""

SHADOW: Colour = (46, 38, 84)
LIGHT: Colour = (255, 250, 236)


def hex_colour(text: str) -> Colour:
    """Return the colour written as '#rrggbb'."""
    return (float(int(text[1:3], 16)), float(int(text[3:5], 16)), float(int(text[5:7], 16)))


def palette(text: str) -> list[Colour]:
    """Return the colours of a blank-separated list of '#rrggbb'."""
    return [hex_colour(word) for word in text.split()]


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return first at share 0, second at share 1, and the straight line between."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return (red, green, blue)


def darker(colour: Colour, share: float = 0.2) -> Colour:
    """Mix towards violet: a shadow with some colour looks kinder than one towards black."""
    return mix(colour, SHADOW, share)


def lighter(colour: Colour, share: float = 0.2) -> Colour:
    """Mix towards a warm white."""
    return mix(colour, LIGHT, share)


def vary(random: Random, colour: Colour, amount: float = 0.03) -> Colour:
    """Return a near neighbour of a colour: hue, saturation and value moved by up to amount."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in colour))
    hue = (hue + random.uniform(-amount, amount) * 0.5) % 1.0
    saturation = min(1.0, max(0.0, saturation + random.uniform(-amount, amount)))
    value = min(1.0, max(0.0, value + random.uniform(-amount, amount)))
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return (red * 255, green * 255, blue * 255)


SKIN = palette("#f9d6bd #f2bf9b #e3a57d #c68356 #9b5f3c #6f4229")
GREY = hex_colour("#b8b4b4")
HAIR = [*palette("#2b2126 #4a2f27 #7a4a2b #a86a35 #d9a850 #8c3b24"), GREY]
CLOTHES = {
    "red": hex_colour("#e0524d"),
    "orange": hex_colour("#f08a3c"),
    "yellow": hex_colour("#f6c544"),
    "green": hex_colour("#4fa36b"),
    "teal": hex_colour("#2a9d96"),
    "blue": hex_colour("#3f78c9"),
    "purple": hex_colour("#8562b8"),
    "pink": hex_colour("#ee8fa8"),
    "white": hex_colour("#f4efe6"),
}
TROUSERS = palette("#2f4a73 #3b3f58 #6a5a4c #c9b18f #4b6a5d #57408a #28304a")
SHOES = palette("#f2eee6 #3a3440 #c8553d #6b4a36 #4f9a94")
CAR_PAINT = {
    "red": hex_colour("#d9483f"),
    "blue": hex_colour("#3d7dc4"),
    "yellow": hex_colour("#f2b83a"),
    "white": hex_colour("#f1efe9"),
    "green": hex_colour("#4f9b74"),
    "orange": hex_colour("#ea7f3b"),
    "silver": hex_colour("#b9c1cb"),
}
FACADES = palette("#f0c9a0 #e79b83 #d9755f #f3dcb4 #b7cdd0 #8fb3c0 #c9a7b5 #f0e2cf #a9b88d #d8b26a")
FLOWERS = palette("#f6d35b #f28ba0 #ffffff #b08adf #f37f5a")
