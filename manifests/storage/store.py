"""One folder behind a URL, through fsspec: whole objects in and out, and ranges of them."""

from __future__ import annotations

import errno
import os
import posixpath
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, TypeVar, cast

from ..errors import StorageError, UsageError
from ..folder import replacing
from .patience import PATIENCE_SECONDS, patiently
from .ranges import Ranges

ResultT = TypeVar("ResultT")

_WHOLE_OR_NOTHING: Final = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "hf", "memory"})
"""Protocols whose uploads appear whole; elsewhere an upload has another name until it is complete."""
_READ_ONLY: Final = frozenset({"http", "https", "data", "zip", "tar", "github", "git", "reference"})


@dataclass(frozen=True, slots=True)
class Found:
    """An object in a listing. stamp: changes when its content does (ETag, generation or time), as far as known."""

    size: int
    stamp: str


class Store:
    """A folder behind a URL. Names are relative to it, with slashes. Picklable: a worker opens it anew."""

    def __init__(self, url: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Open it, without a call to the store.

        Raises:
            UsageError: fsspec does not know the protocol, or a package for it is missing.
        """
        self.url, self.patience_seconds = url, patience_seconds
        self.protocol = url.partition("://")[0]
        self._process = os.getpid()
        self._opened, self._root = _open(url)

    @property
    def _fs(self) -> Any:
        """The file system of this process: connections do not survive a fork."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._opened, self._root = _open(self.url)
        return self._opened

    def __reduce__(self) -> tuple[type[Store], tuple[str, float]]:
        return Store, (self.url, self.patience_seconds)

    def path(self, name: str) -> str:
        """An object's path as the file system wants it."""
        return f"{self._root}/{name}" if name else self._root

    def check_writable(self) -> None:
        """Refuse protocols that cannot be written.

        Raises:
            UsageError: it is one of them.
        """
        if self.protocol in _READ_ONLY:
            raise UsageError(f"{self.url}: {self.protocol} can only be read; write to s3://, gs:// or a folder")

    def find(self, folder: str = "") -> dict[str, Found]:
        """All objects below a folder: name -> what is known; empty when there are none.

        Raises:
            StorageError: the bucket is missing, or the store refuses or cannot be reached.
        """
        return {name: found for name, found in self._find(folder).items() if name}

    def _find(self, folder: str) -> dict[str, Found]:
        top = self.path(folder).rstrip("/")
        entries = self.call(lambda: self._fs.find(top, detail=True), folder, missing={})
        start = len(self._root) + 1
        return {path.rstrip("/")[start:]: _found(entry) for path, entry in entries.items() if entry["type"] == "file"}

    def names(self, folder: str = "") -> list[str]:
        """What lies directly in a folder, files and folders."""
        entries = self.call(lambda: self._fs.ls(self.path(folder), detail=False), folder, missing=[])
        found = (posixpath.basename(entry.rstrip("/")) for entry in entries)
        return sorted({name for name in found if name})

    def info(self, name: str) -> dict[str, Any] | None:
        """What the store says of an object; None when it is not there."""
        return self.call(lambda: self._fs.info(self.path(name)), name, missing=None)

    def look(self, name: str) -> Found | None:
        """An object as a listing has it; None when it is not there."""
        info = self.info(name)
        return None if info is None else _found(info)

    def read(self, name: str) -> bytes | None:
        """An object's content; None when it is not there."""
        return self.call(lambda: self._fs.cat_file(self.path(name)), name, missing=None)

    def read_many(self, names: Iterable[str]) -> dict[str, bytes]:
        """Contents of many small objects, fetched side by side; those that are not there are left out."""
        wanted = {self.path(name): name for name in names}
        if not wanted:
            return {}
        found: Mapping[str, Any] = self.call(lambda: self._all(list(wanted)), "", missing={})
        return {wanted[path]: data for path, data in found.items()}

    def _all(self, paths: list[str]) -> dict[str, bytes]:
        found = self._fs.cat(paths, on_error="return") if len(paths) > 1 else {paths[0]: self._one(paths[0])}
        for outcome in found.values():
            if isinstance(outcome, Exception) and not isinstance(outcome, FileNotFoundError):
                raise outcome
        return {path: data for path, data in found.items() if isinstance(data, bytes)}

    def _one(self, path: str) -> bytes | Exception:
        try:
            return self._fs.cat_file(path)
        except FileNotFoundError as fault:
            return fault

    def write(self, name: str, data: bytes) -> None:
        """Write an object; it appears whole or not at all."""
        self._put(name, lambda path: self._fs.pipe_file(path, data))

    def create(self, name: str, data: bytes) -> bool:
        """Write an object unless it is there; whether this call wrote it. One of many that try at once wins."""

        def attempt() -> bool:
            try:
                self._fs.pipe_file(self.path(name), data, mode="create")
            except FileExistsError:
                return self._fs.cat_file(self.path(name)) == data  # an earlier attempt of ours, its answer lost
            return True

        self._make_folder(name)
        return self.call(attempt, name)

    def upload(self, file: Path, name: str) -> None:
        """Copy a file to an object, which appears whole or not at all; its size is checked.

        Raises:
            StorageError: the store refuses, cannot be reached, or has another size.
        """
        self._put(name, lambda path: self._fs.put_file(str(file), path))
        size, wanted = (self.info(name) or {}).get("size"), file.stat().st_size
        if size != wanted:
            raise StorageError(f"{self.url}/{name} has {size} bytes after {wanted} were sent; run it again")

    def download(self, name: str, file: Path) -> None:
        """Copy an object to a file, which appears whole or not at all.

        Raises:
            FileNotFoundError: there is no such object.
            StorageError: the store refuses or cannot be reached.
        """
        with replacing(file) as part:
            self.get(name, part)

    def get(self, name: str, file: Path) -> None:
        """Copy an object to a file, which may be left half written.

        Raises:
            FileNotFoundError: there is no such object.
            StorageError: the store refuses or cannot be reached.
        """
        self.call(lambda: self._fs.get_file(self.path(name), str(file)), name)

    def open(self, name: str) -> IO[bytes]:
        """An object as a file to read ranges of; nothing is kept between reads, and each is tried again by itself.

        Raises:
            FileNotFoundError: there is no such object.
        """
        info = self.info(name)
        if info is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{self.url}/{name}")
        return cast(IO[bytes], Ranges(partial(self.read_range, name), int(info["size"])))

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Bytes of an object.

        Raises:
            FileNotFoundError: there is no such object.
        """
        data: bytes = self.call(lambda: self._fs.cat_file(self.path(name), start=start, end=stop), name)
        return data

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        self.call(lambda: self._fs.rm_file(self.path(name)), name, missing=None)

    def remove_all(self, names: Iterable[str]) -> None:
        """Remove many objects."""
        paths = [self.path(name) for name in names]
        if paths:
            self.call(lambda: self._fs.rm(paths), "", missing=None)

    def _put(self, name: str, put: Callable[[str], Any]) -> None:
        self._make_folder(name)
        if self.protocol in _WHOLE_OR_NOTHING:
            self.call(lambda: put(self.path(name)), name)
            return
        part = self.path(posixpath.join(posixpath.dirname(name), f".{posixpath.basename(name)}.{_token()}.part"))
        self.call(lambda: put(part), name)
        self.call(lambda: self._fs.mv(part, self.path(name)), name)

    def _make_folder(self, name: str) -> None:
        if self.protocol not in _WHOLE_OR_NOTHING:
            self.call(lambda: self._fs.makedirs(posixpath.dirname(self.path(name)), exist_ok=True), name)

    def call(self, action: Callable[[], ResultT], name: str, **missing: Any) -> ResultT:
        """Do something with the store, which is tried again while the network fails; see `patience.patiently`."""
        return patiently(action, self.url, name, self.patience_seconds, **missing)


def _open(url: str) -> tuple[Any, str]:
    import fsspec

    protocol = url.partition("://")[0]
    try:
        fs, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as fault:
        package = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
        wanted = package.get(protocol)
        remedy = f"pip install {wanted}" if wanted else str(fault)
        raise UsageError(f"{url}: a package for {protocol}:// is missing; {remedy}") from fault
    except ValueError as fault:
        raise UsageError(f"{url}: nothing is known of {protocol}://; {fault}") from fault
    return fs, str(root).rstrip("/")


def _found(entry: Mapping[str, Any]) -> Found:
    keys = ("ETag", "etag", "generation", "md5Hash", "blob_id", "mtime", "LastModified", "created")
    stamp = next((str(entry[key]) for key in keys if entry.get(key)), "")
    return Found(int(entry["size"] or 0), stamp.strip('"'))


def _token() -> str:
    return f"{random.SystemRandom().getrandbits(64):016x}"
