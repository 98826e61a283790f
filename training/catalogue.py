"""What training needs to know of a dataset before it reads a picture: where each row is, its task and its shape."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..manifests.errors import DatasetFolderError, UsageError
from ..manifests.folder import DatasetFolder, split_of
from ..manifests.triplet import COLUMNS

_LIGHT: Final = ("task", "width", "height")


@dataclass(frozen=True)
class Catalogue:
    """Rows of one split, in the order of the files.

    Attributes:
        files: its shards.
        groups: (file, row group in it) of each row group.
        firsts: (groups + 1,) int64, number of each group's first row, and of rows in all.
        tasks: names; `task_of` points into it.
        task_of: (rows,) int32.
        size_wh: (rows, 2) int32, pixels.
    """

    root: Path
    split: str
    files: tuple[Path, ...]
    groups: tuple[tuple[int, int], ...]
    firsts: NDArray[np.int64]
    tasks: tuple[str, ...]
    task_of: NDArray[np.int32]
    size_wh: NDArray[np.int32]

    @classmethod
    def open(cls, root: Path, split: str) -> Catalogue:
        """Read the footers and three small columns.

        Raises:
            DatasetFolderError: no dataset folder, or a file that cannot be read.
            UsageError: no such split.
        """
        by_split: dict[str, list[Path]] = {}
        for file in DatasetFolder(root).shards():
            by_split.setdefault(split_of(file.stem), []).append(file)
        if split not in by_split:
            raise UsageError(f"{root} has no split {split!r}; it has {', '.join(sorted(by_split))}")
        groups: list[tuple[int, int]] = []
        sizes, tables = [0], []
        for number, file in enumerate(by_split[split]):
            with _opened(file) as parquet:
                for position in range(parquet.num_row_groups):
                    groups.append((number, position))
                    sizes.append(parquet.metadata.row_group(position).num_rows)
                tables.append(parquet.read(list(_LIGHT)))
        table = pa.concat_tables(tables)
        names = table["task"].combine_chunks().dictionary_encode()
        size_wh = np.stack([table[name].to_numpy() for name in ("width", "height")], axis=1).astype(np.int32)
        tasks = tuple(names.dictionary.to_pylist())
        task_of = names.indices.to_numpy(zero_copy_only=False).astype(np.int32)
        firsts = np.cumsum(sizes, dtype=np.int64)
        return cls(root, split, tuple(by_split[split]), tuple(groups), firsts, tasks, task_of, size_wh)

    def __len__(self) -> int:
        return len(self.task_of)

    def rows_of(self, wanted: Sequence[str] | None) -> NDArray[np.int64]:
        """Numbers of the rows of these tasks; of all for None.

        Raises:
            UsageError: no row is of such a task.
        """
        if wanted is None:
            return np.arange(len(self))
        if unknown := sorted(set(wanted) - set(self.tasks)):
            raise UsageError(
                f"split {self.split} of {self.root} has no task {unknown[0]!r}; it has {', '.join(sorted(self.tasks))}"
            )
        chosen = [number for number, name in enumerate(self.tasks) if name in set(wanted)]
        return np.flatnonzero(np.isin(self.task_of, chosen))

    def group_of(self, row: int) -> int:
        """Which row group holds a row."""
        return int(np.searchsorted(self.firsts, row, side="right")) - 1

    def read_group(self, group: int) -> list[dict[str, Any]]:
        """All rows of a row group; images are still encoded.

        Raises:
            DatasetFolderError: the file cannot be read.
        """
        number, position = self.groups[group]
        with _opened(self.files[number]) as parquet:
            rows: list[dict[str, Any]] = parquet.read_row_group(position, columns=list(COLUMNS)).to_pylist()
        return rows


def rows_digest(root: Path, split: str) -> str:
    """SHA-256 of what the split's shards hold, wherever the folder lies.

    Raises:
        DatasetFolderError: no dataset folder.
    """
    shards = [(one["name"], one["sha256"]) for one in DatasetFolder(root).manifest()["shards"]]
    return hashlib.sha256(json.dumps([one for one in shards if split_of(one[0]) == split]).encode()).hexdigest()


def shown_often(
    catalogue: Catalogue, rows: NDArray[np.int64], weights: Mapping[str, float], draw: np.random.Generator
) -> NDArray[np.int64]:
    """(rows,) how often each row is shown in an epoch: a weight of 2.3 shows each twice and three tenths once more.

    Raises:
        UsageError: a weight for a task that no row is of.
    """
    counts = np.ones(len(rows), np.int64)
    for task, weight in sorted(weights.items()):
        if task not in catalogue.tasks:
            raise UsageError(
                f"weights name {task!r}, which is no task of split {catalogue.split} of {catalogue.root}; it has "
                f"{', '.join(sorted(catalogue.tasks))}"
            )
        mine = np.flatnonzero(catalogue.task_of[rows] == catalogue.tasks.index(task))
        counts[mine] = int(weight)
        lucky = draw.permutation(mine)[: round((weight - int(weight)) * len(mine))]
        counts[lucky] += 1
    return counts


class _opened:  # noqa: N801 - reads as a verb where it is used
    """A Parquet file whose faults are told in plain words."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> pq.ParquetFile:
        try:
            self._parquet = pq.ParquetFile(self._file, memory_map=True)
        except (pa.ArrowException, OSError) as fault:
            raise self._plain(fault) from fault
        if missing := [name for name in COLUMNS if name not in self._parquet.schema_arrow.names]:
            raise DatasetFolderError(f"{self._file} lacks the column {missing[0]}; it is no shard of taskpaint")
        return self._parquet

    def __exit__(self, kind: Any, fault: BaseException | None, trace: Any) -> None:
        self._parquet.close()
        if isinstance(fault, (pa.ArrowException, OSError)):
            raise self._plain(fault) from fault

    def _plain(self, fault: BaseException) -> DatasetFolderError:
        return DatasetFolderError(f"{self._file} cannot be read: {str(fault).rstrip('.')}; taskpaint verify tells more")
