"""Furnished rooms: bedroom, living room, dining room, study; each with true depth and labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from .colour import Colour, lighter, palette
from .furniture import (
    LAMP_LIGHT,
    bed,
    bookcase,
    cabinet,
    carpet,
    chair,
    floor_lamp,
    pendant,
    plant,
    sofa,
    stack_of_books,
    table,
    table_lamp,
    vase,
)
from .lighting import Daylight, Room, develop
from .names import ADE
from .raycast import Camera, Film, Solid, Texture
from .sky import MOODS
from .textures import folds, painting, panelled_door, planks, tiles, view, wallpaper

WALLS = palette("#f0e3cf #cfe0dc #f3d6c4 #d9dcec #dfe6c8 #f1d9a8 #c9d7e2 #e9cfd3")
WOODS = palette("#c98f5a #a8703f #8b5a3c #d9b07a #efe4d2")
FABRICS = palette("#4f86b8 #d9705c #5f9a80 #8a6fa8 #e0a24a #46708c #c9798c")


@dataclass(frozen=True)
class RoomPicture:
    """A drawn room.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth_m: (H, W) float32, distance along the optical axis, metres; one ray a pixel.
        labels: (H, W) uint8 ADE20K class.
        glass: (H, W) bool, window panes.
        kind: a key of ROOMS, such as "bedroom".
    """

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    labels: NDArray[np.uint8]
    glass: NDArray[np.bool_]
    kind: str


class _Decorator:
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
            (0.85 * -self.side, 1.15, 0.5), sun, 0.2 if night else 0.52,
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
        shell = Solid("box", (0, 0, room.depth / 2), (room.width, room.height, room.depth), self.wall, ADE["wall"], inside=True,
                      textures=(("front", accent), ("back", paper), ("side", accent), ("top", _plain((252, 249, 244))),
                                ("bottom", floor)))  # fmt: skip
        room.solids.append(shell)
        white: Colour = (250, 247, 240)
        wide, deep = room.width / 2, room.depth
        for base, size in (((0.0, 0.0, deep - 0.01), (room.width, 0.1, 0.02)), ((-wide + 0.01, 0.0, deep / 2), (0.02, 0.1, deep)),
                           ((wide - 0.01, 0.0, deep / 2), (0.02, 0.1, deep))):  # fmt: skip
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
        room.solids.append(Solid("box", base, size, (250, 247, 240), ADE["windowpane"], textures=((face, glass),), glow=0.7))
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
        room.solids.append(Solid("box", (edge, 0, along), (0.05, 2.04, 0.9), self.wood, ADE["door"], textures=(("side", leaf),)))

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


def _bedroom(maker: _Decorator) -> None:
    random, room, side = maker.random, maker.room, maker.side
    maker.shell(False)
    room.solids += carpet(random, 0.0, room.depth - 2.1, 2.7, 2.0, maker.second)
    x = random.uniform(-0.3, 0.3)
    room.solids += bed(random, x, room.depth - 1.14, 0, maker.fabric, maker.wood)
    for end in (-1, 1):
        room.solids += cabinet(x + end * 1.2, room.depth - 0.26, 0, maker.wood, 0.5, 0.5, 2, 1, "chest of drawers")
    maker.lamp(table_lamp(x - 1.2, 0.53, room.depth - 0.28, maker.second))
    if random.random() < 0.6:
        maker.lamp(table_lamp(x + 1.2, 0.53, room.depth - 0.28, maker.second))
    maker.picture("back", x, 1.35, random.uniform(0.8, 1.1))
    maker.window(maker.window_wall, room.depth * 0.62)
    room.solids += cabinet(side * (room.width / 2 - 0.26), room.depth * 0.5, 90 * side, maker.wood, 1.3, 1.0, 4, 2, "chest of drawers")
    room.solids += vase(random, side * (room.width / 2 - 0.26), 1.03, room.depth * 0.5)
    maker.picture(maker.other_wall, room.depth * 0.5, 1.45, 0.7)
    room.solids += plant(random, -side * (room.width / 2 - 0.4), room.depth - 0.4, random.uniform(0.9, 1.15), maker.yaw)


def _living_room(maker: _Decorator) -> None:
    random, room, side = maker.random, maker.room, maker.side
    maker.shell(False)
    middle = room.depth - 2.0
    room.solids += carpet(random, 0.0, middle, 2.9, 2.0, maker.second)
    room.solids += sofa(random, 0.0, room.depth - 0.62, 0, maker.fabric, 3)
    room.solids += table(0.0, middle, 0, maker.wood, 1.1, 0.6, 0.42, "coffee table")
    room.solids += vase(random, 0.3, 0.42, middle) + stack_of_books(random, -0.25, 0.42, middle)
    room.solids += sofa(random, side * 1.65, middle - 0.1, 70 * side, maker.second, 1)
    maker.lamp(floor_lamp(-side * 1.65, room.depth - 0.5, maker.second), 0.9)
    count = random.choice((1, 2, 3))
    for index in range(count):
        maker.picture("back", (index - (count - 1) / 2) * 0.95, 1.4, 0.8 if count > 1 else 1.2)
    maker.window(maker.window_wall, room.depth * 0.66)
    room.solids += bookcase(random, side * (room.width / 2 - 0.2), room.depth - 0.75, 90 * side, maker.wood)
    room.solids += plant(random, -side * (room.width / 2 - 0.45), room.depth * 0.52, random.uniform(0.9, 1.1), maker.yaw)
    if random.random() < 0.5:
        maker.lamp(pendant(0.0, middle, room.height, maker.second), 0.6)


def _dining_room(maker: _Decorator) -> None:
    random, room, side = maker.random, maker.room, maker.side
    maker.shell(random.random() < 0.5)
    middle = room.depth - 2.0
    room.solids += carpet(random, 0.0, middle, 2.8, 2.1, maker.second)
    room.solids += table(0.0, middle, 0, maker.wood, 1.6, 0.9, 0.75, "table")
    for across in (-0.42, 0.42):
        room.solids += chair(across, middle + 0.62, random.uniform(-6, 6), maker.fabric, maker.wood)
        room.solids += chair(across, middle - 0.66, 180 + random.uniform(-8, 8), maker.fabric, maker.wood)
    room.solids += vase(random, 0.0, 0.75, middle)
    for across in (-0.45, 0.45):
        for along in (-0.22, 0.22):
            room.solids.append(Solid("frustum", (across, 0.75, middle + along), (0.15, 0.018, 0.15), (248, 246, 240), ADE["plate"], top=1.5))
    maker.lamp(pendant(0.0, middle, room.height, maker.second), 1.0)
    room.solids += cabinet(0.0, room.depth - 0.26, 0, maker.wood, 1.7, 0.85, 2, 3, "cabinet")
    room.solids += stack_of_books(random, 0.5, 0.88, room.depth - 0.26) + vase(random, -0.55, 0.88, room.depth - 0.26)
    maker.picture("back", 0.0, 1.35, 1.15)
    maker.window(maker.window_wall, room.depth * 0.58)
    maker.door(room.depth * 0.55)
    room.solids += plant(random, -side * (room.width / 2 - 0.4), room.depth - 0.4, 1.15, maker.yaw)


def _study(maker: _Decorator) -> None:
    random, room, side = maker.random, maker.room, maker.side
    maker.shell(False)
    room.solids += carpet(random, 0.0, room.depth - 1.9, 2.4, 1.7, maker.second)
    room.solids += table(-0.2, room.depth - 0.5, 0, maker.wood, 1.7, 0.7, 0.74, "desk")
    room.solids += chair(-0.2, room.depth - 1.15, 180 + random.uniform(-25, 25), maker.fabric, maker.wood)
    room.solids.append(Solid("box", (-0.2, 0.74, room.depth - 0.35), (0.26, 0.02, 0.18), (84, 84, 96), ADE["monitor"]))
    room.solids.append(Solid("box", (-0.2, 0.76, room.depth - 0.3), (0.05, 0.12, 0.03), (84, 84, 96), ADE["monitor"]))
    room.solids.append(Solid("box", (-0.2, 0.85, room.depth - 0.33), (0.72, 0.43, 0.035), (58, 58, 70), ADE["monitor"],
                             textures=(("front", painting(random)),), glow=0.35))  # fmt: skip
    maker.lamp(table_lamp(0.45, 0.74, room.depth - 0.4, maker.second))
    room.solids += stack_of_books(random, -0.85, 0.74, room.depth - 0.45)
    room.solids += bookcase(random, side * (room.width / 2 - 0.62), room.depth - 0.18, 0, maker.wood)
    room.solids += sofa(random, -side * 1.5, room.depth - 2.1, -62 * side, maker.fabric, 1)
    maker.window("back", -0.2, 1.3, 1.25) if random.random() < 0.5 else maker.picture("back", -0.2, 1.5, 1.0)
    maker.window(maker.window_wall, room.depth * 0.62)
    maker.door(room.depth * 0.5)
    room.solids += plant(random, -side * (room.width / 2 - 0.4), room.depth - 0.4, 1.2, maker.yaw)


ROOMS: dict[str, Callable[[_Decorator], None]] = {
    "bedroom": _bedroom,
    "living_room": _living_room,
    "dining_room": _dining_room,
    "study": _study,
}


def draw_room(random: Random, kind: str, width: int, height: int, focal: float) -> RoomPicture:
    """Draw one furnished room.

    Args:
        random: decides colours, sizes and small things.
        kind: a key of ROOMS.
        width, height: size in pixels.
        focal: focal length in pixels.
    """
    maker = _Decorator(random, kind)
    ROOMS[kind](maker)
    room = maker.room
    # The wall behind the camera is left out, so that it may stand back.
    place = (maker.side * random.uniform(0.1, 0.5), random.uniform(1.45, 1.62), random.uniform(-0.5, -0.2))
    camera = Camera(place, maker.yaw, random.uniform(8, 12), width, height, focal)
    film = Film(camera)
    for solid in room.solids:
        film.add(solid)
    step = film.scale
    labels = np.ascontiguousarray(film.label[::step, ::step])
    labels = _split_shell(film, labels)
    return RoomPicture(
        rgb=develop(film, room),
        depth_m=np.ascontiguousarray(film.depth[::step, ::step]),
        labels=labels,
        glass=labels == ADE["windowpane"],
        kind=kind,
    )


def _split_shell(film: Film, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tell floor and ceiling from walls, by the room's normals."""
    step = film.scale
    shell, up = film.solid[::step, ::step] == 0, film.normal[::step, ::step, 1]
    labels = np.where(shell & (up > 0.5), np.uint8(ADE["floor"]), labels)
    return np.where(shell & (up < -0.5), np.uint8(ADE["ceiling"]), labels).astype(np.uint8)
