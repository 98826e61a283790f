"""Task: the interface of one way to turn a Sample into an instruction and a target, and back."""

from __future__ import annotations

import abc
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..manifests.images import RGB
from ..manifests.recipe import Block
from ..manifests.slots import SlotValue
from ..manifests.target import Target
from .geometry import Box
from .index import SourceIndex
from .sample import Feature, Sample, describe
from .view import View
from .warp import Warp

OptionsT = TypeVar("OptionsT", bound=Block)


@dataclass(frozen=True, slots=True)
class Subject:
    """What one instruction will be about, chosen before the image is sized.

    Attributes:
        choice: the task's own.
        box: where it is in the source image, for `crop: subject`; left, top, right, bottom edges.
        crop: the only part of the source image to show, or None for all of it.
        warp: a turned or mirrored window to show in place of a crop.
    """

    choice: Any
    box: Box | None = None
    crop: Box | None = None
    warp: Warp | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A target and everything needed to word, decode and judge it.

    Attributes:
        target: the target's pixels.
        section: which section of the task's template bank fits.
        slots: what the instruction's slots mean.
        params: JSON-able; what was asked, all that `Task.decode` needs.
        annotation: JSON-able; the ground truth that the target encodes, as `Task.decode` returns it.
        source: the source picture's pixels when it is not the photograph: a degraded copy, or a map that the
            photograph is to be made from.
    """

    target: Target
    section: str
    slots: Mapping[str, SlotValue]
    params: dict[str, Any]
    annotation: dict[str, Any]
    source: Target | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """What a decoded target must reach. metric: a key of `Task.compare`; at_least or at_most: the bound."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a value keeps the bound; NaN does not."""
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)


class Task(abc.ABC, Generic[OptionsT]):
    """One task. A subclass stands in a module of `builders/tasks` named like its `name`, or behind an entry
    point `taskpaint.tasks`; its templates stand in `paraphrase/templates/<name>.txt`, or in `templates`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    needs: ClassVar[tuple[Feature, ...]]
    """Alternatives: a sample that carries all features of any one of them will do."""
    options_type: ClassVar[type[Block]]
    sections: ClassVar[Mapping[str, tuple[str, ...]]]
    """Sections of the template bank and the slots of each."""
    limits: ClassVar[tuple[Limit, ...]]
    templates: ClassVar[str] = ""
    """The template bank's text, for a task from outside; empty: the bank that ships under the task's name."""

    def __init__(self, options: OptionsT) -> None:
        self.options = options

    @classmethod
    def fits(cls, features: Feature) -> bool:
        """Whether samples with these features can feed the task."""
        return any(need in features for need in cls.needs)

    @classmethod
    def needs_in_words(cls) -> str:
        """What the task needs: "instances or semantic"."""
        return " or ".join(describe(need) if need else "any photograph" for need in cls.needs)

    def eligible(self, index: SourceIndex) -> NDArray[np.bool_]:
        """(rows,) which entries of an index the plan should hold; `choose` has the last word."""
        features = index.features()
        found = np.zeros(len(features), bool)
        for need in self.needs:
            found |= (features & np.uint32(need)) == np.uint32(need)
        return found

    @abc.abstractmethod
    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """Choose what the instruction is about.

        Raises:
            NotApplicable: there is nothing to ask of this sample.
            BadItem: its annotation is broken.
        """

    @abc.abstractmethod
    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """Draw the target.

        Raises:
            NotApplicable: the sizing left nothing of the subject.
            BadItem: the image or annotation is broken.
        """

    @classmethod
    @abc.abstractmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Read a target image back into an annotation.

        Args:
            target: (H, W, 3) uint8, rendered, or predicted by a model.
            source: (H, W, 3) uint8, the source image at the same size.
            params: of the triplet.
        """

    @classmethod
    @abc.abstractmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """Figures of how well a decoded annotation matches the true one; keys are named by `limits`."""
