"""From answers to the bank: every candidate is checked once and ends in the bank or among the refused, with its reason.

The bank, its file of refusals and the SQLite file cannot be written in one step, so what is about to be written stands
in the table `taken` first. After a kill the next run finds these decisions and writes what of them is missing. A lock
on the file of refusals lets one run at a time do this, so each sees what the others accepted.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...manifests.errors import OutputError, TemplateError
from ...manifests.locks import wait_for
from ..bank import BankWriter, Entry
from ..checks.checker import Checker
from ..checks.refusal import Refusal
from ..entry import check_entry
from .brief import Brief
from .plan import Request
from .reading import Verdict, read_paraphrases
from .store import transaction
from .tail import BankTail


@dataclass(frozen=True)
class Answered:
    """A reply on its way into the bank.

    Attributes:
        request: what was asked.
        key: cache key of the answer.
        reply: the server's JSON.
        answered_at: seconds since 1970.
        verdicts: the judge's, by position of the candidate; None without a judge.
    """

    request: Request
    key: str
    reply: str
    answered_at: float
    verdicts: Mapping[int, Verdict] | None = None


@dataclass
class Outcome:
    """What came of some answers. refused: count by name of the check; candidates are what was accepted or refused."""

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, other: Outcome) -> None:
        """Count another one in."""
        self.accepted += other.accepted
        self.refused += other.refused


class Intake:
    """Takes answers in for one bank.

    Args:
        connection: of its own, from `open_store`.
        cache_path: the file behind it; the bank is known in it by its relative path, so that both may move together.
        bank: JSONL file; refusals go beside it to `<bank>.refused.jsonl`.
        model: who writes, for the entries.
        briefs: sections by task and name; their templates count as accepted.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        cache_path: Path,
        bank: Path,
        model: str,
        briefs: Mapping[tuple[str, str], Brief],
    ) -> None:
        self._connection, self._model, self._briefs = connection, model, briefs
        self._bank = bank
        self._name = os.path.relpath(bank.resolve(), cache_path.resolve().parent)
        self._refused = refused_file(bank)
        self._writer, self._tail = BankWriter(bank), BankTail(bank)
        self._checkers: dict[tuple[str, str, str], Checker] = {}
        self._alone: dict[tuple[str, str, str], Checker] = {}
        self._known: dict[tuple[str, str, str], list[str]] = {}

    def begin(self) -> None:
        """Finish what a killed run left. A bank that is gone begins anew, and its refusals with it.

        Raises:
            TemplateError, OutputError: bank or refusals cannot be read or written.
        """
        with self._locked() as refusals:
            if not self._bank.exists():
                self._connection.execute("DELETE FROM taken WHERE bank = ?", (self._name,))
                os.ftruncate(refusals, 0)
            self._writer.append([])  # makes the file, or mends its end
            self._finish_others(refusals)
            self._catch_up()

    def has(self, key: str) -> bool:
        """Whether the bank has taken this answer in."""
        row = self._connection.execute(
            "SELECT 1 FROM taken WHERE bank = ? AND key = ? AND decisions IS NULL", (self._name, key)
        ).fetchone()
        return row is not None

    def judgeable(self, request: Request, reply: str) -> list[tuple[int, str]]:
        """The candidates that deserve a judge, with their positions.

        Whether a candidate is like another is left out, for that depends on which answer came first, and the judge's
        cache key must not.
        """
        name = (request.brief.task, request.brief.section, request.language)
        checker = self._alone.get(name)
        if checker is None:
            checker = self._alone[name] = Checker(*name[:2], request.brief.slots, request.language)
        found = read_paraphrases(reply, request.count).candidates
        return [(position, text) for position, text in found if checker.refusal(text) is None]

    def take(self, answers: Sequence[Answered]) -> Outcome:
        """Check the candidates of some answers and write them; answers taken in before are passed over.

        Raises:
            TemplateError, OutputError: bank or refusals cannot be written.
        """
        outcome = Outcome()
        with self._locked() as refusals:
            self._finish_others(refusals)
            self._catch_up()
            fresh = {answer.key: answer for answer in answers if not self.has(answer.key)}
            decided = {key: self._decide(answer, outcome) for key, answer in fresh.items()}
            self._note(decided)
            self._write(decided, refusals)
        return outcome

    def _decide(self, answer: Answered, outcome: Outcome) -> dict[str, Any]:
        """Entries and refusals of one answer, ready for JSON."""
        request = answer.request
        reading = read_paraphrases(answer.reply, request.count)
        checker = self._checker(request)
        refused = [(place, found.text, Refusal("answer", found.reason)) for place, found in reading.problems]
        entries = []
        for position, text in reading.candidates:
            entry = self._entry(answer, text, checker.passed_checks())
            refusal = checker.refusal(text) or _entry_refusal(entry) or _judge_refusal(answer, position)
            if refusal is None:
                checker.accept(text)
                entries.append(asdict(entry))
                outcome.accepted += 1
            else:
                refused.append((position, text, refusal))
        outcome.refused.update(refusal.check for _, _, refusal in refused)
        return {"entries": entries, "refused": [self._refused_line(answer, *one) for one in refused]}

    def _entry(self, answer: Answered, text: str, passed: tuple[str, ...]) -> Entry:
        request = answer.request
        return Entry(
            text=text,
            task=request.brief.task,
            section=request.brief.section,
            slots=request.brief.slots,
            language=request.language,
            mood=request.style.mood,
            parent=request.parent.template_id,
            model=self._model,
            date=time.strftime("%Y-%m-%d", time.gmtime(answer.answered_at)),
            checks=(*passed, "judge") if answer.verdicts is not None else passed,
        )

    def _refused_line(self, answer: Answered, position: int, text: str, refusal: Refusal) -> str:
        request = answer.request
        line = {
            "text": text,
            "check": refusal.check,
            "reason": refusal.reason,
            "task": request.brief.task,
            "section": request.brief.section,
            "language": request.language,
            "mood": request.style.mood,
            "parent": request.parent.template_id,
            "model": self._model,
            "answer": answer.key,
            "position": position,
        }
        return json.dumps(line, ensure_ascii=False)

    def _note(self, decided: Mapping[str, dict[str, Any]]) -> None:
        rows = [(self._name, key, json.dumps(decisions, ensure_ascii=False)) for key, decisions in decided.items()]
        with transaction(self._connection):
            self._connection.executemany("INSERT INTO taken (bank, key, decisions) VALUES (?, ?, ?)", rows)

    def _write(self, decided: Mapping[str, dict[str, Any]], refusals: int) -> None:
        lines = [line for decisions in decided.values() for line in decisions["refused"]]
        _append(refusals, lines, self._refused)
        entries = [Entry(**one) for decisions in decided.values() for one in decisions["entries"]]
        if entries:
            self._tail.skip_to_end(len(self._writer.append(entries)))
        with transaction(self._connection):
            self._connection.executemany(
                "UPDATE taken SET decisions = NULL WHERE bank = ? AND key = ?", [(self._name, key) for key in decided]
            )

    def _finish_others(self, refusals: int) -> None:
        """Write what a run decided that was killed before it could; whoever lives holds the lock meanwhile."""
        rows = self._connection.execute(
            "SELECT key, decisions FROM taken WHERE bank = ? AND decisions IS NOT NULL", (self._name,)
        ).fetchall()
        if not rows:
            return
        decided = {key: json.loads(decisions) for key, decisions in rows}
        written = set(_lines_of(self._refused, decided.keys()))
        for decisions in decided.values():
            decisions["refused"] = [line for line in decisions["refused"] if line not in written]
        self._catch_up()
        self._write(decided, refusals)
        for decisions in decided.values():
            for entry in decisions["entries"]:
                self._learn((entry["task"], entry["section"], entry["language"]), entry["text"])

    def _catch_up(self) -> None:
        """Remember what other runs and people wrote to the bank."""
        for entry in self._tail.fresh():
            self._learn((entry.task, entry.section, entry.language), entry.text)

    def _learn(self, name: tuple[str, str, str], text: str) -> None:
        if (checker := self._checkers.get(name)) is not None:
            checker.accept(text)
        else:
            self._known.setdefault(name, []).append(text)

    def _checker(self, request: Request) -> Checker:
        name = (request.brief.task, request.brief.section, request.language)
        checker = self._checkers.get(name)
        if checker is None:
            seeds = [seed.text for seed in self._briefs[name[:2]].seeds if seed.language == request.language]
            known = seeds + self._known.pop(name, [])
            checker = self._checkers[name] = Checker(*name[:2], request.brief.slots, request.language, known)
        return checker

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        try:
            self._refused.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._refused, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as fault:
            raise _unwritable(self._refused, fault) from fault
        try:
            wait_for(handle)
            yield handle
        finally:
            os.close(handle)


