"""The SQLite file beside a bank: answers that were paid for, and what of them the bank has taken in.

Several processes may use it at once (WAL). A commit survives the death of the process; after a power cut the last ones
may be missing, which costs these calls again and nothing else.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from ...manifests.errors import UsageError

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY,            -- sha256, see Call.key
    state TEXT NOT NULL,             -- claimed: somebody is asking; batched: part of a submission; done: answered
    owner TEXT,                      -- process that claimed it
    lease_until REAL,                -- when the claim ends by itself, seconds since 1970
    submission TEXT,                 -- batch it is in
    model TEXT,
    answer TEXT,                     -- the server's reply, JSON
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    answered_at REAL                 -- seconds since 1970
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS calls_of_submission ON calls (submission) WHERE submission IS NOT NULL;
CREATE INDEX IF NOT EXISTS claimed_calls ON calls (owner) WHERE state = 'claimed';
CREATE TABLE IF NOT EXISTS taken (
    bank TEXT,                       -- the bank's path, relative to this file
    key TEXT,                        -- answer
    decisions TEXT,                  -- what is about to be written to bank and refusals, JSON; NULL when it is written
    PRIMARY KEY (bank, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS undecided ON taken (bank) WHERE decisions IS NOT NULL;
CREATE TABLE IF NOT EXISTS submissions (
    id TEXT PRIMARY KEY,
    base_url TEXT NOT NULL,
    state TEXT NOT NULL,             -- creating, submitted, collected
    owner TEXT,
    lease_until REAL,
    batch_id TEXT,
    model TEXT NOT NULL,
    answer_format TEXT NOT NULL,
    created_at REAL NOT NULL
);
"""
_BUSY_S = 60.0


def open_store(path: Path) -> sqlite3.Connection:
    """Open the file, or make it.

    The connection commits each statement by itself unless BEGIN says otherwise. It may be handed from thread to thread,
    but used by one at a time.

    Raises:
        UsageError: it cannot be opened, is no SQLite file, or comes from a newer version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise UsageError(f"the cache {path} was written by a newer taskpaint; name another with --cache")
        if version < _VERSION:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
    except (OSError, sqlite3.Error) as fault:
        raise UsageError(f"the cache {path} cannot be used ({fault}); name another file with --cache") from fault
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Several statements as one; none of them after an error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL; two processes that do so at the same moment do not wait for each other by themselves."""
    give_up = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as fault:
            if "locked" not in str(fault) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
