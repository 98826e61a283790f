"""Read pickles that hold plain values only: dicts, lists, tuples, text, numbers.

A pickle is a program. Here every instruction that looks up or calls something is refused before it runs, and so
are those that no plain value needs. What is left cannot do harm, but can be bent out of shape: a caller checks
the types of what it uses, and does not print or walk values blindly, as they may contain themselves.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from ...manifests.errors import SourceLayoutError
from .whole_files import read_whole

MAX_BYTES = 256 << 20
"""Larger files are refused; the largest official RefCOCO pickle has a fifth of it."""
_PLAIN = (
    "MARK STOP POP POP_MARK DUP PROTO FRAME NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT "
    "BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 BINBYTES "
    "SHORT_BINBYTES BINBYTES8 EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT "
    "SETITEM SETITEMS PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET"
)
"""Instructions that build plain values."""
_NAMING = "GLOBAL STACK_GLOBAL INST"
"""Instructions that name something to import; `find_class` says what."""
_FAULTS = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    RecursionError,
    NotImplementedError,
    struct.error,
)


def load_plain(file: Path) -> Any:
    """Unpickle a file of plain values, of any protocol; text of Python 2 is read as UTF-8, or else as Latin-1.

    Returns:
        dicts (with text or whole numbers as keys), lists, tuples, str, bytes, int, float, bool and None.

    Raises:
        SourceLayoutError: the file is missing, too large, no whole pickle, or holds anything but plain values.
    """
    data = read_whole(file, MAX_BYTES, "pickles")
    try:
        return _PlainUnpickler(io.BytesIO(data)).load()
    except _NotPlain as fault:
        raise SourceLayoutError(
            f"{file} is refused: it {fault}, and a dataset's pickle has no need to; use the official file"
        ) from fault
    except _FAULTS as fault:
        reason = str(fault) or type(fault).__name__
        raise SourceLayoutError(f"{file} is no complete pickle ({reason}); download it again") from fault


class _NotPlain(Exception):
    """The pickle asks for more than plain values."""


def _code(name: str) -> int:
    """The byte of an instruction."""
    code: int = getattr(pickle, name)[0]
    return code


def _refuse(unpickler: _PlainUnpickler) -> NoReturn:
    raise _NotPlain("makes objects or calls code")


class _PlainUnpickler(pickle._Unpickler):
    """The standard library's reader in Python, with nothing but plain values in its table of instructions.

    The reader in C is no alternative: it fills gigabytes when a pickle of ten bytes tells it to remember something
    under a large number.
    """

    stack: list[Any]
    append: Callable[[Any], None]
    pop_mark: Callable[[], list[Any]]
    dispatch: ClassVar[dict[int, Any]] = {
        **dict.fromkeys(pickle._Unpickler.dispatch, _refuse),
        **{_code(name): pickle._Unpickler.dispatch[_code(name)] for name in f"{_PLAIN} {_NAMING}".split()},
    }

    def find_class(self, module: str, name: str) -> NoReturn:
        raise _NotPlain(f"asks for {module!s:.80}.{name!s:.80}")

    def _decode_string(self, value: bytes) -> str:
        """Text of Python 2 says nothing of its encoding."""
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("latin-1")

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._target()[_checked_key(key)] = value

    def load_setitems(self) -> None:
        items = self.pop_mark()
        self._fill(self._target(), items)

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append(self._fill({}, items))

    def _target(self) -> dict[Any, Any]:
        target = self.stack[-1]
        if type(target) is not dict:
            raise pickle.UnpicklingError("keys are set on something that is no dict")
        return target

    def _fill(self, target: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_checked_key(key)] = value
        return target

    dispatch[_code("SETITEM")] = load_setitem
    dispatch[_code("SETITEMS")] = load_setitems
    dispatch[_code("DICT")] = load_dict


def _checked_key(key: Any) -> Any:
    """Hashing nested tuples can take for ever, or overflow the stack."""
    if type(key) not in (str, int, bytes):
        raise pickle.UnpicklingError(f"a dict has a {type(key).__name__} as key")
    return key
