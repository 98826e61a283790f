"""taskpaint.load from a store: the rows of a local load, read in ranges, in workers too; others read it as well."""

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import taskpaint
from fsspec.core import url_to_fs
from taskpaint.engines.build import BuildOptions, build
from taskpaint.manifests.errors import DatasetFolderError, StorageError, UsageError
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.manifests.storage.store import Store
from torch.utils.data import DataLoader

TEXT = """
sources: [{source: coco, path: coco, split: train2017}]
tasks: [{task: segmentation}, {task: detection}]
output: {rows_per_shard: 8}
"""


@pytest.fixture
def built(tiny_coco, bucket, tmp_path):
    """The same dataset in a folder and in the store."""
    url = f"s3://{bucket}/mine"
    for out in (tmp_path / "local", url):
        build([parse_recipe(TEXT)], out, BuildOptions(root=tmp_path, workers=1))
    return tmp_path / "local", url


def keys(rows):
    return [(row["id"], row["edit_prompt"], np.asarray(row["edited_image"]).tobytes()) for row in rows]


def test_rows_are_those_of_a_local_load_and_nothing_is_kept(built, tmp_path):
    local, url = built
    for how in ({"stream": False}, {"seed": 3}, {"tasks": ["detection"]}, {"weights": {"detection": 0.5}}):
        assert keys(taskpaint.load(url, images="numpy", **how)) == keys(taskpaint.load(local, images="numpy", **how))
    assert not list((tmp_path / "cache").rglob("*.parquet"))


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_read_for_themselves(built, start):
    local, url = built
    rows = taskpaint.load(url, images="bytes", seed=1)
    context = {"num_workers": 2, "batch_size": None, "multiprocessing_context": start}
    found = sorted(row["id"] for row in DataLoader(rows, **context))
    assert found == sorted(row["id"] for row in taskpaint.load(local, images="bytes")) and len(found) == 24


def test_the_libraries_of_others_read_it(built):
    local, url = built
    fs, path = url_to_fs(url)
    expected = pq.read_table(local / "data").to_pylist()
    assert pq.read_table(f"{path}/data", filesystem=fs).to_pylist() == expected
    loaded = datasets.load_dataset("parquet", data_files=f"{url}/data/train-*.parquet", split="train", streaming=True)
    assert [row["id"] for row in loaded] == [row["id"] for row in expected]


def test_mistakes_are_one_sentence(built, bucket):
    _, url = built
    with pytest.raises(UsageError, match=f"{url} has no split 'test'; it has train"):
        taskpaint.load(url, "test")
    with pytest.raises(DatasetFolderError, match=f"s3://{bucket}/none/manifest.json is missing"):
        taskpaint.load(f"s3://{bucket}/none")
    with pytest.raises(StorageError, match="there is no such bucket"):
        taskpaint.load("s3://no-such-bucket/x")
    rows = taskpaint.load(url, stream=False)
    name = min(Store(url).find("data"))
    Store(url).remove(name)
    with pytest.raises(DatasetFolderError, match=f"{url}/{name} cannot be read"):
        rows[0]
    Store(url).write(name, b"PAR1 is no shard PAR1")
    with pytest.raises(DatasetFolderError, match=rf"{url}/{name} cannot be read: .*run taskpaint verify {url}"):
        taskpaint.load(url)
