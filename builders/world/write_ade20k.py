"""Writes outdoor scenes and rooms in the layout of the ADE20K scene parsing challenge."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from .files import write_jpeg, write_lines, write_png
from .names import ADE_NAMES
from .rooms import ROOMS, draw_room
from .scenes import draw_scene

SIZE = (683, 512)
OUTDOORS = ("street", "lake", "park", "beach", "farm", "quiet", "playground")
ROOM_NAMES = {"study": "home_office"}
# Focal length of the rooms as a share of the picture's width: close to NYU Depth's Kinect.
FOCAL_SHARE = 0.81


def write_ade20k(folder: Path, count: int, seed: int) -> None:
    """Write count pictures with label maps: one room in three, every third picture for validation.

    Args:
        folder: gets ADEChallengeData2016 below it.
    """
    root = folder / "ADEChallengeData2016"
    for kind in ("images", "annotations"):
        for split in ("training", "validation"):
            (root / kind / split).mkdir(parents=True, exist_ok=True)
    pixels = np.zeros(151, np.int64)
    pictures = {"training": np.zeros(151, np.int64), "validation": np.zeros(151, np.int64)}
    numbers = {"training": 0, "validation": 0}
    lines: dict[str, list[str]] = {"training": [], "validation": []}
    for index in range(count):
        split = "validation" if index % 3 == 1 else "training"
        rgb, labels, scene = _picture(index, seed)
        numbers[split] += 1
        name = f"ADE_{'val' if split == 'validation' else 'train'}_{numbers[split]:08d}"
        write_jpeg(root / "images" / split / f"{name}.jpg", rgb)
        write_png(root / "annotations" / split / f"{name}.png", labels)
        found = np.bincount(labels.reshape(-1), minlength=151)
        pixels += found
        pictures[split] += found > 0
        lines[split].append(f"{name} {scene}")
    write_lines(root / "sceneCategories.txt", lines["training"] + lines["validation"])
    write_lines(root / "objectInfo150.txt", _object_info(pixels, pictures["training"], pictures["validation"]))


def _picture(index: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], str]:
    random = Random(f"{seed}/ade20k/{index}")
    if index % 3 == 0:
        kind = sorted(ROOMS)[(index // 3 + seed) % len(ROOMS)]
        room = draw_room(random, kind, *SIZE, focal=SIZE[0] * FOCAL_SHARE)
        return room.rgb, room.labels, ROOM_NAMES.get(kind, kind)
    kind = OUTDOORS[(index - index // 3 - 1 + seed) % len(OUTDOORS)]
    scene = draw_scene(random, kind, *SIZE, mood_index=index + seed)
    return scene.picture.rgb, scene.picture.labels, scene.ade_scene


def _object_info(pixels: NDArray[np.int64], training: NDArray[np.int64], validation: NDArray[np.int64]) -> list[str]:
    """Return the class table, its ratios and counts taken from the pictures written."""
    total = max(int(pixels[1:].sum()), 1)
    lines = ["Idx\tRatio\tTrain\tVal\tName"]
    for index, name in enumerate(ADE_NAMES, start=1):
        lines.append(f"{index}\t{pixels[index] / total:.4f}\t{training[index]}\t{validation[index]}\t{name}")
    return lines
