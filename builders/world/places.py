"""What stands where in park, street, beach and playground."""

from __future__ import annotations

from .colour import hex_colour, palette
from .names import ADE
from .nature import (
    draw_beach,
    draw_bush,
    draw_hills,
    draw_meadow,
    draw_mountains,
    draw_palm,
    draw_path,
    draw_tree,
    draw_water,
)
from .props import draw_slide, draw_swings
from .sky import draw_far_puffs
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
    add_people,
    add_person,
    add_traffic_light,
    ground_levels,
    scatter_trees,
)
from .town import draw_houses, draw_lamp_post, draw_skyline, draw_street


def frame_with_leaves(stage: Stage) -> None:
    """Put bushes into a lower corner, close to the viewer."""
    canvas, random = stage.canvas, stage.random
    left = random.random() < 0.5
    for step in range(3):
        x = step * 34.0 if left else canvas.width - step * 34.0
        draw_bush(canvas, x, canvas.height + 3 + step * 8, random.uniform(34, 46), random, stage.mood)


def park(stage: Stage) -> None:
    """Meadow with trees, a path, a bench, people, dogs, birds, a ball or a kite."""
    canvas, random = stage.canvas, stage.random
    draw_hills(canvas, random, stage.mood, stage.horizon)
    draw_meadow(canvas, random, stage.mood, stage.horizon)
    draw_path(canvas, random, stage.horizon, hex_colour("#e6cfa2"), ADE["path"])
    depth = canvas.height - stage.horizon
    scatter_trees(stage, stage.horizon + 2, stage.horizon + depth * 0.22, random.randint(5, 8))
    if random.random() < 0.35:
        add_crowd(
            stage,
            random.uniform(0.3, 0.7) * canvas.width,
            stage.horizon + depth * 0.16,
            random.uniform(60, 84),
        )
    kite = random.random() < 0.4
    bench_y = stage.horizon + depth * random.uniform(0.36, 0.48)
    bench_x = stage.free_x(bench_y, stage.height_at(bench_y) * 0.5)
    seat = add_bench(stage, bench_x, bench_y)
    if random.random() < 0.6:
        add_person(stage, bench_x + random.uniform(-12, 12), seat + stage.height_at(bench_y) * 0.355, "rest")
    draw_lamp_post(
        canvas,
        random.choice((0.08, 0.92)) * canvas.width,
        bench_y + 4,
        stage.height_at(bench_y) * 2.0,
        stage.mood,
    )
    levels = ground_levels(stage, random.randint(2, 3), 0.5)
    add_people(stage, levels[:-1], ("walk", "stroll", "run", "wave", "dance", "cheer"))
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
        add_people(stage, levels[-1:], ("kick", "wave", "jump", "twirl"))
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
    add_people(stage, [far - 1, far + 1], ("walk", "stroll", "stand", "behind"))
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
    add_people(stage, levels, ("walk", "stroll", "wave", "stand", "hip"))
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
    draw_water(canvas, random, stage.mood, stage.horizon, shore + 20, ADE["sea"], stage.sun_x)
    for y in sorted(stage.horizon + depth * random.uniform(0.06, 0.2) for _ in range(random.randint(1, 3))):
        add_boat(stage, stage.free_x(y, 46), y, stage.person * (0.2 + 0.9 * (y - stage.horizon) / depth))
    if random.random() < 0.5:
        add_flock(
            stage,
            random.uniform(0.25, 0.75) * canvas.width,
            stage.horizon * random.uniform(0.25, 0.5),
            random.uniform(50, 80),
        )
    stage.spent.clear()
    draw_beach(canvas, random, shore)
    side = random.choice((0.06, 0.94))
    draw_palm(canvas, side * canvas.width, shore + depth * 0.22, stage.person * 1.7, random)
    levels = ground_levels(stage, 3, 0.5, 0.96)
    y = levels[0]
    spot = stage.free_x(y, stage.height_at(y) * 0.6)
    add_parasol(stage, spot, y)
    add_people(stage, levels[1:], ("walk", "wave", "jump", "cheer", "stand", "run", "dance"))
    y = levels[1] + 6
    add_ball(stage, stage.free_x(y, 24), y)
    if random.random() < 0.5:
        y = levels[2] + 4
        add_animal(stage, stage.free_x(y, 50), y, "dog")
    if random.random() < 0.4:
        _kite_flyer(stage, levels[1] + 2)


def playground(stage: Stage) -> None:
    """Swings, a slide, children at play, somebody on a bench."""
    canvas, random = stage.canvas, stage.random
    depth = canvas.height - stage.horizon
    draw_far_hedge(stage)
    draw_meadow(canvas, random, stage.mood, stage.horizon)
    scatter_trees(stage, stage.horizon + 2, stage.horizon + depth * 0.12, 5)
    draw_path(canvas, random, stage.horizon + depth * 0.1, hex_colour("#eccf9f"), ADE["path"])
    y = stage.horizon + depth * 0.42
    left = random.random() < 0.5
    with canvas.stuff(ADE["plaything"]):
        draw_swings(canvas, canvas.width * (0.28 if left else 0.72), y, stage.height_at(y) * 1.9)
        colour = random.choice(palette("#8562b8 #3f78c9 #e0524d"))
        draw_slide(
            canvas,
            canvas.width * (0.72 if left else 0.28),
            y + depth * 0.08,
            stage.height_at(y) * 1.8,
            colour,
        )
    levels = ground_levels(stage, 4, 0.58, 0.97)
    for level in levels[:3]:
        x = stage.free_x(level, stage.height_at(level) * 0.3)
        add_person(stage, x, level, random.choice(("jump", "run", "cheer", "dance", "twirl", "kick")), child=True)
    add_ball(stage, stage.free_x(levels[2], 26), levels[2] + 5)
    add_people(stage, levels[3:], ("stand", "wave", "hip"))
    if random.random() < 0.5:
        add_bicycle(stage, stage.free_x(levels[3], 70), levels[3] - 4, random.random() < 0.5)


def draw_far_hedge(stage: Stage) -> None:
    """Foliage along the horizon."""
    with stage.canvas.stuff(ADE["tree"]):
        draw_far_puffs(stage.canvas, stage.random, stage.horizon, hex_colour("#8cb98a"))
