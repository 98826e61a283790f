"""Fixtures of the engines: a Ray cluster, a stand-in for sbatch, a disk that is soon full, ranks that are killed."""

from __future__ import annotations

import importlib
import os
import random
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A head with one processor; tests add nodes, each a raylet of its own.

    A worker that stands still answers no keep-alive; Ray waits for minutes before it gives such a one up, here seconds.
    """
    ray = pytest.importorskip("ray", reason="the extra taskpaint[ray] is not installed")
    patch = pytest.MonkeyPatch()
    request.addfinalizer(patch.undo)
    patch.setenv("RAY_grpc_client_keepalive_time_ms", "1000")
    patch.setenv("RAY_grpc_client_keepalive_timeout_ms", "2000")
    ray.cloudpickle.register_pickle_by_value(request.module)
    made = importlib.import_module("ray.cluster_utils").Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def add_node(cluster: Any) -> Iterator[Any]:
    """Adds a node; a test may take it away."""
    added = []

    def add(**resources: float) -> Any:
        added.append(cluster.add_node(**resources))
        cluster.wait_for_nodes()
        return added[-1]

    yield add
    for node in added:
        if node in cluster.list_all_nodes():
            cluster.remove_node(node, allow_graceful=True)


@pytest.fixture
def node(add_node: Any) -> Any:
    """A second node."""
    return add_node(num_cpus=2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


SBATCH = """#!{python}
# Stands in for Slurm's sbatch: the same options and environment, the script from standard input, jobs at once.
import os, subprocess, sys
options = [word for word in sys.argv[1:] if word.startswith("--")]
assert "--parsable" in options and options == sys.argv[1:], sys.argv
values = dict(option[2:].partition("=")[::2] for option in options)
home = {home!r}
number = 1 + len(os.listdir(home))
job = sys.stdin.read()
waits_for = values.get("dependency", "").removeprefix("afterok:")
failed = bool(waits_for) and open(os.path.join(home, waits_for)).read() != "0"
codes = []
first, _, last = values.get("array", "0-0").partition("-")
for task in reversed(range(int(first), int(last) + 1)):
    extra = {{"SLURM_ARRAY_TASK_ID": str(task)}} if "array" in values else {{}}
    log = values["output"].replace("%A", str(number)).replace("%a", str(task)).replace("%j", str(number))
    if not failed:
        with open(log, "w") as opened:
            environment = {{**os.environ, **extra}}
            done = subprocess.run(["bash"], input=job, text=True, stdout=opened, stderr=opened, env=environment)
            codes.append(done.returncode)
open(os.path.join(home, str(number)), "w").write(str(max(codes, default=1)))
print(f"{{number}};cluster")
"""


@pytest.fixture
def submit(tmp_path: Path) -> Callable[[Path], subprocess.CompletedProcess[str]]:
    """Run a script where `sbatch` is a stand-in, in a folder of its own."""
    folder = tmp_path / "bin"
    jobs = tmp_path / "jobs"
    for place in (folder, jobs):
        place.mkdir()
    sbatch = folder / "sbatch"
    sbatch.write_text(SBATCH.format(python=sys.executable, home=str(jobs)))
    sbatch.chmod(sbatch.stat().st_mode | stat.S_IXUSR)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}

    def run(script: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", str(script)], capture_output=True, text=True, env=environment)

    return run


KillsRanks = Callable[[Callable[[int], list[str]], Callable[[], int], int], None]


@pytest.fixture
def kill_ranks() -> KillsRanks:
    """Starts three ranks in any order and kills those that still run once a few more parts are there; twice over."""

    def kill(command: Callable[[int], list[str]], parts: Callable[[], int], seed: int) -> None:
        """command: of a rank; parts: how many are done."""
        draw, kills = random.Random(seed), 0
        for _ in range(2):
            order = draw.sample(range(3), 3)
            ranks = [subprocess.Popen(command(rank), stderr=subprocess.DEVNULL) for rank in order]
            aim, deadline = parts() + draw.randint(1, 4), time.monotonic() + 90
            while parts() < aim and any(rank.poll() is None for rank in ranks) and time.monotonic() < deadline:
                time.sleep(0.002)
            for rank in ranks:
                if rank.poll() is None:
                    rank.kill()
                    kills += 1
                rank.wait()
        assert kills >= 2

    return kill
