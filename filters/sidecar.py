"""The scores beside a dataset: one Parquet file a shard, and what made them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..manifests.errors import DatasetFolderError
from ..manifests.folder import DatasetFolder, replacing, write_json
from .scorer import Column

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT: Final = 1
ROW_COLUMNS: Final = ("id", "task")


@dataclass(frozen=True)
class ScorerRecord:
    """A scorer as scores.json has it.

    Attributes:
        identity: everything that decided the values.
        caution: why nothing should be cut by its scores; empty when all is well.
        columns: the scores it made.
    """

    identity: Mapping[str, Any]
    caution: str = ""
    columns: tuple[Column, ...] = field(default=())


class Sidecar:
    """`scores/` of a dataset folder.

    scores/scores.json        {"format": 1, "scorers": {name: {identity, caution, columns}}, "shards": {shard: …}}
    scores/<shard>.parquet    id, task, and one float64 column a score; rows as in the shard, NaN where none exists
    scores/rejects.jsonl      every row with a score that could not be made, and why
    """

    def __init__(self, root: Path) -> None:
        self._dataset = DatasetFolder(root)
        self.folder = root / "scores"

    @property
    def description_file(self) -> Path:
        """What made the scores; written last."""
        return self.folder / "scores.json"

    @property
    def rejects_file(self) -> Path:
        """Rows with a score that could not be made."""
        return self.folder / "rejects.jsonl"

    def file(self, shard: str) -> Path:
        """A shard's scores."""
        return self.folder / f"{shard}.parquet"

    @property
    def exists(self) -> bool:
        """Whether the dataset was ever scored to the end."""
        return self.description_file.is_file()

    def records(self) -> dict[str, ScorerRecord]:
        """What made the scores, by the scorer's name, in the order of the columns.

        Raises:
            DatasetFolderError: the dataset has no scores, or scores.json is broken.
        """
        return self._description[0]

    def shards(self) -> dict[str, str]:
        """Shard -> SHA-256 of the data that was scored.

        Raises:
            DatasetFolderError: as `records`.
        """
        return self._description[1]

    def columns(self) -> list[Column]:
        """Every score, in order.

        Raises:
            DatasetFolderError: as `records`.
        """
        return [column for record in self.records().values() for column in record.columns]

    def scorers(self) -> dict[str, dict[str, Any]]:
        """Scorer -> its identity.

        Raises:
            DatasetFolderError: as `records`.
        """
        return {name: dict(record.identity) for name, record in self.records().items()}

    def cautions(self) -> dict[str, str]:
        """Column -> why nothing should be cut by it; only columns that there is a caution for.

        Raises:
            DatasetFolderError: as `records`.
        """
        return {
            column.name: record.caution
            for record in self.records().values()
            if record.caution
            for column in record.columns
        }

    def read(self, shard: str) -> pa.Table:
        """Scores of a shard: columns id, task, then the scores in the order of `columns()`.

        Raises:
            DatasetFolderError: there are none, they are of other data than the manifest lists, or they are broken.
        """
        scored, listed = self.shards().get(shard), self._listed.get(shard)
        if scored is None or (listed is not None and scored != listed):
            what = "has no scores" if scored is None else "was scored as other data than the manifest lists"
            raise DatasetFolderError(f"{shard} {what}; run taskpaint score {self._dataset.root} again")
        return self.stored(shard)

    def stored(self, shard: str) -> pa.Table:
        """As `read`, without a look at the manifest.

        Raises:
            DatasetFolderError: the file is missing or broken.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = [*ROW_COLUMNS, *(column.name for column in self.columns())]
        try:
            with pq.ParquetFile(self.file(shard)) as parquet:
                return parquet.read(columns=names).select(names)
        except (pa.ArrowException, OSError, KeyError) as fault:
            raise DatasetFolderError(
                f"{self.file(shard)} cannot be read ({fault}); remove {self.folder} and run taskpaint score again"
            ) from fault

    def write(self, shard: str, table: pa.Table) -> None:
        """Write a shard's scores; the file appears whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        write_table(self.file(shard), table)

    def describe(self, records: Mapping[str, ScorerRecord], shards: Mapping[str, str]) -> None:
        """Write scores.json, after the shards' files.

        Raises:
            OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        scorers = {
            name: {
                "identity": dict(record.identity),
                "caution": record.caution,
                "columns": [asdict(column) for column in record.columns],
            }
            for name, record in records.items()
        }
        value = {
            "format": FORMAT,
            "scorers": scorers,
            "shards": {shard: {"data_sha256": digest} for shard, digest in shards.items()},
        }
        write_json(self.description_file, value)
        self.__dict__.pop("_description", None)

    @cached_property
    def _description(self) -> tuple[dict[str, ScorerRecord], dict[str, str]]:
        root = self._dataset.root
        try:
            value = json.loads(self.description_file.read_text(encoding="utf-8"))
            if value["format"] != FORMAT:
                raise DatasetFolderError(
                    f"{self.description_file} is of format {value['format']}, this taskpaint reads {FORMAT}; upgrade it"
                )
            records = {
                name: ScorerRecord(
                    entry["identity"], entry["caution"], tuple(Column(**column) for column in entry["columns"])
                )
                for name, entry in value["scorers"].items()
            }
            return records, {shard: entry["data_sha256"] for shard, entry in value["shards"].items()}
        except FileNotFoundError as fault:
            raise DatasetFolderError(f"{root} has no scores; run taskpaint score {root}") from fault
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise DatasetFolderError(
                f"{self.description_file} cannot be read ({fault!r}); remove {self.folder}, run taskpaint score again"
            ) from fault

    @cached_property
    def _listed(self) -> dict[str, str]:
        """Shard -> SHA-256 as the manifest lists it; empty while there is no manifest."""
        if not self._dataset.manifest_file.exists():
            return {}
        return {shard["name"]: shard["sha256"] for shard in self._dataset.manifest().get("shards", [])}


def write_table(file: Path, table: pa.Table) -> None:
    """Write a Parquet file; it appears whole and on disk, or not at all.

    Raises:
        OSError: it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with replacing(file) as part, pa.OSFile(str(part), "wb") as sink:
        pq.write_table(table, sink, compression="zstd")


def canonical(identity: Mapping[str, Any]) -> str:
    """An identity as text that is the same whenever the identity is."""
    return json.dumps(identity, sort_keys=True, separators=(",", ":"))


def unique_columns(records: Iterable[tuple[str, ScorerRecord]]) -> str | None:
    """What is wrong when two scorers make one column; None when none do."""
    made_by: dict[str, str] = {}
    for name, record in records:
        for column in record.columns:
            if column.name in (*ROW_COLUMNS, *made_by):
                return f"{made_by.get(column.name, 'the row itself')} and {name} both make a column {column.name!r}"
            made_by[column.name] = name
    return None
