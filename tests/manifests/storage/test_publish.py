"""A folder put into a store: the manifest last, what is there not again, what has gone removed."""

import pytest
from taskpaint.manifests.errors import ResumeError
from taskpaint.manifests.storage.publish import published
from taskpaint.manifests.storage.store import Store


def contents(url):
    store = Store(url)
    return {name: store.read(name) for name in store.find() if not name.startswith(".taskpaint/")}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_files_then_the_manifest(bucket, monkeypatch):
    url, sent = f"s3://{bucket}/x", []
    plain = Store.upload
    monkeypatch.setattr(Store, "upload", lambda self, file, name: (sent.append(name), plain(self, file, name))[1])
    with published(url) as folder:
        write(folder, {"data/b": "2", "data/a": "1", "manifest.json": "{}", "z": "9", ".taskpaint/run.json": "{}"})
        assert contents(url) == {}
    assert contents(url) == {"data/a": b"1", "data/b": b"2", "manifest.json": b"{}", "z": b"9"}
    assert sent[-1] == "manifest.json" and len(sent) == 4 and not folder.exists()
    sent.clear()
    with published(url) as folder:
        write(folder, {"data/b": "2", "data/c": "3", "manifest.json": "{}"})
    assert contents(url) == {"data/b": b"2", "data/c": b"3", "manifest.json": b"{}"}
    assert sent == ["data/c", "manifest.json"]


def test_nobody_takes_half_of_it_for_the_whole(bucket, monkeypatch):
    url = f"s3://{bucket}/x"
    with published(url) as folder:
        write(folder, {"data/a": "1", "manifest.json": "old"})
    plain = Store.upload

    def stopped(self, file, name):
        if name == "data/b":
            raise KeyboardInterrupt
        plain(self, file, name)

    monkeypatch.setattr(Store, "upload", stopped)
    with pytest.raises(KeyboardInterrupt), published(url) as folder:
        write(folder, {"data/b": "2", "manifest.json": "new"})
    assert "manifest.json" not in contents(url) and (folder / "data/b").exists()
    monkeypatch.undo()


def test_an_error_inside_sends_nothing_and_keeps_the_folder(bucket):
    url = f"s3://{bucket}/x"
    with pytest.raises(RuntimeError), published(url) as folder:
        write(folder, {"a": "1"})
        raise RuntimeError
    assert contents(url) == {} and (folder / "a").exists()
    with published(url) as folder:
        assert (folder / "a").read_text() == "1"
    assert contents(url) == {"a": b"1"}


def test_foreign_objects_are_refused(bucket):
    url = f"s3://{bucket}/x"
    Store(url).write("holiday.jpg", b"x")
    with pytest.raises(ResumeError, match=r"is not empty \(holiday.jpg …\) and was not written by this command"):
        published(url).__enter__()
    Store(url).remove("holiday.jpg")
    Store(url).write(".taskpaint/run.json", b"{}")
    with pytest.raises(ResumeError, match="is not empty"):
        published(url).__enter__()
