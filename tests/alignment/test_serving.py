"""The page's server, over real connections."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from taskpaint.alignment.desk import shown_order
from taskpaint.alignment.journal import read_events
from taskpaint.alignment.run import Run
from taskpaint.alignment.serving.page import page
from taskpaint.alignment.serving.start import Opened, ServeOptions, start
from taskpaint.manifests.errors import DatasetFolderError, FolderBusyError, UsageError

Answer = tuple[int, dict[str, str], bytes]


class Browser:
    """One person's browser, as far as the protocol goes: keeps the cookie and says where a request comes from."""

    def __init__(self, port: int) -> None:
        self.port, self.cookie = port, ""

    def ask(self, method: str, path: str, body: Any = None, raw: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        sent = {"Cookie": self.cookie} if self.cookie else {}
        if data is not None:
            sent |= {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{self.port}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, data, {name: value for name, value in sent.items() if value != "-"})
        answer = connection.getresponse()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        if "set-cookie" in found[1]:
            self.cookie = found[1]["set-cookie"].partition(";")[0]
        return found

    def json(self, path: str, body: Any = None) -> dict[str, Any]:
        status, _, data = self.ask("POST" if body is not None else "GET", path, body)
        assert status == 200, data
        value: dict[str, Any] = json.loads(data)
        return value

    def enter(self, name: str, token: str = "") -> dict[str, Any]:
        return self.json("/api/enter", {"name": name, "token": token})

    def choose(self, item: str, picks: list[int], event_id: str = "", kind: str = "pick") -> dict[str, Any]:
        return self.json("/api/choice", action(item, picks, event_id or f"{item}-{picks}-{kind}", kind))


def action(item: str, picks: list[int], event_id: str, kind: str = "pick") -> dict[str, Any]:
    return {"id": event_id.ljust(8, "."), "item": item, "kind": kind, "picks": picks, "seconds": 1.5}


Opener = Callable[..., Opened]


@pytest.fixture
def open_server() -> Iterator[Opener]:
    """Starts servers that are stopped at the end of the test."""
    opened: list[Opened] = []

    def serve(root: Path, **options: Any) -> Opened:
        found = start(root, ServeOptions(port=0, **options), lambda text: None)
        threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        opened.append(found)
        return found

    yield serve
    for one in opened:
        close(one)


def close(opened: Opened) -> None:
    opened.server.shutdown()
    opened.server.server_close()
    opened.server.desk.close()


@pytest.fixture
def browser(run: Run, open_server: Opener) -> Browser:
    """A browser at a server of the small run on loopback."""
    return Browser(open_server(run.root).server.server_port)


def picks_on_disk(run: Run) -> dict[tuple[str, str], list[int]]:
    return {(event["person"], event["item"]): event["picks"] for event in read_events(run.choices_file)}


def test_a_whole_run_by_one_person(run: Run, browser: Browser) -> None:
    state = browser.enter("Ada")
    said: dict[str, list[int]] = {}
    while state["item"]:
        item = next(one for one in run.items if one.id == state["item"]["id"])
        assert state["item"]["size_wh"] == [24, 16]
        order = shown_order(run.seed, state["person"], item)
        assert state["item"]["candidates"] == [item.candidates[place].image.removeprefix("images/") for place in order]
        said[item.id] = sorted([order[0], order[2]])
        state = browser.choose(item.id, [0, 2])
        assert picks_on_disk(run)[state["person"], item.id] == said[item.id]  # before the page may say so
    assert set(said) == {item.id for item in run.items}
    assert state["progress"] == {"mine": 4, "left": 0, "answered": 4, "wanted": 4}
    assert not state["waiting"]
    assert state["pace_s"] == 1.5


def test_nothing_tells_scores_guidance_or_the_order_of_drawing(run: Run, browser: Browser) -> None:
    state = browser.enter("Ada")
    text = json.dumps(state)
    assert not re.search("guidance|seed|steps|score|made_by", text)
    assert state["ahead"] == sorted(state["ahead"])
    orders = {tuple(shown_order(run.seed, person, run.items[0])) for person in "abcdefgh"}
    assert len(orders) > 4


def test_reloading_shows_the_same_item_and_a_second_tab_too(browser: Browser) -> None:
    first = browser.enter("Ada")
    assert browser.json("/api/state")["item"] == first["item"]
    second = Browser(browser.port)
    assert second.enter("  ADA ")["item"] == first["item"]  # the same person, however the name is written


def test_two_tabs_and_double_clicks_count_once(run: Run, browser: Browser) -> None:
    item = browser.enter("Ada")["item"]["id"]
    other = Browser(browser.port)
    other.enter("Ada")
    body = action(item, [0], "double-click")
    with ThreadPoolExecutor(16) as pool:
        states = list(pool.map(lambda _: browser.json("/api/choice", body), range(16)))
    assert {state["progress"]["mine"] for state in states} == {1}
    assert {state["progress"]["answered"] for state in states} == {1}
    assert other.choose(item, [1])["progress"]["mine"] == 1  # the second tab's word is the last
    (found,) = picks_on_disk(run).values()
    order = shown_order(run.seed, states[0]["person"], next(one for one in run.items if one.id == item))
    assert found == [order[1]]


def test_undo_skip_and_flag(browser: Browser) -> None:
    state = browser.enter("Ada")
    first = state["item"]["id"]
    state = browser.choose(first, [1])
    assert state["last"] == first
    state = browser.choose(first, [], kind="undo")
    assert state["item"]["id"] == first
    assert state["progress"]["mine"] == 0
    state = browser.choose(first, [], kind="skip")
    state = browser.choose(state["item"]["id"], [], kind="flag")
    assert state["progress"] == {"mine": 2, "left": 2, "answered": 0, "wanted": 4}


def test_each_item_goes_to_k_people(run: Run, open_server: Opener) -> None:
    port = open_server(run.root, people=2).server.server_port
    seen: dict[str, set[str]] = {}
    browsers = {name: Browser(port) for name in ("Ada", "Bob", "Eve")}
    states = {name: browser.enter(name) for name, browser in browsers.items()}
    while any(state["item"] for state in states.values()):
        for name, state in states.items():
            if state["item"]:
                seen.setdefault(state["item"]["id"], set()).add(name)
                states[name] = browsers[name].choose(state["item"]["id"], [0])
            else:
                states[name] = browsers[name].json("/api/state")
    assert {item: len(names) for item, names in seen.items()} == {item.id: 2 for item in run.items}


def test_a_restarted_server_knows_everything_and_everyone(run: Run, open_server: Opener) -> None:
    opened = start(run.root, ServeOptions(port=0), lambda text: None)
    threading.Thread(target=opened.server.serve_forever, daemon=True).start()
    browser = Browser(opened.server.server_port)
    item = browser.enter("Ada")["item"]["id"]
    browser.choose(item, [0])
    close(opened)
    browser.port = open_server(run.root).server.server_port
    again = browser.choose(item, [0])  # the answer was lost on the way: the page sends it again
    assert again["progress"]["mine"] == 1
    assert len(list(read_events(run.choices_file))) == 1


def test_an_answer_taken_back_stays_taken_back(run: Run, open_server: Opener) -> None:
    opened = start(run.root, ServeOptions(port=0), lambda text: None)
    threading.Thread(target=opened.server.serve_forever, daemon=True).start()
    browser = Browser(opened.server.server_port)
    item = browser.enter("Ada")["item"]["id"]
    browser.choose(item, [0])
    browser.choose(item, [], kind="undo")
    close(opened)
    browser.port = open_server(run.root).server.server_port
    state = browser.json("/api/state")
    assert state["progress"] == {"mine": 0, "left": 4, "answered": 0, "wanted": 4}
    while state["item"]:
        state = browser.choose(state["item"]["id"], [1])
    assert state["progress"]["answered"] == 4


def test_any_address_of_loopback_will_do(run: Run, open_server: Opener) -> None:
    opened = open_server(run.root, host="127.0.0.2")
    assert not opened.needs_token
    connection = http.client.HTTPConnection("127.0.0.2", opened.server.server_port, timeout=10)
    connection.request("GET", "/api/run")
    assert connection.getresponse().status == 200
    connection.close()


def test_pictures_come_with_guards_and_by_name_only(run: Run, browser: Browser) -> None:
    state = browser.enter("Ada")
    name = state["item"]["source"]
    status, headers, data = browser.ask("GET", f"/image/{name}")
    assert (status, headers["content-type"]) == (200, "image/png")
    assert data == (run.root / "images" / name).read_bytes()
    assert headers["x-content-type-options"] == "nosniff"
    assert "private" in headers["cache-control"]
    assert Browser(browser.port).ask("GET", f"/image/{name}")[0] == 401
    assert browser.ask("HEAD", f"/image/{name}")[0] == 501


@pytest.mark.parametrize(
    "path",
    [
        "/image/../secret",
        "/image/..%2fsecret",
        "/image/%2e%2e/run.json",
        "/image//etc/passwd",
        "/image/images/x.png",
        "/image/",
        "/secret",
        "/choices.jsonl",
        "/../run.json",
        "/image/\\..\\secret",
        "/image/x%00.png",
    ],
)
def test_tricks_with_paths_find_nothing(browser: Browser, path: str) -> None:
    browser.enter("Ada")
    status, _, data = browser.ask("GET", path)
    assert status == 404
    assert "error" in json.loads(data)


@pytest.mark.parametrize("name", ["choose", "overview"])
def test_the_page_admits_its_own_script_alone(browser: Browser, name: str) -> None:
    status, headers, data = browser.ask("GET", "/" if name == "choose" else "/overview")
    assert status == 200
    assert data == page(name)[0]
    text = data.decode()
    policy = headers["content-security-policy"]
    for element in ("script", "style"):
        (content,) = re.findall(f"<{element}>(.*?)</{element}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"\bon[a-z]+=|https?://(?!www\.w3\.org)|innerHTML|\bstyle=", text)


@pytest.mark.parametrize("options", [{"host": "0.0.0.0"}, {"token": True}])
def test_wrong_and_missing_tokens(run: Run, open_server: Opener, options: dict[str, Any]) -> None:
    opened = open_server(run.root, **options)
    assert opened.needs_token
    token = opened.address.rpartition("#token=")[2]
    assert len(token) >= 32
    for wrong in ("", token[:-1], token + "x", "é", None, 7, [token]):
        browser = Browser(opened.server.server_port)
        status, headers, data = browser.ask("POST", "/api/enter", {"name": "Ada", "token": wrong})
        assert (status, "set-cookie" in headers) == (403, False)
        assert token not in data.decode()
        assert browser.ask("GET", "/api/state")[0] == 401
    browser = Browser(opened.server.server_port)
    assert browser.enter("Ada", token)["item"]
    _, headers, _ = browser.ask("POST", "/api/enter", {"name": "Ada", "token": token})
    assert re.search(r"; HttpOnly; SameSite=Strict$", headers["set-cookie"])
    assert token not in headers["set-cookie"]
    assert json.loads(browser.ask("GET", "/api/run")[2])["needs_token"] is True
    assert token not in (run.root / "choices.jsonl").read_text() + (run.root / "run.json").read_text()


def test_cookies_that_we_never_gave(run: Run, browser: Browser) -> None:
    browser.enter("Ada")
    name, _, value = browser.cookie.partition("=")
    person, _, sign = value.partition(".")
    for wrong in (
        person,
        f"{person}.",
        f"{person}.{sign[:-1]}0"[:-1] + "g",
        f"p-aaaaaaaa.{sign}",
        f"../x.{sign}",
        "é.é",
    ):
        assert browser.ask("GET", "/api/state", Cookie=f"{name}={wrong}".encode().decode("latin-1"))[0] == 401


def test_the_overview_has_a_token_of_its_own(run: Run, open_server: Opener) -> None:
    opened = open_server(run.root, people=2)
    token = opened.overview.rpartition("#token=")[2]
    browser = Browser(opened.server.server_port)
    item = browser.enter("Ada")["item"]["id"]
    browser.choose(item, [0])
    for wrong in ("-", "Bearer x", token, f"Basic {token}"):
        assert browser.ask("GET", "/api/overview", Authorization=wrong)[0] == 401
    status, _, data = browser.ask("GET", "/api/overview", Authorization=f"Bearer {token}")
    found = json.loads(data)
    assert status == 200
    assert found["answered"] == {"0": 3, "1": 1}
    assert found["kappa"] is None
    assert "scores" not in found


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://127.0.0.1:{port}"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:{port}"}, 421),
        ({"Host": ""}, 421),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_other_web_pages_are_refused(run: Run, browser: Browser, headers: dict[str, str], status: int) -> None:
    item = browser.enter("Ada")["item"]["id"]
    sent = {name: value.format(port=browser.port) for name, value in headers.items()}
    assert browser.ask("POST", "/api/choice", action(item, [0], "x"), **sent)[0] == status
    assert list(read_events(run.choices_file)) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'"x"', 400),
        (b"\xff\xfe", 400),
        (b"[" * 10_000, 400),
        (b'{"id": "' + b"x" * 20_000 + b'"}', 413),
        (b"{}", 422),
    ],
)
def test_bodies_that_are_no_choice(run: Run, browser: Browser, body: bytes, status: int) -> None:
    browser.enter("Ada")
    found, _, data = browser.ask("POST", "/api/choice", raw=body)
    assert found == status
    assert json.loads(data)["error"]
    assert list(read_events(run.choices_file)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "short"},
        {"id": 12345678},
        {"id": "x" * 65},
        {"item": "nowhere"},
        {"item": ["item-0"]},
        {"kind": "like"},
        {"picks": [5]},
        {"picks": [-1]},
        {"picks": [0, 0]},
        {"picks": [0, 1, 2]},
        {"picks": [0.5]},
        {"picks": [True]},
        {"picks": None},
        {"kind": "skip", "picks": [0]},
        {"seconds": -1},
        {"seconds": "1"},
        {"seconds": 1e9},
        {"seconds": float("nan")},
    ],
)
def test_choices_that_do_not_hold(run: Run, browser: Browser, wrong: dict[str, Any]) -> None:
    browser.enter("Ada")
    status, _, data = browser.ask("POST", "/api/choice", {**action("item-0", [0], "x"), **wrong})
    assert status == 422, data
    assert list(read_events(run.choices_file)) == []


