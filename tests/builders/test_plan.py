"""The plan: weights, limits, splits that never share a photograph, shards without gaps."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.builders.index import open_index
from taskpaint.builders.plan import SPLITS, Plan, Unit, automatic_rows, make_plan
from taskpaint.builders.resolve import Stream
from taskpaint.builders.sample import Feature, FileBytes, Sample
from taskpaint.builders.source import Entry, Source
from taskpaint.manifests.recipe import Recipe


class Album(Source):
    """A source whose images are given; each a (id, image key, bytes or None for a missing file)."""

    name = "album"
    splits = ("train", "val2017", "test", "trainval")
    features = Feature.LABELS
    tree = "album/"
    images = ()

    def inputs(self):
        return []

    def scan(self, reject):
        for position, (item, key, _) in enumerate(self.images):
            yield Entry(item, key, Feature.LABELS, {"position": position})

    def sample(self, entry_id, record):
        data = self.images[record["position"]][2]
        return Sample(entry_id, FileBytes(self.path / "missing.jpg", data))


class Anything:
    """A task that takes whatever is given, or only rows whose position `among` names."""

    def __init__(self, among=None):
        self.among = among

    def eligible(self, index):
        rows = np.arange(len(index))
        return np.ones(len(index), bool) if self.among is None else np.isin(rows, self.among)


@pytest.fixture
def album(tmp_path):
    def opened(images, split="train"):
        if isinstance(images, int):
            images = [(f"{number:04d}", f"album/{number}", b"%d" % number) for number in range(images)]
        source = Album(tmp_path / f"album-{len(list(tmp_path.iterdir()))}", split)
        source.path.mkdir()
        source.reader_version = source.path.name  # each its own index
        source.images = images
        return open_index(source)

    return opened


def _planned(indexes, tasks=({},), limit=None, among=None, **recipe):
    """A plan of every index with every task, its recipe and its streams."""
    sources = [
        {"source": "album", "name": f"s{n}", "path": "x", **recipe.pop(f"source{n}", {})} for n in range(len(indexes))
    ]
    entries = [{"task": "any", "name": f"t{n}", **task} for n, task in enumerate(tasks)]
    checked = Recipe(sources=sources, tasks=entries, **recipe)
    streams = [
        Stream(source, entry, index, Anything(among))
        for source, index in zip(checked.sources, indexes, strict=True)
        for entry in checked.tasks
    ]
    return make_plan(checked, streams, limit), streams


def _units(plan):
    return {
        split: [unit for shard in plan.shards(7) if shard.split == split for unit in plan.units(shard)]
        for split in plan.counts
    }


def _all(plan):
    return [unit for units in _units(plan).values() for unit in units]


def _keys(units, streams):
    return {streams[unit.stream].index.key_and_id(unit.row)[0] for unit in units}


def test_every_image_with_every_task_once(album):
    plan, _ = _planned([album(10), album(5)], tasks=({}, {}))
    assert len(plan) == 30
    expected = {Unit(stream, row, 0) for stream in range(4) for row in range(10 if stream < 2 else 5)}
    assert set(_all(plan)) == expected
    assert plan.per_stream(4) == [
        {split: sum(unit.stream == stream for unit in units) for split, units in _units(plan).items()}
        for stream in range(4)
    ]


def test_a_tenth_of_the_images(album):
    plan, _ = _planned([album(200)], tasks=({"weight": 0.1},))
    units = _all(plan)
    assert len(units) == 20
    assert len({unit.row for unit in units}) == 20
    assert {unit.variant for unit in units} == {0}


def test_every_image_twenty_times(album):
    plan, _ = _planned([album(7)], tasks=({"weight": 20},))
    assert set(_all(plan)) == {Unit(0, row, variant) for row in range(7) for variant in range(20)}
    assert len(plan) == 140


def test_two_and_a_half_times(album):
    plan, _ = _planned([album(10)], tasks=({"weight": 2.5},))
    units = _all(plan)
    assert len(set(units)) == len(units) == 25
    times = Counter(unit.row for unit in units)
    assert Counter(times.values()) == {2: 5, 3: 5}
    assert Counter(unit.variant for unit in units) == {0: 10, 1: 10, 2: 5}


def test_weights_of_source_and_task_multiply(album):
    plan, _ = _planned([album(10), album(10)], tasks=({"weight": 0.5}, {"weight": 3}), source1={"weight": 2})
    counts = Counter(unit.stream for unit in _all(plan))
    assert counts == {0: 5, 1: 30, 2: 10, 3: 60}


def test_a_limit_of_triplets_and_one_of_images(album):
    plan, _ = _planned([album(50)], tasks=({"limit": 8}, {"weight": 3}), source0={"limit": 12})
    units = _all(plan)
    assert Counter(unit.stream for unit in units) == {0: 8, 1: 36}
    images = {unit.row for unit in units if unit.stream == 1}
    assert len(images) == 12
    assert {unit.row for unit in units if unit.stream == 0} <= images


def test_only_eligible_rows_count(album):
    plan, _ = _planned([album(50)], tasks=({"weight": 2},), among=[3, 7, 11])
    assert Counter(unit.row for unit in _all(plan)) == {3: 2, 7: 2, 11: 2}


def test_nothing_eligible_is_an_empty_plan(album):
    plan, _ = _planned([album(5)], among=[])
    assert (len(plan), plan.shards(10), plan.counts) == (0, [], {})


def test_a_smaller_limit_takes_a_part_of_the_larger_one(album):
    index = album(60)
    few, many = ({unit.row for unit in _all(_planned([index], tasks=({"limit": limit},))[0])} for limit in (10, 30))
    assert few < many


def test_shares_of_the_splits(album):
    plan, _ = _planned([album(3000)], splits={"validation": 0.2, "test": 0.1})
    # binomial: standard deviations 22 and 16
    assert plan.counts["validation"] == pytest.approx(600, abs=90)
    assert plan.counts["test"] == pytest.approx(300, abs=70)
    assert sum(plan.counts.values()) == 3000


def test_no_photograph_is_in_two_splits_whatever_source_or_task_it_comes_from(album):
    shared = [(f"x{number}", f"album/{number}", b"") for number in range(0, 300, 2)]
    plan, streams = _planned(
        [album(300), album(shared)], tasks=({"weight": 3}, {"weight": 0.5}), splits={"validation": 0.3, "test": 0.2}
    )
    found = {split: _keys(units, streams) for split, units in _units(plan).items()}
    assert set(found) == set(SPLITS)
    assert all(len(keys) > 20 for keys in found.values())
    assert not found["train"] & found["validation"]
    assert not found["train"] & found["test"]
    assert not found["validation"] & found["test"]


def test_another_seed_splits_otherwise(album):
    index = album(200)

    def held_out(seed):
        plan, streams = _planned([index], seed=seed, splits={"validation": 0.3})
        return _keys(_units(plan)["validation"], streams)

    assert held_out(1) == held_out(1) != held_out(2)


def test_splits_as_the_sources_say(album):
    indexes = [album([(split, split, b"")], split) for split in ("train", "val2017", "test", "trainval")]
    plan, streams = _planned(indexes, splits={"by": "source"})
    found = {split: _keys(units, streams) for split, units in _units(plan).items()}
    assert found == {"train": {"train", "trainval"}, "validation": {"val2017"}, "test": {"test"}}


def test_what_one_source_holds_out_no_other_trains_on(album):
    train = album([("a", "k1", b""), ("b", "k2", b""), ("c", "k3", b"")], "train")
    val = album([("d", "k2", b""), ("e", "k3", b"")], "val2017")
    test = album([("f", "k3", b"")], "test")
    for order in ([train, val, test], [test, val, train]):
        plan, streams = _planned(order, splits={"by": "source"})
        found = {split: _keys(units, streams) for split, units in _units(plan).items()}
        assert found == {"train": {"k1"}, "validation": {"k2"}, "test": {"k3"}}
        assert len(plan) == 6


def test_identity_by_content_finds_twins_under_two_names(album):
    first = album([(f"a{n}", f"one/{n}", b"photo %d" % n) for n in range(200)])
    second = album([(f"b{n}", f"two/{n}", b"photo %d" % n) for n in range(200)])

    def torn(identity):
        plan, streams = _planned([first, second], splits={"validation": 0.4, "identity": identity})
        where = {}
        for split, units in _units(plan).items():
            for unit in units:
                data = streams[unit.stream].index.sample(unit.row).image.read()
                where.setdefault(data, set()).add(split)
        return sum(len(splits) > 1 for splits in where.values())

    assert torn("content") == 0
    assert torn("key") > 50  # of names alone, half of the twins part


def test_identity_by_content_passes_over_missing_files(album):
    index = album([("a", "k/a", None), ("b", "k/b", b"1")])
    plan, _ = _planned([index], splits={"identity": "content"})
    assert len(plan) == 2


@given(st.dictionaries(st.sampled_from(SPLITS), st.integers(1, 3000)), st.integers(1, 500))
def test_shards_have_no_gaps_and_like_sizes(counts, rows):
    plan = Plan({split: [] for split in counts}, 0)
    plan.counts = counts
    shards = plan.shards(rows)
    for split, count in counts.items():
        mine = [shard for shard in shards if shard.split == split]
        assert [shard.number for shard in mine] == list(range(len(mine)))
        assert {shard.of for shard in mine} == {len(mine)}
        assert mine[0].start == 0
        assert mine[-1].stop == count
        assert all(one.stop == other.start for one, other in pairwise(mine))
        sizes = [shard.stop - shard.start for shard in mine]
        assert 1 <= min(sizes) <= max(sizes) <= rows
        assert max(sizes) - min(sizes) <= 1


def test_shard_names():
    plan = Plan({"validation": []}, 0)
    plan.counts = {"validation": 5}
    assert [shard.name for shard in plan.shards(3)] == ["validation-00000-of-00002", "validation-00001-of-00002"]


@pytest.mark.parametrize(("count", "rows"), [(1, 32), (512, 32), (513, 33), (16_384, 1024), (10**7, 1024)])
def test_automatic_shard_sizes(count, rows):
    assert automatic_rows(count) == rows


def test_units_do_not_depend_on_how_shards_are_cut(album):
    plan, _ = _planned([album(100)], tasks=({"weight": 1.5},), splits={"validation": 0})
    cut = {size: [unit for shard in plan.shards(size) for unit in plan.units(shard)] for size in (1, 7, 1000)}
    assert cut[1] == cut[7] == cut[1000]


def test_streams_are_mixed(album):
    plan, _ = _planned([album(300), album(300)], splits={"validation": 0})
    streams = [unit.stream for unit in _all(plan)]
    # of 600 shuffled, any 60 in a row hold about 30 of each (standard deviation 3.7)
    for start in range(0, 600, 60):
        assert 10 <= sum(streams[start : start + 60]) <= 50


def test_a_saved_plan_comes_back_the_same(album, tmp_path):
    plan, _ = _planned(
        [album(90), album(40)], tasks=({"weight": 2.3}, {"limit": 9}), limit=150, splits={"validation": 0.2}
    )
    plan.save(tmp_path / "plan.arrow")
    loaded = Plan.load(tmp_path / "plan.arrow", 0, 150)
    assert loaded.counts == plan.counts
    assert loaded.shards(20) == plan.shards(20)
    assert [loaded.units(shard) for shard in loaded.shards(20)] == [plan.units(shard) for shard in plan.shards(20)]
    assert loaded.per_stream(4) == plan.per_stream(4)


def test_an_overall_limit_takes_the_mixture_as_it_is(album):
    index = album(1000)
    plan, _ = _planned([index], limit=100, splits={"validation": 0.2})
    whole, _ = _planned([index], splits={"validation": 0.2})
    assert len(plan) == 100
    assert plan.counts["validation"] == 100 * whole.counts["validation"] // 1000
    for split, units in _units(plan).items():
        assert units == _units(whole)[split][: len(units)]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 99, 100, 101])
def test_an_overall_limit_holds_exactly(album, limit):
    plan, _ = _planned([album(100)], limit=limit, splits={"validation": 0.2, "test": 0.2})
    assert len(plan) == min(limit, 100)


@given(st.dictionaries(st.sampled_from(SPLITS), st.integers(1, 90), min_size=1), st.integers(1, 200))
def test_a_capped_plan_never_asks_for_more_than_there_is(counts, limit):
    parts = {split: [_Rows(count)] for split, count in counts.items()}
    plan = Plan(parts, 0, limit)
    assert len(plan) == min(limit, sum(counts.values()))
    assert all(plan.counts.get(split, 0) <= count for split, count in counts.items())
    if limit >= len(counts):
        assert set(plan.counts) == set(counts)


class _Rows:
    """A part of a plan that is only long."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count
