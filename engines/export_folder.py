"""The bookkeeping of an export: what it was begun from, and which shards are done.

DEST/.taskpaint/run.json          what decides the bytes; a resume must agree
DEST/.taskpaint/planned.json      shard -> rows
DEST/.taskpaint/head.json         what else `taskpaint finish` needs, so that it can do without the dataset
DEST/.taskpaint/running/…         heartbeats of shards at work, see manifests/heartbeats.py
DEST/.taskpaint/done/<shard>.json a finished shard, written after its files are on disk
DEST/.taskpaint/parts/…           lines of tables that wait to be joined
DEST/export.json                  what the export holds, written last
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..manifests.errors import DatasetFolderError, OutputError, ResumeError
from ..manifests.folder import DatasetFolder, require_same, write_json
from ..manifests.heartbeats import heartbeat_file, read_heartbeat
from ..writers.export import Written

_REMEDY = "export as before, or to another folder"


@dataclass(frozen=True)
class ExportFolder:
    """A destination."""

    root: Path

    @property
    def state(self) -> Path:
        """Bookkeeping."""
        return self.root / ".taskpaint"

    @property
    def report_file(self) -> Path:
        """What the export holds."""
        return self.root / "export.json"

    def refuse_foreign(self) -> None:
        """See that the folder is new, empty or an export.

        Raises:
            ResumeError: it holds something else.
        """
        begun = (self.state / "run.json").exists()
        if self.root.exists() and not self.root.is_dir():
            raise ResumeError(f"{self.root} is a file; choose another folder")
        if not begun and self.root.exists() and any(entry.name != ".taskpaint" for entry in self.root.iterdir()):
            raise ResumeError(f"{self.root} is not empty and no export that could be resumed; choose another folder")

    @contextmanager
    def begun(self, identity: Mapping[str, Any]) -> Iterator[None]:
        """Hold the folder against other runs, and agree on what is exported.

        Raises:
            ResumeError: it was begun from something else, or holds foreign files.
            FolderBusyError: another process holds it.
        """
        self.refuse_foreign()
        with DatasetFolder(self.root).lock():
            self.agree(identity)
            self.sweep()
            yield

    def agree(self, identity: Mapping[str, Any]) -> None:
        """Write down what is exported, or see that it is what was exported before.

        Raises:
            ResumeError: the folder was begun from something else.
        """
        run_file = self.state / "run.json"
        if run_file.exists():
            require_same(self._read(run_file), json.loads(json.dumps(identity)), self.root, remedy=_REMEDY)
        else:
            write_json(run_file, identity)
        (self.state / "done").mkdir(exist_ok=True)

    def sweep(self) -> None:
        """Remove the unfinished files of workers that were killed; nobody may be writing."""
        for pattern in (".*.part", "*/.*.part", ".taskpaint/*/.*.part", ".taskpaint/parts/*/.*.part"):
            for left_over in self.root.glob(pattern):
                left_over.unlink(missing_ok=True)

    @property
    def is_begun(self) -> bool:
        """Whether an export has made its plan here."""
        return self._planned.exists()

    @property
    def _planned(self) -> Path:
        return self.state / "planned.json"

    def plan(self, rows: Mapping[str, int], head: Mapping[str, Any]) -> None:
        """Write down what there is to do: shard -> rows; and what is known of it."""
        write_json(self.state / "head.json", head)
        write_json(self._planned, rows)

    def planned(self) -> dict[str, int]:
        """Shard -> rows.

        Raises:
            DatasetFolderError: it cannot be read.
        """
        try:
            return {str(name): int(rows) for name, rows in json.loads(self._planned.read_text("utf-8")).items()}
        except (OSError, ValueError, TypeError, AttributeError) as fault:
            raise DatasetFolderError(f"{self._planned} cannot be read: {fault}; export again to go on") from fault

    def head(self) -> dict[str, Any]:
        """What is known of the export, as `plan` was given it.

        Raises:
            DatasetFolderError: it cannot be read.
        """
        file = self.state / "head.json"
        try:
            return dict(json.loads(file.read_text("utf-8")))
        except (OSError, ValueError, TypeError) as fault:
            raise DatasetFolderError(f"{file} cannot be read: {fault}; export again to go on") from fault

    def note(self, name: str, written: Written) -> None:
        """Write down a finished shard, and how long it took."""
        file = heartbeat_file(DatasetFolder(self.root), name)
        beat = read_heartbeat(file)
        seconds = max(0.0, time.time() - beat.started) if beat else 0.0
        write_json(self._note(name), {**asdict(written), "seconds": round(seconds, 3)})
        file.unlink(missing_ok=True)

    def took(self, name: str) -> tuple[float, float]:
        """Seconds that a finished shard took, and the Unix time at which it was done."""
        file = self._note(name)
        return float(json.loads(file.read_text(encoding="utf-8")).get("seconds", 0.0)), file.stat().st_mtime

    def _note(self, name: str) -> Path:
        return self.state / "done" / f"{name}.json"

    def done(self, name: str) -> Written | None:
        """A shard that is finished and still there."""
        try:
            noted = json.loads(self._note(name).read_text(encoding="utf-8"))
            written = Written(noted["files"], noted["bytes"], noted["proof"])
        except (OSError, ValueError, TypeError, KeyError):
            return None  # never finished, or torn by a crash of the machine: it is written again
        return written if all(self._is_there(path, size) for path, size in written.proof.items()) else None

    def finished(self, names: Iterable[str]) -> list[Written]:
        """Shards that have all been written.

        Raises:
            OutputError: files were removed meanwhile.
        """
        found = {name: self.done(name) for name in names}
        for name, written in found.items():
            if written is None:
                raise OutputError(
                    f"files of {name} in {self.root} went away while the run was at work; run the same command again "
                    "to go on"
                )
        return [written for written in found.values() if written is not None]

    def _is_there(self, path: str, size: int) -> bool:
        place = self.root / path
        try:
            return sum(1 for _ in os.scandir(place)) >= size if place.is_dir() else place.stat().st_size == size
        except OSError:
            return False

    def _read(self, run_file: Path) -> Any:
        try:
            return json.loads(run_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as fault:
            raise ResumeError(f"{run_file} cannot be read: {fault}; choose another folder") from fault