def raw_request(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"POST /api/enter HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: -5\r\n\r\n{}", b"411"),
        (b"POST /api/enter HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 99999999999999\r\n\r\n{}", b"413"),
        (b"POST /api/enter HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b"411"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"PUT / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n", b"501"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
    ],
)
def test_requests_that_are_none(browser: Browser, request_text: bytes, status: bytes) -> None:
    answer = raw_request(browser.port, request_text.replace(b"PORT", str(browser.port).encode()))
    assert answer.split(b" ", 2)[1] == status
    assert b"Traceback" not in answer
    assert browser.enter("Ada")["item"]  # and the server goes on


def test_a_body_that_is_cut_off_is_no_choice(run: Run, browser: Browser) -> None:
    browser.enter("Ada")
    whole = json.dumps(action("item-0", [0], "x")).encode()
    head = (
        f"POST /api/choice HTTP/1.1\r\nHost: 127.0.0.1:{browser.port}\r\nCookie: {browser.cookie}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(whole) + 10}\r\n\r\n"
    )
    assert raw_request(browser.port, head.encode() + whole) == b""
    assert list(read_events(run.choices_file)) == []


def test_a_disk_that_is_full_is_said_and_nothing_counts(
    run: Run, open_server: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_server(run.root)
    browser = Browser(opened.server.server_port)
    item = browser.enter("Ada")["item"]["id"]

    def full(event: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(opened.server.desk._journal, "append", full)
        status, _, data = browser.ask("POST", "/api/choice", action(item, [0], "x"))
    assert status == 507
    assert "No space left" in json.loads(data)["error"]
    assert browser.json("/api/state")["progress"]["mine"] == 0
    assert browser.choose(item, [0])["progress"]["mine"] == 1


def test_names_are_not_kept(run: Run, browser: Browser) -> None:
    item = browser.enter("Ada Lovelace")["item"]["id"]
    browser.choose(item, [0])
    written = b"".join(file.read_bytes() for file in run.root.iterdir() if file.is_file())
    assert b"Ada" not in written
    assert b"Lovelace" not in written
    assert (run.root / "secret").stat().st_mode & 0o077 == 0
    for wrong in ("", "   ", "x" * 81):
        assert browser.ask("POST", "/api/enter", {"name": wrong})[0] == 422


def test_what_stops_a_server_from_starting(run: Run, open_server: Opener) -> None:
    open_server(run.root)
    with pytest.raises(FolderBusyError, match="stop it first"):
        start(run.root, ServeOptions(port=0), lambda text: None)


def test_more_that_stops_a_server_from_starting(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot listen on 203\.0\.113\.7"):
        start(run.root, replace(ServeOptions(port=0), host="203.0.113.7"), lambda text: None)
    with pytest.raises(UsageError, match=r"https://choose\.example\.org"):
        start(run.root, replace(ServeOptions(port=0), origin="choose.example.org/x"), lambda text: None)
    with pytest.raises(DatasetFolderError, match=r"run\.json is missing"):
        start(tmp_path, ServeOptions(port=0), lambda text: None)
    (run.root / run.items[1].source).write_bytes(b"\x89PNG")
    with pytest.raises(DatasetFolderError, match="cannot be shown"):
        start(run.root, ServeOptions(port=0), lambda text: None)
    (run.root / run.items[1].source).unlink()
    with pytest.raises(DatasetFolderError, match="item item-1 shows it"):
        start(run.root, ServeOptions(port=0), lambda text: None)


def test_behind_a_proxy(run: Run, open_server: Opener) -> None:
    opened = open_server(run.root, origin="https://choose.example.org")
    assert opened.address.startswith("https://choose.example.org/#token=")
    token = opened.address.rpartition("=")[2]
    browser = Browser(opened.server.server_port)
    here = {"Host": "choose.example.org", "Origin": "https://choose.example.org"}
    status, headers, _ = browser.ask("POST", "/api/enter", {"name": "Ada", "token": token}, **here)
    assert status == 200
    assert headers["set-cookie"].endswith("; Secure")
