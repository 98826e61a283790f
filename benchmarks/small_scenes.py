"""Scenes of 64 x 64 pixels that two million weights can learn from, in the layouts of COCO and NYU Depth v2.

Rooms with a wall, a floor and one or two of balls, boxes and cones that stand on it; and people of sticks. A class
has a colour, so that what is hard is where, how far, and what was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from taskpaint.builders.world.coco_names import COCO_JOINTS, COCO_SKELETON

SIDE: Final = 64
SHAPES: Final = {"ball": (230, 120, 40), "box": (60, 90, 220), "cone": (70, 180, 70)}
_NUMBERS: Final = {name: number for number, name in enumerate(SHAPES, start=1)}
_FOCAL_PX, _CAMERA_M, _SIZE_M = 60.0, 1.5, 0.35
"""Of the camera: pixels, metres above the floor. Half the width of a shape, metres."""
_WALL_M: Final = (3.5, 8.0)
_MARKED: Final = ("nose", "left_wrist", "right_wrist", "left_ankle", "right_ankle")
Pixels = NDArray[np.uint8]


@dataclass
class Room:
    """rgb (64, 64, 3) uint8; depth_m (64, 64) float32; shapes: class and visible mask, the nearest last."""

    rgb: Pixels
    depth_m: NDArray[np.float32]
    shapes: list[tuple[str, NDArray[np.bool_]]]


def draw_hall(draw: np.random.Generator) -> Room:
    """A room that each shape is in or not, whatever else there is: no other tells whether one is there."""
    return draw_room(draw, [name for name in draw.permutation(list(SHAPES)) if draw.random() < 0.5])


def draw_room(draw: np.random.Generator, names: Sequence[str] | None = None) -> Room:
    """A room seen by a level camera: the horizon is drawn anew, the wall's foot and the shapes' feet tell how far.

    Args:
        names: of the shapes, the farthest first; None: one or two of them.
    """
    horizon = float(draw.integers(16, 27))
    wall_m = float(draw.uniform(*_WALL_M))
    rows = np.arange(SIDE)[:, None] + np.zeros((1, SIDE))
    below = np.maximum(rows - horizon, 0.5)
    depth = np.minimum(_FOCAL_PX * _CAMERA_M / below, wall_m)
    wall, floor = (draw.integers(105, 160) + draw.integers(-12, 13, 3) for _ in range(2))
    floor = floor - 60
    rgb = np.where((depth >= wall_m)[..., None], wall, floor).astype(float)
    owner = np.full((SIDE, SIDE), -1)
    count = draw.integers(1, 3) if names is None else len(names)
    feet = np.sort(draw.uniform(2.2, min(wall_m - 0.3, 5.5), count))[::-1]
    shown = [str(name) for name in (draw.permutation(list(SHAPES))[:count] if names is None else names)]
    for number, (name, away_m) in enumerate(zip(shown, feet, strict=True)):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        foot = round(horizon + _FOCAL_PX * _CAMERA_M / away_m)
        radius = max(4, round(_FOCAL_PX * _SIZE_M * draw.uniform(0.9, 1.3) / away_m))
        cv2.fillPoly(mask, [outline(name, (int(draw.integers(radius, SIDE - radius)), foot), radius)], 1)
        tint = np.array(SHAPES[name]) + draw.integers(-25, 26, 3)
        rgb[mask > 0] = tint
        depth[mask > 0] = away_m
        owner[mask > 0] = number
    noisy = np.clip(rgb + draw.normal(0, 6, rgb.shape), 0, 255).astype(np.uint8)
    shapes = [(name, owner == number) for number, name in enumerate(shown)]
    return Room(noisy, depth.astype(np.float32), [one for one in shapes if one[1].sum() >= 25])


def outline(name: str, foot: tuple[int, int], radius: int) -> NDArray[np.int32]:
    """(N, 2) int32 corners of a shape that stands on a point, x and y."""
    x, y = foot
    if name == "ball":
        return np.array(cv2.ellipse2Poly((x, y - radius), (radius, radius), 0, 0, 360, 10), np.int32)
    top = y - 2 * radius
    if name == "box":
        return np.array([(x - radius, top), (x + radius, top), (x + radius, y), (x - radius, y)], np.int32)
    return np.array([(x, top), (x + radius, y), (x - radius, y)], np.int32)


def draw_pair(draw: np.random.Generator) -> Room:
    """Two shapes of one size, side by side, all a metre away: nothing but the words tells which one is meant."""
    ground = draw.integers(90, 160) + draw.integers(-15, 16, 3)
    rgb = ground + draw.normal(0, 6, (SIDE, SIDE, 3))
    radius = int(draw.integers(9, 14))
    shapes = []
    for name, x in zip(draw.permutation(list(SHAPES))[:2], draw.permutation([16, 47]), strict=True):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillPoly(mask, [outline(str(name), (int(x), int(draw.integers(28, 62))), radius)], 1)
        rgb[mask > 0] = np.array(SHAPES[str(name)]) + draw.integers(-25, 26, 3)
        shapes.append((str(name), mask > 0))
    return Room(np.clip(rgb, 0, 255).astype(np.uint8), np.ones((SIDE, SIDE), np.float32), shapes)


def draw_figure(draw: np.random.Generator) -> tuple[Pixels, dict[str, tuple[int, int]]]:
    """A person of sticks who faces the camera, so that the left hand is on the right; and where its joints are.

    It is night: dots of all colours are gray on the mean, and on gray a beginner would see no reason to draw any.
    """
    ground = draw.integers(25, 45) + draw.integers(-15, 16, 3)
    rgb = np.clip(ground + draw.normal(0, 6, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
    x, y = int(draw.integers(28, 37)), int(draw.integers(12, 17))
    hip = y + int(draw.integers(19, 23))
    limb = tuple(int(level) for level in draw.integers(80, 120, 3))
    skin = tuple(int(level) for level in np.array([170, 130, 110]) + draw.integers(-20, 21, 3))
    joints = {"nose": (x, y)}
    for side, sign in (("left", 1), ("right", -1)):
        angle = draw.uniform(-1.1, 1.2)
        hand = (round(x + sign * (4 + 15 * np.cos(angle))), round(y + 9 + 15 * np.sin(angle)))
        foot = (x + sign * int(draw.integers(4, 14)), min(SIDE - 4, hip + int(draw.integers(17, 22))))
        joints |= {f"{side}_wrist": hand, f"{side}_ankle": foot}
        cv2.line(rgb, (x + 4 * sign, y + 9), hand, limb, 3, cv2.LINE_AA)
        cv2.line(rgb, (x + 2 * sign, hip), foot, limb, 3, cv2.LINE_AA)
        cv2.circle(rgb, hand, 2, skin, -1, cv2.LINE_AA)
    cv2.rectangle(rgb, (x - 4, y + 7), (x + 4, hip), tuple(int(level) for level in draw.integers(40, 160, 3)), -1)
    cv2.circle(rgb, (x, y), 5, skin, -1, cv2.LINE_AA)
    return rgb, joints


def write_rooms(
    folder: Path, count: int, seed: int, draw_one: Callable[[np.random.Generator], Room] = draw_room
) -> None:
    """Rooms, or pairs, as COCO 2017: images and instances, all in train2017."""

    def one(image: int, draw: np.random.Generator) -> tuple[Pixels, list[dict[str, Any]]]:
        room = draw_one(draw)
        return room.rgb, [_instance(_NUMBERS[name], mask) for name, mask in room.shapes]

    categories = [{"id": number, "name": name} for name, number in _NUMBERS.items()]
    _write_coco(folder, "instances", categories, count, one, seed)


def write_figures(folder: Path, count: int, seed: int) -> None:
    """People as COCO 2017: images and person keypoints, of which five of seventeen are annotated."""

    def one(image: int, draw: np.random.Generator) -> tuple[Pixels, list[dict[str, Any]]]:
        rgb, joints = draw_figure(draw)
        xs, ys = zip(*joints.values(), strict=True)
        left, top = max(0, min(xs) - 5), max(0, min(ys) - 6)
        box = [left, top, min(SIDE, max(xs) + 6) - left, min(SIDE, max(ys) + 4) - top]
        flat = [value for name in COCO_JOINTS for value in ((*joints[name], 2) if name in joints else (0, 0, 0))]
        person = {"category_id": 1, "keypoints": flat, "num_keypoints": len(joints), "bbox": box}
        return rgb, [{**person, "area": box[2] * box[3] * 0.3, "iscrowd": 0, "segmentation": []}]

    person = {"id": 1, "name": "person", "keypoints": list(COCO_JOINTS), "skeleton": [list(b) for b in COCO_SKELETON]}
    _write_coco(folder, "person_keypoints", [person], count, one, seed)


def write_depths(folder: Path, count: int, seed: int) -> None:
    """Other rooms as NYU Depth v2: pairs of a photograph and millimetres in 16 bits."""
    place = folder / "sync" / "room_0001"
    place.mkdir(parents=True)
    for number in range(count):
        room = draw_room(np.random.default_rng((seed, number)))
        Image.fromarray(room.rgb).save(place / f"rgb_{number:05d}.jpg", quality=95, subsampling=0)
        cv2.imwrite(str(place / f"sync_depth_{number:05d}.png"), np.round(room.depth_m * 1000).astype(np.uint16))


def _write_coco(
    folder: Path,
    kind: str,
    categories: list[dict[str, Any]],
    count: int,
    one: Callable[[int, np.random.Generator], tuple[Pixels, list[dict[str, Any]]]],
    seed: int,
) -> None:
    for name in ("train2017", "annotations"):
        (folder / name).mkdir(parents=True)
    images, annotations = [], []
    for image in range(1, count + 1):
        rgb, found = one(image, np.random.default_rng((seed, image)))
        name = f"{image:012d}.jpg"
        Image.fromarray(rgb).save(folder / "train2017" / name, quality=95, subsampling=0)
        images.append({"id": image, "file_name": name, "width": SIDE, "height": SIDE})
        annotations += [
            {**row, "id": len(annotations) + place, "image_id": image} for place, row in enumerate(found, 1)
        ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations" / f"{kind}_train2017.json").write_text(json.dumps(content))


def _instance(category: int, mask: NDArray[np.bool_]) -> dict[str, Any]:
    """A COCO annotation with its mask as uncompressed run lengths, column by column."""
    flat = np.concatenate([[False], mask.T.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    counts = np.diff(np.concatenate([[0], edges, [mask.size]])).tolist()
    counts = counts if sum(counts) == mask.size else counts[:-1]
    ys, xs = np.nonzero(mask)
    box = [int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1]
    return {
        "category_id": category,
        "segmentation": {"counts": counts, "size": [SIDE, SIDE]},
        "bbox": box,
        "area": int(mask.sum()),
        "iscrowd": 0,
    }
