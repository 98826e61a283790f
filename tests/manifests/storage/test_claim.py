"""Claims: one writer, told to all, taken over when it is dead."""

import json
import time
import uuid
from pathlib import Path

import pytest
from taskpaint.manifests.errors import FolderBusyError
from taskpaint.manifests.storage import claim as module
from taskpaint.manifests.storage.claim import CLAIMS, WHOLE, hold, read_claims
from taskpaint.manifests.storage.store import Store

HERE, THERE = Path("/spool/here"), Path("/spool/there")


@pytest.fixture(params=["memory", "s3"])
def store(request):
    """A new folder in memory, and one on the S3 server."""
    if request.param == "memory":
        return Store(f"memory://{uuid.uuid4().hex}/x")
    return Store(f"s3://{request.getfixturevalue('bucket')}/x")


def foreign(store, writer=WHOLE, number=1, spool=THERE):
    """A claim as a run on another machine leaves it."""
    content = {"host": "elsewhere", "pid": 7, "token": uuid.uuid4().hex, "spool": str(spool), "marks": []}
    store.write(f"{CLAIMS}/{writer}-{number:06d}.json", json.dumps(content).encode())


def test_a_claim_is_seen_while_it_is_held_and_gone_after(store):
    with hold(store, WHOLE, HERE, lambda: [{"name": "train-0", "quiet": 1.0}]):
        (seen,) = read_claims(store)
        assert (seen.writer, seen.number, seen.claim.spool) == (WHOLE, 1, str(HERE))
        assert seen.claim.marks == [{"name": "train-0", "quiet": 1.0}]
        assert seen.age is not None and seen.age < 30 and not seen.is_dead
    assert read_claims(store) == []


@pytest.mark.parametrize(
    ("first", "second", "busy"),
    [
        (WHOLE, WHOLE, True),
        (WHOLE, "rank-1", True),
        ("rank-1", WHOLE, True),
        ("rank-1", "rank-1", True),
        ("rank-1", "rank-2", False),
    ],
)
def test_who_stands_in_whose_way(store, first, second, busy):
    foreign(store, first)
    if busy:
        with pytest.raises(
            FolderBusyError, match=r"process 7 on elsewhere, its last sign of life came \d+ s ago.* 120 s"
        ):
            hold(store, second, HERE).__enter__()
        assert [seen.writer for seen in read_claims(store)] == [first]
    else:
        with hold(store, second, HERE):
            assert {seen.writer for seen in read_claims(store)} == {first, second}


def test_a_dead_claim_is_taken_over_by_the_next_number(store, monkeypatch):
    foreign(store, number=3)
    monkeypatch.setattr(module, "DEAD_SECONDS", -1.0)
    with hold(store, WHOLE, HERE):
        (seen,) = read_claims(store)
        assert (seen.number, seen.claim.spool) == (4, str(HERE))
        assert list(store.find(CLAIMS)) == [f"{CLAIMS}/local-000004.json"]


def test_a_claim_of_the_same_folder_on_this_machine_is_dead(store, monkeypatch):
    foreign(store, spool=HERE)
    monkeypatch.setattr(module.socket, "gethostname", lambda: "elsewhere")
    with hold(store, WHOLE, HERE):  # the caller holds the folder's lock, so the other process is no more
        assert [seen.number for seen in read_claims(store)] == [2]


def test_who_was_taken_over_stops(store, monkeypatch):
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.05)
    with hold(store, WHOLE, HERE) as held:
        held.check()
        foreign(store, number=2)
        for _ in range(200):
            time.sleep(0.02)
            try:
                held.check()
            except FolderBusyError as fault:
                assert "has taken" in str(fault)
                break
        else:
            pytest.fail("it did not notice")
    assert [seen.claim.host for seen in read_claims(store)] == ["elsewhere"]


def test_a_claim_is_renewed(store, monkeypatch):
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.05)
    marks = []
    with hold(store, WHOLE, HERE, lambda: list(marks)):
        marks.append({"name": "train-0", "quiet": 0.0})
        for _ in range(200):
            time.sleep(0.02)
            if read_claims(store)[0].claim.marks:
                break
        else:
            pytest.fail("it was not renewed")


def test_half_a_claim_is_passed_over(store):
    store.write(f"{CLAIMS}/local-000001.json", b'{"host": "else')
    store.write(f"{CLAIMS}/notes.txt", b"x")
    assert read_claims(store) == []
    with hold(store, WHOLE, HERE):
        assert [seen.claim.spool for seen in read_claims(store)] == [str(HERE)]
