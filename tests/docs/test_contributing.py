"""The worked examples of CONTRIBUTING.md, installed exactly as they stand there, as a package from outside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import types
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from taskpaint.builders.task import Task
from taskpaint.engines.banks import bank_of
from taskpaint.manifests.errors import TemplateError

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text("utf-8")
DATASET, TASK = "Add a dataset in one file", "Add a task in one file"


def block(heading: str, language: str) -> str:
    """The one fenced block of a language in a section of the page."""
    section = re.split(r"^## ", PAGE.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def outside(tmp_path: Path) -> dict[str, str]:
    """Environment in which the two examples are installed as the package `my_taskpaint`."""
    site = tmp_path / "site"
    package, metadata = site / "my_taskpaint", site / "my_taskpaint-1.0.dist-info"
    package.mkdir(parents=True)
    metadata.mkdir()
    (package / "__init__.py").write_text("")
    (package / "csv_boxes.py").write_text(block(DATASET, "python"), "utf-8")
    (package / "tally.py").write_text(block(TASK, "python"), "utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my_taskpaint\nVersion: 1.0\n")
    lines = []
    for text in (block(DATASET, "toml"), block(TASK, "toml")):
        for group, points in tomllib.loads(text)["project"]["entry-points"].items():
            lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return {**os.environ, "PYTHONPATH": str(site), "TASKPAINT_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """The dataset of the page: its table as it stands there, and a photograph for every name in it."""
    folder = tmp_path / "shelf"
    (folder / "images").mkdir(parents=True)
    table = block(DATASET, "csv")
    (folder / "boxes.csv").write_text(table, "utf-8")
    for number, name in enumerate(sorted({line.split(",")[0] for line in table.splitlines()[1:]})):
        noise = np.random.default_rng(number).integers(60, 190, (20, 28, 3)).astype(np.uint8)
        Image.fromarray(noise).resize((280, 200)).save(folder / "images" / name, quality=95)
    return folder


@pytest.fixture
def tally(monkeypatch: pytest.MonkeyPatch) -> type[Task[Any]]:
    """The task of the page, loaded into this process."""
    module = types.ModuleType("counting_of_the_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(block(TASK, "python"), vars(module))
    tally: type[Task[Any]] = module.Tally
    return tally


def taskpaint(*arguments: str | Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "taskpaint.cli", *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def test_the_examples_build_and_verify(outside: dict[str, str], shelf: Path, tmp_path: Path) -> None:
    tasks = ["--task", "detection", "--task", "classification", "--task", "tally"]
    out = tmp_path / "out"
    # Two workers, because they must find the plug-ins anew.
    built = taskpaint("build", "--source", f"csv_boxes={shelf}", *tasks, "-o", out, "-w", "2", "--json", env=outside)
    assert built.returncode == 0, built.stderr
    tally = json.loads(built.stdout)["counts"]["csv_boxes-tally"]
    assert tally == {"planned": 2, "built": 2, "bad": 0, "skipped": 0}
    rows = [row for row in pq.read_table(out / "data").to_pylist() if row["task"] == "tally"]
    counts = {row["source_id"]: json.loads(row["annotation"])["count"] for row in rows}
    assert counts == {"0001.jpg": 2, "0002.jpg": 1}  # as the table of the page says
    assert all(row["template_id"].startswith("tally.count.") for row in rows)
    prompts = {row["source_id"]: row["edit_prompt"] for row in rows}
    assert "cup" in prompts["0001.jpg"]
    assert "spoon" in prompts["0002.jpg"]
    verified = taskpaint("verify", out, "--json", env=outside)
    assert verified.returncode == 0, verified.stdout
    figures = json.loads(verified.stdout)["decode"]["tally"]["error"]
    assert (figures["count"], figures["failed"]) == (2, 0)


def test_broken_lines_and_missing_photographs_become_rejects(
    outside: dict[str, str], shelf: Path, tmp_path: Path
) -> None:
    with (shelf / "boxes.csv").open("a") as table:
        table.write("0002.jpg,fork,90,20,30,40\n0003.jpg,cup,1,1,50,50\n0001.jpg,cup,one,2,3,4\n")
    out = tmp_path / "out"
    built = taskpaint("build", "--source", f"csv_boxes={shelf}", "--task", "detection", "-o", out, env=outside)
    assert built.returncode == 0, built.stderr
    rejects = [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]
    found = {(reject["id"], reject["reason"]) for reject in rejects if reject["kind"] == "annotation"}
    assert found == {
        ("0002.jpg", "boxes.csv, line 5: not a label and four edges"),
        ("0001.jpg", "boxes.csv, line 7: not a label and four edges"),
        ("0003.jpg", "photograph images/0003.jpg is missing"),
    }


def test_a_table_with_other_columns_stops_before_any_work(outside: dict[str, str], shelf: Path, tmp_path: Path) -> None:
    (shelf / "boxes.csv").write_text("file,name\n0001.jpg,cup\n")
    out = tmp_path / "out"
    built = taskpaint("build", "--source", f"csv_boxes={shelf}", "--task", "detection", "-o", out, env=outside)
    assert built.returncode == 2
    assert "has the columns ['file', 'name']" in built.stderr
    assert not out.exists()


def test_they_are_listed_like_any_other(outside: dict[str, str]) -> None:
    (source,) = json.loads(taskpaint("sources", "csv_boxes", "--json", env=outside).stdout)
    assert {"classification", "tally", "detection"} <= set(source["feeds"])
    (task,) = json.loads(taskpaint("tasks", "tally", "--json", env=outside).stdout)
    assert task["templates"] == {"count": 3}


def test_a_section_without_templates_is_an_error(tally: type[Task[Any]]) -> None:
    tally.templates = tally.templates.replace("[count: object]", "[number: object]")
    with pytest.raises(TemplateError, match=r"task tally has no section \[count: object\]"):
        bank_of(tally)


def test_a_section_with_other_slots_is_an_error(tally: type[Task[Any]]) -> None:
    tally.templates = "[count: thing]\nCount {thing}."
    with pytest.raises(TemplateError, match=r"task tally has no section \[count: object\]"):
        bank_of(tally)


def test_a_broken_template_is_named_by_its_line(tally: type[Task[Any]]) -> None:
    tally.templates = "[count: object]\nCount {object}.\nCount {objects}."
    with pytest.raises(TemplateError, match=r"templates of task tally, line 3: the slot \{objects\}"):
        bank_of(tally)


def test_a_task_without_any_templates_is_an_error(tally: type[Task[Any]]) -> None:
    tally.templates = ""
    with pytest.raises(TemplateError, match="no template bank for the task 'tally'"):
        bank_of(tally)


def test_decode_counts_squares_and_not_specks(tally: type[Task[Any]]) -> None:
    """By hand: three squares of side 8, and a speck of 2 x 2, which is less than a quarter of 64 pixels."""
    picture = np.zeros((60, 80, 3), np.uint8)
    for left in (0, 16, 32):
        picture[:8, left : left + 8] = 255
    picture[40:42, 70:72] = 255
    assert tally.decode(picture, picture, {"side": 8}) == {"size": [60, 80], "count": 3}
