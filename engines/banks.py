"""The template bank of a task, checked against what the task says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..builders.task import Task
from ..manifests.errors import TemplateError
from ..paraphrase.templates import Template, load_bank, section

Banks = Mapping[str, Mapping[str, tuple[Template, ...]]]
"""Templates by task and section."""


def bank_of(task: Task[Any] | type[Task[Any]]) -> tuple[Template, ...]:
    """A task's templates: its own text, else the bank that ships under its name.

    Raises:
        TemplateError: there is no bank, a line of it does not hold, or a section of the task is not in it with the
            same slots.
    """
    bank = load_bank(task.name, task.templates)
    found = {template.section: set(template.slots) for template in bank}
    for name, slots in task.sections.items():
        if found.get(name) != set(slots):
            header = f"[{name}: {', '.join(slots)}]" if slots else f"[{name}]"
            raise TemplateError(f"the template bank of task {task.name} has no section {header}; add it with sentences")
    return bank


def banks_of(tasks: Iterable[Task[Any]]) -> Banks:
    """The banks of several tasks, by task and section.

    Raises:
        TemplateError: as `bank_of`.
    """
    return {task.name: {name: section(bank_of(task), name) for name in task.sections} for task in tasks}
