"""What stands where out in the country: farm, mountain lake, and quiet land with nobody in it."""

from __future__ import annotations

from .colour import hex_colour, palette
from .farmland import draw_barn, draw_crops, draw_fence
from .names import ADE
from .nature import (
    draw_bush,
    draw_ground,
    draw_hills,
    draw_meadow,
    draw_mountains,
    draw_path,
    draw_tree,
    draw_water,
)
from .sky import draw_far_puffs
from .stage import (
    Stage,
    add_animal,
    add_bird,
    add_boat,
    add_flock,
    add_people,
    ground_levels,
    scatter_trees,
)


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
    scatter_trees(stage, stage.horizon + depth * 0.14, stage.horizon + depth * 0.22, 3)
    draw_fence(canvas, stage.horizon + depth * 0.3, stage.person * 0.2, hex_colour("#b98d62"))
    kinds = random.choice(
        (
            ("cow", "cow", "horse"),
            ("sheep", "sheep", "sheep", "dog"),
            ("horse", "sheep", "cow"),
            ("cow", "sheep", "dog"),
        )
    )
    for kind, y in zip(kinds, ground_levels(stage, len(kinds), 0.42, 0.92), strict=True):
        add_animal(stage, stage.free_x(y, stage.height_at(y) * 0.55), y, kind)
    if random.random() < 0.75:
        add_people(stage, ground_levels(stage, 1, 0.7, 0.97), ("stand", "wave", "hip", "walk"))
    if random.random() < 0.5:
        y = canvas.height - random.uniform(14, 40)
        add_bird(stage, stage.free_x(y, 24), y)


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
    levels = ground_levels(stage, 2, 0.78, 0.96)
    add_people(stage, levels, ("behind", "stand", "hold", "walk", "cheer"))
    add_animal(stage, stage.free_x(levels[1], 50), levels[1], "dog")


def _lake_land(stage: Stage) -> None:
    canvas, random = stage.canvas, stage.random
    depth = canvas.height - stage.horizon
    draw_mountains(canvas, random, stage.mood, stage.horizon + 2, canvas.height * random.uniform(0.28, 0.36))
    with canvas.stuff(ADE["tree"]):
        draw_far_puffs(canvas, random, stage.horizon + 3, hex_colour("#5d8f77"))
    draw_water(canvas, random, stage.mood, stage.horizon, canvas.height * 0.86, ADE["lake"], stage.sun_x)
    ground = stage.horizon + depth * 0.66
    draw_ground(canvas, ground, hex_colour("#7fae5f"), hex_colour("#a9c777"), ADE["grass"])
    for _ in range(5):
        x = random.uniform(0, canvas.width)
        draw_bush(canvas, x, ground + random.uniform(2, 16), random.uniform(14, 28), random, stage.mood)
    edge = random.choice((0.05, 0.95)) * canvas.width
    draw_tree(
        canvas,
        edge,
        canvas.height * 0.9,
        stage.person * 1.9,
        random,
        stage.mood,
        random.choice(("pine", "birch")),
    )


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
    scatter_trees(stage, stage.horizon + 2, stage.horizon + depth * 0.4, 9)
