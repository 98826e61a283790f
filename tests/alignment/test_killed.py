"""A server that is killed between click and answer, again and again: nothing is lost, nothing counts twice."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from taskpaint.alignment.choices import Choices
from taskpaint.alignment.desk import shown_order
from taskpaint.alignment.journal import read_events
from taskpaint.alignment.run import Run, RunFolder

PEOPLE = 6


class Server:
    """`taskpaint align serve` in a process of its own, on the port it got first."""

    def __init__(self, root: Path) -> None:
        self._root, self.port = root, 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "taskpaint.cli", "align", "serve", str(self._root), "-k", str(PEOPLE)]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().rstrip("/\n").rpartition(":")[2])

    def kill(self, how: signal.Signals = signal.SIGKILL) -> str:
        os.kill(self._process.pid, how)
        return self._process.communicate(timeout=30)[1]


def insist(server: Server, path: str, body: dict[str, Any] | None, cookie: str = "") -> tuple[dict[str, Any], str]:
    """Ask until there is an answer, as the page does."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        try:
            headers = {"Content-Type": "application/json", "Cookie": cookie}
            connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            data = json.loads(answer.read())
            assert answer.status == 200, data
            return data, (answer.getheader("Set-Cookie") or cookie).partition(";")[0]
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)
        finally:
            connection.close()


def choose_everything(server: Server, name: str, said: dict[str, dict[str, list[int]]]) -> None:
    draw = random.Random(name)
    state, cookie = insist(server, "/api/enter", {"name": name})
    said[state["person"]] = mine = {}
    while state["item"]:
        item = state["item"]["id"]
        picks = draw.sample(range(5), draw.randint(0, 2))
        action = {"id": f"{name}-{item}-0", "item": item, "kind": "pick", "picks": picks, "seconds": 1}
        state, _ = insist(server, "/api/choice", action, cookie)
        mine[item] = picks
        time.sleep(0.005)


def test_killed_servers_lose_nothing(tmp_path: Path, make_run: Callable[..., Run]) -> None:
    run = make_run(tmp_path / "run", items=60)
    server = Server(run.root)
    said: dict[str, dict[str, list[int]]] = {}
    people = [threading.Thread(target=choose_everything, args=(server, f"person {n}", said)) for n in range(PEOPLE)]
    for person in people:
        person.start()
    for _ in range(3):
        time.sleep(0.25)
        server.kill()
        server.start()
    for person in people:
        person.join(60)
        assert not person.is_alive()
    assert "Traceback" not in server.kill(signal.SIGTERM)
    run = RunFolder(run.root).read()
    events = list(read_events(run.choices_file))
    choices = Choices.of(run.items, events)
    items = {item.id: item for item in run.items}
    assert sorted(choices.people) == sorted(said)
    for person, answers in said.items():
        expected = {
            item: tuple(sorted(shown_order(run.seed, person, items[item])[pick] for pick in picks))
            for item, picks in answers.items()
        }
        assert {item: answer.picks for item, answer in choices.of_person(person).items()} == expected
    assert Counter(len(choices.of_item(item)) for item in items) == {PEOPLE: 60}
    assert len({(event["person"], event["id"]) for event in events}) == 60 * PEOPLE
