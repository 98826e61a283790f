"""taskpaint align: from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def align(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "taskpaint.cli", "align", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two items of three edits, of which the first has one answer."""
    for number in range(4):
        Image.fromarray(np.full((8, 8, 3), 60 * number, np.uint8)).save(tmp_path / f"{number}.png")
    rows = [
        {
            "id": f"i{number}",
            "source": "0.png",
            "instruction": "Lighter",
            "candidates": [{"image": f"{place}.png", "scores": {"mine": place}} for place in (1, 2, 3)],
        }
        for number in range(2)
    ]
    (tmp_path / "edits.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = align("import", tmp_path / "edits.jsonl", "-o", tmp_path / "run", "--json")
    assert (done.returncode, json.loads(done.stdout)["candidates"]) == (0, 6)
    event = {"id": "12345678", "person": "p-aaaaaaaa", "item": "i0", "kind": "pick", "picks": [2], "seconds": 3}
    (tmp_path / "run" / "choices.jsonl").write_text(json.dumps(event) + "\n")
    return tmp_path / "run"


def test_report(run: Path) -> None:
    found = json.loads(align("report", run, "--json").stdout)
    assert found["answered"] == {"0": 1, "1": 1}
    assert found["scores"]["mine"]["value"] == 1.0
    done = align("report", run)
    assert done.returncode == 0
    assert "p-aaaaaaaa" in done.stdout
    assert "too few items with two answers" in done.stderr


def test_export(run: Path, tmp_path: Path) -> None:
    done = align("export", run, "-o", tmp_path / "out", "--json")
    assert json.loads(done.stdout)["rows"] == {"train": 1}
    auto = align("export", run, "-o", tmp_path / "auto", "--auto", "mine:lower", "--keep", "mine >= 2", "--json")
    assert json.loads(auto.stdout)["rows"] == {"train": 2}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("report", "nowhere"), 1, "nowhere is no finished run"),
        (("serve", "nowhere"), 1, "nowhere is no finished run"),
        (("import", "nowhere", "-o", "RUN2"), 2, "nowhere does not exist"),
        (("import", "RUN/items.jsonl", "-o", "RUN"), 1, "is not empty"),
        (("export", "RUN", "-o", "OUT", "--people", "2"), 2, "reaches --people 2"),
        (("export", "RUN", "-o", "OUT", "--auto", "yours"), 2, "no score 'yours'"),
        (("export", "RUN", "-o", "OUT", "--auto", "mine"), 2, "mine:higher or :lower"),
        (("export", "RUN", "-o", "OUT", "--auto", "mine:lower", "--keep", "mine"), 2, "cannot be read"),
        (("export", "RUN", "-o", "OUT", "--keep", "mine >= 1"), 2, "--auto"),
        (("serve", "RUN", "--port", "0", "--origin", "x"), 2, "no address like"),
        (("generate", "nowhere", "OUT", "-o", "RUN2", "--text-guidance", "x"), 2, "--text-guidance"),
    ],
)
def test_mistakes_are_one_sentence(run: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    places = {"RUN": run, "RUN2": tmp_path / "run2", "OUT": tmp_path / "out", "RUN/items.jsonl": run / "items.jsonl"}
    done = align(*(places.get(argument, argument) for argument in arguments))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
