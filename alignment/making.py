"""Making a run folder, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..manifests.errors import OutputError, ResumeError, UsageError
from .importing import Refused, import_items
from .run import Item, RunFolder


@dataclass(frozen=True)
class Made:
    """What a new run holds. refused: items that were left out, with the reason."""

    root: Path
    items: int
    candidates: int
    refused: list[Refused] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        refused = [{"where": one.where, "reason": one.reason} for one in self.refused]
        return {"root": str(self.root), "items": self.items, "candidates": self.candidates, "refused": refused}


def import_run(source: Path, root: Path, name: str, seed: int) -> Made:
    """Make a run from pictures made elsewhere.

    Raises:
        UsageError: the source is no source, or nothing in it could be taken.
        ResumeError: the run's folder holds something already.
        OutputError: it cannot be written.
    """
    folder = RunFolder(root)
    if folder.about_file.exists() or (root.exists() and any(entry.name != "images" for entry in root.iterdir())):
        raise ResumeError(f"{root} is not empty; choose another folder for the run")
    refused: list[Refused] = []
    items: list[Item] = []
    try:
        folder.images.mkdir(parents=True, exist_ok=True)
        for found in import_items(source, root):
            if isinstance(found, Refused):
                refused.append(found)
            else:
                items.append(found)
        if not items:
            why = f": {refused[0].where}: {refused[0].reason}" if refused else ""
            raise UsageError(f"{source} holds no item that could be taken{why}")
        folder.write(name, seed, {"import": source.name, "refused": len(refused)}, items)
    except OSError as fault:
        raise OutputError(f"{root} cannot be written: {fault.strerror or fault}") from fault
    return Made(root, len(items), sum(len(item.candidates) for item in items), refused)
