"""taskpaint train, edit and evaluate, as a user meets them."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

import pytest
from taskpaint.cli.app import run

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def taskpaint(monkeypatch, capsys):
    """The command line in this process: torch and diffusers take seconds to import."""
    torch.set_num_threads(1)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["taskpaint", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            run()
            sys.exit(0)
        told = capsys.readouterr()
        return Done(int(left.value.code or 0), told.out, told.err)

    return call


@pytest.fixture
def built(taskpaint, tiny_coco, tmp_path):
    (tmp_path / "r.yaml").write_text(
        "sources: [{source: coco, path: coco, split: train2017}]\n"
        "tasks: [{task: segmentation, options: {style: mask}}, {task: detection}]\n"
        "splits: {validation: 0.3}\n"
    )
    done = taskpaint("build", tmp_path / "r.yaml", "--data", tmp_path, "-o", tmp_path / "out", "-w", 1, "-q")
    assert done.returncode == 0, done.stderr
    return tmp_path / "out"


def test_train_then_edit_then_evaluate(taskpaint, built, tmp_path):
    model, drawn = tmp_path / "run", tmp_path / "drawn"
    small = ("--preset", "tiny", "--resolution", 16, "--batch-size", 2, "--steps", 2, "--set", "validate_every=0")
    done = taskpaint("train", built, "-o", model, *small, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["steps"], report["first_step"], report["skipped"]) == (2, 0, 0)
    assert done.stderr == ""

    plain = ("--steps", 2, "--guidance", 1, "--image-guidance", 1)
    done = taskpaint("edit", model, "--dataset", built, "-o", drawn, *plain, "--json")
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)["written"]

    done = taskpaint("evaluate", built, "--predictions", drawn, "--scores", tmp_path / "s.parquet", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sum(found["rows"].values()) == len(written) > 0
    assert {tuple(by_name) for by_name in found["metrics"].values()} == {("model", "oracle", "copy")}
    assert all(by_name["oracle"]["giou"] == 1 for task, by_name in found["metrics"].items() if task == "segmentation")
    assert (tmp_path / "s.parquet").is_file()

    photo = next((tmp_path / "coco" / "train2017").iterdir())
    done = taskpaint("edit", model, "-i", photo, "-t", "Paint the dog red.", "-o", tmp_path / "one.png", *plain)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.png").is_file()
    assert "Traceback" not in done.stderr

    (tmp_path / "mixed").mkdir()
    (tmp_path / "mixed" / "good.jpg").write_bytes(photo.read_bytes())
    (tmp_path / "mixed" / "torn.jpg").write_bytes(photo.read_bytes()[:100])
    done = taskpaint(
        "edit", model, "-i", tmp_path / "mixed", "-t", "Paint it.", "-o", tmp_path / "few", *plain, "--json"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [name.rsplit("/")[-1] for name in found["written"]] == ["good.png"]
    assert "torn.jpg does not open" in found["skipped"][0]
    (tmp_path / "mixed" / "good.jpg").unlink()
    done = taskpaint("edit", model, "-i", tmp_path / "mixed", "-t", "Paint it.", "-o", tmp_path / "none", *plain)
    assert (done.returncode, "nothing is drawn" in done.stderr) == (2, True)


def test_the_bounds_alone_need_no_model(taskpaint, built):
    done = taskpaint("evaluate", built, "--oracle", "--markdown")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["| task | rows | metric | oracle |", "| --- | ---: | --- | ---: |"]
    assert all(line.endswith("| 1.0000 |") for line in lines[2:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "nowhere", "-o", "x", "--preset", "tiny"), "holds no data/*.parquet"),
        (("train", "nowhere", "-o", "x"), "give either base, a model to begin with, or preset: tiny"),
        (
            ("train", "nowhere", "-o", "x", "--preset", "tiny", "--set", "speed=3"),
            "speed: unknown key; did you mean 'seed'?",
        ),
        (("edit", "m", "-o", "x"), "give either --image or --dataset"),
        (("edit", "m", "-o", "x", "-i", "a.png"), "--image needs an --instruction"),
        (("edit", "nowhere", "-o", "x", "-i", "a.png", "-t", "hi"), "there is no picture a.png"),
        (("edit", "nowhere", "-o", "x.png", "-i", __file__, "-t", "hi"), "model 'nowhere' cannot be loaded: there is"),
        (("edit", "m", "-o", "x", "--dataset", "d", "-t", "hi"), "the rows of a dataset have their own"),
        (("evaluate", "nowhere"), "say what to judge: one of --model"),
        (("evaluate", "nowhere", "--oracle", "--identity"), "say what to judge: one of --model"),
    ],
)
def test_wrong_usage(taskpaint, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = taskpaint(*arguments)
    assert done.returncode in (1, 2)
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists() or not any((tmp_path / "x").glob("*.pt"))
