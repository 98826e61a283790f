"""Which batches were sent and which calls are in them, for runs to pick up where others stopped."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .cache import AnswerCache, owner_is_dead, tokens_used
from .call import AnswerFormat
from .store import transaction

_CREATING_S = 3600.0


@dataclass(frozen=True, slots=True)
class Submission:
    """One batch.

    Attributes:
        id: ours; the server knows it as the batch's metadata.
        batch_id: the server's; None as long as it is not known whether the server has the batch.
        model: whom it asks.
        answer_format: how its calls ask for JSON.
        created_at: seconds since 1970.
        abandoned: the run that was creating it is gone.
    """

    id: str
    batch_id: str | None
    model: str
    answer_format: AnswerFormat
    created_at: float
    abandoned: bool


class Submissions:
    """The submissions to one server."""

    def __init__(self, connection: sqlite3.Connection, cache: AnswerCache, base_url: str) -> None:
        self._connection, self._cache, self._base_url = connection, cache, base_url

    def begin(self, keys: Sequence[str], model: str, how: AnswerFormat) -> str:
        """Turn claimed calls into a submission that is about to be created; returns its id."""
        identity = secrets.token_hex(8)
        now = time.time()
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO submissions (id, base_url, state, owner, lease_until, model, answer_format, created_at) "
                "VALUES (?, ?, 'creating', ?, ?, ?, ?, ?)",
                (identity, self._base_url, self._cache.owner, now + _CREATING_S, model, how.value, now),
            )
            self._connection.executemany(
                "UPDATE calls SET state = 'batched', owner = NULL, lease_until = NULL, submission = ? WHERE key = ?",
                [(identity, key) for key in keys],
            )
        return identity

    def created(self, identity: str, batch_id: str) -> None:
        """The server has the batch."""
        self._connection.execute(
            "UPDATE submissions SET state = 'submitted', owner = NULL, batch_id = ? WHERE id = ?", (batch_id, identity)
        )

    def open(self) -> list[Submission]:
        """Submissions that are not collected."""
        rows = self._connection.execute(
            "SELECT id, batch_id, model, answer_format, created_at, owner, lease_until FROM submissions "
            "WHERE base_url = ? AND state != 'collected' ORDER BY created_at",
            (self._base_url,),
        ).fetchall()
        return [
            Submission(
                identity, batch_id, model, AnswerFormat(how), created_at,
                batch_id is None and owner != self._cache.owner and (until < time.time() or owner_is_dead(owner)),
            )
            for identity, batch_id, model, how, created_at, owner, until in rows
        ]  # fmt: skip

    def keep(self, identity: str, replies: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Keep replies (key, JSON text) to a submission's calls; returns model and key of those it waited for."""
        now = time.time()
        kept = []
        with transaction(self._connection):
            for key, reply in replies:
                row = self._connection.execute(
                    "UPDATE calls SET state = 'done', submission = NULL, answer = ?, prompt_tokens = ?, "
                    "completion_tokens = ?, answered_at = ? WHERE key = ? AND submission = ? RETURNING model",
                    (reply, *tokens_used(reply), now, key, identity),
                ).fetchone()
                if row is not None:
                    kept.append((str(row[0]), key))
        return kept

    def close(self, identity: str) -> int:
        """The submission is collected; its calls without an answer are free again, and so many there are."""
        with transaction(self._connection):
            freed = self._connection.execute(
                "DELETE FROM calls WHERE submission = ? AND state = 'batched'", (identity,)
            ).rowcount
            self._connection.execute("UPDATE submissions SET state = 'collected' WHERE id = ?", (identity,))
        return freed
