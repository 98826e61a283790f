"""Ranks that hold one folder together."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as some
from taskpaint.manifests.errors import FolderBusyError, ResumeError, UsageError
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.share import Share, shared, world_size


@given(some.integers(1, 9), some.integers(0, 40))
def test_every_item_belongs_to_one_rank(ranks, count):
    items = list(range(count))
    dealt = [item for rank in range(ranks) for item in Share(rank, ranks).of(items)]
    assert sorted(dealt) == items
    assert all(item % ranks == rank for rank in range(ranks) for item in Share(rank, ranks).of(items))


@pytest.mark.parametrize(("rank", "ranks"), [(-1, 2), (2, 2), (0, 0)])
def test_a_rank_outside_is_refused(rank, ranks):
    with pytest.raises(UsageError, match="ranks run from 0 to --world-size minus 1"):
        Share(rank, ranks)


def test_ranks_hold_the_folder_together_and_nobody_else(tmp_path):
    folder = DatasetFolder(tmp_path)
    with shared(folder, Share(0, 2)), shared(folder, Share(1, 2)):
        with pytest.raises(FolderBusyError, match="another taskpaint run is writing"), folder.lock():
            pass
        with pytest.raises(FolderBusyError, match=r"rank 1 of .* is at work already"), shared(folder, Share(1, 2)):
            pass
    with folder.lock(), pytest.raises(FolderBusyError, match="another"), shared(folder, Share(0, 2)):
        pass


def test_ranks_must_agree_on_what_they_build(tmp_path):
    folder = DatasetFolder(tmp_path)
    with shared(folder, Share(0, 2)) as held, held.begin(lambda: folder.begin({"seed": 1})):
        pass
    refusal = pytest.raises(ResumeError, match="seed = 1, this run has 2")
    with shared(folder, Share(1, 2)) as held, refusal, held.begin(lambda: folder.begin({"seed": 2})):
        pass


def test_the_number_of_ranks_changes_only_while_nobody_builds(tmp_path):
    folder = DatasetFolder(tmp_path)
    assert world_size(folder.state) is None
    with shared(folder, Share(0, 2)) as first:
        with first.begin(lambda: folder.begin({})):
            pass
        assert world_size(folder.state) == 2
        refusal = pytest.raises(FolderBusyError, match=r"^ranks of --world-size 2 are at work in .* has 3")
        with shared(folder, Share(1, 3)) as second, refusal, second.begin(lambda: folder.begin({})):
            pass
    (folder.data / ".a.parquet.host-1.part").write_text("half")
    with shared(folder, Share(1, 3)) as second:
        with second.begin(lambda: folder.begin({})):
            pass
        assert world_size(folder.state) == 3
        assert not list(folder.data.iterdir())
        with pytest.raises(FolderBusyError), folder.lock():  # held again, as a share
            pass


def test_the_second_rank_waits_while_the_first_begins(tmp_path):
    folder = DatasetFolder(tmp_path)
    order = []
    waits = threading.Event()

    def second():
        with shared(folder, Share(1, 2)) as held:
            waits.set()
            with held.begin(lambda: folder.begin({})):
                order.append("second")

    thread = threading.Thread(target=second)
    with shared(folder, Share(0, 2)) as held, held.begin(lambda: folder.begin({})):
        thread.start()
        assert waits.wait(10)
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"world_size": "4"}'])
def test_a_broken_world_is_none(tmp_path, text):
    folder = DatasetFolder(tmp_path)
    folder.state.mkdir()
    (folder.state / "world.json").write_text(text)
    assert world_size(folder.state) is None
