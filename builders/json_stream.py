"""Read big JSON annotation files item by item, so that memory stays flat.

The standard library's scanner does the parsing; this module only feeds it a sliding window. Unlike event
parsers it accepts the bare `NaN` that some official files hold.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..manifests.errors import SourceLayoutError

_WINDOW = 1 << 22
_SPACE = " \t\n\r"


def stream_json(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the members of a JSON file's top level.

    Args:
        path: a UTF-8 file holding an object or an array.

    Yields:
        (key, value) for each member of a top-level object; when the value is an array, (key, item) for each of
        its items instead. For a top-level array, ("", item).

    Raises:
        SourceLayoutError: the file is missing, not JSON, or ends early; names the file.
    """
    try:
        with path.open("rb") as file:
            yield from _top_level(_Window(file))
    except FileNotFoundError as fault:
        raise SourceLayoutError(f"{path} is missing") from fault
    except OSError as fault:
        raise SourceLayoutError(f"{path} cannot be read: {fault.strerror}") from fault
    except (ValueError, RecursionError) as fault:
        raise SourceLayoutError(f"{path} is no complete JSON file ({fault}); download it again") from fault


def _top_level(window: _Window) -> Iterator[tuple[str, Any]]:
    opening = window.peek()
    if opening == "[":
        yield from (("", item) for item in _items(window))
    elif opening == "{":
        yield from _members(window)
    else:
        raise ValueError("it begins with neither { nor [")
    if window.peek():
        raise ValueError("something follows its end")


def _members(window: _Window) -> Iterator[tuple[str, Any]]:
    window.take("{")
    if window.peek() == "}":
        window.take("}")
        return
    while True:
        key = window.value()
        if not isinstance(key, str):
            raise ValueError("a key is not a string")
        window.take(":")
        if window.peek() == "[":
            yield from ((key, item) for item in _items(window))
        else:
            yield key, window.value()
        if window.take(",}") == "}":
            return


def _items(window: _Window) -> Iterator[Any]:
    window.take("[")
    if window.peek() == "]":
        window.take("]")
        return
    while True:
        yield window.value()
        if window.take(",]") == "]":
            return


class _Window:
    """A sliding window of text over a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._scan = json.JSONDecoder().raw_decode
        self._text = ""
        self._position = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is not white space, or "" at the end."""
        while True:
            while self._position < len(self._text):
                if self._text[self._position] not in _SPACE:
                    return self._text[self._position]
                self._position += 1
            if not self._fill():
                return ""

    def take(self, allowed: str) -> str:
        """Consume the next character, which must be one of `allowed`."""
        found = self.peek()
        if not found or found not in allowed:
            raise ValueError(f"expected {' or '.join(allowed)}, found {found!r}" if found else "it ends early")
        self._position += 1
        return found

    def value(self) -> Any:
        """Consume one value."""
        self.peek()
        while True:
            try:
                value, end = self._scan(self._text, self._position)
            except json.JSONDecodeError as fault:
                if not self._fill():
                    raise ValueError("it ends early" if self._ended else fault.msg) from fault
                continue
            if end == len(self._text) and self._fill():
                continue  # a number may go on beyond the window
            self._position = end
            return value

    def _fill(self) -> bool:
        """Read on; the window doubles while one value does not fit. False at the end of the file."""
        if self._ended:
            return False
        rest = self._text[self._position :]
        data = self._file.read(max(_WINDOW, 2 * len(rest)))
        self._ended = not data
        self._text = rest + self._decode.decode(data, final=self._ended)
        self._position = 0
        return not self._ended or len(self._text) > len(rest)
