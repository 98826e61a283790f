"""Places annotated objects on a drawn ground: sizes by depth, shadows, and the words captions need."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import numpy as np

from .animals import draw_animal, draw_bird, gull
from .canvas import Canvas, Thing
from .colour import CAR_PAINT, CLOTHES, Colour, darker, lighter
from .figures import Look, draw_person, random_look
from .names import ADE
from .nature import draw_tree
from .poses import POSES, loosened
from .props import draw_ball, draw_bench, draw_kite, draw_parasol, draw_traffic_light
from .shapes import Pair
from .sky import Mood
from .vehicles import draw_bicycle, draw_boat, draw_bus, draw_car

# Heights in shares of a person's, so that neighbours agree in size.
ANIMAL_HEIGHT = {"dog": 0.32, "cat": 0.19, "cow": 0.64, "sheep": 0.44, "horse": 0.74}
SEATED_POSES = ("sit", "rest")


@dataclass
class Stage:
    """A picture in progress.

    Attributes:
        horizon: level of the horizon, pixels.
        person: height in pixels of a grown person who stands at the lower border.
        sun_x: where the sun or moon stands, pixels from the left, if it shows.
        spent: x, level and half width of what has been placed.
    """

    canvas: Canvas
    random: Random
    mood: Mood
    horizon: float
    person: float
    sun_x: float | None = None
    spent: list[tuple[float, float, float]] = field(default_factory=list)

    def height_at(self, y: float) -> float:
        """Return the pixel height of a grown person who stands at level y."""
        share = (y - self.horizon) / (self.canvas.height - self.horizon)
        return self.person * max(0.12, 0.1 + 0.9 * share)

    def free_x(self, y: float, half: float) -> float:
        """Return a place along a level, away from what stands near it where possible."""
        width, best, room = self.canvas.width, 0.0, -1e9
        margin = min(half * 0.7, width * 0.4)
        for _ in range(14):
            x = self.random.uniform(margin, width - margin)
            gaps = [abs(x - other) - (half + wide) for other, level, wide in self.spent if abs(level - y) < 90]
            gap = min(gaps, default=1e3)
            if gap > room:
                best, room = x, gap
            if gap > 0:
                break
        self.spent.append((best, y, half))
        return best


def add_person(
    stage: Stage,
    x: float,
    y: float,
    pose: str = "",
    child: bool = False,
    look: Look | None = None,
    scale: float = 1.0,
    flip: bool | None = None,
) -> None:
    """Add a person who stands (or whose feet rest) at (x, y)."""
    random, canvas = stage.random, stage.canvas
    look = look or random_look(random, child)
    name = pose or random.choice([name for name in POSES if name not in ("ride", *SEATED_POSES)])
    height = stage.height_at(y) * (0.68 if look.child else 1.0) * scale
    thing = Thing("person", words={"kind": look.kind, "colour": look.top_name, "action": POSES[name].action,
                                   "garment": "dress" if look.lower == "dress" else "shirt"})  # fmt: skip
    if pose not in ("ride", "sit"):
        canvas.shade(x, y, height * 0.17, height * 0.03)
    with canvas.thing(thing, ADE["person"]):
        turned = random.random() < 0.5 if flip is None else flip
        thing.keypoints = draw_person(canvas, x, y, height, look, loosened(random, POSES[name], 4), turned)


def add_animal(stage: Stage, x: float, y: float, kind: str, flip: bool | None = None) -> None:
    """Add a dog, cat, cow, sheep or horse that stands at (x, y)."""
    height = stage.height_at(y) * ANIMAL_HEIGHT[kind]
    stage.canvas.shade(x, y, height * 0.85, height * 0.12)
    with stage.canvas.thing(Thing(kind), ADE["animal"]):
        turned = stage.random.random() < 0.5 if flip is None else flip
        draw_animal(stage.canvas, x, y, height, kind, stage.random, turned)


def add_bird(stage: Stage, x: float, y: float) -> None:
    """Add a bird on the ground at (x, y), drawn larger than life to be seen."""
    size = stage.height_at(y) * 0.17
    stage.canvas.shade(x, y, size * 0.4, size * 0.09)
    with stage.canvas.thing(Thing("bird"), ADE["animal"]):
        draw_bird(stage.canvas, x, y, size, stage.random, stage.random.random() < 0.5)


def add_flock(stage: Stage, x: float, y: float, spread: float) -> None:
    """Add a distant flock as one crowd annotation."""
    random = stage.random
    colour: Colour = (70, 72, 104) if not stage.mood.dark else (210, 214, 240)
    with stage.canvas.thing(Thing("bird", crowd=True), ADE["animal"]):
        for _ in range(random.randint(11, 16)):
            span = random.uniform(0.14, 0.22) * spread
            spot = (x + random.uniform(-1, 1) * spread, y + random.uniform(-0.34, 0.34) * spread)
            stage.canvas.fill(gull(*spot, span, span * random.uniform(0.1, 0.25)), colour)


def add_crowd(stage: Stage, x: float, y: float, spread: float) -> None:
    """Add a distant crowd of people as one crowd annotation."""
    random = stage.random
    with stage.canvas.thing(Thing("person", crowd=True), ADE["person"]):
        spots = sorted(
            (y + random.uniform(-0.05, 0.07) * spread, x + random.uniform(-1, 1) * spread) for _ in range(22)
        )
        for level, across in spots:
            pose = POSES[random.choice(("stand", "behind", "cheer", "wave", "hip", "walk"))]
            draw_person(stage.canvas, across, level, spread * 0.34, random_look(random), pose, random.random() < 0.5)


def add_car(stage: Stage, x: float, y: float, flip: bool, scale: float = 1.0) -> None:
    """Add a car whose wheels stand at y."""
    name = stage.random.choice(sorted(CAR_PAINT))
    length = stage.height_at(y) * 2.35 * scale
    stage.canvas.shade(x, y, length * 0.5, length * 0.035, 0.4)
    with stage.canvas.thing(Thing("car", words={"colour": name}), ADE["car"]):
        draw_car(stage.canvas, x, y, length, CAR_PAINT[name], stage.random, flip)


def add_bus(stage: Stage, x: float, y: float, flip: bool) -> None:
    """Add a bus whose wheels stand at y."""
    name = stage.random.choice(("red", "yellow", "teal", "blue", "orange"))
    length = stage.height_at(y) * 3.7
    stage.canvas.shade(x, y, length * 0.5, length * 0.025, 0.4)
    with stage.canvas.thing(Thing("bus", words={"colour": name if name != "teal" else "green"}), ADE["bus"]):
        draw_bus(stage.canvas, x, y, length, CLOTHES[name], stage.random, flip)


def add_cyclist(stage: Stage, x: float, y: float, flip: bool) -> None:
    """Add a bicycle with its rider."""
    person = stage.height_at(y)
    add_bicycle(stage, x, y, flip)
    # The rider's hips sit on the saddle: 0.5 bicycle lengths up, 0.13 back.
    back = person * 1.02 * 0.12 * (1 if flip else -1)
    add_person(stage, x + back, y - person * 0.1, "ride", flip=flip, look=random_look(stage.random))


def add_bicycle(stage: Stage, x: float, y: float, flip: bool) -> None:
    """Add a bicycle that stands at (x, y)."""
    length = stage.height_at(y) * 1.02
    name = stage.random.choice(("red", "teal", "blue", "yellow"))
    stage.canvas.shade(x, y, length * 0.45, length * 0.03)
    with stage.canvas.thing(Thing("bicycle"), ADE["bicycle"]):
        draw_bicycle(stage.canvas, x, y, length, CLOTHES[name], flip)


def add_boat(stage: Stage, x: float, y: float, length: float) -> None:
    """Add a boat on the water, with a faint reflection."""
    name = stage.random.choice(("red", "blue", "teal", "orange", "yellow"))
    for row in range(4):
        half = length * (0.42 - row * 0.07)
        oval = np.array(
            [
                (x - half, y + 3 + row * 4),
                (x + half, y + 3 + row * 4),
                (x + half * 0.8, y + 5 + row * 4),
                (x - half * 0.8, y + 5 + row * 4),
            ]
        )
        stage.canvas.fill([oval], darker(CLOTHES[name], 0.1), alpha=0.32 - row * 0.06, solid=False)
    with stage.canvas.thing(Thing("boat"), ADE["boat"]):
        draw_boat(stage.canvas, x, y, length, CLOTHES[name], stage.random, stage.random.random() < 0.5)


def add_bench(stage: Stage, x: float, y: float) -> float:
    """Add a bench whose feet stand at y; returns the level of its seat."""
    width = stage.height_at(y) * 0.95
    stage.canvas.shade(x, y, width * 0.52, width * 0.07)
    with stage.canvas.thing(Thing("bench"), ADE["bench"]):
        draw_bench(stage.canvas, x, y, width)
    return y - width * 0.22


def add_parasol(stage: Stage, x: float, y: float, scale: float = 1.25) -> None:
    """Add an umbrella whose stick stands in the ground at (x, y)."""
    height = stage.height_at(y) * scale
    name = stage.random.choice(("red", "blue", "teal", "orange", "pink", "yellow"))
    stage.canvas.shade(x + height * 0.15, y + 2, height * 0.5, height * 0.07, 0.24)
    with stage.canvas.thing(Thing("umbrella"), 0):
        draw_parasol(stage.canvas, x, y, height, CLOTHES[name], stage.random.uniform(-10, 10))


def add_ball(stage: Stage, x: float, y: float) -> None:
    """Add a ball that rests at (x, y)."""
    radius = stage.height_at(y) * 0.085
    stage.canvas.shade(x, y, radius * 1.1, radius * 0.25)
    with stage.canvas.thing(Thing("sports ball"), ADE["ball"]):
        draw_ball(stage.canvas, x, y, radius, stage.random)


def add_kite(stage: Stage, x: float, y: float, size: float, hand: Pair | None) -> None:
    """Add a kite in the sky, its string held at hand if given."""
    names = stage.random.sample(("red", "yellow", "blue", "purple", "green", "pink"), 2)
    with stage.canvas.thing(Thing("kite"), 0):
        draw_kite(stage.canvas, x, y, size, CLOTHES[names[0]], lighter(CLOTHES[names[1]], 0.1), hand)


def add_traffic_light(stage: Stage, x: float, y: float, scale: float = 1.75) -> None:
    """Add a traffic light that stands at (x, y)."""
    lit = stage.random.choice(("red", "yellow", "green"))
    with stage.canvas.thing(Thing("traffic light", words={"lit": lit}), ADE["traffic light"]):
        draw_traffic_light(stage.canvas, x, y, stage.height_at(y) * scale, lit)


def scatter_trees(stage: Stage, low: float, high: float, count: int, kind: str = "") -> None:
    """Plant trees between two levels, far ones first."""
    for y in sorted(stage.random.uniform(low, high) for _ in range(count)):
        x = stage.random.uniform(-20, stage.canvas.width + 20)
        draw_tree(
            stage.canvas,
            x,
            y,
            stage.height_at(y) * stage.random.uniform(1.7, 2.5),
            stage.random,
            stage.mood,
            kind,
        )


def ground_levels(stage: Stage, count: int, low: float = 0.3, high: float = 0.97) -> list[float]:
    """Return ground levels, far to near, for objects to stand on."""
    depth = stage.canvas.height - stage.horizon
    return sorted(stage.horizon + depth * stage.random.uniform(low, high) for _ in range(count))


def add_people(stage: Stage, levels: list[float], poses: tuple[str, ...]) -> None:
    """Add one person, a child one time in four, at each ground level."""
    for y in levels:
        x = stage.free_x(y, stage.height_at(y) * 0.25)
        if stage.random.random() < 0.1:
            # Half out of the picture, as people in photographs are.
            x = stage.random.choice((0.0, float(stage.canvas.width)))
        add_person(stage, x, y, stage.random.choice(poses), child=stage.random.random() < 0.25)
