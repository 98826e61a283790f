"""A small run, and people who choose in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from taskpaint.alignment.pictures import store_pixels
from taskpaint.alignment.run import Candidate, Item, Run, RunFolder


def write_run(root: Path, items: int = 4, candidates: int = 5, **fields: Any) -> Run:
    """Pictures of 24x16 noise, all different; guidance rises with a candidate's place."""
    draw = np.random.default_rng(7)

    def picture() -> str:
        return store_pixels(root, draw.integers(0, 256, (16, 24, 3), np.uint8))

    rows = [
        Item(
            id=f"item-{number}",
            instruction=f"Do thing {number}",
            source=picture(),
            candidates=tuple(
                Candidate(image=picture(), text_guidance=3.0 + place, image_guidance=1.5, seed=place, steps=20)
                for place in range(candidates)
            ),
            **fields,
        )
        for number in range(items)
    ]
    RunFolder(root).write("small run", 5, {"test": True}, rows)
    return RunFolder(root).read()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Four items of five candidates."""
    return write_run(tmp_path / "run")


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """`write_run` itself."""
    return write_run


def event(person: str, item: str, event_id: str, picks: list[int] | None = None, kind: str = "pick") -> dict[str, Any]:
    """As the journal has it."""
    return {"id": event_id, "person": person, "item": item, "kind": kind, "picks": picks or [], "seconds": 2.0}


@pytest.fixture
def make_event() -> Callable[..., dict[str, Any]]:
    """`event` itself."""
    return event
