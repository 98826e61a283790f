"""A file of JSON lines that is only ever appended to; a line is on disk before its writer goes on."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..manifests.errors import DatasetFolderError, FolderBusyError
from ..manifests.folder import sync_folder
from ..manifests.locks import take

Event = Mapping[str, Any]


class Journal:
    """Appends events, many threads at once.

    The first thread that finds nobody writing takes everything that waits, writes it and calls fsync once for all;
    the others wait for it. So 200 people cost hardly more than one.
    """

    def __init__(self, file: Path, apply: Callable[[Event], None]) -> None:
        """Open for appending, and hold the file against other servers.

        Args:
            apply: told of every event once it is on disk, in the order of the file, never by two threads at once.

        Raises:
            FolderBusyError: another process holds it.
            OSError: it cannot be written.
        """
        self._apply = apply
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            take(self._file, f"another taskpaint align serve has {file} open; stop it first")
        except FolderBusyError:
            os.close(self._file)
            raise
        sync_folder(file.parent)
        self._turn = threading.Condition()
        self._waiting: list[tuple[Event, _Ticket]] = []
        self._writing = False

    def append(self, event: Event) -> None:
        """Write an event; it is on disk and applied when this returns.

        Raises:
            OSError: it could not be written; it was not applied.
        """
        ticket = _Ticket()
        if batch := self._my_batch(event, ticket):
            self._write(batch)
        if ticket.fault is not None:
            raise OSError(ticket.fault.errno, ticket.fault.strerror) from ticket.fault

    def _my_batch(self, event: Event, ticket: _Ticket) -> list[tuple[Event, _Ticket]]:
        """Everything that waits, for this thread to write; empty when another thread has written the event."""
        with self._turn:
            self._waiting.append((event, ticket))
            while self._writing and not ticket.done:
                self._turn.wait()
            if ticket.done:
                return []
            self._writing = True
            batch, self._waiting = self._waiting, []
            return batch

    def _write(self, batch: list[tuple[Event, _Ticket]]) -> None:
        fault: OSError | None = None
        try:
            self._to_disk([event for event, _ in batch])
            for event, _ in batch:
                self._apply(event)
        except OSError as found:
            fault = found
        finally:
            with self._turn:
                for _, ticket in batch:
                    ticket.done, ticket.fault = True, fault
                self._writing = False
                self._turn.notify_all()

    def _to_disk(self, events: list[Event]) -> None:
        data = b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)
        if not self._ends_line():
            data = b"\n" + data  # a killed server, or a full disk, left half a line
        while data:
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)

    def _ends_line(self) -> bool:
        size = os.fstat(self._file).st_size
        return size == 0 or os.pread(self._file, 1, size - 1) == b"\n"

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)


class _Ticket:
    """What became of one event."""

    def __init__(self) -> None:
        self.done = False
        self.fault: OSError | None = None


def read_events(file: Path) -> Iterator[Event]:
    """Events of a journal, also while a server writes to it; half a line that a killed server left is passed over.

    Raises:
        DatasetFolderError: the file cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").split("\n") if file.exists() else []
    except OSError as fault:
        raise DatasetFolderError(f"{file} cannot be read: {fault}") from fault
    for line in lines:
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict):
                yield event
