"""Recipe: what to build, read from YAML, checked, every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

PairT = TypeVar("PairT", tuple[int, int], tuple[float, float])
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+([-_][A-Za-z0-9]+)*$")]
Label = Annotated[str, Field(pattern=r"^([A-Za-z0-9]+([-_.][A-Za-z0-9]+)*)?$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Channel = Annotated[int, Field(ge=0, le=255)]

HELD_OUT_INSTRUCTIONS: Final = "held_out_instructions"
"""The split that shows another split's triplets again, worded with templates that no other split uses."""


class Block(BaseModel):
    """A block of a recipe: unknown keys are errors, values are never coerced silently, frozen once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_not_truths(cls, value: Any, info: ValidationInfo) -> Any:
        """Python counts YAML's yes and no as 1 and 0; `limit: yes` would build one triplet."""
        if any(isinstance(item, bool) for item in (value if isinstance(value, list) else [value])):
            kinds = _types_in(cls.model_fields[str(info.field_name)].annotation)
            if kinds & {int, float} and bool not in kinds:
                raise ValueError(f"a number is needed, not {str(value).lower()}")
        return value


def between(least: float, most: float) -> AfterValidator:
    """For a field of two numbers: both within these bounds, the smaller first."""

    def check(pair: PairT) -> PairT:
        low, high = pair
        if not least <= low <= high <= most:
            raise ValueError(f"[{low:g}, {high:g}] must be two numbers from {least:g} to {most:g}, the smaller first")
        return pair

    return AfterValidator(check)


class Sizing(Block):
    """The size of both images."""

    resize: Literal["native", "shortest", "longest", "square", "stretch", "pad"] = Field(
        "native", description="native keeps the source's pixels; the others bring a side or both to `size`"
    )
    size: int = Field(512, ge=16, le=8192, description="pixels; not used by native")
    crop: Literal["center", "random", "subject"] = Field(
        "center",
        description="which square is cut out when resize is square; subject keeps the annotated region",
    )
    multiple_of: int = Field(1, ge=1, le=256, description="trim so that both sides are multiples of this")
    pad_rgb: tuple[Channel, Channel, Channel] = Field((0, 0, 0), description="colour of the padding")

    @model_validator(mode="after")
    def _fits(self) -> Sizing:
        if self.resize != "native" and self.size % self.multiple_of:
            raise ValueError(f"size {self.size} is not a multiple of multiple_of {self.multiple_of}")
        return self


class Splits(Block):
    """Which triplets are held out."""

    by: Literal["hash", "source"] = Field(
        "hash", description="hash: by a hash of the photograph; source: as the source's own split says"
    )
    identity: Literal["key", "content"] = Field(
        "key",
        description="what makes two photographs one: their name in the dataset family, or their bytes too",
    )
    validation: float = Field(0.02, ge=0, lt=1, description="share of photographs, for hash")
    test: float = Field(0.0, ge=0, lt=1, description="share of photographs, for hash")

    @model_validator(mode="after")
    def _leaves_train(self) -> Splits:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave nothing for train; make their sum less than 1")
        return self


class Instructions(Block):
    """What instructions are drawn from."""

    banks: tuple[str, ...] = Field(
        (), description="JSONL banks whose sentences join the shipped ones; relative to the recipe's folder"
    )
    mode: Literal["rephrased", "fixed"] = Field(
        "rephrased", description="rephrased draws a template for every triplet; fixed takes each section's first"
    )
    draw: Literal["uniform", "weighted"] = Field(
        "uniform", description="weighted: as often as the weights of a bank's entries say"
    )
    languages: tuple[Language, ...] = Field(("en",), min_length=1, description="languages of the templates to draw")
    held_out: float = Field(
        0.0,
        ge=0,
        lt=1,
        description=f"share of templates that only the extra split {HELD_OUT_INSTRUCTIONS} uses, for unseen wording",
    )
    held_out_of: Literal["validation", "test"] = Field(
        "validation", description="the split whose triplets that extra split words anew"
    )

    @property
    def repeated_split(self) -> str | None:
        """The split that comes a second time with held-out templates, if any does."""
        return self.held_out_of if self.held_out else None


