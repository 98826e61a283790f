"""A finished folder put into a store: files first, what says that it is whole last."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ..errors import ResumeError
from ..locks import held
from .claim import WHOLE, busy_here, hold
from .store import Found, Store
from .url import local_folder

_MARK: Final = ".taskpaint/published.json"
_LAST: Final = ("manifest.json", "export.json")
"""What readers look at first."""
_AT_ONCE: Final = 8
Tell = Callable[[int, int], None]
"""Called with the bytes that have arrived, and those that will."""


@contextlib.contextmanager
def published(url: str, tell: Tell | None = None) -> Iterator[Path]:
    """A local folder whose content is put behind a URL when the block ends well; then the folder is removed.

    A run that was stopped finds the folder as it was. What an earlier run put there and this one did not is removed.

    Args:
        url: new, empty, or published before.
        tell: told how the sending goes.

    Raises:
        ResumeError: there is something else behind the URL.
        FolderBusyError: another run is writing there.
        StorageError: the store refuses or cannot be reached.
    """
    store, folder = Store(url), local_folder("outgoing", url)
    store.check_writable()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with held(folder.with_suffix(".lock"), busy_here(url)), hold(store, WHOLE, folder):
        before = _published(store)
        yield folder
        names = _send(store, folder, tell or (lambda done, total: None))
        gone = [name for name in before if name not in names]
        store.remove_all(gone)
        store.write(_MARK, json.dumps(sorted(names)).encode())
        shutil.rmtree(folder)


def _published(store: Store) -> list[str]:
    """Names that an earlier run put there.

    Raises:
        ResumeError: something else lies there.
    """
    mark = store.read(_MARK)
    if mark is not None:
        return [str(name) for name in json.loads(mark) or []]
    foreign = [name for name in store.names() if name != ".taskpaint"]
    if foreign or store.info(".taskpaint/run.json") is not None:
        what = foreign[0] if foreign else ".taskpaint"
        raise ResumeError(
            f"{store.url} is not empty ({what} …) and was not written by this command; choose another URL"
        )
    store.write(_MARK, b"[]")
    return []


def _send(store: Store, folder: Path, tell: Tell) -> set[str]:
    """Send what is not there yet; returns the names of all that belongs there."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.relative_to(folder).parts[0] != ".taskpaint"]
    names = {file.relative_to(folder).as_posix(): file for file in files}
    there = store.find()
    wanted = {name: file for name, file in names.items() if not _is_there(there.get(name), file)}
    total, done = sum(file.stat().st_size for file in files), 0
    if wanted:  # until all of it is there, nothing says that it is
        store.remove_all(name for name in _LAST if name in there)
        wanted |= {name: names[name] for name in _LAST if name in names}
    done = total - sum(file.stat().st_size for file in wanted.values())
    first = sorted(name for name in wanted if name not in _LAST)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            for name, _ in zip(first, pool.map(lambda name: store.upload(wanted[name], name), first), strict=True):
                done += wanted[name].stat().st_size
                tell(done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for name in (name for name in _LAST if name in wanted):
        store.upload(wanted[name], name)
    tell(total, total)
    return set(names)


def _is_there(found: Found | None, file: Path) -> bool:
    """Whether the object is this file: stores tell the MD5 of what came in one piece; others are sent again."""
    if found is None or found.size != file.stat().st_size:
        return False
    with file.open("rb") as opened:
        return found.stamp == hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
