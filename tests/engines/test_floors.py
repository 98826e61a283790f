"""The floors of the benchmarks draw every photographic task anew, without taskpaint's code: both must agree."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODULES = ("floors", "work")
PIPELINES = (
    *("overlay", "mask", "sentence", "disc", "ring", "landmarks", "dots", "outline", "filled", "rotated", "frame"),
    *("deblurred", "edited"),
)


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    """The scripts as modules; they import each other by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield {name: __import__(name) for name in MODULES}
        for name in [name for name in sys.modules if name.partition(".")[0] in MODULES]:
            del sys.modules[name]


def test_every_floor_is_tried(modules: dict[str, ModuleType]) -> None:
    assert set(modules["floors"].FLOORS) == set(PIPELINES)


@pytest.mark.parametrize("size", ["native", "512"])
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_pictures_and_annotations_are_the_floors(
    pipeline: str,
    size: str,
    modules: dict[str, ModuleType],
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / "cache"))
    floor, work = modules["floors"].FLOORS[pipeline], modules["work"]
    found = work.prepare_work(f"{pipeline}-{size}", shared_data, tmp_path / "out", 32)
    assert sum(found.report.rows.values()) >= 3
    work.compare(floor, found, tmp_path / "floor.parquet")


def test_a_difference_is_told(
    modules: dict[str, ModuleType], shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / "cache"))
    work = modules["work"]
    found = work.prepare_work("mask-native", shared_data, tmp_path / "out", 20)
    row = next(iter(found.rows.values()))[0]
    row["edited_image"] = {**row["edited_image"], "bytes": row["edited_image"]["bytes"][:-1]}
    with pytest.raises(SystemExit, match="edited_image differs from the floor's"):
        work.compare(modules["floors"].FLOORS["mask"], found, tmp_path / "floor.parquet")
