"""Shell of a room and what hangs on its walls: windows with curtains, paintings, doors, lamps."""

from __future__ import annotations

from random import Random

import numpy as np

from .colour import Colour, lighter, palette
from .furniture import (
    LAMP_LIGHT,
)
from .lighting import Daylight, Room
from .names import ADE
from .sky import MOODS
from .solids import Solid, Texture
from .textures import folds, painting, panelled_door, planks, tiles, view, wallpaper

WALLS = palette("#f0e3cf #cfe0dc #f3d6c4 #d9dcec #dfe6c8 #f1d9a8 #c9d7e2 #e9cfd3")
WOODS = palette("#c98f5a #a8703f #8b5a3c #d9b07a #efe4d2")
FABRICS = palette("#4f86b8 #d9705c #5f9a80 #8a6fa8 #e0a24a #46708c #c9798c")


class Decorator:
    """Fills one room; colours are drawn once so that they go together."""

    def __init__(self, random: Random, kind: str) -> None:
        self.random = random
        self.mood = MOODS[random.choice(("day", "morning", "sunset", "day", "night"))]
        self.wall = random.choice(WALLS)
        self.wood = random.choice(WOODS)
        self.fabric, self.second = random.sample(FABRICS, 2)
        self.side = random.choice((-1, 1))
        night = self.mood.dark
        sun: Colour = (160, 180, 240) if night else lighter(self.mood.sun, 0.2)
        daylight = Daylight(
            (0.85 * -self.side, 1.0, -0.55), sun, 0.2 if night else 0.52,
            (196, 204, 240) if night else (255, 250, 242), 0.5 if night else 0.72,
        )  # fmt: skip
        self.room = Room(random.uniform(4.2, 5.0), random.uniform(2.6, 2.9), random.uniform(4.4, 5.2), kind, daylight)
        self.yaw = random.uniform(5, 12) * -self.side

    def shell(self, floor_tiles: bool) -> None:
        """Walls, floor, ceiling, skirting board."""
        random, room = self.random, self.room
        paper, accent = wallpaper(random, self.wall), wallpaper(random, lighter(self.wall, 0.15))
        wood = random.choice(WOODS[:4])
        floor = tiles(random, lighter(self.wall, 0.4), lighter(wood, 0.3)) if floor_tiles else planks(random, wood)
        shell = Solid(
            "box",
            (0, 0, room.depth / 2),
            (room.width, room.height, room.depth),
            self.wall,
            ADE["wall"],
            inside=True,
            textures=(
                ("front", accent),
                ("back", paper),
                ("side", accent),
                ("top", _plain((252, 249, 244))),
                ("bottom", floor),
            ),
        )
        room.solids.append(shell)
        white: Colour = (250, 247, 240)
        wide, deep = room.width / 2, room.depth
        for base, size in (
            ((0.0, 0.0, deep - 0.01), (room.width, 0.1, 0.02)),
            ((-wide + 0.01, 0.0, deep / 2), (0.02, 0.1, deep)),
            ((wide - 0.01, 0.0, deep / 2), (0.02, 0.1, deep)),
        ):
            room.solids.append(Solid("box", base, size, white, ADE["wall"]))

    def window(self, wall: str, along: float, width: float = 1.3, height: float = 1.35) -> None:
        """Window with curtains; along is its middle on the wall: x on the back wall, z on a side wall."""
        room, low = self.room, 0.95
        glass = view(self.random, self.mood)
        if wall == "back":
            base, size, face = (along, low, room.depth - 0.02), (width, height, 0.04), "front"
        else:
            edge = (room.width / 2 - 0.02) * (1 if wall == "right" else -1)
            base, size, face = (edge, low, along), (0.04, height, width), "side"
        room.solids.append(
            Solid("box", base, size, (250, 247, 240), ADE["windowpane"], textures=((face, glass),), glow=0.7)
        )
        room.panes.append(((base[0], low + height / 2, base[2]), width, height, wall))
        cloth = folds(self.random, self.second)
        for end in (-1, 1):
            shift = end * (width / 2 + 0.14)
            if wall == "back":
                place, extent, face = (along + shift, 0.25, room.depth - 0.08), (0.34, 2.12, 0.08), "front"
            else:
                place, extent, face = (base[0] * 0.98, 0.25, along + shift), (0.08, 2.12, 0.34), "side"
            room.solids.append(Solid("box", place, extent, self.second, ADE["curtain"], textures=((face, cloth),)))

    def picture(self, wall: str, along: float, level: float, width: float) -> None:
        """Painting on a wall."""
        room, art = self.room, painting(self.random)
        if wall == "back":
            base, size, face = (along, level, room.depth - 0.02), (width, width * 0.75, 0.04), "front"
        else:
            edge = (room.width / 2 - 0.02) * (1 if wall == "right" else -1)
            base, size, face = (edge, level, along), (0.04, width * 0.75, width), "side"
        room.solids.append(Solid("box", base, size, (120, 84, 60), ADE["painting"], textures=((face, art),)))

    def door(self, along: float) -> None:
        """Door in the wall on the side away from the window."""
        room = self.room
        edge = (room.width / 2 - 0.02) * self.side
        leaf = panelled_door(lighter(self.wood, 0.45))
        room.solids.append(Solid("box", (edge, 0, along), (0.03, 2.12, 1.02), (250, 247, 240), ADE["door"]))
        room.solids.append(
            Solid("box", (edge, 0, along), (0.05, 2.04, 0.9), self.wood, ADE["door"], textures=(("side", leaf),))
        )

    def lamp(self, found: tuple[list[Solid], tuple[float, float, float]], strength: float = 0.7) -> None:
        """Add a lamp and its light."""
        solids, bulb = found
        self.room.solids += solids
        self.room.lamps.append((bulb, LAMP_LIGHT, strength * (1.6 if self.mood.dark else 0.8)))

    @property
    def window_wall(self) -> str:
        """The side wall that has the window."""
        return "left" if self.side > 0 else "right"

    @property
    def other_wall(self) -> str:
        """The side wall without a window."""
        return "right" if self.side > 0 else "left"


def _plain(colour: Colour) -> Texture:
    return Texture(np.full((4, 4, 3), colour, np.float32))
