"""Scores of one scorer and one shard: the unit of work of scoring, and of its resume."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...filters.scorer import Column
from ...filters.sidecar import ScorerRecord, canonical, write_table
from ...manifests.errors import PluginError
from ...writers.shards import output_errors

EMBEDDED: Final = "embedded"
"""Begins the keys of parts that hold no scores, but say that a rank has embedded a shard's pictures."""
_ABOUT: Final = b"taskpaint"

Reject = dict[str, Any]
"""{"row", "side", "reason"}: a score that could not be made. side is "source", "target" or "pair"."""


@dataclass(frozen=True)
class Parts:
    """`scores/<scorer>/<shard>.parquet` under a dataset's bookkeeping; removed once they are joined."""

    state: Path

    @property
    def folder(self) -> Path:
        """All of them."""
        return self.state / "scores"

    @property
    def agreement(self) -> Path:
        """What ranks that make them have agreed on."""
        return self.state / "scoring"

    def file(self, key: str, shard: str) -> Path:
        """Scores of one scorer and one shard."""
        return self.folder / key.replace(":", "=") / f"{shard}.parquet"

    def shards(self, key: str) -> Iterator[str]:
        """Shards that a scorer has a part of, whatever it was made from."""
        return (file.stem for file in self.file(key, "").parent.glob("[!.]*.parquet"))

    def holds(self, key: str, shard: str, identity: Mapping[str, Any], sha256: str) -> bool:
        """Whether the scores are there, by this scorer, of this data."""
        try:
            about = json.loads(pq.read_schema(self.file(key, shard)).metadata[_ABOUT])
            return bool(about["stamp"] == _stamp(identity, sha256))
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
            return False

    def write(
        self,
        key: str,
        shard: str,
        record: ScorerRecord,
        sha256: str,
        scores: Mapping[str, NDArray[np.float64]],
        rejects: Sequence[Reject],
    ) -> None:
        """Write a part; it appears whole or not at all.

        Raises:
            PluginError: the scores are not those that the scorer's columns say.
            OutputError: the disk is full or cannot be written.
        """
        check_scores(key, record.columns, scores)
        about = {"stamp": _stamp(record.identity, sha256), "rejects": list(rejects)}
        arrays = [pa.array(scores[column.name], pa.float64()) for column in record.columns]
        table = pa.table(arrays, names=[column.name for column in record.columns])
        file = self.file(key, shard)
        with output_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_table(file, table.replace_schema_metadata({_ABOUT: json.dumps(about).encode()}))

    def read(self, key: str, shard: str) -> tuple[pa.Table, list[Reject]]:
        """Scores, and what could not be scored."""
        with pq.ParquetFile(self.file(key, shard)) as parquet:
            rejects = json.loads(parquet.schema_arrow.metadata[_ABOUT])["rejects"]
            return parquet.read(), rejects

    def remove(self) -> None:
        """Remove all of them, and before that what ranks have agreed on: nobody may take them for missing."""
        for folder in (self.agreement, self.folder):
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove unfinished files of a killed run; to be called while the folder is locked."""
        for left_over in self.folder.glob("*/.*.part"):
            left_over.unlink(missing_ok=True)


def check_scores(key: str, columns: Sequence[Column], scores: Mapping[str, Any]) -> None:
    """Refuse what another package's scorer gives when it is not what its columns say.

    Raises:
        PluginError: other names.
    """
    if set(scores) != {column.name for column in columns}:
        raise PluginError(
            f"scorer {key} gave {', '.join(map(str, scores)) or 'nothing'}; its columns are "
            f"{', '.join(column.name for column in columns)}; upgrade or uninstall its package"
        )


def _stamp(identity: Mapping[str, Any], sha256: str) -> str:
    return hashlib.sha256(f"{canonical(identity)}\n{sha256}".encode()).hexdigest()
