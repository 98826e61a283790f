"""Light for ray-cast rooms: daylight from a window, soft contact shadows, lamps, a little bloom."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import add_glow
from .colour import Colour
from .names import ADE
from .raycast import Film
from .solids import Array, Point, Solid

MAP_PIXELS_PER_METRE = 50
_FIXTURES = (ADE["wall"], ADE["windowpane"], ADE["curtain"], ADE["painting"])


@dataclass(frozen=True)
class Daylight:
    """Directional light: where it comes from (a unit vector is made of it), its colour, and its strength."""

    towards: Point
    colour: Colour
    strength: float
    ambient: Colour
    ambient_strength: float


@dataclass
class Room:
    """A room with x in [-width / 2, width / 2], y in [0, height], z in [0, depth], metres.

    Attributes:
        solids: everything in it; the room's own shell comes first.
        panes: windows as centre, width and height, wall: "left", "right" or "back".
        lamps: lit bulbs as position, colour, strength.
    """

    width: float
    height: float
    depth: float
    kind: str
    daylight: Daylight
    solids: list[Solid] = field(default_factory=list)
    panes: list[tuple[Point, float, float, str]] = field(default_factory=list)
    lamps: list[tuple[Point, Colour, float]] = field(default_factory=list)


def floor_maps(room: Room) -> tuple[Array, Array]:
    """Draw the floor from above: contact shadow in [0, 1], and sunlight in [0, 1]; row 0 is z = 0."""
    scale = MAP_PIXELS_PER_METRE
    shape = (math.ceil(room.depth * scale) + 1, math.ceil(room.width * scale) + 1)
    contact, sun, blocked = (np.zeros(shape, np.float32) for _ in range(3))
    light = np.array(room.daylight.towards) / np.linalg.norm(room.daylight.towards)

    def pixels(points: NDArray[np.float64]) -> NDArray[np.int32]:
        return np.round((points[:, [0, 2]] + (room.width / 2, 0)) * scale * 16).astype(np.int32)

    for solid in room.solids[1:]:
        corners = solid.corners()
        foot = cv2.convexHull(corners[corners[:, 1] == corners[:, 1].min()][:, [0, 2]].astype(np.float32))[:, 0]
        outline = np.stack([foot[:, 0], np.zeros(len(foot)), foot[:, 1]], 1)
        low, tall = solid.base[1], solid.base[1] + solid.size[1]
        if solid.label in _FIXTURES:
            continue
        if low < 1.4 and solid.size[1] > 0.03:
            layer = np.zeros(shape, np.float32)
            cv2.fillPoly(layer, [pixels(outline)], 1.0, shift=4)
            contact = np.maximum(contact, layer * math.exp(-low * 2.2))
            cast = np.concatenate([outline - light * (level / light[1]) for level in (low, tall)])
            hull = cv2.convexHull(cast[:, [0, 2]].astype(np.float32))[:, 0]
            shadow = np.stack([hull[:, 0], np.zeros(len(hull)), hull[:, 1]], 1).astype(np.float64)
            cv2.fillPoly(blocked, [pixels(shadow)], 1.0, shift=4)
    for centre, width, height, wall in room.panes:
        along = np.array([1.0, 0, 0]) if wall == "back" else np.array([0, 0, 1.0])
        up = np.array([0, 1.0, 0])
        for part in (-0.25, 0.25):
            middle = np.array(centre) + along * width * part
            quad = np.stack(
                [
                    middle + along * width * a * 0.22 + up * height * b * 0.46
                    for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
                ]
            )
            quad = quad - light * (quad[:, 1:2] / light[1])
            cv2.fillPoly(sun, [pixels(quad)], 1.0, shift=4)
    wide = np.asarray(cv2.GaussianBlur(contact, (0, 0), 0.16 * scale), np.float32)
    tight = np.asarray(cv2.GaussianBlur(contact, (0, 0), 0.05 * scale), np.float32)
    lit = np.asarray(cv2.GaussianBlur(sun * (1 - blocked), (0, 0), 0.025 * scale), np.float32)
    soft = np.asarray(cv2.GaussianBlur(blocked, (0, 0), 0.12 * scale), np.float32)
    return np.clip(wide * 0.5 + tight * 0.32 + soft * 0.16, 0, 0.78), lit


def light_film(film: Film, room: Room) -> Array:
    """Return the lit picture at the film's sample grid, (H, W, 3) float32 in [0, 255]."""
    position = film.rays * film.depth[:, :, None] + np.array(film.camera.position, np.float32)
    day = room.daylight
    towards = np.array(day.towards, np.float32) / np.float32(np.linalg.norm(day.towards))
    facing = np.clip(film.normal @ towards * 0.6 + 0.4, 0, 1)
    # Floors see the sky, ceilings see the lit floor, walls a little of both.
    upward = np.abs(film.normal[:, :, 1]) * 0.2 + 0.86
    shadow, sun = _floor_light(position, film, room)
    corners = _corner_shade(position, room)
    open_share = corners * (1 - shadow)
    ambient = (upward * open_share * day.ambient_strength).astype(np.float32)
    direct = (facing * open_share * day.strength + sun * 0.62).astype(np.float32)
    base = ambient[:, :, None] * (np.array(day.ambient, np.float32) / 255)
    base += direct[:, :, None] * (np.array(day.colour, np.float32) / 255)
    for place, colour, strength in room.lamps:
        towards_lamp = np.array(place, np.float32) - position
        distance = np.sqrt(np.einsum("ijk,ijk->ij", towards_lamp, towards_lamp)) + np.float32(1e-3)
        cosine = np.clip(np.einsum("ijk,ijk->ij", towards_lamp, film.normal) / distance * 0.7 + 0.3, 0, 1)
        amount = (strength * cosine / (0.5 + distance * distance) * (1 - shadow * 0.5)).astype(np.float32)
        base += amount[:, :, None] * (np.array(colour, np.float32) / 255)
    base *= (1 - _depth_shade(film))[:, :, None]
    base += (1.06 - base) * film.glow[:, :, None]
    return np.asarray(_shoulder(np.asarray(film.colour * base, np.float32)), np.float32)


