"""What is a URL and what a path, and the names that a URL's local files have."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from ..cache import cache_folder
from ..errors import UsageError

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")
_COLLAPSED: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:/(?!/)")
"""What pathlib makes of a URL: `Path("s3://bucket/name")` is s3:/bucket/name."""


def is_url(text: str | Path) -> bool:
    """Whether it names a place in a store and not a path; file:// URLs count too."""
    return isinstance(text, str) and _URL.match(text) is not None


def was_url(path: Path) -> bool:
    """Whether a path was made of a URL by mistake."""
    return _COLLAPSED.match(str(path)) is not None


def place(text: str) -> Path | str:
    """A path for paths and file:// URLs; else the URL, without the slash at its end.

    Raises:
        UsageError: the URL carries a user's name, password or query, which would end in logs and manifests, or no name.
    """
    if not is_url(text):
        return Path(text)
    try:
        parts = urlsplit(text)
    except ValueError as fault:
        raise UsageError(f"{text.partition('://')[0]}://… is no URL: {fault}") from fault
    kind = parts.scheme.lower()
    shown = f"{kind}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    if kind in ("file", "local"):
        if parts.netloc not in ("", "localhost"):
            raise UsageError(f"{shown}: a file URL has three slashes, file:///path/to/folder")
        return Path(unquote(parts.path))
    if "@" in parts.netloc and (kind not in ("abfs", "abfss") or ":" in parts.netloc.partition("@")[0]):
        raise UsageError(
            f"{shown}: a URL may not carry a user's name or password; give them by the environment or the store's own "
            "configuration file"
        )
    if parts.query or parts.fragment:
        raise UsageError(f"{shown}: a URL may not have a query (?…) or fragment (#…)")
    if ".." in parts.path.split("/"):
        raise UsageError(f"{text}: a URL may not have .. in it")
    if not parts.netloc and not parts.path.strip("/"):
        raise UsageError(f"{text} names no bucket or folder")
    return f"{kind}://{parts.netloc}{parts.path}".rstrip("/")


def under(base: Path | str, name: str) -> Path | str:
    """`name` as seen from `base`, either of which may be a URL.

    Raises:
        UsageError: as `place`.
    """
    if is_url(name):
        return place(name)
    if isinstance(base, Path) or name.startswith(("/", "~")):
        return Path(base if isinstance(base, Path) else "") / Path(name).expanduser()
    return base if name in ("", ".") else place(f"{base}/{name.removeprefix('./')}")


def local_folder(kind: str, url: str, base: Path | None = None) -> Path:
    """Where this machine keeps the files of one kind that belong to a URL: in the cache, or below `base`."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", url.rpartition("/")[2])[:40]
    return (base or cache_folder() / kind) / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:16]}"


def refuse_url(path: Path, what: str) -> None:
    """Stop before a local folder called "s3:" is made.

    Raises:
        UsageError: the path was made of a URL.
    """
    if was_url(path):
        url = str(path).replace(":/", "://", 1)
        raise UsageError(f"{url}: {what}")
