"""Answers that were paid for, and claims: of two runs at once, one asks and the other waits for the answer."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import sqlite3
import time
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Standing(Enum):
    """How a call stands with regard to this run."""

    MINE = "mine"  # this run has claimed it and is to ask
    DONE = "done"  # answered
    ELSEWHERE = "elsewhere"  # another run is asking
    BATCHED = "batched"  # part of a batch


@dataclass(frozen=True, slots=True)
class Answer:
    """A kept reply.

    Attributes:
        text: the reply's JSON.
        prompt_tokens, completion_tokens: as the server counted them; None when it did not.
        answered_at: seconds since 1970.
    """

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    answered_at: float


class AnswerCache:
    """The table `calls`, as seen by one run.

    Args:
        connection: from `open_store`.
        lease_s: a claim lasts so long beyond the last `renew`; claims of a dead process on this machine end at once.
    """

    def __init__(self, connection: sqlite3.Connection, lease_s: float = 60.0) -> None:
        self._connection = connection
        self.lease_s = lease_s
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    def find(self, key: str) -> Answer | None:
        """The answer, if there is one."""
        row = self._connection.execute(
            "SELECT answer, prompt_tokens, completion_tokens, answered_at FROM calls WHERE key = ? AND state = 'done'",
            (key,),
        ).fetchone()
        return Answer(*row) if row else None

    def claim(self, key: str, model: str) -> Standing:
        """Claim a call that nobody has claimed."""
        until = time.time() + self.lease_s
        made = self._connection.execute(
            "INSERT INTO calls (key, state, owner, lease_until, model) VALUES (?, 'claimed', ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (key, self.owner, until, model),
        ).rowcount
        if made:
            return Standing.MINE
        row = self._connection.execute("SELECT state, owner, lease_until FROM calls WHERE key = ?", (key,)).fetchone()
        if row is None:
            return self.claim(key, model)  # given up by its owner between the two statements
        state, owner, lease_until = row
        if state != "claimed":
            return Standing(state)
        if owner == self.owner:
            return Standing.MINE
        if lease_until > time.time() and not owner_is_dead(owner):
            return Standing.ELSEWHERE
        taken_over = self._connection.execute(
            "UPDATE calls SET owner = ?, lease_until = ? WHERE key = ? AND state = 'claimed' AND owner = ?",
            (self.owner, until, key, owner),
        ).rowcount
        return Standing.MINE if taken_over else Standing.ELSEWHERE

    def keep(self, key: str, reply: str) -> Answer:
        """Keep the reply to a call that this run claimed, JSON text, for good."""
        answer = Answer(reply, *tokens_used(reply), time.time())
        self._connection.execute(
            "INSERT INTO calls (key, state, answer, prompt_tokens, completion_tokens, answered_at) "
            "VALUES (?, 'done', ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET state = 'done', owner = NULL, "
            "lease_until = NULL, answer = excluded.answer, prompt_tokens = excluded.prompt_tokens, "
            "completion_tokens = excluded.completion_tokens, answered_at = excluded.answered_at WHERE state != 'done'",
            (key, reply, answer.prompt_tokens, answer.completion_tokens, answer.answered_at),
        )
        return answer

    def release(self, key: str) -> None:
        """Give up a claim."""
        self._connection.execute(
            "DELETE FROM calls WHERE key = ? AND state = 'claimed' AND owner = ?", (key, self.owner)
        )

    def release_all(self) -> None:
        """Give up all claims of this run."""
        self._connection.execute("DELETE FROM calls WHERE state = 'claimed' AND owner = ?", (self.owner,))

    def renew(self) -> None:
        """Let all claims of this run last on."""
        self._connection.execute(
            "UPDATE calls SET lease_until = ? WHERE state = 'claimed' AND owner = ?",
            (time.time() + self.lease_s, self.owner),
        )


def owner_is_dead(owner: str) -> bool:
    """Whether the process that an owner's name stands for ran on this machine and is gone."""
    host, _, rest = owner.partition(":")
    process = rest.partition(":")[0]
    if host != socket.gethostname() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def tokens_used(reply: str) -> tuple[int | None, int | None]:
    """Prompt and completion tokens that a reply says it took."""
    usage: Any = None
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        usage = json.loads(reply).get("usage")
    if not isinstance(usage, dict):
        return None, None
    counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
    read, written = (count if isinstance(count, int) and count >= 0 else None for count in counts)
    return read, written
