"""Options that name the columns of a Hugging Face dataset, and maps as its columns hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ...manifests.errors import BadItem
from ...manifests.images import read_map
from ...manifests.recipe import Block
from ..sample import FileBytes
from .hub_objects import BoxForm
from .hub_rows import Place, picture_at, type_of, value_at

_Joint = Annotated[int, Field(ge=1)]


class HuggingFaceOptions(Block):
    """Options of the Hugging Face source; every option that names a column may stay empty, but `image`."""

    repo: str = Field(
        "", pattern=r"^([\w.-]+/[\w.-]+)?$", description="dataset of the Hub, OWNER/NAME; empty: the folder `path`"
    )
    config: str = Field("", description="configuration (subset) of the dataset")
    revision: str = Field("", description="branch, tag or commit on the Hub")
    streaming: bool = Field(False, description="take only the first `limit` rows, without downloading the rest")
    limit: int | None = Field(None, ge=1, description="rows to take when streaming")
    image: str = Field("image", min_length=1, description="column of the photograph")
    id: str = Field("", description="column of an id that is unique in the split; empty: the number of the row")
    photograph: str = Field("", description="column that names the photograph, the same in all rows that show it")
    family: str = Field(
        "", description="dataset the photographs are from, such as coco; keeps splits apart across both"
    )
    mask: str = Field("", description="column of a mask, bright where the thing is")
    mask_name: str = Field("", description="what the mask shows")
    label_map: str = Field("", description="column of a map with a class number a pixel")
    names: tuple[str, ...] = Field((), description="names of the label map's classes; an empty name means none")
    first_name: int = Field(0, ge=0, description="class number that the first of the names stands for")
    depth: str = Field("", description="column of depth: a 16-bit map, or rows of numbers")
    depth_scale: float = Field(0.001, gt=0, description="metres that one unit of depth means")
    objects: str = Field("", description="column of objects: a list of structs, or a struct of lists")
    boxes: BoxForm = Field(
        "coco",
        description="coco: left, top, width, height; voc: left, top, right, bottom; yolo: shares, from the centre",
    )
    box_field: str = Field("bbox", description="field of an object's box")
    category_field: str = Field("category", min_length=1, description="field of an object's class, number or name")
    segmentation_field: str = Field("segmentation", description="field of an object's polygons or run lengths")
    joints_field: str = Field("keypoints", description="field of an object's joints")
    categories: tuple[str, ...] = Field((), description="names of the objects' classes, if the dataset notes none")
    keypoints: str = Field("", description="column of joints, of one figure or of several")
    joints: tuple[str, ...] = Field((), description="names of the joints, in their order")
    bones: tuple[tuple[_Joint, _Joint], ...] = Field((), description="pairs of joints, counted from 1")
    figure: str = Field("person", min_length=1, description="what the figures of `keypoints` are")
    label: str = Field("", description="column of the class of the whole picture")
    caption: str = Field("", description="column of one caption or a list of them")
    edited: str = Field("", description="column of the edited photograph")
    instruction: str = Field("", description="column of the edit's instruction or a list of them")
    license: str = Field("", description="licence of every row, as its text says; empty: see the dataset's card")
    other_size: Literal["resample", "refuse"] = Field(
        "resample", description="what to do with an edited image that has the source's shape but another size"
    )

    @model_validator(mode="after")
    def _fits(self) -> HuggingFaceOptions:
        if self.streaming and (self.limit is None or not self.repo):
            raise ValueError("streaming needs a repo, and a limit: the number of rows to take")
        if self.limit is not None and not self.streaming:
            raise ValueError("limit only works with streaming; to take fewer images, use the source's own limit")
        if bool(self.edited) != bool(self.instruction):
            raise ValueError("edited and instruction need each other")
        if self.mask and (self.label_map or not self.mask_name.strip()):
            raise ValueError("mask needs a mask_name, and no label_map beside it")
        if self.label_map and not any(name.strip() for name in self.names):
            raise ValueError("label_map needs the names of its classes")
        if self.keypoints and not self.joints:
            raise ValueError("keypoints need the names of the joints")
        if any(max(bone) > len(self.joints) for bone in self.bones):
            raise ValueError(f"bones are pairs of joint numbers from 1 to {len(self.joints)}")
        if not any((self.mask, self.label_map, self.depth, self.objects, self.keypoints, *self._texts()[2:])):
            raise ValueError("name at least one column beside the image: objects, label_map, caption, edited …")
        return self

    def picture_columns(self) -> list[str]:
        """Columns that hold pictures; depth may also hold numbers."""
        return [name for name in (self.image, self.mask, self.label_map, self.edited) if name]

    def annotation_columns(self) -> list[str]:
        """Columns that the index reads."""
        return list(dict.fromkeys(name for name in (*self._texts(), self.objects, self.keypoints) if name))

    def all_columns(self) -> list[str]:
        """Every column that is used."""
        depth = [self.depth] if self.depth else []
        return list(dict.fromkeys([*self.picture_columns(), *depth, *self.annotation_columns()]))

    def bones_from_0(self) -> tuple[tuple[int, int], ...]:
        """Bones as pairs of joint numbers from 0."""
        return tuple((first - 1, second - 1) for first, second in self.bones)

    def _texts(self) -> tuple[str, ...]:
        return (self.id, self.photograph, self.label, self.caption, self.instruction)


def load_mask(file: FileBytes) -> NDArray[np.integer]:
    """(H, W) uint8: 1 where the mask is brighter than half of its brightest pixel, else 0.

    Raises:
        BadItem: it cannot be decoded.
    """
    values = read_map(file.read())
    grey = values if values.ndim == 2 else values.max(axis=2)
    shown: NDArray[np.uint8] = (2 * grey.astype(np.int64) > int(grey.max(initial=0))).astype(np.uint8)
    return shown


def load_labels(file: FileBytes) -> NDArray[np.integer]:
    """(H, W) class numbers.

    Raises:
        BadItem: it cannot be decoded, or is a colour image.
    """
    values = read_map(file.read())
    if values.ndim != 2:
        raise BadItem(f"label map {file.path.name} is a colour image; one class number a pixel is needed")
    return values


def load_depth(file: Path, place: Place, column: str, scale: float, roots: tuple[Path, ...]) -> NDArray[np.float32]:
    """(H, W) float32 metres, 0 where there is none.

    Raises:
        BadItem: it is no map of numbers.
    """
    kind = type_of(file, column)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or isinstance(kind, pa.ExtensionType):
        try:
            values = np.asarray(value_at(file, place, column), np.float64)
        except (ValueError, TypeError) as fault:
            raise BadItem(f"depth of {file.name} is no table of numbers ({fault})") from fault
    else:
        values = read_map(picture_at(file, place, column, roots).read()).astype(np.float64)
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
        values = values.squeeze(0 if values.shape[0] == 1 else 2)
    if values.ndim != 2 or not values.size:
        raise BadItem(f"depth has the shape {values.shape}; (height, width) is needed")
    metres = (values * scale).astype(np.float32)
    return np.where(np.isfinite(metres) & (metres > 0), metres, np.float32(0))
