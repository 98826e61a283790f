"""taskpaint reword and taskpaint paraphrase stats, as a user meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


def taskpaint(*arguments):
    command = [sys.executable, "-m", "taskpaint.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ)


@pytest.fixture
def built(tiny_coco, tmp_path):
    source = f"coco:train2017={tiny_coco}"
    done = taskpaint("build", "--source", source, "--task", "segmentation", "-o", tmp_path / "out", "-w", 1, "-q")
    assert done.returncode == 0, done.stderr
    return tmp_path / "out"


def test_a_dataset_is_reworded_and_verifies(built, tmp_path):
    done = taskpaint("reword", built, "-o", tmp_path / "new", "--seed", 3, "--mode", "fixed", "-w", 1)
    assert done.returncode == 0, done.stderr
    assert "redrawn" in done.stdout and "12 triplets" in done.stderr
    assert taskpaint("verify", tmp_path / "new", "-w", 1, "-q").returncode == 0
    again = taskpaint("reword", built, "-o", tmp_path / "new", "--seed", 3, "--mode", "fixed", "-w", 1, "--json")
    found = json.loads(again.stdout)
    assert found["resumed_shards"] == found["shards"]
    assert found["counts"] == {"segmentation": {"redrawn": 12}}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 2, "with -o OUT"),
        (("-o", "new", "--language", "DE"), 2, "no language tag"),
        (("-o", "new", "--bank", "no.jsonl"), 2, "no.jsonl cannot be read"),
        (("-o", "new", "--task", "depth"), 2, "it has segmentation"),
    ],
)
def test_wrong_usage(built, tmp_path, monkeypatch, options, code, message):
    monkeypatch.chdir(tmp_path)
    done = taskpaint("reword", built, *options)
    assert done.returncode == code
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()


def test_stats_of_a_bank(tmp_path):
    bank = tmp_path / "mine.jsonl"
    bank.write_text('{"text": "Dunk {object} in {color}", "task": "segmentation", "section": "overlay"}\n')
    plain = json.loads(taskpaint("paraphrase", "stats", "--task", "segmentation", "--json").stdout)
    done = taskpaint(
        "paraphrase", "stats", "--task", "segmentation", "--bank", bank, "--json", "--html", tmp_path / "s.html"
    )
    found = json.loads(done.stdout)
    assert [one["task"] for one in found] == ["segmentation"]
    assert found[0]["templates"] == plain[0]["templates"] + 1
    assert found[0]["drawn"] == 500
    assert found[0]["filled"]["distinct_2"] > found[0]["baseline"]["distinct_2"]
    assert "<svg" in (tmp_path / "s.html").read_text()


def test_stats_of_an_unknown_task():
    done = taskpaint("paraphrase", "stats", "--task", "segmentaton")
    assert done.returncode == 2
    assert "segmentaton" in done.stderr and "Traceback" not in done.stderr
