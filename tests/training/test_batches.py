"""Which rows make which batch."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.manifests.errors import DatasetFolderError, UsageError
from taskpaint.training.batches import BatchOrder, bucket_sizes, nearest_bucket
from taskpaint.training.catalogue import Catalogue


@pytest.fixture
def catalogue(dataset):
    return Catalogue.open(dataset, "train")


def test_buckets_have_one_area_and_sides_that_fit():
    assert bucket_sizes(512, 64, "square") == ((512, 512),)
    found = bucket_sizes(512, 64, "buckets")
    assert {(512, 512), (576, 448), (448, 576), (704, 384)} <= set(found)  # 512 * sqrt(4/3) = 591, 443; 16:9: 683, 384
    with pytest.raises(UsageError, match="resolution 32 is too small for this model; give at least 64"):
        bucket_sizes(32, 64, "buckets")


@given(st.integers(64, 1024), st.sampled_from([4, 8, 64]))
def test_buckets_are_near_the_area_that_was_asked_for(resolution, multiple):
    for width, height in bucket_sizes(resolution, multiple, "buckets"):
        assert width % multiple == height % multiple == 0
        assert abs(width - resolution * (width / height) ** 0.5) <= multiple


def test_a_picture_goes_to_the_nearest_shape():
    buckets = ((32, 64), (64, 64), (64, 32))
    sizes = np.array([[640, 480], [100, 300], [500, 200]], np.int32)
    assert nearest_bucket(sizes, buckets).tolist() == [1, 0, 2]


def test_an_epoch_shows_every_row_and_fills_the_last_batch(catalogue, settings_for, tmp_path):
    order = BatchOrder(catalogue, settings_for(tmp_path, batch_size=7), 4)
    batches = order.epoch(0)
    shown = Counter(row for batch in batches for row in batch.rows)
    assert set(shown) == set(range(len(catalogue)))
    assert {len(batch.rows) for batch in batches} == {7}
    assert sum(shown.values()) - len(shown) < 7
    assert [batch.rows for batch in batches] != [batch.rows for batch in order.epoch(1)]
    assert batches == BatchOrder(catalogue, settings_for(tmp_path, batch_size=7), 4).epoch(0)


def test_weights_say_how_often_a_task_is_shown(catalogue, settings_for, tmp_path):
    weights = {"segmentation": 2.0, "classification": 0.5}
    order = BatchOrder(catalogue, settings_for(tmp_path, batch_size=1, weights=weights), 4)
    shown = Counter(catalogue.tasks[catalogue.task_of[row]] for batch in order.epoch(3) for row in batch.rows)
    there = Counter(catalogue.tasks[number] for number in catalogue.task_of)
    assert shown["segmentation"] == 2 * there["segmentation"]
    assert shown["classification"] == round(0.5 * there["classification"])
    assert shown["detection"] == there["detection"]


def test_processes_share_the_batches_and_a_late_start_skips_what_is_done(catalogue, settings_for, tmp_path):
    order = BatchOrder(catalogue, settings_for(tmp_path, batch_size=3), 4)
    alone = list(itertools.islice(order.batches(0, 1, 0), 60))  # several epochs
    shared = [list(itertools.islice(order.batches(rank, 3, 0), 20)) for rank in range(3)]
    assert [batch for three in zip(*shared, strict=True) for batch in three] == alone
    assert list(itertools.islice(order.batches(1, 3, 13), 7)) == shared[1][13:]


def test_a_file_that_is_no_shard_is_named(own_dataset):
    file = sorted((own_dataset / "data").glob("train-*.parquet"))[0]
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DatasetFolderError, match=rf"{file.name} cannot be read"):
        Catalogue.open(own_dataset, "train")
