"""Outdoor scenes: street, park, beach, farm, playground, harbour, and quiet landscapes with nobody in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .canvas import Canvas, Picture
from .colour import hex_colour, palette
from .names import ADE
from .nature import (
    draw_beach,
    draw_bush,
    draw_ground,
    draw_hills,
    draw_meadow,
    draw_mountains,
    draw_palm,
    draw_path,
    draw_tree,
    draw_water,
)
from .props import draw_slide, draw_swings
from .sky import MOODS, Mood, draw_far_puffs, draw_sky, paper_grain
from .stage import (
    Stage,
    add_animal,
    add_ball,
    add_bench,
    add_bicycle,
    add_bird,
    add_boat,
    add_bus,
    add_car,
    add_crowd,
    add_cyclist,
    add_flock,
    add_kite,
    add_parasol,
    add_person,
    add_traffic_light,
)
from .town import draw_barn, draw_crops, draw_fence, draw_houses, draw_lamp_post, draw_skyline, draw_street


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


def _scatter_trees(stage: Stage, low: float, high: float, count: int, kind: str = "") -> None:
    """Plant trees between two levels, far ones first."""
    for y in sorted(stage.random.uniform(low, high) for _ in range(count)):
        x = stage.random.uniform(-20, stage.canvas.width + 20)
        draw_tree(stage.canvas, x, y, stage.height_at(y) * stage.random.uniform(1.7, 2.5), stage.random, stage.mood, kind)


def _levels(stage: Stage, count: int, low: float = 0.3, high: float = 0.97) -> list[float]:
    """Return ground levels, far to near, for objects to stand on."""
    depth = stage.canvas.height - stage.horizon
    return sorted(stage.horizon + depth * stage.random.uniform(low, high) for _ in range(count))


def _people(stage: Stage, levels: list[float], poses: tuple[str, ...]) -> None:
    for y in levels:
        x = stage.free_x(y, stage.height_at(y) * 0.25)
        add_person(stage, x, y, stage.random.choice(poses), child=stage.random.random() < 0.25)


def park(stage: Stage) -> None:
    """Meadow with trees, a path, a bench, people, dogs, birds, a ball or a kite."""
    canvas, random = stage.canvas, stage.random
    draw_hills(canvas, random, stage.mood, stage.horizon)
    draw_meadow(canvas, random, stage.mood, stage.horizon)
    draw_path(canvas, random, stage.horizon, hex_colour("#e6cfa2"), ADE["path"])
    depth = canvas.height - stage.horizon
    _scatter_trees(stage, stage.horizon + 2, stage.horizon + depth * 0.22, random.randint(5, 8))
    if random.random() < 0.35:
        add_crowd(stage, random.uniform(0.3, 0.7) * canvas.width, stage.horizon + depth * 0.16, random.uniform(60, 84))
    kite = random.random() < 0.4
    bench_y = stage.horizon + depth * random.uniform(0.36, 0.48)
    bench_x = stage.free_x(bench_y, stage.height_at(bench_y) * 0.5)
    seat = add_bench(stage, bench_x, bench_y)
    if random.random() < 0.6:
        add_person(stage, bench_x + random.uniform(-12, 12), seat + stage.height_at(bench_y) * 0.355, "rest")
    draw_lamp_post(canvas, random.choice((0.08, 0.92)) * canvas.width, bench_y + 4, stage.height_at(bench_y) * 2.0, stage.mood)
    levels = _levels(stage, random.randint(2, 3), 0.5)
    _people(stage, levels[:-1], ("walk", "stroll", "run", "wave", "dance", "cheer"))
    for kind in random.sample(("dog", "dog", "cat", "bird"), 2):
        y = levels[-1] - random.uniform(8, 40)
        x = stage.free_x(y, stage.height_at(y) * 0.3)
        if kind == "bird":
            add_bird(stage, x, y)
        else:
            add_animal(stage, x, y, kind)
    if kite:
        _kite_flyer(stage, levels[-1])
    else:
        _people(stage, levels[-1:], ("kick", "wave", "jump", "twirl"))
        add_ball(stage, stage.free_x(levels[-1], 20), levels[-1] + 4)


def _kite_flyer(stage: Stage, y: float) -> None:
    """A person who holds the string of a kite high up."""
    height = stage.height_at(y)
    x = stage.free_x(y, height * 0.3)
    flip = x > stage.canvas.width / 2
    add_person(stage, x, y, "reach", flip=flip)
    joints = stage.canvas.things[-1].keypoints
    assert joints is not None
    # Joint 9 is the left wrist, 10 the right one.
    hand = joints[10] if not flip else joints[9]
    away = stage.canvas.width * stage.random.uniform(0.22, 0.4) * (-1 if flip else 1)
    place = (min(max(x + away, 40), stage.canvas.width - 40), stage.horizon * stage.random.uniform(0.3, 0.5))
    add_kite(stage, *place, height * 0.32, (float(hand[0]), float(hand[1])))


def street(stage: Stage) -> None:
    """Row of houses, cars, perhaps a bus, traffic light, pedestrians and cyclists."""
    canvas, random = stage.canvas, stage.random
    top = stage.horizon + 22
    draw_skyline(canvas, random, stage.mood, top, canvas.height * 0.42)
    draw_houses(canvas, random, stage.mood, top, canvas.height * random.uniform(0.3, 0.36))
    far, near, middle = draw_street(canvas, random, top)
    for share in (0.1, 0.5, 0.9):
        x = (share + random.uniform(-0.08, 0.08)) * canvas.width
        if random.random() < 0.55:
            draw_tree(canvas, x, far - 4, stage.person * 0.85, random, stage.mood, "round")
        else:
            draw_lamp_post(canvas, x, far - 3, stage.person * 0.85, stage.mood)
    _people(stage, [far - 1, far + 1], ("walk", "stroll", "stand", "behind"))
    lane = middle - 3
    if random.random() < 0.5:
        add_bus(stage, stage.free_x(lane, stage.height_at(lane) * 1.8), lane, True)
    else:
        add_car(stage, stage.free_x(lane, stage.height_at(lane) * 1.2), lane, True)
    stage.spent.clear()
    lane = near - 10
    add_car(stage, stage.free_x(lane, stage.height_at(lane)), lane, False, scale=0.86)
    if random.random() < 0.6:
        x = stage.free_x(lane + 4, stage.height_at(lane) * 0.5)
        add_cyclist(stage, x, lane + 4, False)
    stage.spent.clear()
    add_traffic_light(stage, random.choice((0.07, 0.93)) * canvas.width, near + 14)
    levels = [near + (canvas.height - near) * share for share in (0.3, 0.72)]
    _people(stage, levels, ("walk", "stroll", "wave", "stand", "hip"))
    if random.random() < 0.6:
        y = levels[1] + 3
        add_animal(stage, stage.free_x(y, 40), y, random.choice(("dog", "dog", "cat")))


def beach(stage: Stage) -> None:
    """Sea with boats, sand, parasols, bathers, balls, kites, gulls, palms."""
    canvas, random = stage.canvas, stage.random
    depth = canvas.height - stage.horizon
    if random.random() < 0.5:
        draw_mountains(canvas, random, stage.mood, stage.horizon + 4, canvas.height * 0.12)
    shore = stage.horizon + depth * random.uniform(0.3, 0.4)
    draw_water(canvas, random, stage.mood, stage.horizon, shore + 20, ADE["sea"])
    for y in sorted(stage.horizon + depth * random.uniform(0.06, 0.2) for _ in range(random.randint(1, 3))):
        add_boat(stage, stage.free_x(y, 46), y, stage.person * (0.2 + 0.9 * (y - stage.horizon) / depth))
    if random.random() < 0.5:
        add_flock(stage, random.uniform(0.25, 0.75) * canvas.width, stage.horizon * random.uniform(0.25, 0.5), random.uniform(50, 80))
    stage.spent.clear()
    draw_beach(canvas, random, shore)
    side = random.choice((0.06, 0.94))
    draw_palm(canvas, side * canvas.width, shore + depth * 0.22, stage.person * 1.7, random)
    levels = _levels(stage, 3, 0.5, 0.96)
    y = levels[0]
    spot = stage.free_x(y, stage.height_at(y) * 0.6)
    add_parasol(stage, spot, y)
    _people(stage, levels[1:], ("walk", "wave", "jump", "cheer", "stand", "run", "dance"))
    y = levels[1] + 6
    add_ball(stage, stage.free_x(y, 24), y)
    if random.random() < 0.5:
        y = levels[2] + 4
        add_animal(stage, stage.free_x(y, 50), y, "dog")
    if random.random() < 0.4:
        _kite_flyer(stage, levels[1] + 2)


def farm(stage: Stage) -> None:
    """Fields, a barn, a fence, cows, sheep, horses, a farmer."""
    canvas, random = stage.canvas, stage.random
    depth = canvas.height - stage.horizon
    if random.random() < 0.5:
        draw_mountains(canvas, random, stage.mood, stage.horizon, canvas.height * 0.2)
    draw_hills(canvas, random, stage.mood, stage.horizon)
    draw_meadow(canvas, random, stage.mood, stage.horizon)
    crop = random.choice(palette("#e8c25c #d6a95c #b9c45c"))
    draw_crops(canvas, random, stage.horizon + 4, stage.horizon + depth * 0.18, crop)
    barn_x = random.choice((0.2, 0.8)) * canvas.width
    draw_barn(canvas, barn_x, stage.horizon + depth * 0.2, stage.person * 1.0, stage.mood)
    _scatter_trees(stage, stage.horizon + depth * 0.14, stage.horizon + depth * 0.22, 3)
    draw_fence(canvas, stage.horizon + depth * 0.3, stage.person * 0.2, hex_colour("#b98d62"))
    kinds = random.choice((("cow", "cow", "horse"), ("sheep", "sheep", "sheep", "dog"), ("horse", "sheep", "cow"), ("cow", "sheep", "dog")))
    for kind, y in zip(kinds, _levels(stage, len(kinds), 0.42, 0.92), strict=True):
        add_animal(stage, stage.free_x(y, stage.height_at(y) * 0.55), y, kind)
    if random.random() < 0.75:
        _people(stage, _levels(stage, 1, 0.7, 0.97), ("stand", "wave", "hip", "walk"))
    if random.random() < 0.5:
        y = canvas.height - random.uniform(14, 40)
        add_bird(stage, stage.free_x(y, 24), y)


def playground(stage: Stage) -> None:
    """Swings, a slide, children at play, somebody on a bench."""
    canvas, random = stage.canvas, stage.random
    depth = canvas.height - stage.horizon
    draw_far_hedge(stage)
    draw_meadow(canvas, random, stage.mood, stage.horizon)
    _scatter_trees(stage, stage.horizon + 2, stage.horizon + depth * 0.12, 5)
    draw_path(canvas, random, stage.horizon + depth * 0.1, hex_colour("#eccf9f"), ADE["path"])
    y = stage.horizon + depth * 0.42
    left = random.random() < 0.5
    with canvas.stuff(ADE["plaything"]):
        draw_swings(canvas, canvas.width * (0.28 if left else 0.72), y, stage.height_at(y) * 1.9)
        colour = random.choice(palette("#8562b8 #3f78c9 #e0524d"))
        draw_slide(canvas, canvas.width * (0.72 if left else 0.28), y + depth * 0.08, stage.height_at(y) * 1.8, colour)
    levels = _levels(stage, 4, 0.58, 0.97)
    for level in levels[:3]:
        x = stage.free_x(level, stage.height_at(level) * 0.3)
        add_person(stage, x, level, random.choice(("jump", "run", "cheer", "dance", "twirl", "kick")), child=True)
    add_ball(stage, stage.free_x(levels[2], 26), levels[2] + 5)
    _people(stage, levels[3:], ("stand", "wave", "hip"))
    if random.random() < 0.5:
        add_bicycle(stage, stage.free_x(levels[3], 70), levels[3] - 4, random.random() < 0.5)


def draw_far_hedge(stage: Stage) -> None:
    """Foliage along the horizon."""
    with stage.canvas.stuff(ADE["tree"]):
        draw_far_puffs(stage.canvas, stage.random, stage.horizon, hex_colour("#8cb98a"))


def lake(stage: Stage) -> None:
    """Mountain lake with a boat or two and walkers on the shore."""
    _lake_land(stage)
    canvas, random = stage.canvas, stage.random
    depth = canvas.height - stage.horizon
    for y in sorted(stage.horizon + depth * random.uniform(0.14, 0.42) for _ in range(random.randint(1, 2))):
        add_boat(stage, stage.free_x(y, 60), y, stage.person * (0.35 + 0.8 * (y - stage.horizon) / depth))
    stage.spent.clear()
    if random.random() < 0.5:
        add_flock(stage, random.uniform(0.25, 0.75) * canvas.width, stage.horizon * 0.35, random.uniform(50, 76))
    levels = _levels(stage, 2, 0.78, 0.96)
    _people(stage, levels, ("behind", "stand", "hold", "walk", "cheer"))
    add_animal(stage, stage.free_x(levels[1], 50), levels[1], "dog")


def _lake_land(stage: Stage) -> None:
    canvas, random = stage.canvas, stage.random
    depth = canvas.height - stage.horizon
    draw_mountains(canvas, random, stage.mood, stage.horizon + 2, canvas.height * random.uniform(0.28, 0.36))
    with canvas.stuff(ADE["tree"]):
        draw_far_puffs(canvas, random, stage.horizon + 3, hex_colour("#5d8f77"))
    draw_water(canvas, random, stage.mood, stage.horizon, canvas.height * 0.86, ADE["lake"])
    ground = stage.horizon + depth * 0.66
    draw_ground(canvas, ground, hex_colour("#7fae5f"), hex_colour("#a9c777"), ADE["grass"])
    for _ in range(5):
        x = random.uniform(0, canvas.width)
        draw_bush(canvas, x, ground + random.uniform(2, 16), random.uniform(14, 28), random, stage.mood)
    edge = random.choice((0.05, 0.95)) * canvas.width
    draw_tree(canvas, edge, canvas.height * 0.9, stage.person * 1.9, random, stage.mood, random.choice(("pine", "birch")))


def quiet(stage: Stage) -> None:
    """A landscape with nothing in it that COCO annotates."""
    if stage.random.random() < 0.5:
        _lake_land(stage)
        return
    canvas, random = stage.canvas, stage.random
    draw_mountains(canvas, random, stage.mood, stage.horizon, canvas.height * 0.3)
    draw_hills(canvas, random, stage.mood, stage.horizon)
    draw_meadow(canvas, random, stage.mood, stage.horizon)
    draw_path(canvas, random, stage.horizon, hex_colour("#e2cba0"), ADE["path"])
    depth = canvas.height - stage.horizon
    _scatter_trees(stage, stage.horizon + 2, stage.horizon + depth * 0.4, 9)


@dataclass(frozen=True)
class _Plan:
    draw: Callable[[Stage], None]
    place: str
    ade_scene: str
    horizon: tuple[float, float]
    person: float
    moods: tuple[str, ...]


_ALL_DAY = ("day", "morning", "sunset", "cloudy", "day")
SCENES = {
    "park": _Plan(park, "in a park", "park", (0.34, 0.42), 0.44, _ALL_DAY),
    "street": _Plan(street, "on a city street", "street", (0.4, 0.44), 0.36, ("day", "sunset", "night", "dusk", "cloudy")),
    "beach": _Plan(beach, "on a beach", "beach", (0.36, 0.42), 0.46, ("day", "morning", "sunset", "dusk")),
    "farm": _Plan(farm, "on a farm", "farm", (0.34, 0.4), 0.46, _ALL_DAY),
    "playground": _Plan(playground, "at a playground", "playground", (0.32, 0.38), 0.5, _ALL_DAY),
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
    draw_sky(canvas, random, mood, stage.horizon)
    plan.draw(stage)
    picture = canvas.finish(mood.tint, paper_grain(random, width, height))
    return Scene(picture, kind, plan.place, plan.ade_scene, mood)
