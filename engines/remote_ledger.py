"""A store's ledger: an object a finished shard, with its rejects and what the card will say of its rows."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..manifests.errors import DatasetFolderError
from ..manifests.folder import ShardRecord
from ..manifests.storage.store import Store
from ..writers.card_survey import CardSurvey, Place

LEDGER: Final = ".taskpaint/ledger"


@dataclass(frozen=True)
class LedgerEntry:
    """A finished shard.

    Attributes:
        record: as ledgers on disk have it.
        writer: who built it: "local", or a rank.
        rows: of the card's survey: (task, source dataset, source split, licence), number of rows.
        places: of the card's survey: task -> its first rows.
    """

    record: ShardRecord
    writer: str
    rows: list[tuple[tuple[str, str, str, str], int]]
    places: dict[str, list[int]]

    @classmethod
    def of(cls, record: ShardRecord, writer: str, survey: CardSurvey) -> LedgerEntry:
        """The entry of a shard that is finished now."""
        places = {task: [place.row for place in found] for task, found in survey.places.items()}
        return cls(replace(record, at=round(time.time(), 3)), writer, list(survey.rows.items()), places)

    def to_bytes(self, rejects: str) -> bytes:
        """The object, with the lines of the shard's rejects."""
        return json.dumps(asdict(self) | {"rejects": rejects}, ensure_ascii=False).encode()

    @classmethod
    def parse(cls, data: bytes, name: str, where: str) -> tuple[LedgerEntry, str]:
        """An entry and its rejects.

        Args:
            data: the object.
            name: of the shard that it must be about; it becomes a file name.
            where: URL of the object.

        Raises:
            DatasetFolderError: it does not hold.
        """
        try:
            value: dict[str, Any] = json.loads(data)
            record = ShardRecord(**value["record"])
            rows = [(_four(key), int(count)) for key, count in value["rows"]]
            places = {str(task): [int(row) for row in found] for task, found in value["places"].items()}
            if record.name != name or not isinstance(value["rejects"], str):
                raise ValueError(f"it is about {record.name!r}")
            return cls(record, str(value["writer"]), rows, places), value["rejects"]
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise DatasetFolderError(f"{where} is no line of a ledger: {fault!r}") from fault

    def survey(self, file: Path) -> CardSurvey:
        """What the card says of the shard, whose file lies there or will."""
        survey = CardSurvey()
        survey.rows.update(dict(self.rows))
        survey.places.update({task: [Place(file, row) for row in rows] for task, rows in self.places.items()})
        return survey


class RemoteLedger:
    """The ledger of a store, and what is known of it here; threads may add to it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, LedgerEntry] = {}
        self._lock = threading.Lock()

    def add(self, entry: LedgerEntry, rejects: str) -> None:
        """Write an entry, with the lines of the shard's rejects."""
        self._store.write(f"{LEDGER}/{entry.record.name}.json", entry.to_bytes(rejects))
        with self._lock:
            self._known[entry.record.name] = entry

    def look(self) -> Iterator[tuple[str, str]]:
        """Read entries that others have written; yields of each the shard's name and rejects.

        Raises:
            DatasetFolderError: one does not hold.
        """
        names = [name for name in self._store.find(LEDGER) if Path(name).stem not in self._known]
        for name, data in self._store.read_many(names).items():
            shard = Path(name).stem
            self._known[shard], rejects = LedgerEntry.parse(data, shard, f"{self._store.url}/{name}")
            yield shard, rejects

    def entries(self) -> list[LedgerEntry]:
        """All that are known, by the names of their shards."""
        return [entry for _, entry in sorted(self._known.items())]

    def entry(self, shard: str) -> LedgerEntry:
        """Of one shard, which is known."""
        return self._known[shard]

    def forget(self) -> None:
        """They have been removed."""
        self._known.clear()


def _four(key: list[str]) -> tuple[str, str, str, str]:
    task, dataset, split, text = map(str, key)
    return task, dataset, split, text
