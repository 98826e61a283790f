"""Fixtures of the engines: a Ray cluster on this machine, a disk that is soon full."""

from __future__ import annotations

import importlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A head with one processor; tests add nodes, each a raylet of its own."""
    ray = pytest.importorskip("ray", reason="the extra taskpaint[ray] is not installed")
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