class Output(Block):
    """How images and shards are written."""

    photo_format: Literal["jpeg", "png"] = Field("jpeg", description="targets that are a photograph with marks")
    jpeg_quality: int = Field(95, ge=85, le=100, description="always 4:4:4; below 85 marks get lost")
    rows_per_shard: int | None = Field(None, ge=1, le=100_000, description="empty: chosen from the plan's size")
    row_group_rows: int = Field(64, ge=1, le=1000)
    check_images: Literal["header", "decode"] = Field(
        "header", description="decode also decodes sources whose pixels the task does not need"
    )


class TaskEntry(Block):
    """A task and how much of it."""

    task: Name
    name: Label = Field("", description="empty: the task's; needed to use one task twice")
    weight: float = Field(1.0, gt=0, le=1000, description="0.1 takes a tenth of the images, 20 draws each 20 times")
    limit: int | None = Field(None, ge=1, description="at most this many triplets")
    options: dict[str, Any] = Field(default_factory=dict, description="see `taskpaint tasks NAME`")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"task": value} if isinstance(value, str) else value

    @property
    def label(self) -> str:
        """The name in ids and reports."""
        return self.name or self.task


class SourceEntry(Block):
    """A dataset on disk and what to make of it."""

    source: Name
    name: Label = Field("", description="empty: source-split")
    path: str = Field(min_length=1)
    split: str = Field("", description="empty: the source's first split")
    weight: float = Field(1.0, gt=0, le=1000, description="multiplies the weight of each of its tasks")
    limit: int | None = Field(None, ge=1, description="at most this many images")
    options: dict[str, Any] = Field(default_factory=dict, description="see `taskpaint sources NAME`")
    tasks: tuple[TaskEntry, ...] | None = Field(None, description="empty: the recipe's tasks that it can feed")

    @property
    def label(self) -> str:
        """The name in ids and reports."""
        return self.name or "-".join(part for part in (self.source, self.split) if part)


class Recipe(Block):
    """Everything that decides a dataset's bytes, apart from the source files themselves."""

    name: Name = "dataset"
    description: str = ""
    seed: int = Field(0, ge=0, lt=2**63)
    sources: tuple[SourceEntry, ...] = Field(min_length=1)
    tasks: tuple[TaskEntry, ...] = Field((), description="for every source that has no tasks of its own")
    image: Sizing = Sizing()
    splits: Splits = Splits()
    instructions: Instructions = Instructions()
    output: Output = Output()

    @field_validator("sources")
    @classmethod
    def _labels_differ(cls, sources: tuple[SourceEntry, ...]) -> tuple[SourceEntry, ...]:
        _no_twins([source.label for source in sources], "sources")
        return sources

    @field_validator("tasks")
    @classmethod
    def _tasks_differ(cls, tasks: tuple[TaskEntry, ...]) -> tuple[TaskEntry, ...]:
        _no_twins([task.label for task in tasks], "tasks")
        return tasks

    @model_validator(mode="after")
    def _has_what_is_held_out(self) -> Recipe:
        split = self.instructions.held_out_of
        if self.instructions.held_out and self.splits.by == "hash" and not getattr(self.splits, split):
            raise ValueError(
                f"instructions.held_out words the {split} triplets anew, and there are none; set splits.{split} above 0"
            )
        return self

    @model_validator(mode="after")
    def _something_to_do(self) -> Recipe:
        for source in self.sources:
            _no_twins([task.label for task in self.tasks_of(source)], f"tasks of source {source.label}")
            if not self.tasks_of(source):
                raise ValueError(f"source {source.label} has no tasks; list some under it or under the recipe")
        return self

    def tasks_of(self, source: SourceEntry) -> tuple[TaskEntry, ...]:
        """The tasks asked of a source: its own, or the recipe's."""
        return self.tasks if source.tasks is None else source.tasks


def _types_in(annotation: Any) -> set[Any]:
    inner = get_args(annotation)
    return set().union(*map(_types_in, inner)) if inner else {annotation}


def _no_twins(labels: list[str], where: str) -> None:
    twins = sorted({label for label in labels if labels.count(label) > 1})
    if twins:
        raise ValueError(f"two {where} are called {twins[0]!r}; give one of them another `name`")


def repeated_split(manifest: Mapping[str, Any]) -> str:
    """The split whose photographs the split of held-out instructions shows again, by design; empty: there is none."""
    recipe = manifest.get("recipe")
    block = recipe.get("instructions") if isinstance(recipe, dict) else None
    return str(block.get("held_out_of", "")) if isinstance(block, dict) and block.get("held_out") else ""
