"""Drawn animals in side view: dogs, cats, cows, sheep, horses, and birds."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from .canvas import Canvas, Gradient, Pen
from .colour import Colour, darker, lighter, palette, vary
from .shapes import Pair, Shape, blob, capsule, chain, ellipse, polygon, puffs, ribbon, shifted, smooth

INK: Colour = (44, 34, 40)


@dataclass(frozen=True)
class Build:
    """Proportions of a four-legged animal; the height at the back is 1, the nose points to the right.

    Attributes:
        length: half the length of the trunk.
        belly: height of the belly above the ground.
        neck: end of the neck, where the head starts.
        muzzle: end of the muzzle.
        head, snout: radii at the head's two ends.
        leg: radii at the top and the bottom of a leg.
    """

    length: float
    belly: float
    neck: Pair
    muzzle: Pair
    head: float
    snout: float
    neck_radii: tuple[float, float]
    leg: tuple[float, float]


BUILDS = {
    "dog": Build(0.62, 0.46, (0.82, -1.22), (1.12, -1.12), 0.2, 0.11, (0.24, 0.17), (0.12, 0.075)),
    "cat": Build(0.66, 0.42, (0.86, -1.12), (1.0, -1.06), 0.25, 0.13, (0.2, 0.18), (0.1, 0.07)),
    "cow": Build(0.78, 0.44, (1.02, -1.02), (1.3, -0.8), 0.17, 0.13, (0.27, 0.17), (0.11, 0.06)),
    "sheep": Build(0.62, 0.36, (0.78, -1.0), (1.0, -0.86), 0.15, 0.1, (0.2, 0.14), (0.075, 0.05)),
    "horse": Build(0.68, 0.54, (0.98, -1.5), (1.3, -1.22), 0.14, 0.085, (0.27, 0.13), (0.1, 0.045)),
}
COATS = {
    "dog": palette("#c98b4f #8a5a3b #f0e2cf #4c4149 #d9a860 #b9b2ab"),
    "cat": palette("#e39a4f #6e6a72 #3b353f #f1e7da #b9a38b"),
    "cow": palette("#f5efe6 #8c5a3c #f5efe6 #c98b5a"),
    "sheep": palette("#f7f1e3 #efe6d2 #e6dccb"),
    "horse": palette("#8a5233 #b9773f #4a3730 #e2d3bd"),
}


def draw_animal(canvas: Canvas, x: float, y: float, height: float, kind: str, random: Random, flip: bool) -> None:
    """Draw a four-legged animal that stands at (x, y).

    Args:
        height: height at the back, pixels.
        kind: a key of BUILDS.
        flip: face left instead of right.
    """
    build = BUILDS[kind]
    pen = Pen(canvas, x, y, height, flip=flip)
    coat = vary(random, random.choice(COATS[kind]), 0.03)
    stride = random.uniform(-0.12, 0.12)
    _legs(pen, build, kind, darker(coat, 0.22), stride, near=False)
    _tail(pen, build, kind, coat, random)
    _legs(pen, build, kind, coat, -stride, near=True)
    trunk = _trunk(build, kind)
    if kind == "sheep":
        fleece = puffs(random, 0, -0.68, 0.86, 0.44, 12)
        pen.fill(fleece, Gradient(lighter(coat, 0.3), darker(coat, 0.2)))
        for _ in range(11):
            curl_x, curl_y = random.uniform(-0.6, 0.55), random.uniform(-0.92, -0.46)
            curl = [(curl_x - 0.09, curl_y), (curl_x, curl_y + 0.07), (curl_x + 0.09, curl_y)]
            pen.fill(ribbon(curl, 0.025), darker(coat, 0.22), alpha=0.55, within=fleece)
        _head(pen, build, kind, darker(coat, 0.62))
        pen.fill(puffs(random, build.neck[0] - 0.05, build.neck[1] - 0.1, 0.17, 0.13, 6), coat)
        return
    neck = chain([(build.length * 0.72, -0.84), build.neck], build.neck_radii)
    if kind == "horse":
        pen.fill(ribbon([(0.4, -1.0), (0.7, -1.42), (0.98, -1.64)], 0.24, 0.12), darker(coat, 0.5))
    pen.fill(neck + trunk, Gradient(lighter(coat, 0.12), darker(coat, 0.1)))
    _markings(pen, build, kind, coat, trunk + neck, random)
    shade = shifted(trunk, 0.0, 0.34)
    pen.fill(shade, darker(coat, 0.55), alpha=0.22, within=trunk, blur=0.05, solid=False)
    _head(pen, build, kind, coat)


def _trunk(build: Build, kind: str) -> Shape:
    half, belly = build.length, -build.belly
    sag = 0.06 if kind == "cow" else 0.0
    tuck = 0.09 if kind in ("dog", "horse") else 0.02
    return smooth([(-half - 0.12, -0.82), (-half * 0.6, -1.0), (0.0, -0.96), (half * 0.7, -1.02), (half + 0.16, -0.86),
                   (half + 0.1, -0.56), (half * 0.5, belly + sag), (-half * 0.3, belly + sag - tuck),
                   (-half * 0.8, belly - 0.04), (-half - 0.1, -0.58)])  # fmt: skip


def _legs(pen: Pen, build: Build, kind: str, coat: Colour, stride: float, near: bool) -> None:
    shift = 0.0 if near else 0.14
    for hip, hind in ((-build.length * 0.82 + shift, True), (build.length * 0.78 - shift, False)):
        swing = stride if hind else -stride
        bend = -0.07 if hind else 0.03
        knee, foot = (hip + swing * 0.5 + bend, -build.belly * 0.58), (hip + swing, -0.05)
        top, bottom = build.leg
        pen.fill(chain([(hip, -0.66), knee, foot], [top * (1.5 if hind else 1.15), top * 0.8, bottom]), coat)
        paw = darker(coat, 0.5) if kind in ("cow", "horse", "sheep") else lighter(coat, 0.16)
        pen.fill(capsule((hip + swing, -0.045), (hip + swing + bottom * 0.9, -0.04), bottom * 0.95, 0.04), paw)


def _tail(pen: Pen, build: Build, kind: str, coat: Colour, random: Random) -> None:
    back = -build.length - 0.04
    if kind == "dog":
        pen.fill(ribbon([(back, -0.9), (back - 0.26, -1.1), (back - 0.3, -1.38)], 0.16, 0.07), coat)
    elif kind == "cat":
        curl = random.choice((0.12, -0.2))
        pen.fill(ribbon([(back, -0.86), (back - 0.34, -1.0), (back - 0.36, -1.4), (back - 0.36 + curl, -1.58)],
                        0.14, 0.1), coat)  # fmt: skip
    elif kind == "horse":
        pen.fill(ribbon([(back, -0.94), (back - 0.24, -0.8), (back - 0.26, -0.34)], 0.2, 0.1), darker(coat, 0.5))
    elif kind == "cow":
        pen.fill(ribbon([(back, -0.92), (back - 0.14, -0.7), (back - 0.12, -0.4)], 0.06, 0.05), darker(coat, 0.1))
        pen.fill(ellipse(back - 0.12, -0.36, 0.06, 0.1), darker(coat, 0.55))


def _markings(pen: Pen, build: Build, kind: str, coat: Colour, body: Shape, random: Random) -> None:
    bright = sum(coat) > 560
    if kind == "cow" and bright:
        spot = random.choice(((62, 50, 56), (150, 92, 58)))
        for centre in (-0.62, -0.05, 0.5):
            patch = blob(random, centre + random.uniform(-0.1, 0.1), -random.uniform(0.7, 0.9), 0.24, 0.18)
            pen.fill(patch, spot, within=body)
        pen.fill(ellipse(-0.2, -build.belly - 0.02, 0.13, 0.1), (240, 178, 170))
    elif kind == "cat" and not bright:
        for step in range(6):
            x = -0.55 + step * 0.2
            pen.fill(
                ribbon([(x, -1.04), (x + 0.03, -0.86), (x - 0.01, -0.72)], 0.07, 0.02),
                darker(coat, 0.28),
                within=body,
            )
    elif kind == "dog" and random.random() < 0.6:
        tone = darker(coat, 0.4) if bright else lighter(coat, 0.75)
        pen.fill(
            blob(random, -0.2, -0.95, 0.36, 0.22) if bright else ellipse(0.6, -0.62, 0.22, 0.26),
            tone,
            within=body,
        )


def _head(pen: Pen, build: Build, kind: str, coat: Colour) -> None:
    (x, y), (mx, my), r = build.neck, build.muzzle, build.head
    ear_shade = darker(coat, 0.25)
    if kind == "cat":
        pen.fill(polygon((x - 0.02, y - 0.16), (x + 0.03, y - 0.46), (x + 0.2, y - 0.2)), ear_shade)
    if kind == "horse":
        pen.fill(ribbon([(x - 0.04, y - 0.06), (x + 0.0, y - 0.3)], 0.1, 0.02), ear_shade)
    if kind == "cow":
        pen.fill(
            ribbon([(x + 0.04, y - 0.12), (x + 0.14, y - 0.24), (x + 0.1, y - 0.36)], 0.07, 0.02),
            (233, 219, 190),
        )
    skull = capsule((x, y), (mx, my), r, build.snout)
    pen.fill(skull, Gradient(lighter(coat, 0.14), darker(coat, 0.06)))
    if kind in ("cow", "dog", "cat", "horse"):
        nose: Colour = (238, 178, 168) if kind == "cow" else lighter(coat, 0.35)
        pen.fill(
            capsule((mx - 0.03, my + 0.02), (mx, my + 0.02), build.snout * 1.02, build.snout),
            nose,
            within=skull,
        )
    tip = (mx + build.snout * 0.82, my - build.snout * 0.3)
    pen.fill(ellipse(*tip, 0.05, 0.042), INK if kind != "cow" else (150, 92, 90))
    eye = (x + (mx - x) * 0.32 + 0.02, y + (my - y) * 0.3 - r * 0.3)
    pen.fill(ellipse(*eye, 0.036, 0.042), INK)
    pen.fill(ellipse(eye[0] + 0.012, eye[1] - 0.014, 0.012), (255, 255, 255))
    if kind == "dog":
        pen.fill(smooth([(x - 0.12, y - 0.18), (x + 0.02, y - 0.18), (x + 0.03, y + 0.12), (x - 0.08, y + 0.24),
                         (x - 0.17, y + 0.06)]), darker(coat, 0.34))  # fmt: skip
        pen.fill(ribbon([(x - 0.16, y + 0.24), (x + 0.0, y + 0.27), (x + 0.12, y + 0.2)], 0.06), (214, 78, 72))
    elif kind == "cat":
        pen.fill(polygon((x - 0.22, y - 0.12), (x - 0.14, y - 0.45), (x + 0.03, y - 0.22)), coat)
        pen.fill(polygon((x - 0.16, y - 0.18), (x - 0.12, y - 0.36), (x - 0.03, y - 0.22)), (238, 170, 160))
    elif kind in ("cow", "sheep"):
        droop = 0.06 if kind == "cow" else 0.1
        pen.fill(ellipse(x - 0.14, y - 0.04, 0.15, 0.07, angle=-10 - droop * 100), ear_shade)
    elif kind == "horse":
        pen.fill(ribbon([(x - 0.1, y - 0.04), (x - 0.08, y - 0.28)], 0.11, 0.02), coat)
        pen.fill(
            ribbon([(x - 0.02, y - 0.16), (x + 0.1, y - 0.1), (x + 0.13, y + 0.02)], 0.1, 0.04),
            darker(coat, 0.5),
        )


def draw_bird(canvas: Canvas, x: float, y: float, size: float, random: Random, flip: bool) -> None:
    """Draw a small standing bird, size pixels tall, with its feet at (x, y)."""
    pen = Pen(canvas, x, y, size, flip=flip)
    coat = random.choice(palette("#5b8fc9 #e07a5f #8a7f8d #f2c14e #6fa06a"))
    for foot in (-0.06, 0.08):
        pen.fill(ribbon([(foot, -0.26), (foot + 0.02, -0.02), (foot + 0.1, -0.02)], 0.045), (226, 140, 60))
    pen.fill(polygon((-0.3, -0.52), (-0.86, -0.4), (-0.8, -0.26), (-0.24, -0.3)), darker(coat, 0.3))
    body = smooth([(-0.42, -0.42), (-0.2, -0.66), (0.1, -0.78), (0.3, -1.0), (0.52, -0.86), (0.44, -0.5), (0.14, -0.2),
                   (-0.24, -0.22)])  # fmt: skip
    pen.fill(polygon((0.48, -0.92), (0.76, -0.8), (0.48, -0.74)), (240, 160, 60))
    pen.fill(body, Gradient(lighter(coat, 0.15), coat))
    pen.fill(ellipse(0.3, -0.4, 0.26, 0.24), lighter(coat, 0.65), within=body)
    pen.fill(smooth([(-0.46, -0.4), (-0.1, -0.62), (0.12, -0.5), (-0.08, -0.32)]), darker(coat, 0.25))
    pen.fill(ellipse(0.38, -0.84, 0.045), INK)


def gull(x: float, y: float, span: float, lift: float) -> Shape:
    """Return the outline of a bird in flight seen from afar."""
    half = span / 2
    left = ribbon([(x - half, y - lift), (x - half * 0.5, y - lift * 1.5), (x, y)], span * 0.05, span * 0.13)
    right = ribbon([(x + half, y - lift), (x + half * 0.5, y - lift * 1.5), (x, y)], span * 0.05, span * 0.13)
    return left + right + ellipse(x, y + span * 0.02, span * 0.15, span * 0.065)
