"""Options that spread a build over many machines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from taskpaint.cli.app import app
from taskpaint.cli.cluster import EngineName, build_arguments, check
from typer.testing import CliRunner

NOTHING = {"ray_address": None, "rank": None, "world_size": None, "script": None, "sbatch": None}


@pytest.mark.parametrize(
    ("engine", "more", "complaint"),
    [
        ("local", {"world_size": 3}, "goes with --rank"),
        ("ray", {"world_size": 3}, "goes with --rank"),
        ("slurm", {}, "needs the number of array jobs"),
        ("slurm", {"world_size": 3, "rank": "1"}, "goes with --engine local, not slurm"),
        ("ray", {"world_size": 3, "rank": "1"}, "goes with --engine local, not ray"),
        ("local", {"script": Path("a.sh")}, "goes with --engine slurm"),
        ("local", {"sbatch": ["--time=1"]}, "goes with --engine slurm"),
        ("slurm", {"world_size": 3, "ray_address": "auto"}, "goes with --engine ray"),
    ],
)
def test_options_that_do_not_go_together(engine, more, complaint):
    with pytest.raises(typer.BadParameter, match=complaint):
        check(EngineName(engine), **{**NOTHING, **more})


@pytest.mark.parametrize(
    ("engine", "more"),
    [
        ("local", {}),
        ("local", {"rank": "auto"}),
        ("local", {"rank": "1", "world_size": 3}),
        ("ray", {"ray_address": "auto"}),
        ("slurm", {"world_size": 3, "script": Path("a.sh"), "sbatch": ["--time=1"]}),
    ],
)
def test_options_that_do(engine, more):
    check(EngineName(engine), **{**NOTHING, **more})


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["score", "out", "--ray-address", "auto"], "--ray-address: goes with --engine ray"),
        (["score", "out", "--gpus-per-task", "1"], "--gpus-per-task: goes with --engine ray"),
        (["score", "out", "--gpus-per-task", "2"], "Input should be less than or equal to 1"),
        (["score", "out", "--engine", "ray", "--device", "cuda"], "--device: Ray's nodes choose their own"),
        (["score", "out", "--engine", "slurm"], "'slurm' is not one of 'local', 'ray'"),
        (["export", "out", "--to", "mds", "-o", "x", "--ray-address", "auto"], "--ray-address: goes with --engine ray"),
        (["score", "s3://b/out", "--engine", "ray"], "needs folders that all nodes see, s3://b/out is a URL"),
        (["export", "out", "--to", "mds", "-o", "x", "--engine", "slurm"], "'slurm' is not one of 'local', 'ray'"),
    ],
)
def test_scores_and_exports_know_ray_alone(arguments, complaint):
    found = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert found.exit_code == 2
    assert complaint in " ".join(found.output.replace("│", " ").split())


def test_every_option_that_decides_bytes_goes_to_the_ranks():
    found = build_arguments(
        ["a.yaml", "b"], None, None, ["coco=/d"], ["image.size=512", "seed=3"], Path("x"), 7, skip_missing=True
    )
    assert " ".join(found) == (
        "a.yaml b --data x --path coco=/d --set image.size=512 --set seed=3 --limit 7 --skip-missing"
    )
    assert build_arguments(None, ["coco=/d"], ["depth", "masks"], None, None, Path(), None, False) == [
        "--data", ".", "--source", "coco=/d", "--task", "depth", "--task", "masks",
    ]  # fmt: skip


def test_a_rank_its_status_and_the_joining(tiny_coco, tmp_path):
    def taskpaint(*arguments):
        command = [sys.executable, "-m", "taskpaint.cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    source = f"coco:train2017={tiny_coco}"
    rank = taskpaint("build", "--source", source, "--task", "detection", "-o", "out", "--rank", 0, "--world-size", 1)
    assert rank.returncode == 0, rank.stderr
    assert "all shards are there: taskpaint finish out" in rank.stderr
    found = json.loads(taskpaint("status", "out", "--json").stdout)
    assert (found["state"], found["shards"]["done"]) == ("complete", found["shards"]["planned"])
    assert "out: complete, 100.0 %" in taskpaint("status", "out").stdout
    finish = taskpaint("finish", "out", "--json")
    assert json.loads(finish.stdout)["rows"] == json.loads((tmp_path / "out" / "manifest.json").read_text())["splits"]
    wrong = taskpaint("build", "--source", source, "--task", "detection", "-o", "new", "--rank", "one")
    assert (wrong.returncode, wrong.stderr) == (2, "taskpaint: --rank one: give a number from 0, or auto\n")
