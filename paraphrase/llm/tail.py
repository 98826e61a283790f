"""What was added to a bank since one last looked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..entry import Entry, parse_entry


class BankTail:
    """Reads on where it stopped; a file that was replaced or cut is read from its start.

    Lines count as added when they end in a line feed: the last one may still be on its way.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode, self._place, self._line = 0, 0, 0

    def fresh(self) -> Iterator[Entry]:
        """Entries that are new.

        Raises:
            TemplateError: a line does not hold; names file and line.
        """
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return
        if state.st_ino != self._inode or state.st_size < self._place:
            self._inode, self._place, self._line = state.st_ino, 0, 0
        if state.st_size == self._place:
            return
        with self._path.open("rb") as opened:
            opened.seek(self._place)
            for line in opened:
                if not line.endswith(b"\n"):
                    return
                self._place += len(line)
                self._line += 1
                if line.strip():
                    yield parse_entry(line.removeprefix(b"\xef\xbb\xbf"), f"{self._path}, line {self._line}")

    def skip_to_end(self, lines: int) -> None:
        """The lines added since are known; so many there are."""
        state = self._path.stat()
        self._inode, self._place = state.st_ino, state.st_size
        self._line += lines
