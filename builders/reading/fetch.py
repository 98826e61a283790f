"""Fetching pictures by URL into a cache on disk: bounded in size, time, number of tries and of connections.

A file is named by the hash of its URL, so a run that was stopped goes on where it was, and a URL that many rows name
is fetched once. Nothing that comes from outside decides a path or is shown with its secrets.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from ...manifests.errors import BadItem, OutputError
from ...manifests.images import read_header
from .fetch_guard import FetchRefused, locate, reach, shown, speak

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_PASSING: Final = (408, 425, 429, 500, 502, 503, 504)
"""Answers that may be better next time."""
_MOST_REDIRECTS = 5
_PIECE_BYTES = 1 << 16
_HEADERS: Final = {
    "User-Agent": "taskpaint (dataset builder)",
    "Accept": "image/*,*/*;q=0.5",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_NO_PICTURE = ("text/", "application/json", "application/xml", "application/xhtml", "video/", "audio/")
_REMOVED = ("/removed.png",)
"""Where hosts lead to instead of a picture that was taken down (imgur); the stand-in is a picture itself."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds of fetching.

    Attributes:
        most_bytes: a larger answer is cut off and refused.
        tries: of each URL, the first one included.
        pause_s: before the second try; doubles for each further one.
        idle_s: longest silence of a host.
        total_s: longest time for one try, however steadily bytes trickle in.
        parallel: connections at a time.
        allow_private: whether loopback, private and link-local addresses may be asked.
    """

    most_bytes: int = 64 << 20
    tries: int = 3
    pause_s: float = 1.0
    idle_s: float = 20.0
    total_s: float = 120.0
    parallel: int = 8
    allow_private: bool = False


class _Passing(Exception):
    """It went wrong, and may go right the next time."""


class Fetcher:
    """Fetches pictures into a folder. Use as a context manager; leaving it stops what is still under way."""

    def __init__(self, folder: Path, limits: FetchLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(limits.parallel, thread_name_prefix="fetch")

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def fetch_all(self, urls: Sequence[str]) -> dict[str, str]:
        """Fetch every URL that is not in the folder yet.

        Returns:
            For each URL, "" when its file is there, else the reason why not.

        Raises:
            OutputError: the folder cannot be written.
        """
        unique = list(dict.fromkeys(urls))
        return dict(zip(unique, self._pool.map(self._fetch, unique), strict=True))

    def _fetch(self, url: str) -> str:
        file = cached_file(self._folder, digest_of(url))
        if file.is_file():
            return ""
        try:
            data = self._patiently(url)
            read_header(data)
        except (FetchRefused, BadItem) as fault:
            return f"{shown(url)}: {fault}"
        try:
            self._keep(file, data)
        except OSError as fault:
            raise OutputError(
                f"fetched pictures cannot be written to {self._folder}: {fault.strerror}; set TASKPAINT_CACHE to a "
                "writable folder with room"
            ) from fault
        return ""

    def _keep(self, file: Path, data: bytes) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            part.write_bytes(data)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)

    def _patiently(self, url: str) -> bytes:
        """The answer's body, after some tries.

        Raises:
            FetchRefused: it cannot be had.
        """
        pause, limits = self._limits.pause_s, self._limits
        for left in range(limits.tries - 1, -1, -1):
            try:
                return self._follow(url)
            except (_Passing, OSError, http.client.HTTPException) as fault:
                if not left or self._stop.wait(pause):
                    raise FetchRefused(f"{_reason(fault)} ({limits.tries - left} tries)") from fault
                pause *= 2
        raise FetchRefused("no try is allowed")

    def _follow(self, url: str) -> bytes:
        """The body of one answer, after redirects; each is judged like the first address."""
        deadline = time.monotonic() + self._limits.total_s
        for _ in range(_MOST_REDIRECTS + 1):
            place = locate(url, self._limits.allow_private)
            if place.url.path.endswith(_REMOVED):
                raise FetchRefused("its host says that the picture was removed")
            left = max(deadline - time.monotonic(), 0.001)
            plain = reach(place, min(self._limits.idle_s, left))
            with _deadline(plain, left), contextlib.closing(speak(place, plain)) as connection:
                target = place.url.path or "/"
                target += f"?{place.url.query}" if place.url.query else ""
                connection.request("GET", target, headers=_HEADERS)
                answer = connection.getresponse()
                if answer.status not in _REDIRECTS:
                    return self._body(answer, deadline)
                url = urljoin(url, answer.getheader("Location") or "")
        raise FetchRefused(f"it redirects more than {_MOST_REDIRECTS} times")

    def _body(self, answer: http.client.HTTPResponse, deadline: float) -> bytes:
        _check_head(answer, self._limits.most_bytes)
        data = bytearray()
        while piece := answer.read1(_PIECE_BYTES):
            data += piece
            if len(data) > self._limits.most_bytes:
                raise FetchRefused(f"it is larger than the limit of {self._limits.most_bytes} bytes")
            if self._stop.is_set() or time.monotonic() > deadline:
                raise _Passing("it took too long")
        if time.monotonic() > deadline:
            raise _Passing("it took too long")
        announced = answer.getheader("Content-Length") or ""
        if announced.isdecimal() and int(announced) != len(data):
            raise _Passing(f"{len(data)} of {announced} bytes came")
        return bytes(data)


def digest_of(url: str) -> str:
    """What stands for a URL wherever something is stored: 64 hexadecimal digits, which give no secret away."""
    return hashlib.sha256(url.encode()).hexdigest()


def cached_file(folder: Path, digest: str) -> Path:
    """Where the picture of a URL lies, by the URL's `digest_of`."""
    return folder / digest[:2] / digest


def _check_head(answer: http.client.HTTPResponse, most_bytes: int) -> None:
    """Judge an answer by its status and headers.

    Raises:
        FetchRefused: it holds no picture.
        _Passing: it may hold one the next time.
    """
    if answer.status in _PASSING:
        raise _Passing(f"the host answers {answer.status}")
    if answer.status != 200:
        raise FetchRefused(f"the host answers {answer.status}")
    kind = (answer.getheader("Content-Type") or "").lower()
    if kind.startswith(_NO_PICTURE):
        raise FetchRefused(f"it is {kind.partition(';')[0][:60]!r}, not a picture")
    packed = (answer.getheader("Content-Encoding") or "identity").lower()
    if packed != "identity":
        raise FetchRefused(f"it comes packed as {packed[:20]!r}, which was not asked for")
    announced = answer.getheader("Content-Length") or ""
    if announced.isdecimal() and int(announced) > most_bytes:
        raise FetchRefused(f"it has {announced} bytes, over the limit of {most_bytes}")


@contextlib.contextmanager
def _deadline(plain: socket.socket, seconds: float) -> Iterator[None]:
    """Cut a connection when its time is up: a host that sends a byte now and then never times out by itself."""
    # TLS takes the socket over and leaves an empty shell behind; its double still reaches the connection.
    double = plain.dup()

    def cut() -> None:
        with contextlib.suppress(OSError):
            double.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        double.close()


def _reason(fault: Exception) -> str:
    if isinstance(fault, TimeoutError):
        return "the host is silent"
    if isinstance(fault, OSError):
        return fault.strerror or "the connection broke off"
    if isinstance(fault, http.client.HTTPException):
        return "the host does not speak HTTP, or broke off"
    return str(fault)
