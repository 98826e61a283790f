"""Furniture as solids, each about (x, z) on the floor and turned by yaw; the front faces smaller z at yaw 0."""

from __future__ import annotations

import math
from random import Random

from .colour import Colour, darker, lighter, mix, palette
from .names import ADE
from .solids import Solid, Texture
from .textures import books, drawers, leaves, rug

LINEN: Colour = (246, 240, 230)
LAMP_LIGHT: Colour = (255, 222, 160)


class Piece:
    """Collects the solids of one piece of furniture in its own axes and turns them into place."""

    def __init__(self, x: float, z: float, yaw: float) -> None:
        self.x, self.z, self.yaw = x, z, yaw
        self.solids: list[Solid] = []

    def _base(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        cosine, sine = math.cos(math.radians(self.yaw)), math.sin(math.radians(self.yaw))
        return (self.x + x * cosine + z * sine, y, self.z - x * sine + z * cosine)

    def box(
        self,
        x: float,
        y: float,
        z: float,
        width: float,
        height: float,
        depth: float,
        colour: Colour,
        label: str,
        textures: tuple[tuple[str, Texture], ...] = (),
    ) -> None:
        """Add a box whose foot's middle lies at x, y, z."""
        self.solids.append(
            Solid(
                "box",
                self._base(x, y, z),
                (width, height, depth),
                colour,
                ADE[label],
                self.yaw,
                textures=textures,
            )
        )

    def round(
        self,
        x: float,
        y: float,
        z: float,
        width: float,
        height: float,
        colour: Colour,
        label: str,
        top: float = 1.0,
        glow: float = 0.0,
    ) -> None:
        """Add an upright frustum."""
        self.solids.append(
            Solid(
                "frustum",
                self._base(x, y, z),
                (width, height, width),
                colour,
                ADE[label],
                self.yaw,
                top,
                glow=glow,
            )
        )

    def pillow(
        self, x: float, y: float, z: float, width: float, height: float, depth: float, colour: Colour, label: str
    ) -> None:
        """Add an ellipsoid."""
        self.solids.append(
            Solid("ellipsoid", self._base(x, y, z), (width, height, depth), colour, ADE[label], self.yaw)
        )


def bed(random: Random, x: float, z: float, yaw: float, colour: Colour, wood: Colour) -> list[Solid]:
    """Double bed, 1.6 m by 2.05 m, headboard at its back."""
    piece = Piece(x, z, yaw)
    piece.box(0, 0.08, 0, 1.62, 0.2, 2.05, wood, "bed")
    for side in (-0.72, 0.72):
        piece.box(side, 0, -0.94, 0.08, 0.1, 0.08, darker(wood, 0.3), "bed")
    piece.box(0, 0.28, 0, 1.56, 0.2, 1.98, LINEN, "bed")
    piece.box(0, 0.3, -0.3, 1.64, 0.22, 1.42, colour, "bed")
    piece.box(0, 0.515, 0.32, 1.64, 0.035, 0.24, lighter(colour, 0.6), "bed")
    piece.box(0, 0.1, 1.02, 1.7, 0.95, 0.08, wood, "bed")
    for side in (-0.38, 0.38):
        piece.pillow(side, 0.44, 0.72, 0.68, 0.22, 0.46, (252, 249, 243), "pillow")
        piece.pillow(side * 0.8, 0.48, 0.5, 0.44, 0.26, 0.26, mix(colour, (250, 220, 150), 0.45), "cushion")
    if random.random() < 0.6:
        piece.box(0, 0.46, -0.78, 1.66, 0.075, 0.42, lighter(mix(colour, (255, 190, 120), 0.5), 0.25), "blanket")
    return piece.solids


def sofa(random: Random, x: float, z: float, yaw: float, colour: Colour, seats: int) -> list[Solid]:
    """Sofa or armchair with the given number of seats, 0.7 m each."""
    piece = Piece(x, z, yaw)
    width = seats * 0.7
    label = "sofa" if seats > 1 else "armchair"
    deep = darker(colour, 0.12)
    piece.box(0, 0.1, 0, width + 0.3, 0.22, 0.85, deep, label)
    piece.box(0, 0.1, 0.36, width + 0.3, 0.72, 0.2, colour, label)
    for side in (-1, 1):
        piece.box(side * (width / 2 + 0.1), 0.1, -0.03, 0.2, 0.5, 0.86, colour, label)
        piece.box(side * (width / 2 + 0.05), 0, -0.36, 0.06, 0.12, 0.06, (96, 66, 48), label)
    accents = palette("#f2c15f #e8795a #6fb1a8 #f4ead8")
    for seat in range(seats):
        across = (seat - (seats - 1) / 2) * 0.7
        piece.box(across, 0.32, -0.08, 0.67, 0.13, 0.7, lighter(colour, 0.1), label)
        piece.box(across, 0.44, 0.24, 0.64, 0.36, 0.12, lighter(colour, 0.06), label)
        if random.random() < 0.65:
            piece.pillow(
                across + random.uniform(-0.1, 0.1),
                0.43,
                0.1,
                0.46,
                0.36,
                0.16,
                random.choice(accents),
                "cushion",
            )
    return piece.solids


def table(
    x: float, z: float, yaw: float, wood: Colour, width: float, depth: float, height: float, label: str
) -> list[Solid]:
    """Table, desk or coffee table on four legs."""
    piece = Piece(x, z, yaw)
    piece.box(0, height - 0.05, 0, width, 0.05, depth, wood, label)
    piece.box(0, height - 0.11, 0, width - 0.14, 0.06, depth - 0.12, darker(wood, 0.16), label)
    for side in (-1, 1):
        for end in (-1, 1):
            piece.box(
                side * (width / 2 - 0.07),
                0,
                end * (depth / 2 - 0.07),
                0.06,
                height - 0.05,
                0.06,
                darker(wood, 0.12),
                label,
            )
    return piece.solids


def chair(x: float, z: float, yaw: float, colour: Colour, wood: Colour) -> list[Solid]:
    """Dining chair; its back is at larger z."""
    piece = Piece(x, z, yaw)
    for side in (-0.18, 0.18):
        piece.box(side, 0, -0.18, 0.045, 0.44, 0.045, wood, "chair")
        piece.box(side, 0, 0.19, 0.045, 0.92, 0.045, wood, "chair")
    piece.box(0, 0.42, 0, 0.44, 0.06, 0.42, colour, "chair")
    for level in (0.58, 0.74):
        piece.box(0, level, 0.19, 0.36, 0.1, 0.03, lighter(wood, 0.08), "chair")
    return piece.solids


def cabinet(
    x: float, z: float, yaw: float, wood: Colour, width: float, height: float, rows: int, columns: int, label: str
) -> list[Solid]:
    """Cabinet or chest with panelled front, 0.45 m deep, on short feet."""
    piece = Piece(x, z, yaw)
    piece.box(0, 0, 0, width - 0.1, 0.08, 0.36, darker(wood, 0.45), label)
    piece.box(0, 0.08, 0, width, height - 0.08, 0.45, wood, label, (("front", drawers(wood, rows, columns)),))
    piece.box(0, height, -0.01, width + 0.06, 0.03, 0.49, lighter(wood, 0.15), label)
    return piece.solids


def bookcase(random: Random, x: float, z: float, yaw: float, wood: Colour) -> list[Solid]:
    """Tall bookcase, 1.0 m by 1.95 m."""
    piece = Piece(x, z, yaw)
    piece.box(0, 0, 0, 1.0, 1.95, 0.32, wood, "bookcase", (("front", books(random, wood)),))
    return piece.solids


def carpet(random: Random, x: float, z: float, width: float, depth: float, colour: Colour) -> list[Solid]:
    """Rug of 12 mm on the floor."""
    return [
        Solid(
            "box",
            (x, 0, z),
            (width, 0.012, depth),
            colour,
            ADE["rug"],
            textures=(("top", rug(random, colour)),),
        )
    ]


def plant(random: Random, x: float, z: float, size: float, camera_yaw: float) -> list[Solid]:
    """Potted plant; its leaves are a flat cut-out turned to the camera."""
    clay = random.choice(palette("#d98a62 #f2ede2 #6fa3a0 #e8b95f"))
    piece = Piece(x, z, camera_yaw)
    piece.round(0, 0, 0, 0.26 * size, 0.28 * size, clay, "pot", top=1.25)
    piece.round(0, 0.281 * size, 0, 0.28 * size, 0.004, (92, 68, 56), "pot")
    piece.box(
        0,
        0.24 * size,
        0,
        0.95 * size,
        1.1 * size,
        0.004,
        (80, 150, 90),
        "plant",
        (("front", leaves(random)),),
    )
    return piece.solids


def floor_lamp(x: float, z: float, colour: Colour) -> tuple[list[Solid], tuple[float, float, float]]:
    """Lamp on a stand; returns its solids and where its bulb is."""
    piece = Piece(x, z, 0)
    piece.round(0, 0, 0, 0.3, 0.03, (70, 66, 80), "lamp")
    piece.round(0, 0.03, 0, 0.03, 1.38, (90, 84, 96), "lamp")
    piece.round(0, 1.36, 0, 0.42, 0.3, mix(colour, LAMP_LIGHT, 0.7), "lamp", top=0.62, glow=0.85)
    return piece.solids, (x, 1.5, z)


def table_lamp(x: float, y: float, z: float, colour: Colour) -> tuple[list[Solid], tuple[float, float, float]]:
    """Small lamp that stands at height y; returns its solids and where its bulb is."""
    piece = Piece(x, z, 0)
    piece.solids.append(Solid("ellipsoid", (x, y, z), (0.17, 0.22, 0.17), colour, ADE["lamp"]))
    piece.round(0, y + 0.2, 0, 0.02, 0.1, (200, 180, 140), "lamp")
    piece.round(0, y + 0.26, 0, 0.3, 0.2, LAMP_LIGHT, "lamp", top=0.66, glow=0.85)
    return piece.solids, (x, y + 0.4, z)


def pendant(x: float, z: float, ceiling: float, colour: Colour) -> tuple[list[Solid], tuple[float, float, float]]:
    """Hanging lamp; returns its solids and where its bulb is."""
    piece = Piece(x, z, 0)
    piece.round(0, ceiling - 0.7, 0, 0.014, 0.7, (80, 74, 84), "chandelier")
    piece.round(0, ceiling - 0.92, 0, 0.46, 0.24, colour, "chandelier", top=0.3)
    piece.solids.append(
        Solid(
            "ellipsoid",
            (x, ceiling - 0.98, z),
            (0.16, 0.14, 0.16),
            (255, 240, 205),
            ADE["chandelier"],
            glow=1.0,
        )
    )
    return piece.solids, (x, ceiling - 1.02, z)


def vase(random: Random, x: float, y: float, z: float) -> list[Solid]:
    """Vase that stands at height y."""
    tone = random.choice(palette("#6fb1a8 #e8795a #f3c15f #8c7fb0"))
    return [
        Solid("ellipsoid", (x, y - 0.005, z), (0.15, 0.17, 0.15), tone, ADE["vase"]),
        Solid("frustum", (x, y + 0.13, z), (0.07, 0.09, 0.07), lighter(tone, 0.1), ADE["vase"], top=1.3),
    ]


def stack_of_books(random: Random, x: float, y: float, z: float) -> list[Solid]:
    """Two or three books lying on one another at height y."""
    solids = []
    for index in range(random.randint(2, 3)):
        tone = random.choice(palette("#c8553d #3f6f8f #e0a94c #5f8a62 #7d5a8a"))
        size = (0.25 - index * 0.02, 0.035, 0.18)
        solids.append(Solid("box", (x, y + index * 0.035, z), size, tone, ADE["book"], random.uniform(-25, 25)))
    return solids
