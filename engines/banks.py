"""The template bank of a task, checked against what the task says of it."""

from __future__ import annotations

from typing import Any

from ..builders.task import Task
from ..manifests.errors import TemplateError
from ..paraphrase.templates import Template, load_bank


def bank_of(task: Task[Any] | type[Task[Any]]) -> tuple[Template, ...]:
    """A task's templates: its own text, else the bank that ships under its name.

    Raises:
        TemplateError: there is no bank, a line of it does not hold, or a section of the task is not in it with the
            same slots.
    """
    bank = load_bank(task.name, task.templates)
    found = {template.section: set(template.slots) for template in bank}
    for section, slots in task.sections.items():
        if found.get(section) != set(slots):
            header = f"[{section}: {', '.join(slots)}]" if slots else f"[{section}]"
            raise TemplateError(f"the template bank of task {task.name} has no section {header}; add it with sentences")
    return bank
