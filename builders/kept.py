"""What a file tells, asked for when it is needed, and once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class Kept(Generic[T]):
    """A call without arguments that is made once; what it gave is kept, what it raised is not."""

    __slots__ = ("_found", "_load")

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._found: list[T] = []

    def __call__(self) -> T:
        if not self._found:
            self._found.append(self._load())
        return self._found[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return Kept, (self._load,)


class Late(Sequence[T]):
    """A tuple that is made when it is first looked at; equal to the tuple.

    Looking at it may raise what making it raises.
    """

    __slots__ = ("_load",)

    def __init__(self, load: Callable[[], tuple[T, ...]]) -> None:
        self._load = Kept(load)

    def __len__(self) -> int:
        return len(self._load())

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[T, ...]: ...
    def __getitem__(self, place: int | slice) -> T | tuple[T, ...]:
        return self._load()[place]

    def __iter__(self) -> Iterator[T]:
        return iter(self._load())

    def __eq__(self, other: object) -> bool:
        return self._load() == (tuple(other) if isinstance(other, Late) else other)

    def __hash__(self) -> int:
        return hash(self._load())

    def __repr__(self) -> str:
        return repr(self._load())
