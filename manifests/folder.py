"""A dataset folder's bookkeeping: where things lie, who is writing, which shards are done.

out/data/<shard>.parquet          finished shards
out/manifest.json, rejects.jsonl  written when all shards are done
out/.taskpaint/run.json           what this folder is being built from; a resume must agree
out/.taskpaint/plan.arrow         the plan, for workers to map
out/.taskpaint/ledger-*.jsonl     one line a finished shard, one file a writer
out/.taskpaint/rejects/<shard>    rejects of a finished shard
out/.taskpaint/running/<shard>    heartbeats of shards at work, see heartbeats.py
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from .errors import DatasetFolderError, OutputError, ResumeError
from .locks import held


@dataclass(frozen=True)
class ShardRecord:
    """A finished shard as the ledger has it.

    Attributes:
        name: file name without suffix.
        rows, bytes, sha256: of its Parquet file.
        counts: stream label -> {"built", "bad", "skipped"} -> number of units.
        seconds: wall time it took.
        at: Unix time at which it was noted, seconds.
    """

    name: str
    rows: int
    bytes: int
    sha256: str
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: float = 0.0
    at: float = field(default=0.0, compare=False)

    @property
    def listed(self) -> dict[str, Any]:
        """What the manifest says of the shard."""
        return {"name": self.name, "rows": self.rows, "bytes": self.bytes, "sha256": self.sha256}


@dataclass(frozen=True)
class DatasetFolder:
    """Paths inside a dataset folder."""

    root: Path

    @property
    def place(self) -> Path | str:
        """Where the dataset is or will be, for people: this folder, or a URL."""
        return self.root

    @property
    def lock_complaint(self) -> str:
        """What to say when another process holds the lock."""
        return f"another taskpaint run is writing to {self.root}; wait for it or choose another folder"

    @property
    def data(self) -> Path:
        """Finished shards."""
        return self.root / "data"

    @property
    def state(self) -> Path:
        """Bookkeeping of an unfinished or finished build."""
        return self.root / ".taskpaint"

    @property
    def manifest_file(self) -> Path:
        """What the folder holds, written last."""
        return self.root / "manifest.json"

    @property
    def rejects_file(self) -> Path:
        """Every item that was not built."""
        return self.root / "rejects.jsonl"

    def shard_file(self, name: str) -> Path:
        """Parquet file of a shard."""
        return self.data / f"{name}.parquet"

    def rejects_part(self, name: str) -> Path:
        """Rejects of one shard."""
        return self.state / "rejects" / f"{name}.jsonl"

    def shards(self) -> list[Path]:
        """Finished shard files, by name.

        Raises:
            DatasetFolderError: the folder is missing or holds none.
        """
        found = sorted(self.data.glob("*.parquet"))
        if not found:
            raise DatasetFolderError(
                f"{self.root} holds no data/*.parquet; is it the output folder of taskpaint build?"
            )
        return found

    def manifest(self) -> dict[str, Any]:
        """The manifest.

        Raises:
            DatasetFolderError: it is missing or broken.
        """
        try:
            value = json.loads(self.manifest_file.read_text(encoding="utf-8"))
        except FileNotFoundError as fault:
            if not self.root.exists():
                raise DatasetFolderError(f"there is no folder {self.root}; name one that taskpaint wrote") from fault
            raise DatasetFolderError(
                f"{self.manifest_file} is missing; the build is unfinished, run the same build command again"
            ) from fault
        except (OSError, ValueError) as fault:
            raise DatasetFolderError(f"{self.manifest_file} cannot be read: {fault}") from fault
        if not isinstance(value, dict):
            raise DatasetFolderError(f"{self.manifest_file} is no JSON object")
        return value

    def ledger(self) -> dict[str, ShardRecord]:
        """Finished shards whose file is there with the recorded size; torn lines of a killed run are passed over."""
        found = {record.name: record for records in self.ledgers().values() for record in records}
        return {name: record for name, record in found.items() if self._is_there(record)}

    def finished(self, names: Iterable[str]) -> list[ShardRecord]:
        """The ledger's lines of shards that have all been done.

        Raises:
            OutputError: files were removed meanwhile.
        """
        ledger = self.ledger()
        wanted = list(names)
        if gone := [name for name in wanted if name not in ledger]:
            raise OutputError(
                f"{self.place}: {len(gone)} finished shards have gone or changed, {gone[0]} among them; run the same "
                "command again"
            )
        return [ledger[name] for name in wanted]

    def ledgers(self) -> dict[str, list[ShardRecord]]:
        """What each writer noted, whether the files are still there or not."""
        files = sorted(self.state.glob("ledger-*.jsonl"))
        return {file.stem.removeprefix("ledger-"): list(_records(file)) for file in files}

    def _is_there(self, record: ShardRecord) -> bool:
        try:
            return self.shard_file(record.name).stat().st_size == record.bytes
        except OSError:
            return False

    def note(self, record: ShardRecord, writer: str = "local") -> None:
        """Append a finished shard to this writer's ledger, on disk before this returns."""
        line = json.dumps({**asdict(record), "at": round(time.time(), 3)}, sort_keys=True) + "\n"
        file = self.state / f"ledger-{writer}.jsonl"
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            if os.fstat(handle).st_size and not _ends_line(file):
                line = "\n" + line  # a killed run left half a line
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        (self.state / "running" / f"{record.name}.json").unlink(missing_ok=True)

    def begin(self, identity: Mapping[str, Any], *, overwrite: bool = False) -> None:
        """Claim the folder for a build, or agree that it is the same build as before.

        Raises:
            ResumeError: it was begun from something else, or holds foreign files (which `overwrite` spares too).
        """
        run_file = self.state / "run.json"
        ours = run_file.exists() or (overwrite and self._is_finished())
        if not ours and self.root.exists() and any(entry.name != ".taskpaint" for entry in self.root.iterdir()):
            raise ResumeError(f"{self.root} is not empty and no taskpaint build; choose another output folder")
        if overwrite:
            self.clear()
        elif run_file.exists():
            require_same(self._begun_from(run_file), identity, self.root)
            return
        for folder in (self.data, self.state / "rejects"):
            folder.mkdir(parents=True, exist_ok=True)
        write_json(run_file, identity)

    def _is_finished(self) -> bool:
        """Whether a manifest of ours is here; a dataset may have been copied without its bookkeeping."""
        try:
            return "shards" in self.manifest()
        except DatasetFolderError:
            return False

    def _begun_from(self, run_file: Path) -> Any:
        try:
            return json.loads(run_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as fault:
            raise ResumeError(
                f"{run_file} cannot be read: {fault}; choose another output folder, or give --overwrite to start anew"
            ) from fault

    def clear(self) -> None:
        """Remove everything taskpaint wrote here, nothing else."""
        kept = [self.state / name for name in ("rejects", "running", "scores", "scoring", "catalogue", "embeddings")]
        for folder in (self.data, self.root / "scores", self.root / "card", *kept):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (
            self.manifest_file,
            self.rejects_file,
            self.root / "README.md",
            self.root / "LICENSE.md",
            self.root / "dropped.parquet",
            *self.state.glob("*.json*"),
            *self.state.glob("*.arrow"),
            self.state / "command.txt",
        ):
            file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder against other builds.

        Raises:
            FolderBusyError: another process holds it.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        with held(self.state / "lock", self.lock_complaint):
            try:
                self.sweep()
                yield
            finally:
                self.sweep()

    def claimed(self, writer: str) -> AbstractContextManager[None]:
        """Hold the place where the dataset will be, if that is not this folder, for one writer."""
        return contextlib.nullcontext()

    def sweep(self, name: str = "*") -> None:
        """Remove the unfinished files of workers that were killed, of one shard or of all; nobody may be writing."""
        places = [(self.data, f"{name}.parquet"), (self.state / "rejects", f"{name}.jsonl")]
        if name == "*":
            places += [
                *((folder, "*") for folder in (self.state, self.state / "catalogue", self.root / "scores")),
                *((self.root, file) for file in ("manifest.json", "*.jsonl", "*.parquet", "*.md")),
            ]
        for folder, file in places:
            for left_over in folder.glob(f".{file}.*part"):
                left_over.unlink(missing_ok=True)


def write_json(file: Path, value: Mapping[str, Any]) -> None:
    """Write JSON for people and machines; the file appears whole or not at all."""
    write_text(file, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_text(file: Path, text: str) -> None:
    """Write text; the file appears whole or not at all."""
    write_bytes(file, text.encode())


def write_bytes(file: Path, data: bytes) -> None:
    """Write bytes; the file appears whole or not at all."""
    with replacing(file) as part:
        part.write_bytes(data)


@contextlib.contextmanager
def replacing(file: Path, *, alone: bool = False) -> Iterator[Path]:
    """A path to write to that takes the file's place at the end, whole and on disk; after an error nothing is left.

    Args:
        file: to write.
        alone: no other process writes it. The path then has a fixed name, and the next run overwrites what a killed one
            left; otherwise somebody must sweep.
    """
    part = file.with_name(f".{file.name}.part") if alone else part_of(file)
    try:
        yield part
        with part.open("rb") as opened:
            os.fsync(opened.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a new or renamed file of `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def overlap(first: Path, second: Path) -> bool:
    """Whether two folders are one, or one lies in the other."""
    here, there = first.resolve(), second.resolve()
    return here == there or here in there.parents or there in here.parents


def split_of(shard: str) -> str:
    """The split that a shard belongs to, by its name: "train-00003-of-00012" -> "train"."""
    return shard.partition("-")[0]


def part_of(file: Path) -> Path:
    """Where this process writes a file before it takes its name; no two processes of a shared folder agree."""
    return file.with_name(f".{file.name}.{socket.gethostname()}-{os.getpid()}.part")


def _records(file: Path) -> Iterator[ShardRecord]:
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError, TypeError):
            yield ShardRecord(**json.loads(line))


def _ends_line(file: Path) -> bool:
    with file.open("rb") as opened:
        opened.seek(-1, os.SEEK_END)
        return opened.read(1) == b"\n"


_REMEDY = "run it as before, choose another output folder, or give --overwrite to start anew"


def require_same(before: Any, now: Any, root: Path | str, path: str = "", remedy: str = _REMEDY) -> None:
    """Compare what a folder was begun with and what a run has now.

    Raises:
        ResumeError: they differ; shows both values.
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*now, *(key for key in before if key not in now)]:
            require_same(before.get(key), now.get(key), root, f"{path}.{key}" if path else str(key), remedy)
    elif isinstance(before, list) and isinstance(now, (list, tuple)) and len(before) == len(now):
        for position, (old, new) in enumerate(zip(before, now, strict=True)):
            require_same(old, new, root, f"{path}.{position}", remedy)
    elif before != now:
        if _is_digest(before) and _is_digest(now):
            raise ResumeError(
                f"{root} was begun with other files behind {path} than there are now (SHA-256 {before[:8]}…, now "
                f"{now[:8]}…); {remedy}"
            )
        raise ResumeError(
            f"{root} was begun with {path} = {json.dumps(before)}, this run has {json.dumps(now)}; {remedy}"
        )


def _is_digest(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None
