"""Publish a dataset on the Hugging Face Hub: check, plan, upload in parts, show, load one row back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow.parquet as pq

from ..manifests.errors import DatasetFolderError, HubError
from ..manifests.folder import DatasetFolder, split_of
from ..manifests.triplet import IMAGE_COLUMNS
from ..writers.hub import BusyHubError, Hub
from ..writers.hub_plan import Commit, HubFile, Remote, Version, next_commit, plan_push
from ..writers.shards import file_sha256
from .push_version import publishable, version_of

WAITS_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""How long to wait before each new try when the Hub is busy, seconds."""


@dataclass(frozen=True)
class PushOptions:
    """What to publish, and where.

    Attributes:
        repo: USER/NAME.
        revision: branch, made when it is missing.
        private: for a new repository, private unless False; an old one must agree; None for whatever it is.
        files_per_commit: at most so many files in one commit.
        extras: of `push_version.EXTRAS`, what to upload too.
        allow_licenses: publish sources whose licence forbids it; the permission is yours to have.
        threads: files hashed and uploaded at a time.
    """

    repo: str
    revision: str = "main"
    private: bool | None = None
    files_per_commit: int = 100
    extras: tuple[str, ...] = ()
    allow_licenses: bool = False
    threads: int = 4


@dataclass(frozen=True)
class PushReport:
    """What a push came to. commit: the branch's; commits, bytes: made by this run, and of
    the files in them; row: id of the row that was loaded back."""

    repo: str
    revision: str
    private: bool
    commit: str
    commits: int
    bytes: int
    row: str
    seconds: float


class PushWatch(Protocol):
    """Is told of progress."""

    def begin(self, total_bytes: int) -> None:
        """So much may have to be uploaded."""

    def advance(self, count: int) -> None:
        """So many bytes of it are up, or were there."""

    def say(self, text: str) -> None:
        """A sentence for people."""


def push(root: Path, options: PushOptions, watch: PushWatch) -> PushReport:
    """Publish a dataset, or go on where an earlier push stopped.

    Raises:
        UsageError: the repository's name does not hold.
        LicenseError: a source's licence forbids it.
        DatasetFolderError: it is no finished dataset, or a shard is not what the manifest lists.
        FolderBusyError: another run is writing to the folder.
        HubError: the Hub refuses, or cannot be reached.
    """
    started = time.monotonic()
    hub = Hub(options.repo, options.revision)
    folder = DatasetFolder(root)
    with folder.lock() if os.access(root, os.W_OK) else nullcontext():
        facts = publishable(root, options.repo, options.allow_licenses, watch.say)
        version = version_of(root, facts, options.extras)
        hub.check_login()
        private = hub.open(options.private)
        run = _Push(hub, version, options, watch)
        head = run.to_the_end()
        row = _read_back(hub, folder, facts.manifest, head)
    seconds = round(time.monotonic() - started, 1)
    return PushReport(
        options.repo, options.revision, private, head, run.commits, run.bytes, row, seconds
    )  # fmt: skip


def dry_push(root: Path, options: PushOptions, watch: PushWatch) -> Iterator[dict[str, Any]]:
    """What a push would do, as one JSON-able object a line; nothing is written, here or there.

    With a token the present state is read from the Hub; without one, a repository that does not exist is assumed, and
    no connection is made.

    Raises:
        UsageError, LicenseError, DatasetFolderError, HubError: as `push`.
    """
    hub = Hub(options.repo, options.revision)
    facts = publishable(root, options.repo, options.allow_licenses, watch.say)
    version = version_of(root, facts, options.extras)
    remote, commit = hub.state(version.files) if hub.has_token else (Remote(), None)
    state = "not asked" if not hub.has_token else ("absent" if commit is None else "found")
    yield {"kind": "repository", "repo": options.repo, "revision": options.revision, "state": state, "commit": commit}
    stored = set(remote.files.values())
    for number, planned in enumerate(plan_push(version, remote, options.files_per_commit), start=1):
        yield {"kind": "commit", "number": number, "title": planned.title}
        for path, file in planned.adds.items():
            line = {"kind": "add", "commit": number, "path": path, "bytes": file.size, "sha256": file.sha256}
            yield {**line, "upload": file.sha256 not in stored}
            stored.add(file.sha256)
        for path in planned.deletes:
            yield {"kind": "delete", "commit": number, "path": path}


class _Push:
    """One run: commits until nothing is left to do."""

    def __init__(self, hub: Hub, version: Version, options: PushOptions, watch: PushWatch) -> None:
        self._hub, self._version, self._options, self._watch = hub, version, options, watch
        self._checked: set[str] = set()
        self.commits = 0
        self.bytes = 0

    def to_the_end(self) -> str:
        """Commit until the branch holds the version; returns its last commit."""
        tries = 0
        while True:
            before = self.commits
            try:
                return self._commit_all()
            except BusyHubError as fault:
                tries = 0 if self.commits > before else tries + 1
                if tries >= len(WAITS_S):
                    raise HubError(f"{fault}; run the same command again, what is uploaded stays there") from fault
                self._watch.say(f"{fault}; trying again")
                time.sleep(WAITS_S[tries])

    def _commit_all(self) -> str:
        remote, head = self._hub.state(self._version.files)
        plan = plan_push(self._version, remote, self._options.files_per_commit)
        self._check_content(plan, remote)
        self._watch.begin(sum(file.size for commit in plan for file in commit.adds.values()))
        while commit := next_commit(self._version, remote, self._options.files_per_commit):
            head = self._hub.commit(commit, head, self._options.threads, self._watch.advance)
            self.commits += 1
            self.bytes += sum(file.size for file in commit.adds.values())
            remote = remote.after(commit)
        if head is None:
            raise HubError(f"{self._options.repo} vanished from the Hub while it was written")
        return head

    def _check_content(self, plan: Sequence[Commit], remote: Remote) -> None:
        """Hash what is going to be uploaded: nothing else than the manifest lists may get a place under its name."""
        stored = set(remote.files.values()) | self._checked
        files = {file.sha256: file for commit in plan for file in commit.adds.values() if file.sha256 not in stored}
        with ThreadPoolExecutor(self._options.threads) as pool:
            for bad in filter(None, pool.map(_differs, files.values())):
                raise DatasetFolderError(f"{bad} is not the file that the manifest lists; run taskpaint verify")
        self._checked |= set(files)


def _differs(file: HubFile) -> Path | None:
    if isinstance(file.content, bytes):
        return None
    try:
        return None if file_sha256(file.content) == file.sha256 else file.content
    except OSError as fault:
        raise DatasetFolderError(f"{file.content} cannot be read: {fault.strerror or fault}") from fault


def _read_back(hub: Hub, folder: DatasetFolder, manifest: Mapping[str, Any], commit: str) -> str:
    """Load the first row as any reader would, and compare it with the one here; returns its id."""
    filled = [shard for shard in manifest["shards"] if shard["rows"]]
    if not filled:
        return ""
    split = split_of(filled[0]["name"])
    with pq.ParquetFile(folder.shard_file(filled[0]["name"])) as parquet:
        here = next(parquet.iter_batches(batch_size=1)).to_pylist()[0]
    there = hub.first_row(split, commit)
    for name, value in here.items():
        found = there.get(name)
        if (found or {}).get("bytes") != value["bytes"] if name in IMAGE_COLUMNS else found != value:
            raise HubError(f"the first row of {split} on the Hub has another {name} than {here['id']} has here")
    return str(here["id"])
