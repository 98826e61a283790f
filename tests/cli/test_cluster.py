"""Options that spread a build over many machines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from taskpaint.cli.app import app
from taskpaint.cli.build import build_arguments
from taskpaint.cli.cluster import EngineName, check
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
        (["score", "out", "--gpus-per-task", "1"], "--gpus-per-task: goes with --engine ray or slurm; see --device"),
        (
            ["score", "out", "--engine", "ray", "--gpus-per-task", "2"],
            "a process of Ray takes one GPU or a part of one",
        ),
        (
            ["score", "out", "--engine", "slurm", "--world-size", "2", "--gpus-per-task", "0.5"],
            "Slurm gives a job whole",
        ),
        (["score", "out", "--engine", "ray", "--device", "cuda"], "--device: Ray's nodes choose their own"),
        (["score", "out", "--engine", "slurm"], "--engine slurm needs the number of array jobs"),
        (["score", "out", "--world-size", "2"], "--world-size: goes with --rank"),
        (
            ["score", "s3://b/out", "--rank", "0", "--world-size", "2"],
            "--rank: needs folders that all nodes see, s3://",
        ),
        (["export", "out", "--to", "mds", "-o", "x", "--ray-address", "auto"], "--ray-address: goes with --engine ray"),
        (["score", "s3://b/out", "--engine", "ray"], "needs folders that all nodes see, s3://b/out is a URL"),
        (["export", "out", "--to", "mds", "-o", "x", "--engine", "slurm"], "--engine slurm needs the number of array"),
        (["export", "out", "--to", "mds", "-o", "s3://b/x", "--rank", "0", "--world-size", "2"], "s3://b/x is a URL"),
    ],
)
def test_options_of_scores_and_exports_that_do_not_go_together(arguments, complaint):
    found = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert found.exit_code == 2
    assert complaint in " ".join(found.output.replace("│", " ").split())


@pytest.mark.parametrize("command", [["score", "out"], ["export", "out", "--to", "mds", "-o", "x"]])
def test_ranks_that_there_are_not(command, tmp_path):
    def said(*arguments):
        words = [sys.executable, "-m", "taskpaint.cli", *command, *arguments]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2 and list(tmp_path.iterdir()) == []
        return done.stderr

    assert said("--rank", "2", "--world-size", "2") == (
        "taskpaint: --rank 2 with --world-size 2: ranks run from 0 to --world-size minus 1\n"
    )
    assert said("--rank", "a", "--world-size", "2") == "taskpaint: --rank a: give a number from 0, or auto\n"
    assert said("--rank", "1") == "taskpaint: --rank 1 needs --world-size: the number of ranks\n"


def test_a_script_is_not_written_for_what_cannot_be(tiny_coco, tmp_path):
    def taskpaint(*arguments):
        words = [sys.executable, "-m", "taskpaint.cli", *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)

    def said(*arguments):
        done = taskpaint(*arguments, "--engine", "slurm", "--world-size", 2, "--script", "s.sh")
        assert done.returncode in (1, 2) and not (tmp_path / "s.sh").exists() and "Traceback" not in done.stderr
        return done.stderr

    assert "there is no folder" in said("score", "none") and "there is no folder" in said(
        "export", "none", "--to", "mds", "-o", "x"
    )
    done = taskpaint("build", "--source", f"coco={tiny_coco}", "--task", "detection", "-o", "out", "-w", 1, "-q")
    assert done.returncode == 0, done.stderr
    assert said("score", "out", "--scores", "ssimm") == (
        "taskpaint: no scorer is called 'ssimm'; did you mean 'ssim'?\n"
    )
    assert "options were given for giqa, which is not among the scores" in said(
        "score", "out", "--scores", "ssim", "--reference", "r"
    )
    assert "no export format is called 'mdss'" in said("export", "out", "--to", "mdss", "-o", "x")
    assert "lie in each other" in said("export", "out", "--to", "mds", "-o", "out/x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    assert "is not empty and no export" in said("export", "out", "--to", "mds", "-o", "full")


def test_every_option_that_decides_bytes_goes_to_the_ranks():
    found = build_arguments(
        ["a.yaml", "b"], None, None, ["coco=/d"], ["image.size=512", "seed=3"], Path("x"), 7, skip_missing=True
    )
    assert " ".join(found) == (
        "a.yaml b --data x --path coco=/d --set image.size=512 --set seed=3 --limit 7 --skip-missing"
    )
    spooled = build_arguments(["a.yaml"], None, None, None, None, "s3://b/d", None, False, Path("/big"))
    assert " ".join(spooled) == "a.yaml --data s3://b/d --spool /big"
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
