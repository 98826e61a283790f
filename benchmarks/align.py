"""Many people choosing at once: how long an answer takes, and whether any choice is lost or counted twice.

    python benchmarks/align.py                          # 200 clients that each choose once a second, 60 s
    python benchmarks/align.py --think 0                # clients that never think: the most the server can do

The server is `taskpaint align serve` in a process of its own; the clients are one asyncio process with a connection
each, kept open as browsers do. Every choice is sent a second time with a probability of 5 %, as a double click or a
retry would. In the end what the clients were told is compared with what is on disk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from taskpaint.alignment.pictures import store_pixels
from taskpaint.alignment.run import Candidate, Item, RunFolder


def make_run(root: Path, items: int) -> None:
    """Items with four small pictures, all the same few: the answers are measured, not the pictures."""
    draw = np.random.default_rng(0)
    images = [store_pixels(root, draw.integers(0, 256, (16, 16, 3), np.uint8)) for _ in range(5)]
    candidates = tuple(Candidate(image=image) for image in images[1:])
    rows = [Item(id=f"i{n:06d}", instruction="Paint it", source=images[0], candidates=candidates) for n in range(items)]
    RunFolder(root).write("benchmark", 0, {"benchmark": True}, rows)


class Client:
    """One person with one connection."""

    def __init__(self, number: int, port: int, think_s: float) -> None:
        self.number, self.port, self.think_s = number, port, think_s
        self.draw = random.Random(number)
        self.seconds: list[float] = []
        self.told: dict[str, list[int]] = {}
        self.person = ""
        self.sent = 0

    async def run(self, until: float) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        state = await self.ask("/api/enter", {"name": f"client {self.number}"})
        self.person = state["person"]
        await asyncio.sleep(self.draw.uniform(0, self.think_s))
        while time.monotonic() < until and state["item"]:
            item = state["item"]["id"]
            picks = self.draw.sample(range(4), self.draw.randint(0, 2))
            identity = f"{self.number}-{self.sent:09d}"
            action = {"id": identity, "item": item, "kind": "pick", "picks": picks, "seconds": 1}
            self.sent += 1
            started = time.perf_counter()
            state = await self.ask("/api/choice", action)
            self.seconds.append(time.perf_counter() - started)
            self.told[item] = picks
            if self.draw.random() < 0.05:
                state = await self.ask("/api/choice", action)
            if self.think_s:
                await asyncio.sleep(self.draw.expovariate(1 / self.think_s))
        self.writer.close()

    async def ask(self, path: str, body: dict) -> dict:
        data = json.dumps(body).encode()
        cookie = f"Cookie: {self.cookie}\r\n" if hasattr(self, "cookie") else ""
        self.writer.write(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n{cookie}"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        fields = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in head.split("\r\n")[1:]}
        answer = await self.reader.readexactly(int(fields["content-length"]))
        if not head.startswith("HTTP/1.1 200"):
            raise RuntimeError(head.split("\r\n")[0] + " " + answer.decode())
        if "set-cookie" in fields:
            self.cookie = fields["set-cookie"].partition(";")[0]
        return json.loads(answer)


def compare(root: Path, clients: list[Client]) -> dict[str, int]:
    """What the clients were told against what the journal holds, read without taskpaint's own code."""
    from taskpaint.alignment.desk import shown_order

    items = {item.id: item for item in RunFolder(root).read().items}
    lines = [json.loads(line) for line in (root / "choices.jsonl").read_text("utf-8").splitlines()]
    stored = {(line["person"], line["item"]): line["picks"] for line in lines}
    lost = wrong = 0
    for client in clients:
        for item, picks in client.told.items():
            found = stored.pop((client.person, item), None)
            order = shown_order(0, client.person, items[item])
            lost += found is None
            wrong += found is not None and found != sorted(order[pick] for pick in picks)
    doubled = sum(count - 1 for count in Counter((line["person"], line["id"]) for line in lines).values())
    people = Counter(item for client in clients for item in client.told)
    return {"lost": lost, "wrong": wrong, "doubled": doubled, "never told": len(stored), "over k": sum(
        count > 3 for count in people.values())}  # fmt: skip


async def drive(clients: list[Client], seconds: float) -> None:
    until = time.monotonic() + seconds
    await asyncio.gather(*(client.run(until) for client in clients))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--think", type=float, default=1.0, help="mean seconds between two choices of a client")
    parser.add_argument("--items", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "run"
        make_run(root, options.items)
        command = [sys.executable, "-m", "taskpaint.cli", "align", "serve", str(root), "--port", "0", "--people", "3"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline().rstrip("/\n").rpartition(":")[2])
            clients = [Client(number, port, options.think) for number in range(options.clients)]
            asyncio.run(drive(clients, options.seconds))
        finally:
            server.terminate()
            server.wait(30)
        answers = np.array([one for client in clients for one in client.seconds]) * 1000
        low, median, high, worst = np.quantile(answers, (0.05, 0.5, 0.95, 1))
        print(f"{len(answers):,} answers to {options.clients} clients in {options.seconds:g} s")
        print(f"ms: 5 % {low:.1f}, median {median:.1f}, 95 % {high:.1f}, worst {worst:.0f}")
        print(compare(root, clients))


if __name__ == "__main__":
    main()
