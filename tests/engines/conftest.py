"""Fixtures of the engines: small datasets, a Ray cluster, a stand-in for sbatch, a full disk, ranks that are killed."""

from __future__ import annotations

import importlib
import os
import random
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.score import ScoreOptions, score
from taskpaint.manifests.recipe_file import parse_recipe

sys.path.append(str(Path(__file__).parent))

from engine_tests import PIXEL_SCORES, Deaf

TWO_SPLITS = """
sources: [{source: coco, path: coco, split: train2017}]
tasks: [segmentation, inpainting, adaptation]
splits: {by: hash, validation: 0.3}
output: {rows_per_shard: 8, row_group_rows: 3}
"""
SIX_SHARDS = """
sources: [{source: coco, path: coco, split: train2017}]
tasks: [segmentation, detection]
output: {rows_per_shard: 4, row_group_rows: 3}
"""
_built: dict[str, Path] = {}


@pytest.fixture
def copy_of(write_coco: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], Path]:
    """Builds a recipe from twelve photographs of a small COCO, once for all tests, and copies the dataset."""

    def copy(recipe: str, out: Path) -> Path:
        if recipe not in _built:
            home = tmp_path_factory.mktemp("built")
            write_coco(home / "coco")
            build([parse_recipe(recipe)], home / "out", BuildOptions(root=home, workers=1))
            _built[recipe] = home / "out"
        return Path(shutil.copytree(_built[recipe], out))

    return copy


@pytest.fixture
def two_splits(copy_of: Callable[[str, Path], Path], tmp_path: Path) -> Path:
    """A dataset of two splits and three tasks; a third of its rows have no source."""
    return copy_of(TWO_SPLITS, tmp_path / "dataset")


@pytest.fixture
def six_shards(copy_of: Callable[[str, Path], Path], tmp_path: Path) -> Path:
    """A dataset of six shards of four rows; each of its twelve photographs stands in two rows."""
    return copy_of(SIX_SHARDS, tmp_path / "out")


@pytest.fixture
def scored(copy_of: Callable[[str, Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The six shards with PIXEL_SCORES, as one run on this machine writes them; not to be changed."""
    if "scored" not in _built:
        home = copy_of(SIX_SHARDS, tmp_path_factory.mktemp("scored") / "out")
        score(home, ScoreOptions(PIXEL_SCORES, workers=1), Deaf())
        _built["scored"] = home
    return _built["scored"]


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
