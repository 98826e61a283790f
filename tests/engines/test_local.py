"""The local engine: results, errors and dead workers."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from taskpaint.engines.local import run_in_order, run_local
from taskpaint.manifests.errors import BuildError, OutputError


@dataclass(frozen=True)
class Squares:
    def open(self):
        return lambda item: item * item


@dataclass(frozen=True)
class DiesOnce:
    """Kills its process at item 3, the first time."""

    marker: Path

    def open(self):
        return self._run

    def _run(self, item):
        if item == 3 and not self.marker.exists():
            self.marker.touch()
            os._exit(9)
        return item * item


@dataclass(frozen=True)
class AlwaysDies:
    def open(self):
        return lambda item: os._exit(9)


@dataclass(frozen=True)
class Fails:
    def open(self):
        return self._run

    def _run(self, item):
        raise OutputError(f"item {item} cannot be written")


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_is_done_once(workers):
    assert sorted(run_local(Squares(), range(7), workers)) == [(n, n * n) for n in range(7)]


def test_no_items_no_processes():
    assert list(run_local(AlwaysDies(), [], 2)) == []


def test_items_of_a_worker_that_died_are_tried_again(tmp_path):
    found = sorted(run_local(DiesOnce(tmp_path / "died"), range(6), 2))
    assert (tmp_path / "died").exists()
    assert found == [(n, n * n) for n in range(6)]


def test_a_worker_that_dies_every_time_is_an_error_with_a_remedy():
    with pytest.raises(BuildError, match=r"fewer --workers"):
        list(run_local(AlwaysDies(), range(4), 2))


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_of_the_job_arrive_as_they_are(workers):
    with pytest.raises(OutputError, match="cannot be written"):
        list(run_local(Fails(), range(4), workers))


@pytest.mark.parametrize("workers", [1, 2])
def test_results_in_the_order_of_the_items(workers):
    assert list(run_in_order(Squares(), iter(range(9)), workers, 4)) == [(n, n * n) for n in range(9)]
    assert list(run_in_order(Squares(), [], workers, 4)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_is_begun_than_asked_for(workers):
    drawn = []

    def items():
        for item in range(12):
            drawn.append(item)
            yield item

    for item, _ in run_in_order(Squares(), items(), workers, 3):
        assert len(drawn) <= item + 3


def test_the_order_survives_a_worker_that_died(tmp_path):
    found = list(run_in_order(DiesOnce(tmp_path / "died"), range(8), 2, 4))
    assert (tmp_path / "died").exists()
    assert found == [(n, n * n) for n in range(8)]


def test_workers_that_die_again_and_again_in_order():
    with pytest.raises(BuildError, match="a worker process died 3 times"):
        list(run_in_order(AlwaysDies(), range(4), 2, 4))


def test_errors_of_a_job_come_through_in_order():
    with pytest.raises(OutputError, match="item 0"):
        list(run_in_order(Fails(), range(4), 2, 4))
