"""Sources in a store as folders: names at once, content when it is needed, changes noticed."""

import multiprocessing
import uuid
from pathlib import Path

import pytest
from taskpaint.builders.sample import FileBytes
from taskpaint.manifests.errors import BadItem, SourceLayoutError, StorageError
from taskpaint.manifests.storage.mirror import fill, open_mirror
from taskpaint.manifests.storage.store import Store


@pytest.fixture(params=["memory", "s3"])
def store(request):
    """A source in memory, and one on the S3 server."""
    url = f"memory://{uuid.uuid4().hex}/coco"
    if request.param == "s3":
        url = f"s3://{request.getfixturevalue('bucket')}/coco"
    store = Store(url)
    store.write("labels/a.json", b"{}")
    store.write("pictures/a.JPG", b"picture a")
    store.write("pictures/b.png", b"picture b")
    store.write("empty.png", b"")
    return store


def sizes(folder):
    return {file.relative_to(folder).as_posix(): file.stat().st_size for file in folder.rglob("*") if file.is_file()}


def test_names_are_there_at_once_and_content_when_it_is_needed(store):
    told = []
    folder = open_mirror(store.url, lambda done, total: told.append((done, total)))
    assert folder.name == "coco"
    assert sizes(folder) == {"labels/a.json": 2, "pictures/a.JPG": 0, "pictures/b.png": 0, "empty.png": 0}
    assert told[-1] == (2, 2)
    assert FileBytes(folder / "pictures/a.JPG").read() == b"picture a"
    assert sizes(folder)["pictures/a.JPG"] == 9 and sizes(folder)["pictures/b.png"] == 0
    assert FileBytes(folder / "empty.png").read() == b""
    with pytest.raises(BadItem, match="missing"):
        FileBytes(folder / "pictures/none.png").read()
    fill([folder, folder / "pictures/b.png", folder / "labels/a.json", Path("/elsewhere")])
    assert (folder / "pictures/b.png").read_bytes() == b"picture b"
    assert sizes(folder.parent / "parts") == {}


def test_what_changed_is_fetched_anew_and_the_rest_is_kept(store):
    folder = open_mirror(store.url)
    fill(folder / name for name in ("pictures/a.JPG", "pictures/b.png"))
    kept = (folder / "pictures/b.png").stat().st_mtime_ns
    store.write("pictures/a.JPG", b"PICTURE A")  # of the same size
    store.write("labels/a.json", b"[1]")
    store.write("new/c.txt", b"new")
    store.remove("empty.png")
    assert open_mirror(store.url) == folder
    assert sizes(folder) == {"labels/a.json": 3, "pictures/a.JPG": 0, "pictures/b.png": 9, "new/c.txt": 3}
    assert FileBytes(folder / "pictures/a.JPG").read() == b"PICTURE A"
    assert (folder / "pictures/b.png").stat().st_mtime_ns == kept
    store.remove("new/c.txt")
    open_mirror(store.url)
    assert not (folder / "new").exists()


def test_a_file_that_changes_under_a_build_stops_it(store):
    folder = open_mirror(store.url)
    store.write("pictures/a.JPG", b"another picture")
    with pytest.raises(StorageError, match=r"pictures/a.JPG has 15 bytes and was listed with 9; it changed meanwhile"):
        FileBytes(folder / "pictures/a.JPG").read()
    store.remove("pictures/b.png")
    with pytest.raises(StorageError, match=r"pictures/b.png was removed after it was listed"):
        FileBytes(folder / "pictures/b.png").read()
    assert sizes(folder)["pictures/a.JPG"] == 0 and sizes(folder.parent / "parts") == {}


def test_names_that_climb_out_or_clash_are_left_out(bucket, store_server):
    import boto3

    client = boto3.client("s3", endpoint_url=store_server.url)
    for name in ("a/../../out.txt", "a/./b.txt", "c", "c/d.txt", "e//f.txt", "good.txt"):
        client.put_object(Bucket=bucket, Key=f"coco/{name}", Body=b"x")
    folder = open_mirror(f"s3://{bucket}/coco")
    assert sizes(folder) == {"c/d.txt": 1, "good.txt": 1}
    assert not (folder.parent / "out.txt").exists() and not (folder.parents[1] / "out.txt").exists()


def test_nothing_there_is_one_sentence():
    url = f"memory://{uuid.uuid4().hex}/none"
    with pytest.raises(SourceLayoutError, match=f"^{url} holds nothing; is the URL right"):
        open_mirror(url)


def test_an_empty_local_file_stays_what_it_is(tmp_path):
    (tmp_path / "empty.png").touch()
    assert FileBytes(tmp_path / "empty.png").read() == b""


def _read(path):
    return FileBytes(path).read()


def test_many_processes_fetch_one_file(bucket):
    store = Store(f"s3://{bucket}/coco")
    store.write("a.png", bytes(range(256)) * 4096)
    folder = open_mirror(store.url)
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.map(_read, [folder / "a.png"] * 8)
    assert set(found) == {bytes(range(256)) * 4096}
    assert sizes(folder) == {"a.png": 1 << 20}
