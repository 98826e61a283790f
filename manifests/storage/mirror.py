"""A source dataset in a store, as a local folder whose files are fetched when they are needed.

<cache>/sources/<hash>/<name>/…     the files; an empty one is still to be fetched
<cache>/sources/<hash>/listing.db   names, sizes and stamps of the store's objects
<cache>/sources/<hash>/url          where they come from
<cache>/sources/<hash>/parts/       files on their way

Readers of datasets walk folders and open paths, so a folder is what they get. Names are all there at once; small files
and those that an index needs are fetched before the build, pictures when a worker opens them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final

from ..cache import cache_folder
from ..errors import SourceLayoutError, StorageError
from ..folder import part_of, write_text
from ..locks import waited_for
from .store import Found, Store

_PICTURES: Final = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".jfif"}
)
"""Files that only `FileBytes.read` opens, which knows how to fetch them."""
_SMALL_BYTES: Final = 64 << 20
_AT_ONCE: Final = 32
_LEFT_OVER_SECONDS: Final = 86_400.0
Tell = Callable[[int, int], None]
"""Called with the bytes that were fetched, and those that will be."""


def open_mirror(url: str, tell: Tell | None = None) -> Path:
    """List a source and fetch its small files; what was fetched before and has not changed is kept.

    Args:
        url: of the source's folder.
        tell: told how the fetching goes.

    Raises:
        SourceLayoutError: there is nothing below the URL.
        StorageError: the store refuses or cannot be reached.
    """
    store = Store(url)
    folder = _folder(url)
    folder.mkdir(parents=True, exist_ok=True)
    with waited_for(folder.parent / "lock"):  # one process at a time brings a mirror up to date
        _sweep(folder.parent / "parts")
        listed = _usable(store.find())
        if not listed:
            raise SourceLayoutError(f"{url} holds nothing; is the URL right?")
        _forget_changed(folder, listed)
        _lay_out(folder, listed)
        _write_listing(folder.parent, url, listed)
        soon = [
            name for name, found in listed.items() if _comes_first(name, found) and _is_pending(folder / name, found)
        ]
        _fetch_all(store, folder, {name: listed[name] for name in soon}, tell or (lambda done, total: None))
    return folder


def fill(paths: Iterable[Path], tell: Tell | None = None) -> None:
    """Fetch files of mirrors that are still to be fetched; folders and files of other places are passed over.

    Raises:
        StorageError: the store refuses, cannot be reached, or has another file than it listed.
    """
    wanted: dict[Path, dict[str, Found]] = {}
    for path in paths:
        found = _pending(path)
        if found is not None:
            folder, name, expected = found
            wanted.setdefault(folder, {})[name] = expected
    for folder, names in wanted.items():
        _fetch_all(_store_of(folder), folder, names, tell or (lambda done, total: None))


def _folder(url: str) -> Path:
    name = url.rpartition("/")[2].strip(".") or "source"
    return cache_folder().absolute() / "sources" / hashlib.sha256(url.encode()).hexdigest()[:16] / name


def _sweep(parts: Path) -> None:
    """Remove what killed workers left; younger parts may be another build's."""
    parts.mkdir(exist_ok=True)
    for part in parts.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _LEFT_OVER_SECONDS:
                part.unlink()


def _usable(listed: dict[str, Found]) -> dict[str, Found]:
    """Objects whose names can be files: none that climbs out, none that another object's name runs through."""
    names = {name: found for name, found in listed.items() if not {"", ".", ".."} & set(name.split("/"))}
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    return {name: found for name, found in names.items() if name not in folders and "\x00" not in name}


def _forget_changed(folder: Path, listed: dict[str, Found]) -> None:
    file = folder.parent / "listing.db"
    if not file.exists():
        shutil.rmtree(folder)
        folder.mkdir()
        return
    with contextlib.closing(sqlite3.connect(file)) as before:
        for name, size, stamp in before.execute("select name, size, stamp from files"):
            if listed.get(name) != Found(size, stamp):
                (folder / name).unlink(missing_ok=True)


def _lay_out(folder: Path, listed: dict[str, Found]) -> None:
    """An empty file for each object that has none here, and no folder that has become empty."""
    for parent in sorted({str(PurePosixPath(name).parent) for name in listed}):
        (folder / parent).mkdir(parents=True, exist_ok=True)
    for name in listed:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    for base, _, _ in sorted(os.walk(folder), reverse=True):
        if base != str(folder) and not any(Path(base).iterdir()):
            Path(base).rmdir()


def _write_listing(home: Path, url: str, listed: dict[str, Found]) -> None:
    part = part_of(home / "listing.db")
    part.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(part)) as made, made:
        made.execute("create table files (name text primary key, size integer, stamp text) without rowid")
        rows = ((name, found.size, found.stamp) for name, found in sorted(listed.items()))
        made.executemany("insert into files values (?, ?, ?)", rows)
    write_text(home / "url", url)
    part.replace(home / "listing.db")


def _comes_first(name: str, found: Found) -> bool:
    return found.size <= _SMALL_BYTES and PurePosixPath(name).suffix.lower() not in _PICTURES


def _is_pending(file: Path, expected: Found) -> bool:
    return expected.size > 0 and file.stat().st_size == 0


def _pending(path: Path) -> tuple[Path, str, Found] | None:
    """The mirror, name and listing of a file that is still to be fetched; None for all others."""
    try:
        home, name, *rest = path.absolute().relative_to(cache_folder().absolute() / "sources").parts
        if not rest or path.is_dir():
            return None
        folder = cache_folder().absolute() / "sources" / home / name
        if not (folder.parent / "listing.db").exists():
            return None
        listing = f"{(folder.parent / 'listing.db').as_uri()}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(listing, uri=True)) as opened:
            row = opened.execute("select size, stamp from files where name = ?", ("/".join(rest),)).fetchone()
    except ValueError:  # not in a mirror
        return None
    if row is None or not _is_pending(path, expected := Found(*row)):
        return None
    return folder, "/".join(rest), expected


@lru_cache(maxsize=16)
def _store_of(folder: Path) -> Store:
    return Store((folder.parent / "url").read_text(encoding="utf-8"))


def _fetch_all(store: Store, folder: Path, names: dict[str, Found], tell: Tell) -> None:
    total = sum(found.size for found in names.values())
    if total > (free := shutil.disk_usage(folder).free):
        raise StorageError(
            f"{store.url}: {total / 1e9:.1f} GB are needed in {folder}, {free / 1e9:.1f} GB are free; set "
            "TASKPAINT_CACHE to a folder with more room"
        )
    if len(names) == 1:
        for name, found in names.items():
            _fetch(store, folder, name, found)
        tell(total, total)
        return
    done = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            for size in pool.map(lambda item: _fetch(store, folder, *item), names.items()):
                done += size
                tell(done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _fetch(store: Store, folder: Path, name: str, expected: Found) -> int:
    """Fetch one file; it takes its name whole, however many processes fetch it at once."""
    # Beside the folder, not in it: readers list folders.
    part = folder.parent / "parts" / part_of(Path(hashlib.sha256(name.encode()).hexdigest()[:32])).name
    try:
        store.get(name, part)
        if (size := part.stat().st_size) != expected.size:
            raise StorageError(
                f"{store.url}/{name} has {size} bytes and was listed with {expected.size}; it changed meanwhile, run "
                "the same command again"
            )
        part.replace(folder / name)
    except FileNotFoundError as fault:
        raise StorageError(f"{store.url}/{name} was removed after it was listed; run the same command again") from fault
    finally:
        part.unlink(missing_ok=True)
    return expected.size
