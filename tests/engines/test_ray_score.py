"""Scoring and exporting on Ray: actors that hold the model, the same bytes as on one machine, whatever is killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from engine_tests import PIXEL_SCORES, contents, processes_of_ray
from taskpaint.engines.export import ExportOptions, export
from taskpaint.engines.fleet import Shape
from taskpaint.engines.ray import RayFleet, ray_engine
from taskpaint.engines.score import ScoreOptions, score
from taskpaint.filters.sidecar import Sidecar
from taskpaint.manifests.errors import BuildError, OutputError, UsageError

ray = pytest.importorskip("ray", reason="the extra taskpaint[ray] is not installed")
pytestmark = pytest.mark.ray

ON_A_PROCESSOR = Shape(0, 1)


@pytest.fixture
def dataset(six_shards):
    return six_shards


class Watch:
    """Does something once, when so many of a stage's are done."""

    def __init__(self, stage="", count=0, action=None):
        self.at, self.left, self.action = stage, count, action

    def stage(self, what, total, unit):
        self.what = what

    def advance(self, count):
        if self.what == self.at and self.left > 0:
            self.left -= count
            if self.left <= 0:
                self.action()

    def say(self, text):
        pass


def actors():
    """Processes of this machine's actors."""
    return processes_of_ray("Holder")


def none_left():
    """Whether all actors end; Ray tells them to, and does not wait until they have."""
    return not psutil.wait_procs(actors(), timeout=60)[1]


def test_scores_are_the_same_bytes(cluster, node, dataset, scored):
    report = score(dataset, ScoreOptions(PIXEL_SCORES), Watch(), ray_engine(), RayFleet())
    assert report.embedded == {"nss": 36}  # of twelve photographs two targets each
    assert contents(dataset) == contents(scored)
    assert none_left()
    again = score(dataset, ScoreOptions(PIXEL_SCORES), Watch(), ray_engine(), RayFleet())
    assert again.embedded == {} and all(entry["scored"] == 0 for entry in again.scorers.values())


def test_an_actor_that_is_killed_costs_one_shard(cluster, node, dataset, scored):
    killed = []

    def kill():
        killed.append(actors()[0])
        killed[0].kill()

    watch = Watch("embedding by nss", 1, kill)
    score(dataset, ScoreOptions(PIXEL_SCORES), watch, ray_engine(), RayFleet())
    assert len(killed) == 1
    assert contents(dataset) == contents(scored)


def test_a_node_killed_while_embedding(cluster, node, dataset, scored):
    watch = Watch("embedding by nss", 1, lambda: cluster.remove_node(node, allow_graceful=False))
    score(dataset, ScoreOptions(PIXEL_SCORES), watch, ray_engine(), RayFleet())
    assert watch.left <= 0
    assert contents(dataset) == contents(scored)


def test_a_killed_driver_is_started_again(cluster, node, dataset, scored):
    command = [sys.executable, "-m", "taskpaint.cli", "score", str(dataset), "-q", "--scores", ",".join(PIXEL_SCORES)]
    command += ["--engine", "ray", "--ray-address", cluster.address]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if list(dataset.glob(".taskpaint/scores/*/[!.]*.parquet")):
            process.kill()
        time.sleep(0.005)
    assert process.wait() == -signal.SIGKILL
    subprocess.run(command, check=True)
    assert contents(dataset) == contents(scored)


def test_a_model_in_an_actor(cluster, node, dataset, tmp_path):
    """A small real architecture with random weights; in float32 a vector hardly depends on its batch."""
    pytest.importorskip("torch")
    shutil.copytree(dataset, tmp_path / "here")
    options = ScoreOptions(("clip_similarity",), embedder="ViT-S-32-alt/random:0", batch_size=5, devices=("cpu",))
    score(tmp_path / "here", options, Watch())
    score(dataset, options, Watch(), ray_engine(), RayFleet(workers=1))
    for shard in Sidecar(dataset).shards():
        here, there = (Sidecar(root).read(shard).to_pandas() for root in (tmp_path / "here", dataset))
        assert list(here["id"]) == list(there["id"])
        np.testing.assert_allclose(here["image_similarity"], there["image_similarity"], atol=1e-4)
        assert there["image_similarity"].notna().all()


@dataclass(frozen=True)
class Holds:
    """Says who did an item and on which GPU; notes each opening. The process of one item is killed."""

    place: Path
    item: int = -1
    always: bool = False

    def open(self):
        (self.place / f"open-{os.getpid()}").touch()
        return self._run

    def _run(self, item):
        if item == self.item and (self.always or not (self.place / "killed").exists()):
            (self.place / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "fail":
            raise OutputError("the disk is full")
        time.sleep(0.05)
        return os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES", "")


def test_an_actor_for_each_gpu_that_opens_once(cluster, add_node, tmp_path):
    add_node(num_cpus=2, num_gpus=2)
    fleet = RayFleet()
    assert fleet.shape() == Shape(1, 1) and fleet.shape().device == "cuda:0"
    assert RayFleet(gpus=0.5).shape() == Shape(0.5, 0)
    assert RayFleet(gpus=0).shape() == fleet.shape(accelerated=False) == Shape(0, 1)
    found = dict(fleet.run(Holds(tmp_path), range(24), fleet.shape()))
    assert sorted(found) == list(range(24))
    assert len(set(found.values())) == 2 and {gpu for _, gpu in found.values()} == {"0", "1"}
    assert len(list(tmp_path.glob("open-*"))) == 2


def test_an_actor_killed_once_or_every_time(cluster, node, tmp_path):
    found = dict(RayFleet().run(Holds(tmp_path, 3), range(8), ON_A_PROCESSOR))
    assert sorted(found) == list(range(8)) and (tmp_path / "killed").exists()
    with pytest.raises(BuildError, match=r"a Ray worker died 4 times on the same shard .* fewer --workers"):
        list(RayFleet().run(Holds(tmp_path, 1, always=True), range(3), ON_A_PROCESSOR))


def test_errors_of_the_job_arrive_as_they_are(cluster, tmp_path):
    with pytest.raises(OutputError, match=r"^the disk is full$"):
        list(RayFleet().run(Holds(tmp_path), ["fail"], ON_A_PROCESSOR))


def test_gpus_that_are_not_there(cluster):
    with pytest.raises(UsageError, match=r"--gpus-per-task 1: no node of the Ray cluster has a GPU; give 0"):
        RayFleet(gpus=1.0).shape()


def test_a_gpu_that_cannot_be_used(cluster, add_node, dataset):
    """Ray believes what it is told of a node; PyTorch does not."""
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    add_node(num_cpus=1, num_gpus=1)
    options = ScoreOptions(("clip_similarity",), embedder="ViT-S-32-alt/random:0")
    with pytest.raises(BuildError, match=r"^cuda:0 cannot be used on \S+: "):
        score(dataset, options, Watch(), ray_engine(), RayFleet())


@pytest.mark.parametrize("form", ["webdataset", "imagefolder"])
def test_exports_are_the_same_bytes(cluster, add_node, dataset, tmp_path, form):
    """With a node that goes away in the middle."""
    node = add_node(num_cpus=2)
    options = ExportOptions(form, workers=1, rows_per_shard=3, location="/data/there")
    export(dataset, tmp_path / "here", options)
    seen = []

    def lose(done, total):
        seen.append(done)
        if len(seen) == 2:
            cluster.remove_node(node, allow_graceful=False)

    report = export(dataset, tmp_path / "there", options, lose, ray_engine())
    assert len(seen) == report.shards > 4 and seen == sorted(set(seen))
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
