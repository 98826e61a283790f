"""URLs and paths: which is which, and no secret gets in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.manifests.errors import UsageError
from taskpaint.manifests.storage.url import is_url, local_folder, place, refuse_url, under, was_url

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
SECRETS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=9, max_size=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("out", Path("out")),
        ("/data/out", Path("/data/out")),
        ("C:/data", Path("C:/data")),
        ("odd:name/x", Path("odd:name/x")),
        ("file:///data/out", Path("/data/out")),
        ("file:///a%20b", Path("/a b")),
        ("FILE://localhost/data", Path("/data")),
        ("s3://bucket/name", "s3://bucket/name"),
        ("s3://bucket/name//", "s3://bucket/name"),
        ("S3://Bucket/Name", "s3://Bucket/Name"),
        ("hf://datasets/user/name@main", "hf://datasets/user/name@main"),
        ("abfs://box@account.dfs.core.windows.net/x", "abfs://box@account.dfs.core.windows.net/x"),
        ("memory://x", "memory://x"),
    ],
)
def test_places(text, expected):
    assert place(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("s3://", "names no bucket"),
        ("file://server/data", "three slashes"),
        ("s3://bucket/a?versionId=1", "query"),
        ("s3://bucket/a#part", "fragment"),
        ("s3://bucket/../other", r"\.\."),
        ("s3://[bucket", "is no URL"),
    ],
)
def test_urls_that_are_refused(text, complaint):
    with pytest.raises(UsageError, match=complaint):
        place(text)


@given(NAMES, SECRETS, NAMES)
def test_a_password_is_refused_and_not_repeated(user, secret, bucket):
    for text in (
        f"s3://{user}:{secret}@{bucket}/x",
        f"abfs://{user}:{secret}@{bucket}/x",
        f"sftp://{user}:{secret}@h/x",
    ):
        with pytest.raises(UsageError) as caught:
            place(text)
        assert secret not in str(caught.value)


@given(NAMES, NAMES)
def test_a_url_that_became_a_path_is_recognized(bucket, name):
    path = Path(f"s3://{bucket}/{name}")
    assert was_url(path) and not was_url(Path(f"{bucket}/{name}")) and not was_url(Path(f"/{bucket}:/{name}"))
    with pytest.raises(UsageError, match=f"s3://{bucket}/{name}: no"):
        refuse_url(path, "no")


def test_names_below_a_place():
    assert under(Path("/data"), "coco") == Path("/data/coco")
    assert under("s3://b/data", "coco") == "s3://b/data/coco"
    assert under("s3://b/data", "./coco/") == "s3://b/data/coco"
    assert under("s3://b/data", "") == "s3://b/data"
    assert under(Path("/data"), "s3://b/coco") == "s3://b/coco"
    assert under("s3://b/data", "/coco") == Path("/coco")


def test_each_url_has_a_folder_of_its_own(tmp_path):
    urls = ["s3://b/x", "s3://c/x", "gs://b/x", "s3://b/x y", "s3://b/.."]
    folders = {local_folder("spool", url) for url in urls}
    assert len(folders) == len(urls)
    assert all(folder.parent == tmp_path / "cache/spool" and folder.name.strip(".") for folder in folders)
    assert local_folder("spool", "s3://b/x", tmp_path).parent == tmp_path


def test_only_text_is_a_url():
    assert is_url("s3://b") and not is_url(Path("s3://b")) and not is_url("s3:/b") and not is_url("C://b")
