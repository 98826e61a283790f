"""Instruction banks that grow: JSON lines, one sentence a line, that people and programs read and edit.

    {"text": "Paint {object} {color}.", "task": "segmentation", "section": "overlay", "slots": ["object", "color"]}

`text`, `task` and `section` are needed; what else an Entry has may be left out. The sentences that ship are kept in
text files (see templates.py), and a bank's entries stand behind them. A last line that breaks off is what a killed
writer left: readers pass it over, the next writer cuts it off.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..manifests.errors import TemplateError
from ..manifests.locks import wait_for
from .entry import Entry, check_entry, parse_entry
from .templates import Template, make_template

__all__ = ["BankWriter", "Entry", "append_entries", "merge", "read_bank"]

_Key = tuple[str, str, str]


def read_bank(path: Path) -> list[Entry]:
    """Every entry of a bank, in the file's order.

    Raises:
        TemplateError: the file cannot be read, or a line of it does not hold, or repeats another of its section;
            names file and line.
    """
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise TemplateError(f"The bank {path} cannot be read: {fault.strerror or fault}; name a JSONL file.") from fault
    entries: list[Entry] = []
    first_line_of: dict[_Key, int] = {}
    for number, entry in _parsed(content[: _whole(content)], path, 1):
        before = first_line_of.setdefault(_key(entry), number)
        if before != number:
            raise TemplateError(f"{path}, line {number}: line {before} holds the same sentence; remove one.")
        entries.append(entry)
    return entries


def append_entries(path: Path, entries: Iterable[Entry]) -> list[Entry]:
    """Add entries to a bank, which may be new; one whose sentence is there already is left out.

    They are on disk before this returns, and several writers may do this at once.

    Returns:
        The entries that were added.

    Raises:
        TemplateError: an entry or the bank does not hold, or the bank cannot be written.
    """
    return BankWriter(path).append(entries)


class BankWriter:
    """Adds to one bank again and again, reading only what others have added since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[_Key] = set()
        self._inode, self._size, self._lines = 0, 0, 0

    def append(self, entries: Iterable[Entry]) -> list[Entry]:
        """As `append_entries`."""
        ready = [check_entry(entry, f"an entry for {self._path}") for entry in entries]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(self._path) as handle:
                self._catch_up(handle)
                fresh: dict[_Key, Entry] = {}
                for entry in ready:
                    if _key(entry) not in self._known:
                        fresh.setdefault(_key(entry), entry)
                _write(handle, self._size, "".join(entry.to_line() + "\n" for entry in fresh.values()).encode())
                self._known |= fresh.keys()
                self._lines += len(fresh)
                self._size = os.fstat(handle).st_size
        except OSError as fault:
            reason = fault.strerror or str(fault)
            raise TemplateError(
                f"The bank {self._path} cannot be written: {reason}; mend that or choose another file."
            ) from fault
        return list(fresh.values())

    def _catch_up(self, handle: int) -> None:
        """Take in what others wrote, and mend the end of the file."""
        state = os.fstat(handle)
        if state.st_ino != self._inode or state.st_size < self._size:  # another file by now: an editor saved it
            self._known, self._inode, self._size, self._lines = set(), state.st_ino, 0, 0
        content = os.pread(handle, state.st_size - self._size, self._size)
        content = content[: _whole(content)]
        self._known |= {_key(entry) for _, entry in _parsed(content, self._path, self._lines + 1)}
        os.ftruncate(handle, self._size + len(content))
        self._size += len(content)
        if content and not content.endswith(b"\n"):
            self._size += os.pwrite(handle, b"\n", self._size)
            content += b"\n"
        self._lines += content.count(b"\n")


def merge(bank: Sequence[Template], entries: Iterable[Entry], origin: str) -> tuple[Template, ...]:
    """A task's bank with the entries of that task behind it.

    An entry whose sentence is there already adds none; its weight is the one that counts.

    Args:
        bank: templates of one task.
        entries: of any tasks.
        origin: where they come from, for messages.

    Raises:
        TemplateError: an entry names a section that the bank has not, or other slots than it; two sentences share
            an id.
    """
    task = bank[0].task
    sections = {template.section: template.slots for template in bank}
    merged = {template.template_id: template for template in bank}
    for entry in entries:
        if entry.task != task:
            continue
        where = f"{origin}, {entry.text!r}"
        if entry.section not in sections:
            names = ", ".join(sections)
            raise TemplateError(f"{where}: task {task} has no section [{entry.section}]; its sections are {names}.")
        declared = sections[entry.section]
        new = make_template(task, entry.section, entry.text, declared, where, entry.language, entry.weight)
        old = merged.setdefault(new.template_id, new)
        if old.text != new.text:
            raise TemplateError(f"{where}: it shares its id with {old.text!r}; change a word of it.")
        merged[new.template_id] = replace(old, weight=new.weight)
    return tuple(merged.values())


def _key(entry: Entry) -> _Key:
    return entry.task, entry.section, entry.text


def _parsed(content: bytes, path: Path, first: int) -> Iterator[tuple[int, Entry]]:
    """Line numbers and entries; empty lines are passed over."""
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=first):
        if line.strip():
            yield number, parse_entry(line, f"{path}, line {number}")


def _whole(content: bytes) -> int:
    """How many of the bytes are left without a last line that breaks off inside a string or a bracket."""
    start = content.rfind(b"\n") + 1
    last = content[start:]
    in_string, escaped, depth = False, False, 0
    for byte in last:
        if in_string:
            in_string = escaped or byte != ord('"')
            escaped = byte == ord("\\") and not escaped
        else:
            in_string = byte == ord('"')
            depth += (byte in b"{[") - (byte in b"}]")
    return start if last.lstrip().startswith(b"{") and (in_string or depth > 0) else len(content)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file, opened and held against other writers, and still the one that bears the name."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            wait_for(handle)
            if _bears_the_name(path, handle):
                yield handle
                return
        finally:
            os.close(handle)


def _bears_the_name(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _write(handle: int, end: int, lines: bytes) -> None:
    """Append bytes and bring them to disk; a full disk leaves nothing of them."""
    try:
        done = 0
        while done < len(lines):
            done += os.pwrite(handle, lines[done:], end + done)
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, end)
        raise
