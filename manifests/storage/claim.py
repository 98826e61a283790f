"""A claim on a folder in a store: who writes there, told to all who look, without locks.

.taskpaint/claims/<writer>-<number>.json   written again every few seconds while the writer lives

A store has no locks, but most have "write only if there is nothing": of all who want the next number one gets it. A
claim that is not renewed is dead, and is taken over by claiming the next number; whoever finds a higher number than
its own stops. A claim's age is the store's time of writing against this machine's clock.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ..errors import FolderBusyError, StorageError
from .store import Store

BEAT_SECONDS: Final = 15.0
"""How often a claim is renewed."""
DEAD_SECONDS: Final = 120.0
"""A claim that was not renewed for so long is dead."""
CLAIMS: Final = ".taskpaint/claims"
WHOLE: Final = "local"
"""The writer that wants a folder alone; others share it by ranks."""
_NAME: Final = re.compile(rf"{re.escape(CLAIMS)}/(?P<writer>.+)-(?P<number>\d+)\.json")


@dataclass(frozen=True)
class Claim:
    """What a claim says.

    Attributes:
        host, pid: of the writer.
        token: tells claims of one process apart.
        spool: where it keeps its local files; whoever holds that folder's lock knows that an older claim is dead.
        marks: shards at work, as `manifests.heartbeats` has them, each with "quiet": seconds since its last sign of
            life; the name is that of the key in the file.
    """

    host: str
    pid: int
    token: str
    spool: str
    marks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """A claim that was found. age: seconds since it was renewed, None where the store has no times."""

    writer: str
    number: int
    claim: Claim
    age: float | None

    @property
    def is_dead(self) -> bool:
        """Whether its writer has gone."""
        return self.age is not None and self.age > DEAD_SECONDS


class Holder:
    """A claim while this process holds it; made by `hold`."""

    def __init__(self, store: Store, writer: str, spool: Path, heartbeats: Callable[[], list[dict[str, Any]]]) -> None:
        self._store, self._writer, self._heartbeats = store, writer, heartbeats
        self._claim = Claim(socket.gethostname(), os.getpid(), uuid.uuid4().hex, str(spool))
        self._number = 0
        self._lost = ""
        self._stop = threading.Event()

    def take(self) -> None:
        """Claim the folder.

        Raises:
            FolderBusyError: another live writer stands in the way.
            StorageError: the store refuses, or there is no such bucket.
        """
        self._refuse_rivals()
        older = self._numbers()
        self._number = 1 + max(older, default=0)
        if not self._store.create(self._name, self._content()):
            raise FolderBusyError(f"another taskpaint run has just begun to write to {self._store.url}; wait for it")
        try:
            self._refuse_rivals()  # one may have come at the same moment; then both stop
        except FolderBusyError:
            self._store.remove(self._name)
            raise
        self._store.remove_all(_file(self._writer, number) for number in older)

    def check(self) -> None:
        """Whether the claim still holds.

        Raises:
            FolderBusyError: it was taken over.
        """
        if self._lost:
            raise FolderBusyError(self._lost)

    def beat(self) -> None:
        """Renew the claim until `release`; run in a thread."""
        while not self._stop.wait(BEAT_SECONDS):
            try:
                if max(self._numbers(), default=0) > self._number:
                    self._lost = f"another taskpaint run has taken {self._store.url} over; this one stops"
                    return
                self._store.write(self._name, self._content())
            except StorageError as fault:  # the work itself may still go through; if not, it tells
                self._lost = f"the claim on {self._store.url} could not be renewed: {fault}"
                return

    def release(self) -> None:
        """Give the claim back."""
        self._stop.set()
        if not self._lost:
            with contextlib.suppress(StorageError):  # a claim that stays behind dies by itself
                self._store.remove(self._name)

    @property
    def _name(self) -> str:
        return _file(self._writer, self._number)

    def _content(self) -> bytes:
        return json.dumps(asdict(self._claim) | {"marks": self._heartbeats()}).encode()

    def _numbers(self) -> list[int]:
        """Of all claims by this writer's name, readable or not."""
        found = filter(None, map(_NAME.fullmatch, self._store.find(CLAIMS)))
        return [int(match["number"]) for match in found if match["writer"] == self._writer]

    def _refuse_rivals(self) -> None:
        for seen in read_claims(self._store):
            ours = seen.claim.token == self._claim.token
            # The caller holds the lock of this folder on this machine, so an older claim from here has no process.
            predecessor = (seen.writer, seen.claim.host, seen.claim.spool) == (
                self._writer,
                self._claim.host,
                self._claim.spool,
            )
            rival = seen.writer == self._writer or WHOLE in (seen.writer, self._writer)
            if rival and not (ours or predecessor or seen.is_dead):
                age = "" if seen.age is None else f", its last sign of life came {seen.age:.0f} s ago"
                raise FolderBusyError(
                    f"another taskpaint run (process {seen.claim.pid} on {seen.claim.host}{age}) is writing to "
                    f"{self._store.url}; wait for it, or if it is dead, until {DEAD_SECONDS:.0f} s have passed"
                )


@contextlib.contextmanager
def hold(
    store: Store, writer: str, spool: Path, heartbeats: Callable[[], list[dict[str, Any]]] = list
) -> Iterator[Holder]:
    """Hold a folder in a store against other writers.

    Args:
        store: the folder.
        writer: `WHOLE`, or the name of a rank.
        spool: local folder of this writer, whose lock the caller holds.
        heartbeats: of shards at work, told to all who look.

    Raises:
        FolderBusyError: another live writer stands in the way.
        StorageError: the store refuses or cannot be reached.
    """
    holder = Holder(store, writer, spool, heartbeats)
    holder.take()
    thread = threading.Thread(target=holder.beat, daemon=True)
    thread.start()
    try:
        yield holder
    finally:
        holder.release()


def busy_here(url: str) -> str:
    """What to say when another process of this machine holds the local folder of a URL."""
    return f"another taskpaint run on this machine is writing to {url}; wait for it"


def read_claims(store: Store) -> list[Seen]:
    """All claims on a folder, of each writer the latest."""
    found = {name: match for name in store.find(CLAIMS) if (match := _NAME.fullmatch(name))}
    latest: dict[str, int] = {}
    for match in found.values():
        latest[match["writer"]] = max(int(match["number"]), latest.get(match["writer"], 0))
    wanted = {name: match for name, match in found.items() if latest[match["writer"]] == int(match["number"])}
    contents = store.read_many(wanted)
    claims = []
    for name, data in contents.items():
        with contextlib.suppress(ValueError, TypeError):  # half a claim of a store that writes in pieces
            claim = Claim(**json.loads(data))
            if not isinstance(claim.marks, list) or not all(isinstance(mark, dict) for mark in claim.marks):
                raise TypeError
            claims.append(Seen(wanted[name]["writer"], int(wanted[name]["number"]), claim, _age(store, name)))
    return claims


def _file(writer: str, number: int) -> str:
    return f"{CLAIMS}/{writer}-{number:06d}.json"


def _age(store: Store, name: str) -> float | None:
    """Seconds since an object was written."""
    info = store.info(name) or {}
    written = next(
        (info[key] for key in ("LastModified", "last_modified", "updated", "mtime", "created") if key in info), None
    )
    if isinstance(written, str):
        written = datetime.fromisoformat(written)
    if isinstance(written, int | float):
        written = datetime.fromtimestamp(written, UTC)
    if not isinstance(written, datetime):
        return None
    return max(0.0, (datetime.now(UTC) - written.replace(tzinfo=written.tzinfo or UTC)).total_seconds())