def _shoulder(light: Array) -> Array:
    """Bend values above 200 so that bright areas keep their colour and never clip hard."""
    over = np.maximum(light - 200, 0)
    # A rational curve from 200 to 255 with slope 1 at the start: cheaper than an exponential.
    return np.asarray(np.minimum(light, 200) + 55 * over / (over + 55), np.float32)


def _floor_light(position: Array, film: Film, room: Room) -> tuple[Array, Array]:
    """Sample the floor maps where things lie near the floor."""
    contact, sun = floor_maps(room)
    x = ((position[:, :, 0] + np.float32(room.width / 2)) * MAP_PIXELS_PER_METRE).astype(np.float32)
    z = (position[:, :, 2] * MAP_PIXELS_PER_METRE).astype(np.float32)
    low = ((position[:, :, 1] < 0.04) & (film.normal[:, :, 1] > 0.5)).astype(np.float32)
    shadow = cv2.remap(contact, x, z, cv2.INTER_LINEAR) * low
    return np.asarray(shadow, np.float32), np.asarray(cv2.remap(sun, x, z, cv2.INTER_LINEAR) * low, np.float32)


def _corner_shade(position: Array, room: Room) -> Array:
    """Darken towards the room's edges: each surface by its distance from its neighbours."""
    x = np.minimum(position[:, :, 0] + room.width / 2, room.width / 2 - position[:, :, 0])
    y = np.minimum(position[:, :, 1], room.height - position[:, :, 1])
    z = np.minimum(position[:, :, 2], room.depth - position[:, :, 2])
    shade = np.ones(x.shape, np.float32)
    for distance in (x, y, z):
        # A point on the surface itself has distance 0 from it; that one must not count.
        fall = np.exp(-np.maximum(distance, 0) / np.float32(0.22))
        shade *= np.where(distance < 0.03, np.float32(1), 1 - np.float32(0.3) * fall)
    return shade


def _depth_shade(film: Film) -> Array:
    """Darken what lies just behind a nearer edge.

    Source: Luft, Colditz and Deussen, "Image Enhancement by Unsharp Masking the Depth Buffer", 2006.
    """
    small = cv2.resize(film.depth, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    behind = np.asarray(small - cv2.GaussianBlur(small, (0, 0), 5.0), np.float32)
    shade = np.clip(behind * 0.42, 0, 0.26)
    grown = cv2.resize(shade, (film.depth.shape[1], film.depth.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown, np.float32)


def develop(film: Film, room: Room) -> NDArray[np.uint8]:
    """Light the film, reduce it to the picture's size, add bloom around lamps; (H, W, 3) uint8."""
    camera = film.camera
    large = light_film(film, room)
    small = np.asarray(cv2.resize(large, (camera.width, camera.height), interpolation=cv2.INTER_AREA), np.float32)
    for place, colour, strength in room.lamps:
        view = camera.axes() @ (np.array(place) - camera.position)
        if view[2] > 0.2:
            x, y = (float(view[axis] / view[2] * camera.focal) for axis in (0, 1))
            reach = 0.75 * camera.focal / float(view[2])
            add_glow(small, x + camera.width / 2, y + camera.height / 2, reach, colour, 0.34 * min(strength, 1.0))
    rows = np.linspace(-1, 1, camera.height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, camera.width, dtype=np.float32)[None, :]
    small *= (1 - 0.06 * (rows**2 + columns**2))[:, :, None]
    return np.asarray(np.clip(np.round(small), 0, 255), np.uint8)
