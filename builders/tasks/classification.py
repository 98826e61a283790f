"""Classification: is a class in the photo? The answer is a colour, all over the picture or as a frame around it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ...manifests.errors import BadItem, NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ...manifests.slots import Noun
from ...manifests.target import FlatTarget, PhotoTarget, Target
from ..geometry import Box
from ..marks.overlay import fill
from ..marks.palette import PALETTES, Color
from ..masks import regions
from ..sample import Feature, Instance, LabelMap, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View

_LEAST_SHOWN = 0.25
"""Share of an object's box that a crop must leave for the object to count as still in the picture."""


class ClassificationOptions(Block):
    """Options of the classification task."""

    style: Literal["fill", "border"] = Field(
        "fill",
        description="fill: the whole picture becomes the answer's colour; border: a frame is painted on the photo",
    )
    border: float = Field(0.06, ge=0.01, le=0.3, description="width of the border, as a share of the shorter side")
    negatives: float = Field(0.5, ge=0, le=1, description="share of questions about a class that is not there")
    facet: str | None = Field(
        None, description="what to ask about, such as object, breed or species; empty: all that the source has"
    )
    min_area: float = Field(
        0.001,
        ge=0,
        le=1,
        description="least share of the image that a present class must cover to be asked about, by the boxes of its "
        "objects or the label map where the source has them",
    )
    palette: Literal["vivid", "instructdiffusion"] = "vivid"
    answers: tuple[str, str] | None = Field(
        None, description="two colours of the palette, for yes and for no; empty: drawn for each question"
    )
    classes: tuple[str, ...] | None = Field(None, description="only these; empty: all")

    @model_validator(mode="after")
    def _two_colours(self) -> ClassificationOptions:
        known = [color.name for color in PALETTES[self.palette]]
        for name in self.answers or ():
            if name not in known:
                raise ValueError(f"palette {self.palette} has no colour {name!r}; there are: {', '.join(known)}")
        if self.answers and self.answers[0] == self.answers[1]:
            raise ValueError(f"yes and no cannot both be {self.answers[0]}")
        return self


@dataclass(frozen=True, slots=True)
class _Question:
    category: str
    facet: str
    present: bool


