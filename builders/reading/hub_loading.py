"""Datasets that `datasets` has to load: from the Hub, or from a folder in one of the forms it knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ...manifests.cache import cache_folder
from ...manifests.errors import SourceLayoutError
from ...manifests.folder import replacing
from .hub_rows import write_rows

if TYPE_CHECKING:
    import datasets

_ROWS_AT_A_TIME = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to load. origin: a Hub id or a folder; config, revision: "" for the default."""

    origin: str
    split: str
    config: str = ""
    revision: str = ""


def arrow_files(wanted: Wanted) -> list[Path]:
    """Load a whole split; the Arrow files that hold its rows.

    Raises:
        SourceLayoutError: it cannot be loaded; says why.
    """
    folder = Path(wanted.origin)
    kept = folder / wanted.split if (folder / "dataset_dict.json").is_file() else folder
    if (kept / "state.json").is_file():  # save_to_disk's form
        return sorted(kept.glob("*.arrow"))
    loaded = _load(wanted, streaming=False)
    files = [Path(entry["filename"]) for entry in loaded.cache_files]
    if not files and len(loaded):
        raise SourceLayoutError(f"dataset {wanted.origin} was loaded into memory only; set HF_DATASETS_IN_MEMORY=0")
    return files


def first_rows(wanted: Wanted, columns: list[str], limit: int) -> Path:
    """Stream the first rows of a split into a Parquet file of the cache, once; nothing else is downloaded.

    Args:
        wanted: what to stream.
        columns: what to keep of it.
        limit: how many rows.

    Raises:
        SourceLayoutError: it cannot be loaded; says why.
    """
    identity = json.dumps([asdict(wanted), sorted(columns), limit])
    file = cache_folder() / "streamed" / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.parquet"
    if file.is_file():
        return file
    stream = _load(wanted, streaming=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as part:
        with _explained(wanted):
            write_rows(part, _tables(stream, wanted, columns, limit))
        if not part.is_file():
            raise SourceLayoutError(f"split {wanted.split} of dataset {wanted.origin} has no rows")
    return file


def _tables(stream: datasets.IterableDataset, wanted: Wanted, columns: list[str], limit: int) -> Iterator[pa.Table]:
    import datasets
    from datasets.table import embed_table_storage

    features = stream.features or stream._resolve_features().features
    missing = [column for column in columns if column not in features]
    if missing:
        raise SourceLayoutError(
            f"dataset {wanted.origin} has no column {missing[0]!r}; there are: {', '.join(features)}"
        )
    stream = stream.select_columns(columns)
    for column in columns:
        if isinstance(features[column], datasets.Image):
            stream = stream.cast_column(column, datasets.Image(decode=False))
    kept = datasets.Features({column: features[column] for column in columns})
    rows = iter(stream.take(limit))
    while batch := list(islice(rows, _ROWS_AT_A_TIME)):
        tamed = [{column: _tamed(value, wanted.origin) for column, value in row.items()} for row in batch]
        # pictures that are named by path are brought in, as only this process may be online
        yield embed_table_storage(pa.Table.from_pylist(tamed, schema=kept.arrow_schema))


def _tamed(value: Any, origin: str) -> Any:
    """A cell whose picture, if it is named by path, lies in the dataset: what comes from the Hub may name any file."""
    if not isinstance(value, dict) or value.get("bytes") is not None or not isinstance(value.get("path"), str):
        return value
    path, folder = value["path"], Path(origin).absolute()
    own = Path(path).is_relative_to(folder) and ".." not in Path(path).parts if folder.is_dir() else False
    return value if own or path.startswith("hf://datasets/") else {**value, "path": None}


def _load(wanted: Wanted, *, streaming: bool) -> Any:
    import datasets

    datasets.disable_progress_bars()
    with _explained(wanted):
        return datasets.load_dataset(
            wanted.origin,
            wanted.config or None,
            split=wanted.split,
            revision=wanted.revision or None,
            streaming=streaming,
            cache_dir=str(cache_folder() / "datasets"),
        )


@contextmanager
def _explained(wanted: Wanted) -> Iterator[None]:
    """Turns what `datasets` raises into one sentence."""
    import datasets

    unlisted = (OSError, ValueError, RuntimeError, KeyError, TypeError, pa.ArrowException)  # its readers' own
    try:
        yield
    except (datasets.exceptions.DatasetsError, *unlisted) as fault:
        lines = str(fault).strip().splitlines()
        said = lines[0][:300] if lines else type(fault).__name__
        raise SourceLayoutError(f"split {wanted.split} of dataset {wanted.origin} cannot be loaded: {said}") from fault
