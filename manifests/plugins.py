"""Finding what a name stands for: a module in a folder, or an entry point of another package, is the registration."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Generic, TypeVar

from .errors import PluginError

KindT = TypeVar("KindT")


@dataclass(frozen=True)
class Plugins(Generic[KindT]):
    """Classes of one kind, by name.

    Attributes:
        kind: the base class.
        group: entry points of other packages are in "taskpaint.<group>".
        what: one of them in a message: "source", "scorer".
        packages: folders whose modules hold one class each, named like the module; `_` begins a helper's name.
        others: classes of taskpaint that live elsewhere.
    """

    kind: type[KindT]
    group: str
    what: str
    packages: Sequence[ModuleType]
    others: Mapping[str, type[KindT]] = field(default_factory=dict)
    _found: dict[str, type[KindT]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def names(self) -> list[str]:
        """Names of all, sorted."""
        return sorted({*self.shipped(), *self.others, *self.entry_points()})

    def find(self, name: str) -> type[KindT]:
        """The class of that name.

        Raises:
            PluginError: there is none (lists what there is), or what another package brings is no such class.
        """
        if name not in self._found:
            self._found[name] = self._load(name)
        return self._found[name]

    def forget(self) -> None:
        """Look again at what is installed the next time a name is asked for."""
        self._found.clear()

    def shipped(self) -> dict[str, str]:
        """Name -> module of those that come with taskpaint."""
        return {
            module.name: f"{package.__name__}.{module.name}"
            for package in self.packages
            for module in pkgutil.iter_modules(package.__path__)
            if not module.name.startswith("_")
        }

    def entry_points(self) -> dict[str, importlib.metadata.EntryPoint]:
        """Name -> entry point of those that other packages bring.

        Raises:
            PluginError: two things with one name.
        """
        found: dict[str, importlib.metadata.EntryPoint] = {}
        shipped = self.shipped()
        for point in importlib.metadata.entry_points(group=f"taskpaint.{self.group}"):
            if point.name in (*found, *shipped, *self.others):
                raise PluginError(
                    f"two {self.group} are called {point.name!r}; uninstall one of the packages that bring it"
                )
            found[point.name] = point
        return found

    def _load(self, name: str) -> type[KindT]:
        outside, shipped = self.entry_points(), self.shipped()
        if name in self.others:
            return self.others[name]
        if name in shipped:
            return self._class_in(importlib.import_module(shipped[name]))
        if name in outside:
            return self._class_of(outside[name])
        known = self.names()
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
        raise PluginError(f"no {self.what} is called {name!r}; {hint}")

    def _class_of(self, point: importlib.metadata.EntryPoint) -> type[KindT]:
        try:
            found: Any = point.load()
        except Exception as fault:  # whatever somebody else's module raises while it is imported
            raise PluginError(
                f"{self.what} {point.name!r} of {point.value} cannot be loaded: {fault}; "
                "repair or uninstall its package"
            ) from fault
        if not (inspect.isclass(found) and issubclass(found, self.kind)) or getattr(found, "name", None) != point.name:
            raise PluginError(f"entry point {point.value} is no taskpaint {self.what} called {point.name!r}")
        return found

    def _class_in(self, module: ModuleType) -> type[KindT]:
        found: list[Any] = [
            value
            for value in vars(module).values()
            if inspect.isclass(value)
            and issubclass(value, self.kind)
            and value.__module__ == module.__name__
            and not inspect.isabstract(value)
        ]
        if len(found) != 1 or found[0].name != module.__name__.rpartition(".")[2]:
            raise PluginError(
                f"module {module.__name__} must hold exactly one {self.kind.__name__}, named like the module"
            )
        return found[0]
