"""A dataset in a store, fetched: what is there stays, what changed comes anew, what does not fit is told."""

import hashlib
import json

import pytest
from taskpaint.manifests.errors import DatasetFolderError, FolderBusyError, OutputError
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.storage import dataset as module
from taskpaint.manifests.storage.dataset import RemoteDataset, open_dataset
from taskpaint.manifests.storage.store import Store

SHARDS = {"train-00000-of-00002": b"first shard", "train-00001-of-00002": b"second"}


def publish(url, shards):
    store = Store(url)
    listed = [
        {"name": name, "rows": 1, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in shards.items()
    ]
    for name, data in shards.items():
        store.write(f"data/{name}.parquet", data)
    store.write("README.md", b"card")
    store.write("scores/scores.json", b"{}")
    store.write("manifest.json", json.dumps({"splits": {"train": 2}, "shards": listed}).encode())


@pytest.fixture
def url(bucket):
    """A published dataset of two shards that are no Parquet files."""
    publish(f"s3://{bucket}/mine", SHARDS)
    return f"s3://{bucket}/mine"


def test_everything_comes_once(url, monkeypatch):
    fetched, told = [], []
    plain = Store.download
    monkeypatch.setattr(Store, "download", lambda self, name, file: (fetched.append(name), plain(self, name, file))[1])
    folder = open_dataset(url)
    assert isinstance(folder, RemoteDataset) and folder.place == url and not folder.shard_file(min(SHARDS)).exists()
    folder.fetch(told.append)
    assert {file.stem: file.read_bytes() for file in DatasetFolder(folder.root).shards()} == SHARDS
    assert (folder.root / "README.md").read_bytes() == b"card" and (folder.root / "scores/scores.json").exists()
    assert sum(told) == 17 and len(fetched) == 4
    fetched.clear()
    RemoteDataset.open(url).fetch(told.append)
    assert fetched == [] and sum(told) == 34


def test_what_changed_comes_anew(url):
    folder = RemoteDataset.open(url)
    folder.fetch()
    publish(url, {"train-00000-of-00002": SHARDS["train-00000-of-00002"], "train-00001-of-00002": b"SECOND"})
    Store(url).write("README.md", b"CARD")
    Store(url).remove("scores/scores.json")
    folder = RemoteDataset.open(url)
    folder.fetch()
    assert folder.shard_file("train-00001-of-00002").read_bytes() == b"SECOND"
    assert (folder.root / "README.md").read_bytes() == b"CARD" and not (folder.root / "scores/scores.json").exists()
    publish(url, {"train-00000-of-00001": b"alone"})
    RemoteDataset.open(url).fetch()
    assert [file.stem for file in DatasetFolder(folder.root).shards()] == ["train-00000-of-00001"]


def test_shards_that_do_not_fit_are_told(url, monkeypatch):
    Store(url).write("data/train-00001-of-00002.parquet", b"SECOND")
    with pytest.raises(DatasetFolderError, match=f"^{url}/data/train-00001-of-00002.parquet is not the shard that"):
        RemoteDataset.open(url).fetch()
    Store(url).remove("data/train-00001-of-00002.parquet")
    with pytest.raises(DatasetFolderError, match=r"train-00001-of-00002.parquet is missing, though .*taskpaint verify"):
        RemoteDataset.open(url).fetch()
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 3})())
    with pytest.raises(OutputError, match="set TASKPAINT_CACHE to a folder with more room"):
        RemoteDataset.open(url).fetch()


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"shards": 3},
        {"shards": [{"name": "a"}]},
        {"shards": [{"name": "../../escaped", "bytes": 1, "sha256": ""}]},
    ],
)
def test_manifests_that_do_not_hold(url, manifest, tmp_path):
    Store(url).write("manifest.json", json.dumps(manifest).encode())
    with pytest.raises(DatasetFolderError, match=f"^{url}/manifest.json"):
        RemoteDataset.open(url).fetch()
    assert not list(tmp_path.rglob("escaped*"))


def test_what_a_command_changes_is_put_there(url):
    folder = RemoteDataset.open(url)
    with folder.changing():
        (folder.root / "README.md").write_bytes(b"new card")
        (folder.root / "scores/train-00000-of-00002.parquet").write_bytes(b"scores")
        (folder.root / "scores/scores.json").unlink()
        with pytest.raises(FolderBusyError, match="on this machine"), RemoteDataset.open(url).changing():
            pass
    there = Store(url)
    assert there.read("README.md") == b"new card" and there.read("scores/scores.json") is None
    assert there.read("scores/train-00000-of-00002.parquet") == b"scores" and there.find(".taskpaint") == {}
    with pytest.raises(RuntimeError), folder.changing():
        (folder.root / "README.md").write_bytes(b"never sent")
        raise RuntimeError
    assert there.read("README.md") == b"new card"
    folder.fetch()
    assert (folder.root / "README.md").read_bytes() == b"new card"


def test_a_shard_for_a_moment(url):
    folder = RemoteDataset.open(url)
    with folder.borrowed("train-00001-of-00002") as file:
        assert (file.stem, file.read_bytes()) == ("train-00001-of-00002", b"second")
    assert not file.exists() and not list(folder.root.glob(".borrowed*"))
    with pytest.raises(FileNotFoundError), folder.borrowed("none"):
        pass
