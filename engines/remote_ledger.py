"""One object of a store's ledger: a finished shard, its rejects, and what the card will say of its rows."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..manifests.errors import DatasetFolderError
from ..manifests.folder import ShardRecord
from ..writers.card_survey import CardSurvey, Place


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


def _four(key: list[str]) -> tuple[str, str, str, str]:
    task, dataset, split, text = map(str, key)
    return task, dataset, split, text
