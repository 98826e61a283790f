"""What a reference is made from, cut into parts: picture files, Parquet, webdataset tars, ready embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from ...manifests.errors import UsageError
from .vectors import load_embeddings

Kind = Literal["pictures", "parquet", "tar", "embeddings"]

PICTURE_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".jp2")
PICTURES_A_PART: Final = 16_384
VECTORS_A_PART: Final = 131_072
_KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(PICTURE_SUFFIXES, "pictures"),
    ".parquet": "parquet",
    ".tar": "tar",
    ".npy": "embeddings",
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Input of one part.

    Attributes:
        kind: of the input.
        files: the picture files; else the one file.
        start, stop: rows of a Parquet or .npy file; 0 and 0 for a tar, whose length is not known before it is read.
        column: of a Parquet file, dotted down to the bytes.
    """

    kind: Kind
    files: tuple[Path, ...]
    start: int = 0
    stop: int = 0
    column: str = ""


@dataclass(frozen=True)
class Inputs:
    """All input, in order.

    Attributes:
        stretches: one a part.
        summary: what a resume compares: for each argument its kind, files, bytes, and items where known.
    """

    stretches: list[Stretch]
    summary: list[dict[str, Any]]

    @property
    def items(self) -> int:
        """Pictures or vectors, as far as known beforehand."""
        return sum(len(s.files) if s.kind == "pictures" else s.stop - s.start for s in self.stretches)

    @property
    def ready(self) -> bool:
        """Whether these are ready embeddings."""
        return self.stretches[0].kind == "embeddings"


def find_inputs(sources: Sequence[Path], column: str | None, whole_files: bool = False) -> Inputs:
    """Look at the arguments and cut what they hold into parts.

    Args:
        sources: folders or files.
        column: of Parquet files; None: the one that holds pictures.
        whole_files: make each .npy file one part.

    Raises:
        UsageError: one is missing, empty or mixed, or embeddings and pictures are given together.
    """
    stretches: list[Stretch] = []
    summary = []
    for source in sources:
        kind, files = _files_of(source)
        found = _cut(kind, files, column, whole_files)
        stretches += found
        summary.append(
            {
                "kind": kind,
                "files": len(files),
                "bytes": sum(file.stat().st_size for file in files),
                "items": Inputs(found, []).items,
            }
        )
    kinds = {stretch.kind for stretch in stretches}
    if "embeddings" in kinds and len(kinds) > 1:
        raise UsageError("ready embeddings and pictures cannot be mixed; make two references and merge them")
    if column is not None and "parquet" not in kinds:
        raise UsageError("--column names a column of Parquet files, and none were given")
    return Inputs(stretches, summary)


def _files_of(source: Path) -> tuple[Kind, list[Path]]:
    if source.is_file():
        kind = _KINDS.get(source.suffix.lower())
        if kind is None:
            raise UsageError(f"{source} is no picture, .parquet, .tar or .npy file")
        return kind, [source]
    if not source.is_dir():
        raise UsageError(f"{source} does not exist; give a folder of pictures, or Parquet, tar or .npy files")
    by_kind: dict[Kind, list[Path]] = {}
    for file in sorted(source.rglob("*")):
        kind = _KINDS.get(file.suffix.lower())
        if kind is not None and not file.name.startswith(".") and file.is_file():
            by_kind.setdefault(kind, []).append(file)
    of_pictures = [file for file in by_kind.get("embeddings", []) if file.name.startswith("img_emb")]
    if of_pictures:  # clip-retrieval's layout, with text_emb and metadata/*.parquet beside
        return "embeddings", sorted(of_pictures, key=_shard_order)
    if not by_kind:
        raise UsageError(f"{source} holds no pictures, .parquet, .tar or .npy files")
    if len(by_kind) > 1:
        counts = ", ".join(f"{len(files)} {kind}" for kind, files in sorted(by_kind.items()))
        raise UsageError(f"{source} holds files of several kinds ({counts}); name the files or a folder of one kind")
    return by_kind.popitem()


def _shard_order(file: Path) -> tuple[str, int, str]:
    """img_emb_9.npy comes before img_emb_10.npy."""
    digits = file.stem.rpartition("_")[2]
    return str(file.parent), int(digits) if digits.isascii() and digits.isdigit() else -1, file.name


def _cut(kind: Kind, files: list[Path], column: str | None, whole_files: bool) -> list[Stretch]:
    if kind == "pictures":
        return [
            Stretch(kind, tuple(files[start : start + PICTURES_A_PART]))
            for start in range(0, len(files), PICTURES_A_PART)
        ]
    if kind == "tar":
        return [Stretch(kind, (file,)) for file in files]
    found = []
    for file in files:
        if kind == "embeddings":
            rows, leaf = len(load_embeddings(file)), ""
            step = max(1, rows) if whole_files else VECTORS_A_PART
        else:
            rows, leaf = _parquet_column(file, column)
            step = PICTURES_A_PART
        found += [Stretch(kind, (file,), at, min(at + step, rows), leaf) for at in range(0, rows, step)]
    if not found:
        raise UsageError(f"{files[0]} and the like hold no rows")
    return found


def _parquet_column(file: Path, column: str | None) -> tuple[int, str]:
    """Rows of a Parquet file, and the dotted path of its pictures' bytes."""
    try:
        with pq.ParquetFile(file) as opened:
            schema, rows = opened.schema_arrow, opened.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as fault:
        raise UsageError(f"{file} is no whole Parquet file ({fault})") from fault
    leaves = {field.name: leaf for field in schema if (leaf := _bytes_leaf(field)) is not None}
    if column is not None:
        if column not in leaves:
            there = ", ".join(leaves) or "none"
            raise UsageError(f"{file} has no column {column!r} of picture bytes; such are: {there}")
        return rows, leaves[column]
    if len(leaves) != 1:
        there = ", ".join(leaves) or "none"
        raise UsageError(f"{file} has {len(leaves)} columns of picture bytes ({there}); name one with --column")
    return rows, next(iter(leaves.values()))


def _bytes_leaf(field: Any) -> str | None:
    kind = field.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return str(field.name)
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        inner = kind.field("bytes").type
        if pa.types.is_binary(inner) or pa.types.is_large_binary(inner):
            return f"{field.name}.bytes"
    return None
