"""taskpaint export, as a user meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from taskpaint.writers.export import export_names, find_export

PAGE = Path(__file__).parents[2] / "docs" / "exports.md"


def taskpaint(*arguments):
    command = [sys.executable, "-m", "taskpaint.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ)


@pytest.fixture
def built(tiny_coco, tmp_path):
    source = f"coco:train2017={tiny_coco}"
    done = taskpaint("build", "--source", source, "--task", "segmentation", "-o", tmp_path / "out", "-w", 1, "-q")
    assert done.returncode == 0, done.stderr
    return tmp_path / "out"


def test_export_and_resume(built, tmp_path):
    command = ("export", built, "--to", "ai-toolkit", "-o", tmp_path / "kontext", "--shard-size", 4, "-w", 1)
    done = taskpaint(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" and "12 train triplets as ai-toolkit, 36 files" in done.stderr
    assert str(tmp_path / "kontext" / "datasets.yaml") in done.stderr
    again = json.loads(taskpaint(*command, "--json").stdout)
    assert again["resumed_shards"] == again["shards"] == 3
    assert again["rows"] == 12 and again["splits"] == {"train": 12}
    assert taskpaint(*command, "-q").stderr == ""


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("out",), 2, "say what to export, --to which FORMAT and to which folder, -o DEST"),
        (("out", "--to", "mds"), 2, "-o DEST"),
        (("out", "--to", "kontex", "-o", "x"), 2, "did you mean 'kontext'?"),
        (("out", "--to", "mds", "-o", "x", "--where", "width"), 2, "cannot be read at character"),
        (("out", "--to", "mds", "-o", "x", "--shard-size", "0"), 2, "greater than or equal to 1"),
        (("out", "--to", "mds", "-o", "coco"), 1, "not empty"),
        (("nothing", "--to", "mds", "-o", "x"), 1, "there is no folder nothing"),
    ],
)
def test_wrong_usage(built, tmp_path, monkeypatch, options, code, message):
    monkeypatch.chdir(tmp_path)
    done = taskpaint("export", *options)
    assert done.returncode == code, done.stderr
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


def test_the_list(tmp_path):
    found = json.loads(taskpaint("export", "--list", "--json").stdout)
    assert [one["format"] for one in found] == export_names()
    plain = taskpaint("export", "--list").stdout
    assert all(name in plain for name in export_names())


def test_every_format_is_documented():
    """With what becomes of rows without a source, which the page says in words of its own."""
    words = {"kept": "kept", "left out": "left out", "without source": "text and target"}
    table = PAGE.read_text("utf-8").split("\n## Formats\n")[1].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| `")]
    said = {cells[0].strip("`"): cells[-1] for cells in lines}
    assert said == {name: words[find_export(name).text_to_image] for name in export_names()}
