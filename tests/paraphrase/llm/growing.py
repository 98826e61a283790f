"""Runs against a test server, here and in processes of their own, and what must hold after them."""

from __future__ import annotations

import json
import multiprocessing
import re
import sqlite3
import time
from pathlib import Path
from typing import Any

from chat_server import KEY, ChatServer, paraphrases
from taskpaint.engines.paraphrase import ParaphraseOptions, ParaphraseReport, Watch, paraphrase
from taskpaint.paraphrase.bank import read_bank
from taskpaint.paraphrase.llm.cost import Prices
from taskpaint.paraphrase.llm.endpoint import Endpoint
from taskpaint.paraphrase.llm.run import Models

GOOD = (
    "Tap a {color} dot onto {object}, one for each.",
    "How many are there? Answer with {color} dots on {object}.",
    "Use small {color} dots to tally {object}.",
    "Would you drop one {color} dot on {object}?",
    "I want {object} marked by a single {color} dot apiece.",
    "hey, stick a {color} dot on {object} for me, one each",
    "Count {object} by dotting the photo in {color}.",
    "Please go through the photo and place one {color} dot on {object}.",
    "Each gets its own dot in {color}: {object}.",
    "Mark {object} using one {color} dot apiece, please.",
)


def grow(server: ChatServer, bank: Path, watch: Watch | None = None, **options: Any) -> ParaphraseReport:
    """One run: ten requests for the counting task unless told otherwise."""
    timeout_s, judge = options.pop("timeout_s", 20.0), options.pop("judge", "")
    model, key = options.pop("model", "writer"), options.pop("key", KEY)
    prices = options.pop("prices", Prices(2.0, 8.0))
    how = {"tasks": ("counting",), "per_task": 20, "per_request": 2, "concurrency": 4, "poll_s": 0.05, **options}
    models = Models(model, server.base_url, judge, {}, prices, prices)
    return paraphrase(
        ParaphraseOptions(bank, **how), models, Endpoint(server.base_url, key, "MY_KEY", timeout_s), watch
    )


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def refused(bank):
    return lines(bank.with_name(bank.name + ".refused.jsonl"))


def two_each(seen):
    """Two of the good sentences, other ones for each request."""
    number = int(re.search(r"This is request (\d+)", seen.asked)[1]) - 1
    return paraphrases(*(GOOD[2 * number % len(GOOD) :] + GOOD)[:2])


def answers_kept(bank):
    with sqlite3.connect(bank.with_name(bank.name + ".cache.sqlite")) as connection:
        found = connection.execute("SELECT key FROM calls WHERE state = 'done'").fetchall()
    connection.close()
    return found


def wait_until(holds, seconds=10.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def assert_whole(bank, answers, candidates):
    """Every candidate of every answer is in the bank or among the refused, once."""
    kept = [entry.text for entry in read_bank(bank)]
    out = refused(bank)
    assert len(kept) == len(set(kept))
    assert len(kept) + len(out) == answers * candidates
    assert len({(line["answer"], line["position"]) for line in out}) == len(out)


def run_process(*arguments, **options):
    """A run in a process of its own, forked so that it starts at once."""
    process = multiprocessing.get_context("fork").Process(target=grow, args=arguments, kwargs=options)
    process.start()
    return process
