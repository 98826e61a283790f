"""The Ray engine on a cluster of two nodes: raylets of their own, on this machine."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from engine_tests import contents, processes_of_ray
from taskpaint.engines.build import BuildOptions, Progress, build
from taskpaint.engines.ray import ray_engine, run_ray
from taskpaint.engines.status import status
from taskpaint.manifests.errors import BuildError, OutputError
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.manifests.storage.store import Store

ray = pytest.importorskip("ray", reason="the extra taskpaint[ray] is not installed")
pytestmark = pytest.mark.ray

TEXT = """
sources: [{source: coco, path: coco, split: train2017}]
tasks: [{task: segmentation, weight: 3}, {task: keypoints, weight: 2}, detection]
output: {rows_per_shard: 6}
"""


@pytest.fixture
def whole(write_coco, tmp_path):
    """What the local engine writes."""
    write_coco(tmp_path / "coco", 24)
    build([parse_recipe(TEXT)], tmp_path / "whole", BuildOptions(root=tmp_path, workers=1))
    return contents(tmp_path / "whole")


class At(Progress):
    """Does something once, after so many shards, and counts them."""

    def __init__(self, count, action):
        self.left, self.action, self.names = count, action, []

    def shard(self, shard, record):
        self.names.append(record.name)
        self.left -= 1
        if self.left == 0:
            self.action()


def test_a_node_killed_in_the_middle_costs_only_unfinished_shards(cluster, node, whole, tmp_path):
    out = tmp_path / "out"
    watch = At(4, lambda: cluster.remove_node(node, allow_graceful=False))
    build([parse_recipe(TEXT)], out, BuildOptions(root=tmp_path), watch, ray_engine())
    assert watch.left < 0
    assert contents(out) == whole
    ledger = (out / ".taskpaint" / "ledger-local.jsonl").read_text()
    assert ledger.count("\n") == len(watch.names) == len(set(watch.names)) == len(DatasetFolder(out).shards())
    assert not list((out / "data").glob(".*"))


def test_a_store_by_way_of_a_folder_that_all_nodes_see(cluster, node, whole, bucket, tmp_path):
    """The nodes have no way to the store; the driver alone sends what they have written."""
    url, there = f"s3://{bucket}/mine", Store(f"s3://{bucket}/mine")
    watch = At(4, lambda: cluster.remove_node(node, allow_graceful=False))
    build([parse_recipe(TEXT)], url, BuildOptions(root=tmp_path, spool=tmp_path / "spool"), watch, ray_engine())
    assert watch.left < 0
    assert there.read_many(name for name in there.find() if not name.startswith(".taskpaint/")) == whole
    assert not list((tmp_path / "spool").rglob("*.parquet"))


@dataclass(frozen=True)
class Kills:
    """Squares; the process of one item is killed the first time, or every time."""

    place: Path
    item: int
    always: bool = False

    def open(self):
        return self._run

    def _run(self, item):
        if item == self.item and (self.always or not self.place.exists()):
            self.place.touch()
            os.kill(os.getpid(), signal.SIGKILL)  # what the kernel does when memory runs out
        if item == "fail":
            raise OutputError("the disk is full")
        return item * item


def test_a_task_killed_once_is_done_again(cluster, node, tmp_path):
    found = sorted(run_ray(Kills(tmp_path / "killed", 3), range(8), 0))
    assert (tmp_path / "killed").exists()
    assert found == [(n, n * n) for n in range(8)]


@dataclass(frozen=True)
class Hungry:
    """Squares; the first item on a node that watches its memory asks for far more than there may be.

    Items on other nodes wait for that.
    """

    place: Path

    def open(self):
        return self._run

    def _run(self, item):
        begun, deadline = self.place / "begun", time.monotonic() + 60
        while "RAY_memory_usage_threshold" not in os.environ and not begun.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        if not begun.exists():
            begun.touch()
            held = []
            while len(held) < 100:
                held.append(np.ones(2**22))  # 32 MiB
                time.sleep(0.05)
            (self.place / "survived").touch()
        return item * item


def test_a_task_killed_for_its_memory_is_done_again(cluster, add_node, tmp_path):
    """By Ray's own memory monitor, which leaves this node a gigabyte more than is in use now."""
    memory = psutil.virtual_memory()
    if memory.available < 4e9:
        pytest.skip("needs 4 GB of free memory")
    share = 1 - (memory.available - 1e9) / memory.total
    watched = {"RAY_memory_usage_threshold": f"{share:.4f}", "RAY_memory_monitor_refresh_ms": "100"}
    add_node(num_cpus=2, env_vars=watched)
    assert sorted(run_ray(Hungry(tmp_path), range(8), 0)) == [(n, n * n) for n in range(8)]
    assert [file.name for file in tmp_path.iterdir()] == ["begun"]


def test_a_task_killed_every_time_is_an_error_with_a_remedy(cluster, tmp_path):
    done = []
    with pytest.raises(BuildError, match=r"a Ray worker died 4 times on the same shard .* fewer --workers"):
        done += run_ray(Kills(tmp_path / "killed", 1, always=True), range(3), 1)


def test_errors_of_the_job_arrive_as_they_are(cluster, tmp_path):
    with pytest.raises(OutputError, match=r"^the disk is full$"):
        list(run_ray(Kills(tmp_path / "killed", -1), ["fail"], 1))


