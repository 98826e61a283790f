"""Make an editing dataset of others into a dataset folder: find its columns and splits, then build from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ..builders.reading.hub_loading import Wanted, arrow_files
from ..builders.reading.hub_rows import is_picture, schema_of
from ..builders.reading.parquet_rows import parquet_files
from ..manifests.errors import SourceLayoutError, UsageError
from ..manifests.recipe_file import RecipeFile, parse_recipe
from ..manifests.triplet import clean_id
from ..writers.hub import Hub

_ROLES: Final = {
    "source": ("input_image", "original_image", "source_img", "source_image", "src_img", "source", "image_before"),
    "target": ("edited_image", "target_img", "target_image", "output_image", "edited_img", "target", "image_after"),
    "instruction": ("edit_prompt", "instruction", "edit_instruction", "edited_prompt_list", "edit", "instructions"),
}
"""Names of the columns in datasets on the Hub: InstructPix2Pix, MagicBrush, UltraEdit, OmniEdit, HQ-Edit and their kin;
the first that is there is taken."""

_SPLITS: Final = ("train", "validation", "valid", "val", "dev", "test")
_HUB_NAME: Final = re.compile(r"[\w.-]+/[\w.-]+")
_COCO_PHOTOGRAPHS: Final = frozenset({"source_img", "target_img", "img_id", "turn_index"})
"""Columns by which MagicBrush is known; `img_id` is the number of a photograph of COCO."""


@dataclass(frozen=True)
class AdoptOptions:
    """What to take from the dataset; whatever is empty is found out.

    Attributes:
        config, revision: of a dataset on the Hub.
        splits: to take; empty for all.
        source, target, instruction: columns.
        id: column of an id that is unique in a split.
        photograph: column that names the photograph, the same in all rows that show it.
        license: of every row; empty: as the dataset's card says.
        name: of the new dataset.
    """

    config: str = ""
    revision: str = ""
    splits: tuple[str, ...] = ()
    source: str = ""
    target: str = ""
    instruction: str = ""
    id: str = ""
    photograph: str = ""
    license: str = ""
    name: str = ""


@dataclass(frozen=True)
class Adoption:
    """What was found, and the recipe that builds it.

    Attributes:
        columns: role -> column.
        splits: of the dataset.
        license: of its rows.
    """

    recipe: RecipeFile
    columns: dict[str, str]
    splits: tuple[str, ...]
    license: str


@dataclass(frozen=True)
class _Outside:
    """A dataset that is to be adopted: a Hub id or a folder, its splits, and columns with "picture", "text" or ""."""

    repo: str
    folder: Path
    splits: tuple[str, ...]
    columns: dict[str, str]
    license: str


def find_adoption(dataset: str, options: AdoptOptions) -> Adoption:
    """Look at a dataset of (source, instruction, target) rows and say how to build from it; reads no picture.

    Args:
        dataset: a folder that `datasets` reads, or OWNER/NAME on the Hub.
        options: what is known already.

    Raises:
        UsageError: there is no such dataset, or its columns cannot be told.
        HubError: the Hub cannot be reached, or refuses.
    """
    found = _look(dataset, options)
    columns = _columns(found, options)
    for split in options.splits:
        if split not in found.splits:
            raise UsageError(f"--split {split}: {dataset} has no such split; it has {', '.join(found.splits)}")
    splits = options.splits or found.splits
    name = clean_id(options.name or Path(dataset).name) or "adopted"
    recipe = _recipe(found, columns, splits, name, options)
    return Adoption(parse_recipe(json.dumps(recipe), f"adopt {dataset}"), columns, splits, found.license)


def _look(dataset: str, options: AdoptOptions) -> _Outside:
    folder = Path(dataset)
    if folder.is_dir():
        if (folder / "manifest.json").exists() and (folder / "data").is_dir():
            raise UsageError(f"{folder} is a taskpaint dataset already; taskpaint merge puts it beside others")
        license_text = options.license or _stated(folder / "README.md")
        return _folder(folder, options, license_text)
    if not _HUB_NAME.fullmatch(dataset):
        raise UsageError(f"there is no folder {dataset}, and it is no OWNER/NAME of the Hub either")
    return _on_hub(dataset, options)


def _folder(folder: Path, options: AdoptOptions, license_text: str) -> _Outside:
    splits = tuple(split for split in _SPLITS if parquet_files(folder, split, options.config))
    saved = () if splits else _saved_splits(folder)
    if splits or saved:
        wanted = Wanted(str(folder), (splits or saved)[0])
        file = parquet_files(folder, splits[0], options.config)[0] if splits else arrow_files(wanted)[0]
        columns = {field.name: _kind(field.type) for field in schema_of(file)}
        return _Outside("", folder, splits or saved, columns, license_text)
    return _loaded("", folder, options, license_text)


def _saved_splits(folder: Path) -> tuple[str, ...]:
    """Splits of a folder that `save_to_disk` wrote; none when it is no such folder."""
    if (folder / "state.json").is_file():
        return ("train",)
    try:
        return tuple(json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return ()


def _on_hub(repo: str, options: AdoptOptions) -> _Outside:
    text = options.license or Hub(repo, options.revision or "main").stated_license()
    return _loaded(repo, Path(), options, text)


def _loaded(repo: str, folder: Path, options: AdoptOptions, license_text: str) -> _Outside:
    """Splits and columns as `datasets` sees them; no rows are downloaded from the Hub."""
    import datasets

    origin = repo or str(folder)
    unlisted = (OSError, ValueError, RuntimeError, KeyError, TypeError, pa.ArrowException)  # its readers' own
    try:
        builder = datasets.load_dataset_builder(origin, options.config or None, revision=options.revision or None)
        splits = tuple(
            datasets.get_dataset_split_names(origin, options.config or None, revision=options.revision or None)
        )
        features = builder.info.features
        if features is None:
            stream = datasets.load_dataset(
                origin, options.config or None, revision=options.revision or None, split=splits[0], streaming=True
            )
            features = stream.features or stream._resolve_features().features
    except (datasets.exceptions.DatasetsError, *unlisted) as fault:
        said = (str(fault).strip().splitlines() or [type(fault).__name__])[0][:300]
        raise SourceLayoutError(f"dataset {origin} cannot be read: {said}") from fault
    types = datasets.Features(features).arrow_schema
    columns = {
        name: "picture" if isinstance(feature, datasets.Image) else _kind(types.field(name).type)
        for name, feature in features.items()
    }
    return _Outside(repo, folder, splits, columns, license_text)


def _kind(found: pa.DataType) -> str:
    """What a column can be: "picture", "text" (or a list of texts), or "" for anything else."""
    inner = found.value_type if pa.types.is_list(found) or pa.types.is_large_list(found) else found
    if pa.types.is_string(inner) or pa.types.is_large_string(inner):
        return "text"
    return "picture" if is_picture(found) else ""


def _columns(found: _Outside, options: AdoptOptions) -> dict[str, str]:
    """Role -> column.

    Raises:
        UsageError: one cannot be told, is not there, or cannot be what it should.
    """
    given = {"source": options.source, "target": options.target, "instruction": options.instruction}
    columns: dict[str, str] = {}
    for role, candidates in _ROLES.items():
        kind = "text" if role == "instruction" else "picture"
        fitting = [name for name in candidates if found.columns.get(name) == kind]
        column = given[role] or next(iter(fitting), "")
        if not column:
            raise UsageError(
                f"which column holds the {role} cannot be told; name it with --{role}-column, there are: "
                f"{_listed(found.columns)} (datasets in the layout of their release: taskpaint sources)"
            )
        columns[role] = column
    others = {"id": options.id, "photograph": options.photograph}
    if set(found.columns) >= _COCO_PHOTOGRAPHS and not options.photograph:
        others["photograph"] = "img_id"
    columns |= {role: column for role, column in others.items() if column}
    for role, column in columns.items():
        if column not in found.columns:
            raise UsageError(f"--{role}-column {column}: there is no such column; there are: {_listed(found.columns)}")
        if role in ("source", "target") and found.columns[column] == "":
            raise UsageError(f"--{role}-column {column}: the column holds no pictures")
        if role == "instruction" and found.columns[column] != "text":
            raise UsageError(f"--instruction-column {column}: the column holds no text")
    return columns


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(columns)


def _recipe(
    found: _Outside, columns: dict[str, str], splits: Sequence[str], name: str, options: AdoptOptions
) -> dict[str, Any]:
    """Pictures as they are, splits as they are, every instruction."""
    shared: dict[str, Any] = {"image": columns["source"], "edited": columns["target"]}
    shared |= {"instruction": columns["instruction"], "license": found.license}
    shared |= {role: columns[role] for role in ("id", "photograph") if role in columns}
    shared |= {"repo": found.repo, "config": options.config, "revision": options.revision}
    if set(found.columns) >= _COCO_PHOTOGRAPHS and columns.get("photograph") == "img_id":
        shared["family"] = "coco"
    path = str(found.folder.absolute()) if not found.repo else "."
    sources = [
        {"source": "huggingface", "name": f"{name}-{clean_id(split)}", "path": path, "split": split, "options": shared}
        for split in splits
    ]
    task = {"task": "edit", "options": {"most_words": 2000}}
    return {"name": name, "sources": sources, "tasks": [task], "splits": {"by": "source"}}


def _stated(card: Path) -> str:
    """The licence that a card's head names."""
    import huggingface_hub
    import yaml

    if not card.is_file():
        return ""
    try:
        stated = huggingface_hub.DatasetCard.load(card, ignore_metadata_errors=True).data.get("license")
    except (OSError, ValueError, yaml.YAMLError) as fault:
        raise UsageError(
            f"{card} has a head that is no YAML ({str(fault).splitlines()[0]}); correct it, or move the file away"
        ) from fault
    return stated if isinstance(stated, str) else ""
