"""Drawn people with clothes, hair and the 17 COCO joints."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas, Gradient, Pen
from .coco_names import COCO_JOINTS
from .colour import CLOTHES, GREY, HAIR, SHOES, SKIN, TROUSERS, Colour, darker, lighter, vary
from .faces import Head, draw_head, face_joints, hair_behind
from .poses import Joint, Pose, Skeleton, left_is_a, skeleton
from .shapes import Shape, capsule, chain, ellipse, polygon, shifted, smooth


@dataclass(frozen=True)
class Look:
    """What one person looks like.

    Attributes:
        kind: "man", "woman", "boy" or "girl".
        top_name: colour word of the top, for captions.
        lower: "trousers", "shorts", "skirt" or "dress".
        sleeve: share of the arm that the sleeve covers, [0, 1].
        pattern: "plain", "stripes" or "badge".
    """

    kind: str
    skin: Colour
    hair: Colour
    hairdo: str
    beard: bool
    top_name: str
    top: Colour
    bottom: Colour
    shoes: Colour
    lower: str
    sleeve: float
    pattern: str

    @property
    def child(self) -> bool:
        """Children are drawn with larger heads."""
        return self.kind in ("boy", "girl")


def random_look(random: Random, child: bool = False) -> Look:
    """Draw a person's looks."""
    female = random.random() < 0.5
    hairdos = ("long", "bob", "bun", "curly", "ponytail") if female else ("short", "quiff", "curly", "cap", "short")
    top_name = random.choice(sorted(CLOTHES))
    lower = random.choice(("dress", "skirt", "trousers", "trousers")) if female else "trousers"
    if lower == "trousers" and (child or random.random() < 0.3):
        lower = "shorts"
    kind = ("girl" if female else "boy") if child else ("woman" if female else "man")
    return Look(
        kind=kind,
        skin=vary(random, random.choice(SKIN), 0.02),
        hair=random.choice([colour for colour in HAIR if not child or colour != GREY]),
        hairdo=random.choice(hairdos),
        beard=kind == "man" and random.random() < 0.25,
        top_name=top_name,
        top=vary(random, CLOTHES[top_name], 0.02),
        bottom=random.choice(TROUSERS),
        shoes=random.choice(SHOES),
        lower=lower,
        sleeve=random.choice((0.38, 0.42, 1.0)),
        pattern=random.choice(("plain", "plain", "stripes", "badge")),
    )


