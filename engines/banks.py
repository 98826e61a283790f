"""The template bank of a task, checked against what the task says of it, and what a recipe draws from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..builders.registry import task_names
from ..builders.task import Task
from ..manifests.errors import TemplateError
from ..manifests.recipe import Instructions
from ..paraphrase.bank import Entry, merge, read_bank
from ..paraphrase.pool import Pool, hold_out
from ..paraphrase.templates import Template, load_bank

AnyTask = Task[Any] | type[Task[Any]]
Pools = Mapping[str, Mapping[str, Pool]]
"""Pools by task and section."""


@dataclass(frozen=True)
class Wordings:
    """What a dataset's instructions are drawn from.

    Attributes:
        drawn: for every split but the held-out one.
        held_out: for the split that tests unseen instructions; a section of one template has none.
        templates: all of them by task, in the order that a draw counts in.
    """

    drawn: Pools
    held_out: Pools
    templates: Mapping[str, tuple[Template, ...]]

    def identity(self) -> dict[str, Any]:
        """What of it decides a dataset's bytes, beside the recipe."""
        banks = self.templates.items()
        return {
            "templates": {task: [template.template_id for template in bank] for task, bank in banks},
            "weights": {task: [template.weight for template in bank] for task, bank in banks},
        }

    def held_out_ids(self) -> dict[str, list[str]]:
        """Ids of held-out templates by task."""
        return {
            task: [template.template_id for pool in pools.values() for template in pool.templates]
            for task, pools in self.held_out.items()
            if pools
        }


def bank_of(task: AnyTask) -> tuple[Template, ...]:
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


def wordings(tasks: Iterable[AnyTask], instructions: Instructions, seed: int) -> Wordings:
    """Put together what instructions are drawn from: shipped templates, then the banks' entries.

    Args:
        tasks: the tasks that will be worded.
        instructions: which banks, languages and draw.
        seed: decides which templates are held out.

    Raises:
        TemplateError: as `bank_of`; a bank does not hold, is for a task that does not exist, or leaves a section
            without a template in the languages asked for.
    """
    banks = [(path, _read(Path(path))) for path in instructions.banks]
    drawn: dict[str, dict[str, Pool]] = {}
    held_out: dict[str, dict[str, Pool]] = {}
    found: dict[str, tuple[Template, ...]] = {}
    for task in {task.name: task for task in tasks}.values():
        bank = bank_of(task)
        for path, entries in banks:
            bank = merge(bank, entries, path)
        bank = tuple(template for template in bank if template.language in instructions.languages)
        found[task.name] = bank
        drawn[task.name], held_out[task.name] = {}, {}
        for section in task.sections:
            templates = [template for template in bank if template.section == section]
            if not templates:
                raise TemplateError(
                    f"task {task.name} has no template in {' or '.join(instructions.languages)} for [{section}]; add "
                    "some to a bank, or a language to instructions.languages"
                )
            seen, unseen = hold_out(templates, instructions.held_out, seed)
            drawn[task.name][section] = _pool(seen[:1] if instructions.mode == "fixed" else seen, instructions)
            if unseen:
                held_out[task.name][section] = _pool(unseen, instructions)
    return Wordings(drawn, held_out, found)


def _pool(templates: Sequence[Template], instructions: Instructions) -> Pool:
    return Pool.weighted(templates) if instructions.draw == "weighted" else Pool(tuple(templates))


def _read(path: Path) -> list[Entry]:
    entries = read_bank(path)
    known = set(task_names())
    for entry in entries:
        if entry.task not in known:
            raise TemplateError(
                f"{path}, {entry.text!r}: there is no task {entry.task!r}; `taskpaint tasks` lists what there is"
            )
    return entries