def refused_file(bank: Path) -> Path:
    """Where a bank's refused candidates stand, one JSON object a line."""
    return bank.with_name(bank.name + ".refused.jsonl")


def _entry_refusal(entry: Entry) -> Refusal | None:
    """Why a bank could not hold the entry."""
    try:
        check_entry(entry, "this paraphrase")
    except TemplateError as fault:
        return Refusal("entry", str(fault))
    return None


def _judge_refusal(answer: Answered, position: int) -> Refusal | None:
    if answer.verdicts is None:
        return None
    verdict = answer.verdicts.get(position, Verdict(False, "the judge gave no verdict"))
    return None if verdict.same else Refusal("judge", f"The judge says that the meaning differs: {verdict.reason}")


def _lines_of(file: Path, keys: Iterable[str]) -> Iterator[str]:
    """The lines about some answers."""
    wanted = set(keys)
    with file.open(encoding="utf-8", errors="replace") as opened:
        for line in opened:
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                if json.loads(line).get("answer") in wanted:
                    yield line.rstrip("\n")


def _append(handle: int, lines: Sequence[str], file: Path) -> None:
    """Whole lines at the end; a torn one before them is closed first."""
    if not lines:
        return
    size = os.fstat(handle).st_size
    try:
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        data = ("\n" * torn + "".join(f"{line}\n" for line in lines)).encode()
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    except OSError as fault:
        os.ftruncate(handle, size)
        raise _unwritable(file, fault) from fault


def _unwritable(file: Path, fault: OSError) -> OutputError:
    return OutputError(f"{file} cannot be written: {fault.strerror or fault}; free some space or choose another --bank")