@dataclass(frozen=True)
class Sleeps:
    """Notes who does an item and goes on for ever; the first one fails as soon as another has begun."""

    place: Path

    def open(self):
        return self._run

    def _run(self, item):
        (self.place / f"{item}-{os.getpid()}").touch()
        while item or len(list(self.place.iterdir())) < 2:
            time.sleep(0.05)
        raise OutputError("the disk is full")


def test_an_error_ends_what_else_is_running(cluster, node, tmp_path):
    with pytest.raises(OutputError, match=r"^the disk is full$"):
        list(run_ray(Sleeps(tmp_path), range(12), 4))
    begun = {file.name for file in tmp_path.iterdir()}
    pids = {int(pid) for item, pid in (name.split("-") for name in begun) if item != "0"}
    others = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    assert psutil.wait_procs(others, timeout=30)[1] == []
    time.sleep(1)
    assert {file.name for file in tmp_path.iterdir()} == begun


FAILS = """
import sys
import ray
from taskpaint.engines.ray import run_ray

class Fails:
    def open(self):
        return self.run

    def run(self, item):
        raise OSError("the disk is full")

ray.init(sys.argv[1], log_to_driver=False, logging_level="ERROR")
for _ in range(40):
    try:
        list(run_ray(Fails(), range(6), 4))
    except OSError as fault:
        print(fault)
"""


def test_errors_that_arrive_together_leave_the_driver_alive(cluster, node):
    """Ray kills a driver's process, without an exception, when it cancels a task whose result is just coming in."""
    done = subprocess.run([sys.executable, "-c", FAILS, cluster.address], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "the disk is full\n" * 40), done.stderr


@dataclass(frozen=True)
class Counts:
    """Notes when each item begins."""

    place: Path

    def open(self):
        return self._run

    def _run(self, item):
        (self.place / f"{item}").touch()
        time.sleep(0.05)
        return socket.gethostname()


def test_no_more_is_begun_than_asked_for(cluster, node, tmp_path):
    begun = []
    for done, _ in enumerate(run_ray(Counts(tmp_path), range(12), 2)):
        begun.append(len(list(tmp_path.iterdir())) - done)
    assert len(begun) == 12
    assert max(begun) <= 2 + 1  # two at a time, and the one that is done


def test_a_killed_driver_is_started_again(cluster, node, whole, tmp_path):
    (tmp_path / "r.yaml").write_text(TEXT)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "taskpaint.cli", "build", str(tmp_path / "r.yaml"), "--data", str(tmp_path)]
    command += ["-o", str(out), "-q", "--engine", "ray", "--ray-address", cluster.address, "--workers", "2"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    ledger = out / ".taskpaint" / "ledger-local.jsonl"
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if ledger.exists() and ledger.read_text().count("\n") >= 3:
            process.kill()
        time.sleep(0.01)
    assert process.wait() == -signal.SIGKILL
    before = ledger.read_text().count("\n")
    assert 3 <= before < len([name for name in whole if name.startswith("data/")])
    assert status(out).shards["done"] == before
    report = build([parse_recipe(TEXT)], out, BuildOptions(root=tmp_path), engine=ray_engine())
    assert report.resumed_shards == before
    assert contents(out) == whole


def test_a_slow_node_changes_nothing(cluster, node, whole, tmp_path):
    """Every worker process of the cluster is stopped for a while."""

    def doze():
        workers.extend(processes_of_ray("ray::"))
        for process in workers:
            process.suspend()
        threading.Timer(2.0, lambda: [process.resume() for process in workers if process.is_running()]).start()

    workers = []
    watch = At(2, doze)
    build([parse_recipe(TEXT)], tmp_path / "out", BuildOptions(root=tmp_path), watch, ray_engine())
    assert workers
    assert contents(tmp_path / "out") == whole


class GivesUp(Progress):
    """Takes a node away as soon as its workers have something to do; they are stopped before and do not see it."""

    def __init__(self, cluster, node):
        self.cluster, self.node, self.workers, self.names = cluster, node, [], []

    def shard(self, shard, record):
        self.names.append(record.name)
        if not self.workers:
            (raylet,) = self.node.all_processes["raylet"]
            below = psutil.Process(raylet.process.pid).children()
            self.workers = [one for one in below if "run_item" in "".join(one.cmdline()[:1])]
            for process in self.workers:
                process.suspend()
            if self.workers:
                self.cluster.remove_node(self.node, allow_graceful=False)


def test_a_node_that_was_given_up_and_wakes_up_changes_nothing(cluster, node, whole, tmp_path):
    """Its workers stop in the middle of their shards, others build these, and then they go on with theirs."""
    watch, out = GivesUp(cluster, node), tmp_path / "out"
    build([parse_recipe(TEXT)], out, BuildOptions(root=tmp_path), watch, ray_engine())
    assert watch.workers and len(watch.names) == len(set(watch.names)) == len(DatasetFolder(out).shards())
    for process in watch.workers:
        if process.is_running():
            process.resume()
    psutil.wait_procs(watch.workers, timeout=30)
    assert contents(out) == whole
    build([parse_recipe(TEXT)], out, BuildOptions(root=tmp_path), engine=ray_engine())
    assert contents(out) == whole and not list((out / "data").glob(".*"))


def test_a_cluster_that_is_not_there_is_one_sentence():
    code = (
        "from taskpaint.engines.ray import run_ray\n"
        "from taskpaint.manifests.errors import BuildError\n"
        "try:\n    list(run_ray(None, [1], 1, '127.0.0.1:9'))\n"
        "except BuildError as fault:\n    print(fault)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "Ray at 127.0.0.1:9 cannot be reached: [Errno 111] Connection refused\n", done.stderr