class _Figure:
    """One person being drawn. Remembers outlines in drawing order, to know which joints the body hides."""

    def __init__(self, pen: Pen, look: Look, bones: Skeleton, pose: Pose) -> None:
        self.pen, self.look, self.bones, self.pose = pen, look, bones, pose
        self.stout = 1.12 if look.child else 1.0
        self.outlines: list[tuple[str, Shape]] = []

    def _remember(self, part: str, shape: Shape) -> None:
        self.outlines.append((part, self.pen.place(shape)))

    def leg(self, part: str, joints: tuple[Joint, Joint, Joint], far: bool) -> None:
        """Draw a leg with trouser, shorts or bare skin, and its shoe."""
        top, middle, end = joints
        k = self.stout
        cloth = self.look.bottom if self.look.lower in ("trousers", "shorts") else self.look.skin
        skin = darker(self.look.skin, 0.13) if far else self.look.skin
        cloth = darker(cloth, 0.16) if far else cloth
        whole = chain([top, middle, end], [0.058 * k, 0.044 * k, 0.027 * k])
        self.pen.fill(whole, skin if self.look.lower != "trousers" else cloth)
        if self.look.lower == "trousers":
            hem = (end[0] + (middle[0] - end[0]) * 0.12, end[1] + (middle[1] - end[1]) * 0.12)
            self.pen.fill(capsule(middle, hem, 0.047 * k, 0.036 * k), cloth)
        if self.look.lower == "shorts":
            hem = (top[0] + (middle[0] - top[0]) * 0.82, top[1] + (middle[1] - top[1]) * 0.82)
            self.pen.fill(capsule(top, hem, 0.06 * k, 0.053 * k), cloth)
        self._shoe(middle, end, far)
        self._remember(part, whole)

    def _shoe(self, knee: Joint, ankle: Joint, far: bool) -> None:
        colour = darker(self.look.shoes, 0.15) if far else self.look.shoes
        x, y = ankle
        if self.pose.view == "side":
            tilt = np.clip((x - knee[0]) * -150, -60, 60) if y < -0.09 else 0.0
            angle = np.radians(float(tilt))
            toe = (x + 0.062 * np.cos(angle), y + 0.018 - 0.062 * np.sin(angle))
            self.pen.fill(capsule((x - 0.012, y + 0.012), toe, 0.024, 0.017), colour)
        else:
            aside = 0.018 if x > self.bones.hips[0] else -0.018
            self.pen.fill(capsule((x, y + 0.006), (x + aside, y + 0.016), 0.03, 0.023), colour)

    def arm(self, part: str, joints: tuple[Joint, Joint, Joint], far: bool) -> None:
        """Draw an arm with its sleeve and hand."""
        top, middle, end = joints
        k = self.stout
        skin = darker(self.look.skin, 0.13) if far else self.look.skin
        cloth = darker(self.look.top, 0.16) if far else self.look.top
        if not far:
            # A soft edge lifts the arm off a shirt of the same colour.
            self.pen.fill(chain([top, middle, end], [0.04 * k, 0.036 * k, 0.03 * k]), darker(self.look.top, 0.5),
                          alpha=0.3, blur=0.006, solid=False)  # fmt: skip
        whole = chain([top, middle, end], [0.036 * k, 0.029 * k, 0.021 * k])
        self.pen.fill(whole, skin)
        self.pen.fill(ellipse(*_along(middle, end, 1.12), 0.025 * k), skin)
        if self.look.sleeve >= 1:
            cuff = _along(middle, end, 0.9)
            self.pen.fill(chain([top, middle, cuff], [0.041 * k, 0.035 * k, 0.03 * k]), cloth)
        else:
            self.pen.fill(capsule(top, _along(top, middle, self.look.sleeve * 1.7), 0.041 * k, 0.038 * k), cloth)
        self._remember(part, whole)

    def torso(self) -> None:
        """Draw hips or skirt, and the top over them."""
        bones, look, k = self.bones, self.look, self.stout
        side = self.pose.view == "side"
        chest, waist, seat = (0.07, 0.06, 0.066) if side else (0.115, 0.083, 0.095)
        chest, waist = chest * k, waist * k * (0.94 if look.kind == "woman" else 1.06)
        (hx, hy), (nx, ny) = bones.hips, bones.neck
        mx, my = nx * 0.4 + hx * 0.6, ny * 0.4 + hy * 0.6
        body = smooth(
            [(nx - 0.035, ny - 0.03), (nx + 0.035, ny - 0.03), (nx + chest * 0.92, ny + 0.004),
             (nx + chest, ny + 0.07), (mx + waist, my), (hx + seat, hy + 0.03), (hx - seat, hy + 0.03),
             (mx - waist, my), (nx - chest, ny + 0.07), (nx - chest * 0.92, ny + 0.004)]
        )  # fmt: skip
        self._lower(hx, hy, seat, mx, my, waist)
        self.pen.fill(body, Gradient(lighter(look.top, 0.1), darker(look.top, 0.08)))
        if look.pattern == "stripes":
            for row in range(5):
                y = ny + 0.05 + row * 0.05
                band = polygon((nx - 0.3, y), (nx + 0.3, y), (nx + 0.3, y + 0.02), (nx - 0.3, y + 0.02))
                self.pen.fill(band, lighter(look.top, 0.65), within=body)
        elif look.pattern == "badge" and self.pose.view == "front":
            self.pen.fill(ellipse(nx, ny + 0.11, 0.036), lighter(look.top, 0.6))
            self.pen.fill(ellipse(nx, ny + 0.11, 0.018), look.bottom)
        shade = shifted(body, -0.055, 0.0)
        self.pen.fill(shade, darker(look.top, 0.5), alpha=0.22, within=body, blur=0.012, solid=False)
        self._remember("torso", body)

    def _lower(self, hx: float, hy: float, seat: float, mx: float, my: float, waist: float) -> None:
        """Hips, or the skirt that hangs from the waist over the thighs."""
        look = self.look
        if look.lower in ("trousers", "shorts"):
            self.pen.fill(
                smooth(
                    [
                        (mx - waist * 0.6, my + 0.03),
                        (mx + waist * 0.6, my + 0.03),
                        (hx + seat, hy),
                        (hx + seat * 0.8, hy + 0.06),
                        (hx, hy + 0.075),
                        (hx - seat * 0.8, hy + 0.06),
                        (hx - seat, hy),
                    ]
                ),
                look.bottom,
            )
            return
        cloth = look.top if look.lower == "dress" else look.bottom
        knees = (self.bones.leg_a[1], self.bones.leg_b[1])
        left, right = min(knee[0] for knee in knees), max(knee[0] for knee in knees)
        bottom = sum(knee[1] for knee in knees) / 2 - 0.03
        if self.pose.action in ("sitting", "riding"):
            bottom = max(knee[1] for knee in knees) + 0.03
        skirt = polygon((mx - waist, my - 0.02), (mx + waist, my - 0.02), (hx + seat * 1.1, hy + 0.02),
                        (max(right, hx) + 0.075, bottom), ((left + right) / 2, bottom + 0.022),
                        (min(left, hx) - 0.075, bottom), (hx - seat * 1.1, hy + 0.02))  # fmt: skip
        self.pen.fill(skirt, Gradient(cloth, darker(cloth, 0.16)))
        self._remember("skirt", skirt)

    def neck(self) -> None:
        """Draw the neck, in the shadow of the head."""
        (nx, ny), (x, y) = self.bones.neck, self.bones.head
        self.pen.fill(capsule((nx, ny), (x * 0.6 + nx * 0.4, y * 0.5 + ny * 0.5), 0.03), darker(self.look.skin, 0.14))


