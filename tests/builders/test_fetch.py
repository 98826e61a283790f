"""Fetching by URL from a server on this machine: good, failing, endless, slow, hostile; and which addresses are
public, against lists of the address registries.
"""

from __future__ import annotations

import contextlib
import http.server
import io
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from taskpaint.builders.reading.fetch import Fetcher, FetchLimits, cached_file, digest_of
from taskpaint.builders.reading.fetch_guard import FetchRefused, is_public, locate, shown
from taskpaint.manifests.errors import OutputError


def _png(seed: int = 0) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()


class _Handler(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[Counter[str]] = Counter()
    under_way = 0
    most_under_way = 0
    guard = threading.Lock()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        with self.guard:
            type(self).asked[path] += 1
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the other side has had enough
            getattr(self, f"_{path.strip('/').partition('/')[0]}")()

    def _answer(self, body: bytes, status: int = 200, kind: str = "image/png", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _good(self) -> None:
        self._answer(_png())

    def _untyped(self) -> None:
        self._answer(_png(), kind="application/octet-stream")

    def _missing(self) -> None:
        self._answer(b"", 404)

    def _flaky(self) -> None:
        self._answer(_png()) if self.asked["/flaky"] > 2 else self._answer(b"", 500)

    def _down(self) -> None:
        self._answer(b"", 503)

    def _large(self) -> None:
        self._answer(b"x", Content_Length="99999999")

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        for _ in range(10_000):
            self.wfile.write(bytes(10_000))

    def _page(self) -> None:
        self._answer(b"<html>gone</html>", kind="text/html; charset=utf-8")

    def _disguised(self) -> None:
        self._answer(b"<html>gone</html>", kind="image/jpeg")

    def _half(self) -> None:
        self._answer(_png()[:50])

    def _short(self) -> None:
        self._answer(_png(), Content_Length=str(len(_png()) + 1))
        self.close_connection = True

    def _packed(self) -> None:
        self._answer(_png(), Content_Encoding="gzip")

    def _removed(self) -> None:
        self._answer(b"", 302, Location="/x/removed.png")

    def _x(self) -> None:
        self._answer(_png())

    def _hop(self) -> None:
        self._answer(b"", 302, Location="/good?token=secret")

    def _loop(self) -> None:
        self._answer(b"", 302, Location="/loop")

    def _inward(self) -> None:
        self._answer(b"", 302, Location="http://169.254.169.254/latest/meta-data")

    def _local(self) -> None:
        self._answer(b"", 302, Location="file:///etc/passwd")

    def _silent(self) -> None:
        time.sleep(0.4)

    def _trickle(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        for _ in range(30):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def _busy(self) -> None:
        with self.guard:
            type(self).under_way += 1
            type(self).most_under_way = max(type(self).most_under_way, type(self).under_way)
        time.sleep(0.05)
        with self.guard:
            type(self).under_way -= 1
        self._answer(_png())

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    _Handler.asked.clear()
    _Handler.most_under_way = 0


_QUICK = FetchLimits(most_bytes=100_000, tries=3, pause_s=0.01, idle_s=0.2, total_s=0.3, parallel=4, allow_private=True)


def _fetch(folder: Path, *urls: str, limits: FetchLimits = _QUICK) -> dict[str, str]:
    with Fetcher(folder, limits) as fetcher:
        return fetcher.fetch_all(urls)


@pytest.mark.parametrize("path", ["/good", "/untyped", "/hop?a=b", "/flaky"])
def test_pictures_that_come(served: str, tmp_path: Path, path: str):
    url = served + path
    assert _fetch(tmp_path, url) == {url: ""}
    assert cached_file(tmp_path, digest_of(url)).read_bytes() == _png()
    assert len(list(tmp_path.rglob("*"))) == 2  # the picture in its folder, and no part of another try


@pytest.mark.parametrize(
    ("path", "reason", "asked"),
    [
        ("/missing", "the host answers 404", 1),
        ("/down", r"the host answers 503 \(3 tries\)", 3),
        ("/large", "it has 99999999 bytes, over the limit of 100000", 1),
        ("/endless", "it is larger than the limit of 100000 bytes", 1),
        ("/page", "it is 'text/html', not a picture", 1),
        ("/disguised", r"not an image: the file begins with b'<html>go'", 1),
        ("/half", "truncated", 1),
        ("/short", r"\d+ of \d+ bytes came", 3),
        ("/packed", "it comes packed as 'gzip'", 1),
        ("/removed", "its host says that the picture was removed", 1),
        ("/loop", "it redirects more than 5 times", 6),
        ("/local", "only http and https are fetched, not file", 1),
        ("/silent", r"the host is silent \(3 tries\)", 3),
        ("/trickle", "it took too long|the connection broke off", 3),
    ],
)  # fmt: skip
def test_pictures_that_do_not_come(served: str, tmp_path: Path, path: str, reason: str, asked: int):
    url = f"{served}{path}?token=secret#part"
    began = time.monotonic()
    found = _fetch(tmp_path, url)[url]
    assert time.monotonic() - began < 3
    assert found.startswith(f"{served}{path}: ") and "secret" not in found
    assert re.search(reason, found), found
    assert _Handler.asked[path] == asked
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_private_addresses_are_refused_before_they_are_asked(served: str, tmp_path: Path):
    guarded = FetchLimits(tries=1, pause_s=0)
    url = f"{served}/good"
    assert (
        "its host has the private address 127.0.0.1; set `allow_private: true`"
        in _fetch(tmp_path, url, limits=guarded)[url]
    )
    assert not _Handler.asked


def test_redirects_are_judged_like_the_first_address(served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = "127.0.0.1"
    monkeypatch.setattr(
        "taskpaint.builders.reading.fetch_guard.is_public", lambda address: address == own or is_public(address)
    )
    url = f"{served}/inward"
    found = _fetch(tmp_path, url, limits=FetchLimits(tries=1, pause_s=0))[url]
    assert "its host has the private address 169.254.169.254" in found and _Handler.asked == {"/inward": 1}


def test_what_is_there_is_not_fetched_again(served: str, tmp_path: Path):
    urls = [f"{served}/good", f"{served}/missing", f"{served}/good"]
    first = _fetch(tmp_path, *urls)
    assert first[urls[0]] == "" and "404" in first[urls[1]]
    assert _fetch(tmp_path, *urls) == first
    assert _Handler.asked == {"/good": 1, "/missing": 2}


def test_only_so_many_at_a_time(served: str, tmp_path: Path):
    urls = [f"{served}/busy/{number}" for number in range(12)]
    began = time.monotonic()
    assert set(_fetch(tmp_path, *urls).values()) == {""}
    assert 2 <= _Handler.most_under_way <= 4 and time.monotonic() - began < 2


def test_a_host_that_nobody_answers_for(tmp_path: Path):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        assert "Connection refused (3 tries)" in _fetch(tmp_path, url)[url]


def test_a_folder_that_cannot_be_written(served: str, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"fetched pictures cannot be written to .*file.*set TASKPAINT_CACHE"):
        _fetch(tmp_path / "file", f"{served}/good")


_PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
_PRIVATE = [
    "127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "192.0.2.1", "198.18.0.1", "240.0.0.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2002:a00:1::1",
]  # fmt: skip


@pytest.mark.parametrize("address", _PUBLIC)
def test_public_addresses(address: str):
    assert is_public(address)


@pytest.mark.parametrize("address", _PRIVATE)
def test_private_addresses(address: str):
    assert not is_public(address)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com/a.jpg", "only http and https are fetched, not ftp"),
        ("http:///a.jpg", "names no host"),
        ("http://user:secret@example.com/a.jpg", "carries a user name or password"),
        ("http://example.com:99999/a.jpg", "it is no URL"),
        ("http://[::1/a.jpg", "it is no URL"),
        ("http://127.0.0.1/a b.jpg", "characters that a URL must write as %XX"),
        ("http://127.0.0.1/\r\nHost: b", "characters that a URL must write as %XX"),
        ("http://localhost/a.jpg", "private address"),
        ("http://2130706433/a.jpg", "private address 127.0.0.1"),
        ("http://0x7f.1/a.jpg", "private address 127.0.0.1"),
        ("http://[::ffff:7f00:1]/a.jpg", "private address"),
        ("http://" + "a" * 70 + ".example/", "its host is no valid name"),
    ],
)
def test_urls_that_are_refused(url: str, reason: str):
    with pytest.raises(FetchRefused, match=reason):
        locate(url, allow_private=False)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:secret@host.org:8443/a/b.jpg?token=secret#secret", "https://host.org:8443/a/b.jpg"),
        ("http://[::1/secret", "an unreadable URL"),
        ("http://host.org", "http://host.org"),
    ],
)
def test_what_is_shown_of_a_url(url: str, expected: str):
    assert shown(url) == expected
