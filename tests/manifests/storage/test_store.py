"""A store behind a URL: whole objects, plain complaints, patience with the network."""

import errno
import json
import pickle
import threading
import time
import uuid

import pytest
from fsspec.implementations.local import LocalFileSystem
from taskpaint.manifests.errors import StorageError, UsageError
from taskpaint.manifests.storage import patience
from taskpaint.manifests.storage.store import Store


@pytest.fixture(params=["memory", "s3"])
def store(request):
    """A new folder in memory, and one on the S3 server."""
    if request.param == "memory":
        return Store(f"memory://{uuid.uuid4().hex}/x")
    return Store(f"s3://{request.getfixturevalue('bucket')}/x")


def test_objects_go_in_and_come_out(store, tmp_path):
    assert store.find() == {} and store.names() == [] and store.read("a") is None and store.info("a") is None
    store.write("a", b"one")
    store.write("b/c.txt", b"two")
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 4096)
    store.upload(file, "b/d")
    assert {name: found.size for name, found in store.find().items()} == {"a": 3, "b/c.txt": 3, "b/d": 1 << 20}
    assert set(store.find("b")) == {"b/c.txt", "b/d"}
    assert store.names() == ["a", "b"]
    assert store.read_many(["a", "none", "b/c.txt"]) == {"a": b"one", "b/c.txt": b"two"}
    assert store.read_many(["a"]) == {"a": b"one"} and store.read_many(["none"]) == {} and store.read_many([]) == {}
    store.download("b/d", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()
    store.remove("a")
    store.remove("a")
    store.remove_all(["b/c.txt", "b/d"])
    assert store.find() == {}


def test_a_stamp_changes_with_the_content(store):
    store.write("a", b"one")
    before = store.find()["a"]
    time.sleep(0.01)
    store.write("a", b"two")
    assert store.find()["a"] != before


def test_a_range_file_reads_what_is_asked_for(store):
    data = bytes(range(256)) * 10
    store.write("a", data)
    with store.open("a") as opened:
        assert opened.read(10) == data[:10]
        assert opened.seek(-5, 2) == 2555 and opened.read() == data[-5:] and opened.read(1) == b""
        opened.seek(100)
        opened.seek(20, 1)
        assert opened.tell() == 120 and opened.read(3) == data[120:123]
    with pytest.raises(FileNotFoundError):
        store.open("none")


def test_a_missing_object_leaves_no_file(store, tmp_path):
    with pytest.raises(FileNotFoundError):
        store.download("none", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == [] or [file.name for file in tmp_path.iterdir()] == ["cache"]


def test_of_many_who_create_one_wins(store):
    won = []

    def attempt(text):
        if store.create("a", text):
            won.append(text)

    threads = [threading.Thread(target=attempt, args=(str(number).encode(),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if store.protocol == "s3":  # fsspec's memory looks first and writes then
        assert len(won) == 1
    assert store.read("a") in won
    assert not store.create("a", b"late") and store.create("a", store.read("a"))


def test_it_can_be_sent_to_another_process(bucket):
    store = pickle.loads(pickle.dumps(Store(f"s3://{bucket}/x", 7.0)))
    store.write("a", b"one")
    assert (store.url, store.patience_seconds, store.read("a")) == (f"s3://{bucket}/x", 7.0, b"one")


def test_a_missing_bucket_is_one_sentence(bucket):
    for act in (lambda s: s.find(), lambda s: s.write("a", b""), lambda s: s.create("a", b""), lambda s: s.names()):
        with pytest.raises(StorageError, match=r"^s3://no-such-bucket/x: there is no such bucket; make it"):
            act(Store("s3://no-such-bucket/x"))


def test_no_credentials_is_one_sentence(bucket, monkeypatch, tmp_path):
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(StorageError, match=r"^s3://.*/x/a: no valid credentials were found .*log in"):
            Store(f"s3://{bucket}/x").write("a", b"one")
    finally:
        s3fs.S3FileSystem.clear_instance_cache()


def test_wrong_and_read_only_credentials_are_one_sentence(bucket, store_server, monkeypatch):
    import boto3
    import s3fs

    Store(f"s3://{bucket}/x").write("a", b"one")
    iam = boto3.client("iam", endpoint_url=store_server.url)
    user = f"reader-{bucket}"
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    statement = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=user, PolicyName="read", PolicyDocument=policy)
    store_server.post("reset-auth", "0")  # from now on the server looks at keys
    try:
        s3fs.S3FileSystem.clear_instance_cache()
        with pytest.raises(StorageError, match=r"^s3://.*/x: the store refuses .*are the credentials valid") as caught:
            Store(f"s3://{bucket}/x").find()
        assert "secret-of-a-test" not in str(caught.value) and "key-of-a-test" not in str(caught.value)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        s3fs.S3FileSystem.clear_instance_cache()
        assert Store(f"s3://{bucket}/x").read("a") == b"one"
        with pytest.raises(StorageError, match=r"^s3://.*/x/b: the store refuses .*may they read and write"):
            Store(f"s3://{bucket}/x").write("b", b"two")
    finally:
        store_server.post("reset-auth", "Infinity")
        s3fs.S3FileSystem.clear_instance_cache()


def test_a_server_that_comes_back_is_waited_for(bucket, store_server, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    store = Store(f"s3://{bucket}/x")
    store.write("a", b"one")
    store_server.stop()
    back = threading.Timer(2.0, store_server.start)
    back.start()
    started = time.monotonic()
    try:
        assert store.read("a") == b"one"
    finally:
        back.join()
    assert time.monotonic() - started > 1.0


def test_a_server_that_stays_away_is_one_sentence(bucket, store_server):
    store = Store(f"s3://{bucket}/x", patience_seconds=0.1)
    store_server.stop()
    try:
        with pytest.raises(StorageError, match=r"^s3://.*/x cannot be reached: .*run the same command again"):
            store.read("a")
    finally:
        store_server.start()


def test_failures_of_the_network_are_tried_again_and_others_are_not(monkeypatch):
    waits = []
    monkeypatch.setattr(patience.time, "sleep", waits.append)
    store, calls = Store("memory://x"), []

    def flaky():
        calls.append(1)
        if len(calls) < 4:
            raise OSError(errno.EIO, "connection reset")
        return "done"

    assert store.call(flaky, "a") == "done" and len(calls) == 4
    assert [0.4 <= waits[0] <= 0.6, 0.8 <= waits[1] <= 1.2, 1.6 <= waits[2] <= 2.4] == [True] * 3
    for fault in (ValueError("bad"), TypeError("bad"), KeyError("bad")):
        with pytest.raises(type(fault)):
            store.call(lambda fault=fault: (_ for _ in ()).throw(fault), "a")
    with pytest.raises(StorageError, match=r"the store refuses: .*Invalid bucket"):
        store.call(lambda: (_ for _ in ()).throw(OSError(errno.EINVAL, "Invalid bucket")), "a")
    assert len(waits) == 3


def test_protocols(monkeypatch):
    with pytest.raises(UsageError, match="nothing is known of wat://"):
        Store("wat://a/b")
    with pytest.raises(UsageError, match="pip install gcsfs"):
        monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
        Store("gs://a/b")
    with pytest.raises(UsageError, match="http can only be read"):
        Store("http://localhost/x").check_writable()


def test_a_store_that_writes_in_pieces_shows_whole_objects_only(tmp_path, monkeypatch):
    """A file system stands for sftp and the like: it has no uploads that appear whole, but it can rename."""
    store = Store("memory://x")
    store.protocol, store._opened, store._root = "sftp", LocalFileSystem(), str(tmp_path / "there")
    seen = []
    plain = LocalFileSystem.pipe_file

    def watched(self, path, value, **options):
        plain(self, path, value[: len(value) // 2], **options)
        seen.append(store.read("folder/a"))
        plain(self, path, value, **options)

    monkeypatch.setattr(LocalFileSystem, "pipe_file", watched)
    store.write("folder/a", b"whole")
    assert seen == [None] and store.read("folder/a") == b"whole"
    assert [file.name for file in (tmp_path / "there/folder").iterdir()] == ["a"]
