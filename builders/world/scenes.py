"""Outdoor scenes: a place, a time of day, and everything drawn in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .canvas import Canvas, Picture
from .countryside import farm, lake, quiet
from .places import beach, frame_with_leaves, park, playground, street
from .sky import MOODS, Mood, draw_sky, paper_grain
from .stage import Stage


@dataclass(frozen=True)
class Scene:
    """A finished outdoor scene.

    Attributes:
        kind: a key of SCENES, such as "park".
        place: how a caption says where it is.
        ade_scene: scene category name of ADE20K.
    """

    picture: Picture
    kind: str
    place: str
    ade_scene: str
    mood: Mood


@dataclass(frozen=True)
class _Plan:
    draw: Callable[[Stage], None]
    place: str
    ade_scene: str
    horizon: tuple[float, float]
    person: float
    moods: tuple[str, ...]
    leafy: bool = False


_ALL_DAY = ("day", "morning", "sunset", "cloudy", "day")
SCENES = {
    "park": _Plan(park, "in a park", "park", (0.34, 0.42), 0.44, _ALL_DAY, leafy=True),
    "street": _Plan(
        street, "on a city street", "street", (0.4, 0.44), 0.36, ("day", "sunset", "night", "dusk", "cloudy")
    ),
    "beach": _Plan(beach, "on a beach", "beach", (0.36, 0.42), 0.46, ("day", "morning", "sunset", "dusk")),
    "farm": _Plan(farm, "on a farm", "farm", (0.34, 0.4), 0.46, _ALL_DAY, leafy=True),
    "playground": _Plan(playground, "at a playground", "playground", (0.32, 0.38), 0.5, _ALL_DAY, leafy=True),
    "lake": _Plan(lake, "by a mountain lake", "lake/natural", (0.4, 0.46), 0.42, ("day", "morning", "sunset", "dusk")),
    "quiet": _Plan(quiet, "in the mountains", "mountain", (0.44, 0.5), 0.42, ("morning", "sunset", "night", "day")),
}


def draw_scene(random: Random, kind: str, width: int, height: int, mood_index: int) -> Scene:
    """Draw one outdoor scene.

    Args:
        random: decides everything that is not given.
        kind: a key of SCENES.
        width, height: size in pixels.
        mood_index: picks the time of day, so that neighbours in a series differ.
    """
    plan = SCENES[kind]
    mood = MOODS[plan.moods[mood_index % len(plan.moods)]]
    canvas = Canvas(width, height)
    stage = Stage(canvas, random, mood, random.uniform(*plan.horizon) * height, plan.person * height)
    stage.sun_x = draw_sky(canvas, random, mood, stage.horizon)
    plan.draw(stage)
    if plan.leafy and random.random() < 0.6:
        frame_with_leaves(stage)
    picture = canvas.finish(mood.tint, paper_grain(random, width, height))
    return Scene(picture, kind, plan.place, plan.ade_scene, mood)
