"""Fixtures: a server on loopback, and runs against it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from taskpaint.paraphrase.llm import faults

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from chat_server import ChatServer, Reply, Seen

Respond = Callable[[Seen], Reply]


@pytest.fixture(autouse=True)
def _quick_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits where the server names none, and no proxy or key of the machine's."""
    monkeypatch.setattr(faults, "FIRST_BACKOFF_S", 0.005)
    for name in ("http_proxy", "https_proxy", "all_proxy", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[[Respond], ChatServer]]:
    """Start servers that end with the test."""
    with ExitStack() as stack:
        yield lambda respond, **how: stack.enter_context(ChatServer(respond, **how).running())


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return tmp_path / "bank" / "mine.jsonl"
