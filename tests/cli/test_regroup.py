"""taskpaint merge, split, sample, dedup and adopt, as a user meets them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "mixing.md"


def taskpaint(*arguments):
    command = [sys.executable, "-m", "taskpaint.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ)


_home = {}


@pytest.fixture
def built(write_coco, tmp_path, tmp_path_factory):
    """Two builds of one set of photographs; copies, made once."""
    if not _home:
        home = tmp_path_factory.mktemp("built")
        write_coco(home / "coco")
        for task in ("segmentation", "inpainting"):
            source = f"coco:train2017={home / 'coco'}"
            done = taskpaint("build", "--source", source, "--task", task, "-o", home / task, "-w", 1, "-q")
            assert done.returncode == 0, done.stderr
        _home["built"] = home
    return tuple(shutil.copytree(_home["built"] / task, tmp_path / task) for task in ("segmentation", "inpainting"))


def ids(root):
    return {row for file in (root / "data").glob("*.parquet") for row in pq.read_table(file)["id"].to_pylist()}


def test_from_two_builds_to_a_sample(built, tmp_path):
    merged = taskpaint("merge", *built, "-o", tmp_path / "both", "-w", 1)
    assert merged.returncode == 0, merged.stderr
    assert merged.stdout == "" and str(tmp_path / "both") in merged.stderr
    assert ids(tmp_path / "both") == ids(built[0]) | ids(built[1])
    again = taskpaint("merge", *built, "-o", tmp_path / "both", "-w", 1, "--json")
    found = json.loads(again.stdout)
    assert found["resumed_shards"] == found["shards"] and found["scores"] == "none"
    for command in (
        ("dedup", tmp_path / "both", "-o", tmp_path / "unique"),
        ("split", tmp_path / "unique", "-o", tmp_path / "split", "--validation", 0.5, "--seed", 3),
        ("sample", tmp_path / "split", "-o", tmp_path / "few", "--rows", 5),
    ):
        done = taskpaint(*command, "-w", 1, "-q")
        assert (done.returncode, done.stderr) == (0, "")
    assert len(ids(tmp_path / "few")) == 5
    assert taskpaint("verify", tmp_path / "few", "-w", 1).returncode == 0


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (("merge", "segmentation"), 2, "name the dataset folder to write with -o OUT"),
        (("merge", "segmentation", "nothing", "-o", "x"), 1, "there is no folder nothing"),
        (("merge", "segmentation", "segmentation", "-o", "x"), 2, "a dataset is given twice"),
        (("merge", "segmentation", "-o", "segmentation/x"), 2, "lie in each other"),
        (("sample", "segmentation", "-o", "x"), 2, "say how many rows to draw"),
        (("sample", "segmentation", "-o", "x", "--rows", "0"), 2, "greater than or equal to 1"),
        (("split", "segmentation", "-o", "x", "--only", "test"), 2, "there is no such split; there are train"),
        (("dedup", "segmentation", "-o", "x", "--distance", "99"), 2, "less than or equal to 16"),
        (("dedup", "segmentation", "-o", "inpainting"), 1, "begun with"),
        (("adopt", "segmentation", "-o", "x"), 2, "is a taskpaint dataset already"),
        (("adopt", "nothing", "-o", "x"), 2, "there is no folder nothing"),
        (("adopt", "nothing"), 2, "name the dataset folder to write with -o OUT"),
    ],
)
def test_wrong_usage(built, tmp_path, monkeypatch, command, code, message):
    monkeypatch.chdir(tmp_path)
    done = taskpaint(*command)
    assert done.returncode == code, done.stderr
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


def test_the_names_of_columns_are_documented():
    from taskpaint.engines.adopt import _ROLES

    text = PAGE.read_text("utf-8")
    for role, names in _ROLES.items():
        assert f"| {role} | {', '.join(f'`{name}`' for name in names)} |" in text
