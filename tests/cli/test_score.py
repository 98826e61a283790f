"""taskpaint score as a user meets it: real processes, exit codes, messages."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from taskpaint.engines.build import BuildOptions, build
from taskpaint.filters.sidecar import Sidecar
from taskpaint.manifests.recipe_file import parse_recipe

OFFLINE = {"HF_HUB_OFFLINE": "1"}


def command(*arguments):
    return [sys.executable, "-m", "taskpaint.cli", "score", *map(str, arguments)]


def taskpaint(*arguments, **environment):
    settings = {**os.environ, **OFFLINE, **environment}
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=settings, timeout=240)


@pytest.fixture
def dataset(tiny_coco, tmp_path):
    recipe = parse_recipe("{sources: [{source: coco, path: coco, split: train2017}], tasks: [detection]}")
    build([recipe], tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    return tmp_path / "out"


def test_without_weights_it_says_what_it_left_out(dataset, tmp_path):
    done = taskpaint(dataset, "-w", 1, HF_HOME=str(tmp_path / "nothing"))
    assert done.returncode == 0, done.stderr
    assert (
        "scores that need CLIP were left out: weights of ViT-L-14-quickgelu/openai are not on this machine"
        in done.stderr
    )
    assert "nss_distance" in done.stdout and "duplicate_rank" in done.stdout
    assert "12 triplets scored" in done.stderr
    assert "leak" in {column.name for column in Sidecar(dataset).columns()}


def test_json_is_all_that_stands_on_stdout(dataset):
    done = taskpaint(dataset, "--scores", "ssim,change", "--json", "-w", 1)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["scorers"]["ssim"]["columns"] == ["ssim"] and sum(found["rows"].values()) == 12


def test_options_come_from_the_environment_too(dataset):
    done = taskpaint(dataset, "-q", TASKPAINT_SCORE_SCORES="ssim", TASKPAINT_SCORE_WORKERS="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(Sidecar(dataset).scorers()) == ["ssim"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scores", "ssimm"], "taskpaint: no scorer is called 'ssimm'; did you mean 'ssim'?"),
        (["--scores", "aesthetics"], "taskpaint: scorer aesthetics needs head; give --set aesthetics.head=VALUE"),
        (["--scores", "giqa", "--reference", "none"], "taskpaint: "),
        (["--scores", "aesthetics", "--head", "none.pth"], "taskpaint: head none.pth is not there"),
        (["--set", "ssim"], "is not NAME=VALUE"),
        (["--set", "ssim=3"], "is not SCORER.OPTION"),
        (["--precision", "half"], "is none of auto, float32, bfloat16"),
        (["--keep-embeddings", "int8"], "is none of float16, float32"),
        (["--device", "cuda:9"], "taskpaint: there is no device 'cuda:9'"),
        (["--scores", "clip_similarity", "--embedder", "ViT-L-14/openai"], "use ViT-L-14-quickgelu/openai"),
    ],
)
def test_a_wrong_option_is_one_sentence(dataset, arguments, message):
    done = taskpaint(dataset, *arguments, COLUMNS="300")
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not (dataset / "scores").exists()


def test_a_folder_that_is_no_dataset(tmp_path):
    done = taskpaint(tmp_path / "none", "--scores", "ssim")
    assert done.returncode == 1
    assert "holds no data/*.parquet; is it the output folder of taskpaint build?" in done.stderr


def test_ctrl_c_leaves_a_folder_that_goes_on(dataset):
    running = subprocess.Popen(command(dataset, "--scores", "pixels,nss_distance", "-w", 2), stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (dataset / ".taskpaint/catalogue").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1].decode()
    assert running.returncode == 130, said
    assert "stopped; run the same command again to go on where it stopped" in said and "Traceback" not in said
    assert not Sidecar(dataset).exists
    assert taskpaint(dataset, "--scores", "pixels,nss_distance", "-w", 1).returncode == 0
    assert Sidecar(dataset).exists