def _along(start: Joint, stop: Joint, share: float) -> Joint:
    return (start[0] + (stop[0] - start[0]) * share, start[1] + (stop[1] - start[1]) * share)


def draw_person(
    canvas: Canvas, x: float, y: float, height: float, look: Look, pose: Pose, flip: bool
) -> NDArray[np.float64]:
    """Draw a person who stands at (x, y), with the caller's object tag.

    Args:
        canvas: where to draw.
        x, y: the point on the ground, pixels.
        height: standing height, pixels.
        flip: mirror the figure, so that side views face left.

    Returns:
        (17, 3) float64 COCO joints: x, y in pixels, and 2, or 1 where the person's own body hides the joint.
        Other objects and the picture's border are not yet considered.
    """
    head_size = 0.185 if look.child else 0.15
    bones = skeleton(pose, 0.105 if look.kind != "man" else 0.115, 0.048, head_size)
    pen = Pen(canvas, x, y, height, flip=flip)
    figure = _Figure(pen, look, bones, pose)
    head = Head(bones.head[0], bones.head[1], head_size / 2, pose.view, look.skin, look.hair, look.hairdo, look.beard)
    if pose.view == "back":
        figure.arm("arm_a", bones.arm_a, far=False)
        figure.arm("arm_b", bones.arm_b, far=False)
    elif pose.view == "side":
        figure.arm("arm_b", bones.arm_b, far=True)
    hair_behind(pen, head)
    figure.leg("leg_b", bones.leg_b, far=pose.view == "side")
    figure.leg("leg_a", bones.leg_a, far=False)
    figure.neck()
    figure.torso()
    head_outline = draw_head(pen, head)
    figure.outlines.append(("head", pen.place(head_outline)))
    if pose.view != "back":
        figure.arm("arm_a", bones.arm_a, far=False)
    if pose.view == "front":
        figure.arm("arm_b", bones.arm_b, far=False)
    return _joints(pen, figure, head, flip)


def _joints(pen: Pen, figure: _Figure, head: Head, flip: bool) -> NDArray[np.float64]:
    bones, view = figure.bones, figure.pose.view
    sides = ("left", "right") if left_is_a(view, flip) else ("right", "left")
    found: dict[str, tuple[Joint, float]] = {"nose": face_joints(head)["nose"]}
    for letter, side in zip("ab", sides, strict=True):
        for part in ("eye", "ear"):
            found[f"{side}_{part}"] = face_joints(head)[f"{part}_{letter}"]
        arm, leg = getattr(bones, f"arm_{letter}"), getattr(bones, f"leg_{letter}")
        far = view == "side" and letter == "b"
        for names, limb, own in (
            ("shoulder elbow wrist", arm, f"arm_{letter}"),
            ("hip knee ankle", leg, f"leg_{letter}"),
        ):
            for place, (name, joint) in enumerate(zip(names.split(), limb, strict=True)):
                hidden = far if place == 0 else _covered(pen, figure.outlines, joint, own)
                found[f"{side}_{name}"] = (joint, 1.0 if hidden else 2.0)
    rows = []
    for name in COCO_JOINTS:
        point, visibility = found[name]
        placed = pen.place([np.array([point])])[0][0]
        rows.append((placed[0], placed[1], visibility))
    return np.array(rows)


def _covered(pen: Pen, outlines: list[tuple[str, Shape]], joint: Joint, own: str) -> bool:
    """Whether a part drawn after the joint's own one lies over the joint."""
    point = pen.place([np.array([joint])])[0][0]
    names = [name for name, _ in outlines]
    margin = 0.012 * pen.size
    for name, shape in outlines[names.index(own) + 1 :]:
        for points in shape:
            contour = points.astype(np.float32).reshape(-1, 1, 2)
            if cv2.pointPolygonTest(contour, (float(point[0]), float(point[1])), True) > margin:
                return name != own
    return False
