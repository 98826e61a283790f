"""The demo's recipe on the world it is for."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from taskpaint.builders.world import write_world
from taskpaint.engines.prepare import BuildOptions, prepare
from taskpaint.manifests.recipe_file import load_recipe


def test_every_task_of_the_demo_has_rows_in_both_splits(tmp_path: Path):
    write_world(tmp_path)
    prepared = prepare([load_recipe("demo")], BuildOptions(root=tmp_path))
    planned: dict[str, Counter[str]] = defaultdict(Counter)
    for stream, counts in zip(prepared.streams, prepared.plan.per_stream(len(prepared.streams)), strict=True):
        planned[stream.task.name].update(counts)
    assert len(planned) == 19
    for task, counts in planned.items():
        assert min(counts["train"], counts["validation"]) > 0, f"{task}: {dict(counts)}"
