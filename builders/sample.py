"""Sample: what a source dataset says about one image."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import BadItem
from .kept import Kept
from .number_maps import counts_in


class Feature(enum.IntFlag):
    """What a sample carries; the planner matches tasks to sources by it."""

    INSTANCES = enum.auto()
    """Objects with a class and a mask."""
    BOXES = enum.auto()
    """Objects with a class and a box, all objects of every class of the vocabulary."""
    KEYPOINTS = enum.auto()
    """At least one object with a labelled joint."""
    SEMANTIC = enum.auto()
    """A label map with one class a pixel."""
    DEPTH = enum.auto()
    """A metric depth map."""
    LABELS = enum.auto()
    """Classes known to be present and classes known to be absent."""
    CAPTIONS = enum.auto()
    """Sentences about the whole image."""
    EXPRESSIONS = enum.auto()
    """Sentences that each mean some of the objects, or none."""
    SEGMENTS = enum.auto()
    """A panoptic map: every pixel belongs to one thing or one region of stuff."""
    PARTS = enum.auto()
    """A map of object parts."""
    INTRINSICS = enum.auto()
    """The camera of the depth map."""
    RESTORATION = enum.auto()
    """A degraded photograph and its clean twin."""
    EDIT = enum.auto()
    """An edited twin of the photograph, with instructions."""
    LANES = enum.auto()
    """Lane lines of a road, each as a line of points."""


def describe(features: Feature) -> str:
    """Feature names in words: "instances and depth"."""
    return " and ".join(flag.name.lower() for flag in Feature if flag in features and flag.name) or "nothing"


@dataclass(frozen=True, slots=True)
class FileBytes:
    """Bytes that lie in a file, or are at hand already."""

    path: Path
    data: bytes | None = None

    def read(self) -> bytes:
        """The bytes.

        Raises:
            BadItem: the file is missing or cannot be read.
            StorageError: it lies in a store, which refuses or cannot be reached.
        """
        if self.data is not None:
            return self.data
        try:
            with open(self.path, "rb", buffering=0) as opened:  # noqa: PTH123 - a third of Path.read_bytes' time
                data = opened.readall()
        except FileNotFoundError as fault:
            raise BadItem(f"file {self.path.name} is missing") from fault
        except OSError as fault:
            raise BadItem(f"file {self.path.name} cannot be read: {fault.strerror}") from fault
        return data or self._fetched()

    def _fetched(self) -> bytes:
        """An empty file's content after all, if it stands for one in a store."""
        from ..manifests.storage.mirror import fill

        fill([self.path])
        return self.path.read_bytes()


class Category(NamedTuple):
    """A class of the vocabulary: the dataset's own id, and its name in words."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Names of an object's joints, in words, and the bones as pairs of joint indices from 0."""

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...] = ()


class Joint(NamedTuple):
    """One joint. x, y: pixel centres from 0, source image. visibility: 0 unlabelled, 1 hidden, 2 visible."""

    x: float
    y: float
    visibility: int


class Instance(NamedTuple):
    """One annotated object.

    Attributes:
        category: its class.
        box_xyxy: left, top, right, bottom edges in pixels, source image; None when not annotated.
        segmentation: as COCO has it: a list of polygons [x0, y0, x1, y1, …], or a dict with `size` [h, w] and
            `counts` (list or compressed string); None when not annotated.
        crowd: a region of many objects of the class that are not told apart.
        joints: one per joint of the skeleton, or empty.
        skeleton: names the joints.
    """

    category: Category
    box_xyxy: tuple[float, float, float, float] | None = None
    segmentation: list[list[float]] | dict[str, Any] | None = None
    crowd: bool = False
    joints: tuple[Joint, ...] = ()
    skeleton: Skeleton | None = None


@dataclass(frozen=True, slots=True)
class LabelMap:
    """A class a pixel; values missing from `names` are unlabelled.

    Attributes:
        names: of the values.
        load: gives (H, W) integers, read once.
        counts: gives the pixels of every value that occurs, ascending, counted once.
    """

    names: Mapping[int, str]
    load: Callable[[], NDArray[np.integer]]
    counts: Callable[[], dict[int, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        load = Kept(self.load)
        object.__setattr__(self, "load", load)
        object.__setattr__(self, "counts", Kept(partial(_counts_of, load)))


def _counts_of(load: Callable[[], NDArray[np.integer]]) -> dict[int, int]:
    return counts_in(load())


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera in pixels of the source image: focal lengths and principal point (pixel centres from 0)."""

    fx: float
    fy: float
    cx: float
    cy: float


@dataclass(frozen=True, slots=True)
class DepthMap:
    """Metric depth. `load` gives (H, W) float32 metres along the optical axis; 0 where there is none."""

    load: Callable[[], NDArray[np.float32]]
    intrinsics: Intrinsics | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One thing, one region of stuff, or one part, of a SegmentMap. id: its value in the map, never 0."""

    id: int
    category: Category
    thing: bool = True
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class SegmentMap:
    """A segment a pixel. `load` gives (H, W) integers, ids; 0 and ids missing from `segments` are unlabelled.

    Attributes:
        segments: may be read late, and then raise BadItem when they are looked at.
    """

    segments: Sequence[Segment]
    load: Callable[[], NDArray[np.integer]]


Polyline = tuple[tuple[float, float], ...]
"""x and y of at least two points (pixel centres from 0, source image) from top to bottom: y grows from each to the
next. A line may leave the image."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Sentences that mean the same objects. members: positions in `Sample.instances`; empty when nothing is meant."""

    sentences: tuple[str, ...]
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """The photograph's twin, of the same size: clean for a degraded photograph, edited for an edit.

    Attributes:
        image: the twin.
        kind: "edit", or what the twin is free of: "blur", "noise", "rain", "watermark", "haze" …
        instructions: of an edit, in people's words.
        caption: a sentence about the twin as a whole; empty where there is none.
    """

    image: FileBytes
    kind: str
    instructions: tuple[str, ...] = ()
    caption: str = ""


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Classes of the whole image along one facet ("object", "breed", "species").

    Every name of `vocabulary` that is not in `present` is known to be absent.
    """

    facet: str
    present: tuple[str, ...]
    vocabulary: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """What a source says about one image. Coordinates are in the upright source image.

    Attributes:
        id: stable and unique in the source's split.
        image: the photograph.
        width, height: as annotated, pixels; 0 when the dataset does not say.
        instances: objects, in the dataset's order; may be read late, and then raise BadItem when they are looked at.
        unmasked: no instance has a mask, as is known without looking at them.
        label_map, segments, parts, depth: maps of the image's size.
        labels: classes of the whole image.
        absent: names of classes known not to be in the image.
        captions: sentences about the whole image.
        expressions: sentences about some of the instances.
        pair: the photograph's twin.
        lanes: lane lines of the road, in the dataset's order.
    """

    id: str
    image: FileBytes
    width: int = 0
    height: int = 0
    instances: Sequence[Instance] = ()
    label_map: LabelMap | None = None
    segments: SegmentMap | None = None
    parts: SegmentMap | None = None
    depth: DepthMap | None = None
    labels: tuple[LabelSet, ...] = ()
    absent: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    expressions: tuple[Expression, ...] = ()
    pair: Pair | None = None
    lanes: tuple[Polyline, ...] = ()
    unmasked: bool = False

    @property
    def has_masks(self) -> bool:
        """Whether any instance has a mask.

        Raises:
            BadItem: the instances cannot be read.
        """
        return not self.unmasked and any(one.segmentation is not None for one in self.instances)
