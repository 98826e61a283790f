"""Furnished rooms: bedroom, living room, dining room, study; each with true depth and labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from .decorator import Decorator
from .furniture import (
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
from .lighting import develop
from .names import ADE
from .raycast import Film
from .solids import Camera, Solid
from .textures import painting


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


def _bedroom(maker: Decorator) -> None:
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
    room.solids += cabinet(
        side * (room.width / 2 - 0.26),
        room.depth * 0.5,
        90 * side,
        maker.wood,
        1.3,
        1.0,
        4,
        2,
        "chest of drawers",
    )
    room.solids += vase(random, side * (room.width / 2 - 0.26), 1.03, room.depth * 0.5)
    maker.picture(maker.other_wall, room.depth * 0.5, 1.45, 0.7)
    room.solids += plant(random, -side * (room.width / 2 - 0.4), room.depth - 0.4, random.uniform(0.9, 1.15), maker.yaw)


def _living_room(maker: Decorator) -> None:
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
    room.solids += plant(
        random, -side * (room.width / 2 - 0.45), room.depth * 0.52, random.uniform(0.9, 1.1), maker.yaw
    )
    if random.random() < 0.5:
        maker.lamp(pendant(0.0, middle, room.height, maker.second), 0.6)


def _dining_room(maker: Decorator) -> None:
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
            room.solids.append(
                Solid(
                    "frustum",
                    (across, 0.75, middle + along),
                    (0.15, 0.018, 0.15),
                    (248, 246, 240),
                    ADE["plate"],
                    top=1.5,
                )
            )
    maker.lamp(pendant(0.0, middle, room.height, maker.second), 1.0)
    room.solids += cabinet(0.0, room.depth - 0.26, 0, maker.wood, 1.7, 0.85, 2, 3, "cabinet")
    room.solids += stack_of_books(random, 0.5, 0.88, room.depth - 0.26) + vase(random, -0.55, 0.88, room.depth - 0.26)
    maker.picture("back", 0.0, 1.35, 1.15)
    maker.window(maker.window_wall, room.depth * 0.58)
    maker.door(room.depth * 0.55)
    room.solids += plant(random, -side * (room.width / 2 - 0.4), room.depth - 0.4, 1.15, maker.yaw)


def _study(maker: Decorator) -> None:
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


ROOMS: dict[str, Callable[[Decorator], None]] = {
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
    maker = Decorator(random, kind)
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
