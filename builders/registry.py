"""Finding sources and tasks by name: a module in the folder, or an entry point, is the registration."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import inspect
import pkgutil
from functools import cache
from typing import Any, cast

from ..manifests.errors import PluginError
from . import sources, tasks
from .source import Source
from .task import Task


def find_source(name: str) -> type[Source]:
    """The source of that name.

    Raises:
        PluginError: there is none; lists what there is.
    """
    return cast(type[Source], _find(name, Source, "sources"))


def find_task(name: str) -> type[Task[Any]]:
    """The task of that name.

    Raises:
        PluginError: there is none; lists what there is.
    """
    return cast(type[Task[Any]], _find(name, Task, "tasks"))


def source_names() -> list[str]:
    """Names of all sources, sorted."""
    return sorted(_shipped("sources") | set(_entry_points("sources")))


def task_names() -> list[str]:
    """Names of all tasks, sorted."""
    return sorted(_shipped("tasks") | set(_entry_points("tasks")))


@cache
def _find(name: str, kind: type[Any], group: str) -> Any:
    outside = _entry_points(group)
    if name in _shipped(group):
        module = importlib.import_module(f".{group}.{name}", __package__)
        return _class_in(module, kind)
    if name in outside:
        found: Any = _loaded(outside[name], group)
        if not (inspect.isclass(found) and issubclass(found, kind)) or getattr(found, "name", None) != name:
            raise PluginError(f"entry point {outside[name].value} is no taskpaint {group[:-1]} called {name!r}")
        return found
    known = sorted(_shipped(group) | set(outside))
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
    raise PluginError(f"no {group[:-1]} is called {name!r}; {hint}")


def _loaded(point: importlib.metadata.EntryPoint, group: str) -> Any:
    try:
        return point.load()
    except Exception as fault:  # whatever somebody else's module raises while it is imported
        raise PluginError(
            f"{group[:-1]} {point.name!r} of {point.value} cannot be loaded: {fault}; repair or uninstall its package"
        ) from fault


def _class_in(module: Any, kind: type[Any]) -> Any:
    found: list[Any] = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, kind)
        and value.__module__ == module.__name__
        and not inspect.isabstract(value)
    ]
    if len(found) != 1 or found[0].name != module.__name__.rpartition(".")[2]:
        raise PluginError(f"module {module.__name__} must hold exactly one {kind.__name__}, named like the module")
    return found[0]


@cache
def _shipped(group: str) -> frozenset[str]:
    package = {"sources": sources, "tasks": tasks}[group]
    return frozenset(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


@cache
def _entry_points(group: str) -> dict[str, importlib.metadata.EntryPoint]:
    found: dict[str, importlib.metadata.EntryPoint] = {}
    for point in importlib.metadata.entry_points(group=f"taskpaint.{group}"):
        if point.name in found or point.name in _shipped(group):
            raise PluginError(f"two {group} are called {point.name!r}; uninstall one of the packages that bring it")
        found[point.name] = point
    return found
