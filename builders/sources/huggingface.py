"""Any Hugging Face dataset of pictures: its columns are named in the options.

A folder of Parquet files is read as it lies, row by row. Other folders (imagefolder, save_to_disk) and datasets of
the Hub are loaded with `datasets`; with `streaming: true` only the first `limit` rows are downloaded, into a Parquet
file of taskpaint's cache.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ...manifests.cache import cache_folder
from ...manifests.errors import BadItem, SourceLayoutError
from ...manifests.images import read_header
from ...manifests.recipe import Block
from ..reading.coco_values import is_id, is_text
from ..reading.edit_pairs import instructions_in, resampled_twin
from ..reading.hub_columns import HuggingFaceOptions, load_depth, load_labels, load_mask
from ..reading.hub_loading import Wanted, arrow_files, first_rows
from ..reading.hub_objects import Vocabulary, box_xyxy, figures_of, rows_of_objects, segmentation_of
from ..reading.hub_rows import Place, is_picture, picture_at, rows_in, schema_of
from ..reading.parquet_rows import class_names, parquet_files
from ..sample import (
    Category,
    DepthMap,
    Feature,
    FileBytes,
    Instance,
    LabelMap,
    LabelSet,
    Pair,
    Sample,
    Skeleton,
)
from ..source import Entry, Reject, Source

_FACET = "class"


class _Words(NamedTuple):
    """Vocabularies of the columns that hold classes."""

    objects: Vocabulary
    label: Vocabulary


class HuggingFace(Source):
    """A Hugging Face dataset, local or on the Hub."""

    name = "huggingface"
    title = "Any Hugging Face dataset (columns by options)"
    homepage = "https://huggingface.co/datasets"
    license = "see the dataset's card"
    splits = ("train", "validation", "test")
    features = (
        Feature.INSTANCES
        | Feature.BOXES
        | Feature.KEYPOINTS
        | Feature.SEMANTIC
        | Feature.DEPTH
        | Feature.LABELS
        | Feature.CAPTIONS
        | Feature.EDIT
    )
    tree = """  dataset/
    data/train-00000-of-00012.parquet …         (or train/0000.parquet, train.parquet)
  or any folder that `datasets.load_dataset` reads (imagefolder, save_to_disk …)
  or, with the option `repo`, a dataset of the Hub; the path is then not used and may be ."""
    options_type = HuggingFaceOptions
    reader_version = 2

    def __init__(self, path: Path, split: str = "", options: Block | None = None) -> None:
        super().__init__(path.absolute(), split, options)  # the working folder of a worker may be another
        self.license = self._options.license or self.license

    def held_out_as(self) -> str:
        return "validation" if self.split.lower() == "dev" else super().held_out_as()

    def inputs(self) -> list[Path]:
        if self._options.repo:
            return []
        if not self.path.is_dir():
            raise SourceLayoutError(f"source {self.name}: folder {self.path} is missing; expected is\n{self.tree}")
        described = [file for kind in ("*.csv", "*.jsonl", "*.json") for file in sorted(self.path.rglob(kind))]
        return parquet_files(self.path, self.split, self._options.config) or [self.path, *described]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        files = self._files()
        self.header["files"] = [str(file) for file in files]
        columns = self._options.annotation_columns()
        words: _Words | None = None
        number = 0
        for position, file in enumerate(files):
            schema = schema_of(file)
            self._check_columns(file)
            words = words or self._vocabularies(class_names(schema))
            for place, row in rows_in(file, columns):
                number += 1
                try:
                    yield self._entry(f"{number:08d}", (position, place), row, words)
                except BadItem as fault:
                    reject(f"row {number}", str(fault))
        if words:
            self.header["objects"], self.header["label"] = words.objects.dump(), words.label.dump()

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        options, at = self._options, record["at"]
        file, place = Path(self.header["files"][at[0]]), (at[1], at[2])
        picture = partial(picture_at, file, place, roots=self._roots())
        image, size = picture(options.image), (0, 0)
        instances: tuple[Instance, ...] = ()
        if "objects" in record or "figures" in record:
            data = image.read()
            header = read_header(data)
            image, size = FileBytes(image.path, data), (header.width, header.height)
            instances = self._instances(record, *size)
        depth = partial(load_depth, file, place, options.depth, options.depth_scale, self._roots())
        return Sample(
            id=entry_id,
            image=image,
            width=size[0],
            height=size[1],
            instances=instances,
            label_map=self._label_map(picture),
            depth=DepthMap(depth) if options.depth else None,
            labels=self._labels(record),
            captions=tuple(record.get("captions", ())),
            pair=self._pair(record, image, picture),
        )

    @property
    def _options(self) -> HuggingFaceOptions:
        assert isinstance(self.options, HuggingFaceOptions)
        return self.options

    def _files(self) -> list[Path]:
        options = self._options
        wanted = Wanted(options.repo or str(self.path), self.split, options.config, options.revision)
        if options.streaming:
            assert options.limit is not None  # the options see to that
            return [first_rows(wanted, options.all_columns(), options.limit)]
        if not options.repo and (found := parquet_files(self.path, self.split, options.config)):
            return found
        return arrow_files(wanted)

    def _roots(self) -> tuple[Path, ...]:
        """Folders in which pictures may lie that the rows name by path."""
        home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
        hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
        return (self.path, cache_folder() / "datasets", hub) if self._options.repo else (self.path,)

    def _check_columns(self, file: Path) -> None:
        """Whether all columns are there and the pictures can be pictures.

        Raises:
            SourceLayoutError: one is not; lists what there is.
        """
        schema = schema_of(file)
        for column in self._options.all_columns():
            if column not in schema.names:
                there = ", ".join(schema.names)
                raise SourceLayoutError(f"source {self.name}: {file.name} has no column {column!r}; there are: {there}")
        for column in self._options.picture_columns():
            if not is_picture(schema.field(column).type):
                raise SourceLayoutError(
                    f"source {self.name}: column {column!r} of {file.name} is {schema.field(column).type}, not pictures"
                )

    def _vocabularies(self, noted: Mapping[str, list[str]]) -> _Words:
        options = self._options
        objects = noted.get(f"{options.objects}.{options.category_field}", [])
        return _Words(Vocabulary(options.categories, objects), Vocabulary((), noted.get(options.label, [])))

    def _entry(self, number: str, at: tuple[int, Place], row: Mapping[str, Any], words: _Words) -> Entry:
        """The entry of one row.

        Raises:
            BadItem: a value does not hold.
        """
        options = self._options
        entry_id, key = self._names(number, row)
        record: dict[str, Any] = {"at": [at[0], *at[1]]}
        features = Feature(0)
        if options.label_map or options.mask:
            features |= Feature.SEMANTIC
        if options.depth:
            features |= Feature.DEPTH
        if options.caption and (captions := instructions_in(row[options.caption])):
            record["captions"], features = list(captions), features | Feature.CAPTIONS
        if options.edited:
            record["edit"] = list(instructions_in(row[options.instruction]))
            if not record["edit"]:
                raise BadItem(f"column {options.instruction!r} holds no instruction")
            features |= Feature.EDIT
        if options.label:
            record["label"] = words.label.id_of(row[options.label])
            features |= Feature.LABELS
        if options.objects:
            record["objects"], found = self._objects(row[options.objects], words.objects)
            features |= found
        if options.keypoints:
            record["figures"] = row[options.keypoints]
            if figures_of(record["figures"], len(options.joints)):
                features |= Feature.KEYPOINTS
        return Entry(entry_id, key, features, record)

    def _names(self, number: str, row: Mapping[str, Any]) -> tuple[str, str]:
        """Id and photograph of a row."""
        options = self._options
        # rows of one number in two splits are two photographs; names given by the dataset hold for all of it
        names = {"id": number, "photograph": f"{self.split}/{number}"}
        for what, column in (("id", options.id), ("photograph", options.photograph or options.id)):
            if column:
                if not is_text(row[column]) and not is_id(row[column]):
                    raise BadItem(f"column {column!r} names no {what}")
                names[what] = str(row[column])
        family = options.family or f"huggingface/{options.repo or self.path.name}"
        photograph = names["photograph"]
        if family == "coco" and photograph.isdecimal():
            photograph = f"{int(photograph):012d}"
        return names["id"], f"{family}/{photograph}"

    def _objects(self, value: Any, words: Vocabulary) -> tuple[list[dict[str, Any]], Feature]:
        options = self._options
        kept, features = [], Feature(0)
        for item in rows_of_objects(value):
            found: dict[str, Any] = {"c": words.id_of(item.get(options.category_field))}
            if (box := item.get(options.box_field)) is not None:
                found["b"], features = box, features | Feature.BOXES
            segmentation = item.get(options.segmentation_field)
            if isinstance(segmentation, dict) and isinstance(segmentation.get("counts"), bytes):
                segmentation = {**segmentation, "counts": segmentation["counts"].decode("ascii", "replace")}
            if segmentation is not None and segmentation != []:
                found["s"], features = segmentation, features | Feature.INSTANCES
            if options.joints and (joints := item.get(options.joints_field)):
                found["k"] = joints
                if figures_of(joints, len(options.joints)):
                    features |= Feature.KEYPOINTS
            kept.append(found)
        return kept, features

    def _instances(self, record: Mapping[str, Any], width: int, height: int) -> tuple[Instance, ...]:
        options = self._options
        skeleton = Skeleton("huggingface", options.joints, options.bones_from_0()) if options.joints else None
        found = []
        for item in record.get("objects", ()):
            box, shape = item.get("b"), item.get("s")
            figures = figures_of(item.get("k"), len(options.joints))
            found.append(
                Instance(
                    category=Category(item["c"], self.header["objects"][str(item["c"])]),
                    box_xyxy=None if box is None else box_xyxy(box, options.boxes, width, height),
                    segmentation=segmentation_of(shape, options.boxes, width, height),
                    joints=figures[0] if figures else (),
                    skeleton=skeleton if figures else None,
                )
            )
        figure = Category(len(self.header["objects"]), options.figure)
        for joints in figures_of(record.get("figures"), len(options.joints)):
            found.append(Instance(figure, joints=joints, skeleton=skeleton))
        return tuple(found)

    def _label_map(self, picture: partial[FileBytes]) -> LabelMap | None:
        options = self._options
        if options.mask:
            return LabelMap({1: options.mask_name}, partial(load_mask, picture(options.mask)))
        if not options.label_map:
            return None
        names = {options.first_name + at: name for at, name in enumerate(options.names) if name.strip()}
        return LabelMap(names, partial(load_labels, picture(options.label_map)))

    def _labels(self, record: Mapping[str, Any]) -> tuple[LabelSet, ...]:
        if "label" not in record:
            return ()
        names = self.header["label"]
        return (LabelSet(_FACET, (names[str(record["label"])],), tuple(dict.fromkeys(names.values()))),)

    def _pair(self, record: Mapping[str, Any], image: FileBytes, picture: partial[FileBytes]) -> Pair | None:
        options = self._options
        if "edit" not in record:
            return None
        edited = picture(options.edited)
        twin = resampled_twin(image, edited) if options.other_size == "resample" else edited
        return Pair(twin, "edit", tuple(record["edit"]))