class Classification(Task[ClassificationOptions]):
    """Answer by colour whether the photo shows a class; the instruction says which colour means what.

    Classes come from the source's labels, else from its label map, else from its objects and the classes it knows
    to be absent.
    """

    name = "classification"
    summary = "answer whether a class is in the photo by a colour, all over the picture or as a frame"
    needs = (Feature.LABELS, Feature.SEMANTIC)
    options_type = ClassificationOptions
    sections: ClassVar = {"fill": ("category", "yes", "no"), "border": ("category", "yes", "no")}
    limits = (Limit("accuracy", at_least=1.0),)

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Draw whether the answer shall be no, and a class that makes it so."""
        present = draw.random() >= self.options.negatives
        questions = [
            (facet, names)
            for facet, *sides in self._facets(sample)
            if (names := [name for name in sides[0 if present else 1] if self._wanted(name)])
        ]
        if not questions:
            raise NotApplicable(f"no class to ask about is known to be {'present' if present else 'absent'}")
        facet, names = draw.choice(questions)
        question = _Question(draw.choice(names), facet, present)
        boxes = [box for one in _members(sample, question.category) if (box := _box(one, sample)) is not None]
        return Subject(question, box=max(boxes, key=_area, default=None) if present else None)

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Paint the answer; pixels of the photo are only decoded for a border."""
        question: _Question = subject.choice
        if question.present and not self._still_shown(view, question.category):
            raise NotApplicable(f"the crop leaves too little of the {question.category}")
        yes, no = self._answers(draw)
        answer = yes if question.present else no
        width, height = view.size_wh
        border_px = 0
        target: Target
        if self.options.style == "fill":
            target = FlatTarget(np.zeros((height, width), np.uint8), np.array([answer.rgb], np.uint8))
        else:
            border_px = max(1, round(self.options.border * min(width, height)))
            framed = view.canvas()
            for strip in _strips(framed, border_px):
                fill(strip, answer.rgb)
            target = PhotoTarget(framed)
        return Rendered(
            target,
            self.options.style,
            {"category": Noun(question.category, form="indefinite"), "yes": yes.name, "no": no.name},
            {
                "style": self.options.style,
                "facet": question.facet,
                "category": question.category,
                "yes": _named(yes),
                "no": _named(no),
                "border_px": border_px,
            },
            {"size": [height, width], "category": question.category, "present": question.present},
        )

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """The answer whose colour is nearest (Euclidean RGB) to the mean of the picture, or of its frame."""
        parts = [target] if params["style"] == "fill" else _strips(target, params["border_px"])
        pixels = np.concatenate([part.reshape(-1, 3) for part in parts])
        mean = pixels.mean(axis=0, dtype=np.float64)
        yes, no = (float(((mean - np.array(params[answer]["rgb"])) ** 2).sum()) for answer in ("yes", "no"))
        return {"size": list(target.shape[:2]), "category": params["category"], "present": yes < no}

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """accuracy: 1 when the answer is right, else 0."""
        return {"accuracy": float(decoded["present"] == annotation["present"])}

    def _answers(self, draw: random.Random) -> Sequence[Color]:
        """The colours for yes and for no."""
        palette = PALETTES[self.options.palette]
        if self.options.answers is None:
            return draw.sample(palette, 2)
        return [color for name in self.options.answers for color in palette if color.name == name]

    def _wanted(self, name: str) -> bool:
        return self.options.classes is None or name in self.options.classes

    def _facets(self, sample: Sample) -> list[tuple[str, list[str], list[str]]]:
        """Facet, names to ask about as present, names known to be absent."""
        asked = self.options.facet
        if sample.labels:
            return [
                (
                    labels.facet,
                    [name for name in labels.present if self._large(sample, name)],
                    [name for name in labels.vocabulary if name not in labels.present],
                )
                for labels in sample.labels
                if asked is None or labels.facet == asked
            ]
        if asked not in (None, "object"):
            return []
        if sample.label_map is not None:
            return [("object", *_map_names(sample.label_map, self.options.min_area))]
        names = dict.fromkeys(one.category.name for one in sample.instances)
        return [("object", [name for name in names if self._large(sample, name)], list(sample.absent))]

    def _large(self, sample: Sample, name: str) -> bool:
        """Whether any object of the class is large enough, or nothing tells its size."""
        boxes = [_box(one, sample) for one in _members(sample, name)]
        least = self.options.min_area * sample.width * sample.height
        return not boxes or any(box is None or _area(box) >= least for box in boxes)

    def _still_shown(self, view: View, name: str) -> bool:
        """Whether the class is in what the geometry shows, as far as the source says where it is."""
        sample, geometry = view.sample, view.geometry
        if geometry.crop_xyxy == (0, 0, *geometry.source_wh):
            return True
        if members := _members(sample, name):
            return any(_shown(_box(one, sample), view) >= _LEAST_SHOWN for one in members)
        if sample.label_map is None or name not in sample.label_map.names.values():
            return True
        mine = [value for value, other in sample.label_map.names.items() if other == name]
        shown = view.label_map()
        share = sum(np.count_nonzero(shown == value) for value in mine) / shown.size
        return share > 0 and share >= self.options.min_area


def _members(sample: Sample, name: str) -> list[Instance]:
    return [one for one in sample.instances if one.category.name == name]


def _map_names(label_map: LabelMap, least: float) -> tuple[list[str], list[str]]:
    """Names that cover at least that share of the map, and names that are nowhere in it."""
    pixels = label_map.counts()
    covered = dict.fromkeys(label_map.names.values(), 0)
    for value, name in label_map.names.items():
        covered[name] += pixels.get(value, 0)
    total = sum(pixels.values())
    present = [name for name, count in covered.items() if count and count >= least * total]
    return present, [name for name, count in covered.items() if not count]


def _box(one: Instance, sample: Sample) -> Box | None:
    """The object's box in the source image, from its mask when it has no other; None when nothing says where it is."""
    if one.box_xyxy is not None or one.segmentation is None:
        return one.box_xyxy
    if not (sample.width and sample.height):
        raise BadItem("a mask without the size of its image")
    return regions.bounds(regions.decode(regions.to_rle(one.segmentation, sample.height, sample.width)))


def _shown(box: Box | None, view: View) -> float:
    """Share of the box that is in the picture; 1 for an object that may be anywhere."""
    if box is None:
        return 1.0
    moved = view.geometry.box(box)
    scale_x, scale_y = view.geometry.scale_xy
    return _area(moved) / (scale_x * scale_y) / _area(box) if moved else 0.0


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _strips(image: RGB, border_px: int) -> Sequence[NDArray[np.uint8]]:
    """Views of the frame's pixels: top, bottom, and what is left of the sides."""
    inner = image[border_px:-border_px]
    return [image[:border_px], image[-border_px:], inner[:, :border_px], inner[:, -border_px:]]


def _named(color: Color) -> dict[str, Any]:
    return {"color": color.name, "rgb": list(color.rgb)}
