"""Structs and numbers of MATLAB files of version 5 to 7, read without trust.

scipy.io.loadmat crashes the whole process on some damaged files, so this module reads the little that annotation
files need by itself. The form is that of MathWorks' "MAT-File Format", level 5: elements of a type and a length,
padded to eight bytes, some of them compressed, some matrices that hold elements again.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any, Final

from ...manifests.errors import SourceLayoutError
from .whole_files import read_whole

_MOST_BYTES: Final = 1 << 28
_MOST_INFLATED_BYTES: Final = 1 << 30
_DEEPEST: Final = 32
_HEADER_BYTES: Final = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS: Final = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
"""struct's letters of the types of numbers."""
_CELL, _STRUCT, _CHARACTERS, _FIRST_NUMERIC, _LAST_NUMERIC = 1, 2, 4, 6, 15
"""Classes of matrices."""


def read_mat(file: Path, variable: str) -> Any:
    """One variable of a MATLAB file.

    Returns:
        A struct or an array of structs as a list of dicts; a cell array as a list; text as str; numbers as a
        flat tuple, in MATLAB's order (columns first); None for classes that hold code or objects, and None when
        there is no such variable.

    Raises:
        SourceLayoutError: the file is missing, too large, or no whole MATLAB file of version 5 to 7.
    """
    data = read_whole(file, _MOST_BYTES, "MATLAB files")
    try:
        return _find(data, variable)
    except (ValueError, struct.error, zlib.error) as fault:
        raise SourceLayoutError(
            f"{file} is no whole MATLAB file of version 5 to 7 ({fault}); download it again"
        ) from fault


def _find(data: bytes, variable: str) -> Any:
    order = {b"IM": "<", b"MI": ">"}.get(data[126:_HEADER_BYTES])
    if order is None:
        raise ValueError("its header does not say so")
    reader, at = _Reader(data, order), _HEADER_BYTES
    while at < len(data):
        kind, start, end, at = reader.element(at, len(data))
        inner = reader
        if kind == _COMPRESSED:
            inner, start = _Reader(_inflated(data[start:end]), order), 0
            kind, start, end, _ = inner.element(start, len(inner.data))
        if kind == _MATRIX and inner.name(start, end) == variable:
            return inner.matrix(start, end)
    return None


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    found = inflater.decompress(data, _MOST_INFLATED_BYTES)
    if not inflater.eof:
        raise ValueError("a compressed part is cut off or too large")
    return found


class _Reader:
    """Elements of a buffer; positions are bytes from its beginning."""

    def __init__(self, data: bytes, order: str) -> None:
        self.data = data
        self._order = order
        self._tag = struct.Struct(f"{order}II")
        self._numbers = {kind: struct.Struct(order + letter) for kind, letter in _NUMBERS.items()}

    def element(self, at: int, limit: int) -> tuple[int, int, int, int]:
        """Type of the element, where its content begins and ends, and where the next element begins."""
        if at + 8 > limit:
            raise ValueError("it ends early")
        kind, size = self._tag.unpack_from(self.data, at)
        if kind >> 16:  # the short form: length and type in one word, up to four bytes of content in the other
            kind, size, start, following = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            if size > 4:
                raise ValueError("a short element is longer than four bytes")
        else:
            start = at + 8
            following = start + size + (-size % 8 if kind != _COMPRESSED else 0)
        if start + size > limit:
            raise ValueError("it ends early")
        return kind, start, start + size, min(following, limit)

    def name(self, at: int, limit: int) -> str:
        """Name of a variable's matrix."""
        for _ in range(2):  # flags and dimensions
            *_, at = self.element(at, limit)
        _, start, end, _ = self.element(at, limit)
        return self.data[start:end].decode("latin-1")

    def matrix(self, at: int, limit: int, depth: int = 0) -> Any:
        """Value of a matrix, as `read_mat` returns it."""
        if at == limit:
            return ()
        if depth > _DEEPEST:
            raise ValueError(f"values lie more than {_DEEPEST} deep inside each other")
        _, start, _, at = self.element(at, limit)
        kind = self._number(6, start, limit) & 0xFF
        if not _FIRST_NUMERIC <= kind <= _LAST_NUMERIC and kind not in (_CELL, _STRUCT, _CHARACTERS):
            return None
        dimensions, at = self._values(at, limit)
        *_, at = self.element(at, limit)  # the name
        if kind == _CHARACTERS:
            return self._text(at, limit)
        if kind >= _FIRST_NUMERIC:
            return self._values(at, limit)[0]
        if not all(isinstance(side, int) and side >= 0 for side in dimensions):
            raise ValueError("a dimension is negative")
        count = math.prod(dimensions)
        if kind == _CELL:
            return self._matrices(at, limit, count, depth)
        return self._structs(at, limit, count, depth)

    def _structs(self, at: int, limit: int, count: int, depth: int) -> list[dict[str, Any]]:
        (length, *_), at = self._values(at, limit)
        _, start, end, at = self.element(at, limit)
        if length < 1:
            raise ValueError("field names have no length")
        names = [
            self.data[place : min(place + length, end)].split(b"\0")[0].decode("latin-1")
            for place in range(start, end, length)
        ]
        if not names:
            return []
        values = self._matrices(at, limit, count * len(names), depth)
        return [
            dict(zip(names, values[first : first + len(names)], strict=True))
            for first in range(0, len(values), len(names))
        ]

    def _matrices(self, at: int, limit: int, count: int, depth: int) -> list[Any]:
        if count > (limit - at) // 8:
            raise ValueError("it ends early")
        values = []
        for _ in range(count):
            kind, start, end, at = self.element(at, limit)
            if kind != _MATRIX:
                raise ValueError(f"a value is of type {kind}, not a matrix")
            values.append(self.matrix(start, end, depth + 1))
        return values

    def _values(self, at: int, limit: int) -> tuple[tuple[Any, ...], int]:
        """Numbers of an element, and where the next one begins."""
        kind, start, end, following = self.element(at, limit)
        number = self._numbers.get(kind)
        if number is None or (end - start) % number.size:
            raise ValueError(f"numbers are of type {kind} and take {end - start} bytes")
        if end - start == number.size:  # most values are single
            return number.unpack_from(self.data, start), following
        count = (end - start) // number.size
        return struct.unpack_from(f"{self._order}{count}{_NUMBERS[kind]}", self.data, start), following

    def _number(self, kind: int, start: int, limit: int) -> int:
        if start + 4 > limit:
            raise ValueError("it ends early")
        number: int = self._numbers[kind].unpack_from(self.data, start)[0]
        return number

    def _text(self, at: int, limit: int) -> str:
        kind, start, end, _ = self.element(at, limit)
        wide = "le" if self._order == "<" else "be"
        encoding = {4: f"utf-16-{wide}", 16: "utf-8", 17: f"utf-16-{wide}", 18: f"utf-32-{wide}"}.get(kind, "latin-1")
        return self.data[start:end].decode(encoding)
