"""Tables of a dataset folder, counted by hand."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from taskpaint.manifests.errors import DatasetFolderError
from taskpaint.manifests.triplet import Triplet
from taskpaint.writers.shards import write_shard
from taskpaint.writers.stats import dataset_stats

JPEG = b"\xff\xd8\xff" + bytes(1000)


def _triplet(number, **changes):
    fields = {
        "id": f"row-{number}",
        "input_image": JPEG,
        "edited_image": JPEG[:500],
        "edit_prompt": "Paint the dog red",
        "task": "segmentation",
        "template_id": "segmentation-1",
        "params": "{}",
        "annotation": "{}",
        "source_dataset": "coco",
        "source_split": "val2017",
        "source_id": str(number),
        "image_key": f"coco/{number}",
        "license": "",
        "width": 8,
        "height": 6,
    }
    return Triplet(**{**fields, **changes})


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_by_hand(tmp_path, data):
    depth = {"task": "depth", "template_id": "depth-3", "edit_prompt": "Depth, please", "width": 20, "height": 30}
    write_shard(data / "train-00000-of-00002.parquet", [_triplet(1), _triplet(2, edit_prompt="Paint it")], 8)
    write_shard(data / "train-00001-of-00002.parquet", [_triplet(3, template_id="segmentation-2")], 8)
    write_shard(data / "validation-00000-of-00001.parquet", [_triplet(1, **depth, source_dataset="nyu")], 8)
    stats = dataset_stats(tmp_path)
    assert stats["rows"] == 4
    assert stats["bytes"] == sum(file.stat().st_size for file in data.iterdir())
    assert stats["splits"] == {"train": 3, "validation": 1}
    assert stats["sizes"] == {"min_width": 8, "max_width": 20, "min_height": 6, "max_height": 30}
    assert stats["tasks"] == [
        {
            "task": "depth",
            "rows": 1,
            "photographs": 1,
            "templates": 1,
            "distinct_instructions": 1,
            "mean_words": 2.0,
            "most_words": 2,
        },
        {
            "task": "segmentation",
            "rows": 3,
            "photographs": 3,
            "templates": 2,
            "distinct_instructions": 2,
            "mean_words": 3.3,
            "most_words": 4,
        },
    ]
    assert stats["sources"] == [
        {"source_dataset": "coco", "source_split": "val2017", "task": "segmentation", "rows": 3},
        {"source_dataset": "nyu", "source_split": "val2017", "task": "depth", "rows": 1},
    ]
    # stored as they are: four images a column, and a few bytes of lengths and page headers for each
    assert 4 * 1003 <= stats["image_bytes"]["input_image"] <= 4 * 1003 + 600
    assert 4 * 500 <= stats["image_bytes"]["edited_image"] <= 4 * 500 + 600


def test_a_split_of_which_nothing_was_built(tmp_path, data):
    write_shard(data / "train-00000-of-00001.parquet", [_triplet(1)], 8)
    write_shard(data / "validation-00000-of-00001.parquet", [], 8)
    assert dataset_stats(tmp_path)["splits"] == {"train": 1}


def test_a_dataset_of_which_nothing_was_built(tmp_path, data):
    write_shard(data / "train-00000-of-00001.parquet", [], 8)
    stats = dataset_stats(tmp_path)
    assert (stats["rows"], stats["tasks"], stats["sources"]) == (0, [], [])
    assert set(stats["sizes"].values()) == {0}


def test_what_is_no_dataset(tmp_path, data):
    with pytest.raises(DatasetFolderError, match=r"holds no data/\*\.parquet"):
        dataset_stats(tmp_path)
    (data / "train-00000-of-00001.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DatasetFolderError, match=r"train-00000-of-00001\.parquet cannot be read"):
        dataset_stats(tmp_path)
    pq.write_table(pa.table({"text": ["a"]}), data / "train-00000-of-00001.parquet")
    with pytest.raises(DatasetFolderError, match=r"train-00000-of-00001\.parquet cannot be read"):
        dataset_stats(tmp_path)
