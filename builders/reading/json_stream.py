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

from ...manifests.errors import SourceLayoutError

_WINDOW = 1 << 22
_SPACE = " \t\n\r"
_LONGEST_TOKEN = 16
"""No literal or escape that the window's end may cut ("-Infinity", a pair of \\uXXXX) is longer."""
_UNCLOSED = "Unterminated string"


def stream_json(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the members of a JSON file's top level.

    Args:
        path: a UTF-8 file holding an object or an array.

    Yields:
        (key, value) for each member of a top-level object; when the value is an array, (key, item) for each
        of its items instead. For a top-level array, ("", item).

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
            raise ValueError("a key is not a string")  # noqa: TRY004 - the file is wrong, not the caller
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
        self._passed = 0
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
        if not found:
            raise ValueError("it ends early")
        if found not in allowed:
            place = self._passed + self._position
            raise ValueError(f"expected {' or '.join(allowed)}, found {found!r} at character {place}")
        self._position += 1
        return found

    def value(self) -> Any:
        """Consume one value."""
        self.peek()
        while True:
            try:
                value, end = self._scan(self._text, self._position)
            except json.JSONDecodeError as fault:
                if self._is_cut(fault) and self._fill():
                    continue
                raise ValueError(self._explain(fault)) from fault
            near_end = end + len("e-") >= len(self._text)
            if near_end and not self._ended and isinstance(value, (int, float)):
                self._fill()  # the number may go on beyond the window: "0." and "1e-" read as 0 and 1
                continue
            self._position = end
            return value

    def _fill(self) -> bool:
        """Read on; the window doubles while one value does not fit. False at the end of the file."""
        if self._ended:
            return False
        self._passed += self._position
        rest = self._text[self._position :]
        data = self._file.read(max(_WINDOW, 2 * len(rest)))
        self._ended = not data
        self._text = rest + self._decode.decode(data, final=self._ended)
        self._position = 0
        return not self._ended or len(self._text) > len(rest)

    def _is_cut(self, fault: json.JSONDecodeError) -> bool:
        """Whether the fault may only mean that the window ends inside a value."""
        return fault.msg.startswith(_UNCLOSED) or fault.pos >= len(self._text.rstrip(_SPACE)) - _LONGEST_TOKEN

    def _explain(self, fault: json.JSONDecodeError) -> str:
        # What stops short stops at the end of the text; a string that was never closed names its beginning.
        if fault.msg.startswith(_UNCLOSED) or fault.pos >= len(self._text.rstrip(_SPACE)):
            return "it ends early"
        return f"{fault.msg} at character {self._passed + fault.pos}"
