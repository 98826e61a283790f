"""Edit: a photograph becomes its edited twin, by a sentence of the dataset's own."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ...manifests.errors import NotApplicable
from ...manifests.images import RGB
from ...manifests.recipe import Block
from ..sample import Feature, Sample
from ..task import Limit, Rendered, Subject, Task
from ..view import View


class EditOptions(Block):
    """Options of the edit task."""

    most_words: int = Field(60, ge=1, description="longer instructions are left out")


class Edit(Task[EditOptions]):
    """Follow an instruction that people, or a language model, wrote for this pair.

    Each of the pair's sentences is drawn with the same chance. The template bank holds nothing but the sentence, which
    is kept word for word: only white space is tidied and the first letter made a capital.
    """

    name = "edit"
    summary = "edit the photo as the dataset's own instruction says"
    needs = (Feature.EDIT,)
    options_type = EditOptions
    sections: ClassVar = {"as-given": ("instruction",)}
    limits: ClassVar[tuple[Limit, ...]] = ()

    def choose(self, sample: Sample, draw: random.Random) -> Subject:
        """One of the pair's sentences."""
        if sample.pair is None or sample.pair.kind != "edit":
            raise NotApplicable("the photo has no edited twin")
        given = [text for text in sample.pair.instructions if 1 <= len(text.split()) <= self.options.most_words]
        if not given:
            raise NotApplicable(f"the edit has no instruction of at most {self.options.most_words} words")
        return Subject(draw.choice(given))

    def render(self, view: View, subject: Subject, draw: random.Random) -> Rendered:
        """The twin; its own bytes whenever no pixel has to change. Captions of both, for scores, where there are."""
        instruction: str = subject.choice
        annotation = {"instruction": instruction, **_captions(view.sample)}
        return Rendered(view.twin(), "as-given", {"instruction": instruction}, {}, annotation)

    @classmethod
    def decode(cls, target: RGB, source: RGB, params: Mapping[str, Any]) -> dict[str, Any]:
        """Nothing: the target is a photograph."""
        return {}

    @classmethod
    def compare(
        cls, decoded: Mapping[str, Any], annotation: Mapping[str, Any], params: Mapping[str, Any]
    ) -> dict[str, float]:
        """Nothing: the target is a photograph."""
        return {}


def _captions(sample: Sample) -> dict[str, str]:
    """Both captions or none: alone, neither tells what the edit changes."""
    if sample.pair is None or not sample.pair.caption or not sample.captions:
        return {}
    return {"source_caption": sample.captions[0], "target_caption": sample.pair.caption}
