"""A dataset that is built into a store: shards pass through a local folder, the store keeps the books.

URL/data/<shard>.parquet             finished shards
URL/manifest.json                    written last of all: the dataset is there
URL/.taskpaint/run.json              what it is being built from
URL/.taskpaint/head.json …           what `finish` needs
URL/.taskpaint/ledger/<shard>.json   one object a finished shard, written after the shard itself
URL/.taskpaint/claims/               who is writing
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from ..manifests.errors import DatasetFolderError, ResumeError, StorageError
from ..manifests.folder import DatasetFolder, ShardRecord, require_same, write_bytes, write_text
from ..manifests.heartbeats import heartbeat_file
from ..manifests.storage.claim import WHOLE, Holder, busy_here, hold
from ..manifests.storage.store import Store
from ..manifests.storage.url import local_folder
from ..writers.card_survey import CardSurvey, in_card_order, join_surveys, survey_rows
from . import remote_heartbeats
from .remote_ledger import LEDGER, LedgerEntry, RemoteLedger
from .uploads import Uploads

_STATE: Final = ".taskpaint"
_RUN: Final = f"{_STATE}/run.json"
_KEPT: Final = (f"{_STATE}/head.json", f"{_STATE}/index-rejects.jsonl")
"""What `keep` puts there and `pull` brings back."""
_FIRST_CONTACT_SECONDS: Final = 20.0
"""A wrong address shall be told soon; later the network is given more time."""


@dataclass
class _Books:
    """What is known of the store, and what is on its way to it."""

    ledger: RemoteLedger
    uploads: Uploads = field(default_factory=Uploads)
    holder: Holder | None = None


@dataclass(frozen=True)
class RemoteFolder(DatasetFolder):
    """The local folder that a dataset passes through on its way to a store.

    It holds the plan, the shards at work and those on their way; a shard that has arrived is removed here.
    """

    store: Store
    _books: _Books = field(compare=False, repr=False)

    @classmethod
    def open(cls, url: str, spool: Path | None = None, writer: str = WHOLE) -> RemoteFolder:
        """The folder of a URL.

        Args:
            url: where the dataset will be.
            spool: local folder in which this one's is made; None for the cache.
            writer: each rank has a local folder of its own.

        Raises:
            UsageError: a URL that cannot be written.
        """
        store = Store(url)
        store.check_writable()
        own = local_folder("spool", url, spool)
        return cls(own if writer == WHOLE else own / writer, store, _Books(RemoteLedger(store)))

    @property
    def place(self) -> str:
        """The URL."""
        return self.store.url

    @property
    def lock_complaint(self) -> str:
        """What to say when another process holds the lock."""
        return busy_here(self.store.url)

    @contextlib.contextmanager
    def claimed(self, writer: str) -> Iterator[None]:
        """Hold the URL for one writer; uploads run while the block does.

        Raises:
            FolderBusyError: another live writer is at work there.
            StorageError: the store refuses or cannot be reached.
        """
        self.store.patience_seconds, patience = _FIRST_CONTACT_SECONDS, self.store.patience_seconds
        tell = partial(remote_heartbeats.gather, self)
        with contextlib.ExitStack() as stack:
            self._books.holder = stack.enter_context(hold(self.store, writer, self.root.absolute(), tell))
            self.store.patience_seconds = patience
            stack.enter_context(self._books.uploads.running())
            yield

    def begin(self, identity: Mapping[str, Any], *, overwrite: bool = False) -> None:
        """Claim the URL for a build, or agree that it is the same build as before.

        Raises:
            ResumeError: it was begun from something else, or holds foreign objects.
        """
        if overwrite:
            self._clear_store()
        self.clear()
        for folder in (self.data, self.state / "rejects"):
            folder.mkdir(parents=True, exist_ok=True)
        content = (json.dumps(identity, indent=2, ensure_ascii=False) + "\n").encode()
        before = self.store.read(_RUN)
        if before is None:
            if not overwrite:
                self._refuse_foreign()
            if not self.store.create(_RUN, content):
                before = self.store.read(_RUN)  # another rank was first
        if before is not None:
            require_same(self._parsed(before, _RUN), identity, self.store.url)
        write_bytes(self.state / "run.json", content)

    def _refuse_foreign(self) -> None:
        foreign = [name for name in self.store.names() if name != _STATE]
        if foreign:
            raise ResumeError(
                f"{self.store.url} is not empty ({foreign[0]} …) and no taskpaint build; choose another URL"
            )

    def _clear_store(self) -> None:
        """Remove what taskpaint wrote to the URL, the manifest first, so that nobody takes the rest for a dataset."""
        if self.store.read("manifest.json") is None and self.store.info(_RUN) is None:
            self._refuse_foreign()
        self.store.remove("manifest.json")
        for folder in ("data", "scores", "card", LEDGER):
            self.store.remove_all(self.store.find(folder))
        for name in ("README.md", "LICENSE.md", "rejects.jsonl", "dropped.parquet", *_KEPT, _RUN):
            self.store.remove(name)
        self._books.ledger.forget()

    def keep(self, *files: Path) -> None:
        """Put files of the bookkeeping beside the shards, so that the dataset can be finished from anywhere."""
        for file in files:
            self.store.write(f"{_STATE}/{file.name}", file.read_bytes())

    def pull(self) -> None:
        """Bring the bookkeeping here, in place of what lies here.

        Raises:
            DatasetFolderError: nothing was begun there.
        """
        run = self.store.read(_RUN)
        if run is None:
            raise DatasetFolderError(f"{self.store.url}/{_RUN} is missing; was taskpaint build begun there?")
        (self.state / "rejects").mkdir(parents=True, exist_ok=True)
        self.data.mkdir(exist_ok=True)
        write_bytes(self.state / "run.json", run)
        for name, data in self.store.read_many(_KEPT).items():
            write_bytes(self.root / name, data)

    def look(self) -> None:
        """Bring here what tells how the build stands: its beginning, manifest, and shards at work.

        Raises:
            DatasetFolderError: nothing was begun there.
        """
        manifest = self.store.read("manifest.json")
        if self.store.info(_RUN) is not None or manifest is None:
            self.pull()
        if manifest is not None:
            write_bytes(self.manifest_file, manifest)
        else:
            self.manifest_file.unlink(missing_ok=True)
        remote_heartbeats.fetch(self.store, self)

    def note(self, record: ShardRecord, writer: str = "local") -> None:
        """Send a finished shard on its way, then its line of the ledger; waits while too many are on theirs.

        Raises:
            StorageError: an upload failed.
            FolderBusyError: another run has taken the URL over.
        """
        assert self._books.holder is not None
        self._books.holder.check()
        self._books.uploads.add(partial(self._send, record, writer))

    def _send(self, record: ShardRecord, writer: str) -> None:
        file = self.shard_file(record.name)
        entry = LedgerEntry.of(record, writer, survey_rows([file]))
        rejects = self.rejects_part(record.name).read_text(encoding="utf-8")
        self.store.upload(file, f"data/{file.name}")
        self._books.ledger.add(entry, rejects)
        file.unlink()
        heartbeat_file(self, record.name).unlink(missing_ok=True)

    def ledgers(self) -> dict[str, list[ShardRecord]]:
        """What each writer noted, whether the objects are still there or not; waits for uploads."""
        self._books.uploads.wait()
        for name, rejects in self._books.ledger.look():
            write_text(self.rejects_part(name), rejects)
        found: dict[str, list[ShardRecord]] = {}
        for entry in self._books.ledger.entries():
            found.setdefault(entry.writer, []).append(entry.record)
        return found

    def ledger(self) -> dict[str, ShardRecord]:
        """Finished shards whose object is there with the recorded size."""
        records = {record.name: record for mine in self.ledgers().values() for record in mine}
        there = self.store.find("data")
        sizes = {name: found.size for name, found in there.items()}
        return {name: one for name, one in records.items() if sizes.get(f"data/{name}.parquet") == one.bytes}

    def card_survey(self, records: Iterable[ShardRecord]) -> CardSurvey:
        """What the card says of the rows, from the ledger; brings the shards here that its pictures come from."""
        files = in_card_order(self.shard_file(record.name) for record in records)
        joined = join_surveys(self._books.ledger.entry(file.stem).survey(file) for file in files)
        for shard in sorted({place.shard for places in joined.places.values() for place in places}):
            if not shard.exists():
                self.store.download(f"data/{shard.name}", shard)
        if (card := self.store.read("README.md")) is not None:  # people may have written below it
            write_bytes(self.root / "README.md", card)
        return joined

    def publish(self) -> None:
        """Put everything but the shards into the store, the manifest last: then the dataset is there."""
        pictures = sorted((self.root / "card").glob("*.jpg"))
        names = {f"card/{picture.name}" for picture in pictures}
        self.store.remove_all(name for name in self.store.find("card") if name not in names)
        for file in (*pictures, self.root / "LICENSE.md", self.rejects_file, self.root / "README.md"):
            self.store.write(file.relative_to(self.root).as_posix(), file.read_bytes())
        self.store.write("manifest.json", self.manifest_file.read_bytes())
        self.clear()

    def _parsed(self, data: bytes, name: str) -> Any:
        try:
            return json.loads(data)
        except ValueError as fault:
            raise StorageError(f"{self.store.url}/{name} cannot be read: {fault}") from fault
