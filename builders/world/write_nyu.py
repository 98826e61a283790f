"""Writes rooms in the layout of NYU Depth v2's synchronised frames."""

from __future__ import annotations

from pathlib import Path
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from .files import write_jpeg, write_lines, write_png
from .rooms import ROOMS, RoomPicture, draw_room

SIZE = (640, 480)
FOCAL_PX = 518.8579
BORDER_PX = 8
# A depth step above this, metres, throws the sensor's shadow.
STEP_M = 0.12
SHADOW_PX = 4


def write_nyu(folder: Path, count: int, seed: int) -> None:
    """Write count rooms, one frame each, and the list file.

    Args:
        folder: gets sync/<scene>/ and nyudepthv2_files_with_gt.txt.
    """
    lines = []
    for index in range(count):
        kind = tuple(ROOMS)[(index + seed) % len(ROOMS)]
        scene = f"{kind}_{index // len(ROOMS) + 1:04d}"
        random = Random(f"{seed}/nyu/{index}")
        room = draw_room(random, kind, *SIZE, focal=FOCAL_PX)
        place = folder / "sync" / scene
        place.mkdir(parents=True, exist_ok=True)
        write_jpeg(place / "rgb_00000.jpg", _framed(room.rgb))
        write_png(place / "sync_depth_00000.png", sensor_depth(random, room))
        lines.append(f"{scene}/rgb_00000.jpg {scene}/sync_depth_00000.png {FOCAL_PX}")
    write_lines(folder / "nyudepthv2_files_with_gt.txt", lines)


def _framed(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Whiten the border, as in the real frames."""
    framed = np.full_like(rgb, 255)
    inner = slice(BORDER_PX, -BORDER_PX)
    framed[inner, inner] = rgb[inner, inner]
    return framed


def sensor_depth(random: Random, room: RoomPicture) -> NDArray[np.uint16]:
    """Return the depth a structured-light sensor would give: (H, W) uint16 millimetres, 0 where it sees nothing.

    It fails on glass, in a thin shadow to the left of near objects, in a few patches of far corners, and at the
    frame's border.
    """
    height, width = room.depth_m.shape
    missing = room.glass.astype(np.uint8)
    step = np.zeros_like(missing)
    step[:, 1:] = np.diff(room.depth_m, axis=1) < -STEP_M
    kernel = np.zeros((3, 2 * SHADOW_PX + 1), np.uint8)
    kernel[:, SHADOW_PX:] = 1
    # The kernel reaches to the right, so each step spreads to the left.
    missing |= np.asarray(cv2.dilate(step, kernel), np.uint8)
    for _ in range(random.randint(4, 8)):
        column = random.randrange(width)
        row = random.randrange(height // 3)
        axes = (random.randint(6, 22), random.randint(3, 9))
        if room.depth_m[row, column] > np.quantile(room.depth_m, 0.7):
            cv2.ellipse(missing, (column, row), axes, random.uniform(0, 180), 0, 360, 1, -1)
    frame = np.ones_like(missing)
    frame[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX] = 0
    millimetres = np.round(room.depth_m * 1000).astype(np.uint16)
    return np.where((missing | frame) > 0, np.uint16(0), millimetres)
