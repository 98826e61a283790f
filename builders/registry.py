"""Finding sources and tasks by name: a module in the folder, or an entry point, is the registration."""

from __future__ import annotations

from typing import Any, Final

from ..manifests.plugins import Plugins
from . import sources, tasks
from .source import Source
from .task import Task

SOURCES: Final = Plugins[Source](Source, "sources", "source", (sources,))  # type: ignore[type-abstract]
TASKS: Final = Plugins[Task[Any]](Task, "tasks", "task", (tasks,))  # type: ignore[type-abstract]


def find_source(name: str) -> type[Source]:
    """The source of that name.

    Raises:
        PluginError: there is none; lists what there is.
    """
    return SOURCES.find(name)


def find_task(name: str) -> type[Task[Any]]:
    """The task of that name.

    Raises:
        PluginError: there is none; lists what there is.
    """
    return TASKS.find(name)


def source_names() -> list[str]:
    """Names of all sources, sorted."""
    return SOURCES.names()


def task_names() -> list[str]:
    """Names of all tasks, sorted."""
    return TASKS.names()
