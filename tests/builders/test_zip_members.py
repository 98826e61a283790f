"""Members of zip files against zipfile's own reading, by several workers, and hostile archives."""

from __future__ import annotations

import pickle
import struct
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.reading.zip_members import MOST_BYTES, ZipContents, lazy_member, read_member
from taskpaint.manifests.errors import BadItem

_FILES = {"a/first.txt": b"first" * 1000, "a/empty.txt": b"", "b/second.bin": bytes(range(256)) * 50}


@pytest.fixture(params=[zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "shard-00.zip"
    with zipfile.ZipFile(path, "w", request.param) as opened:
        for name, data in _FILES.items():
            opened.writestr(name, data)
    return path


def test_members_are_what_zipfile_reads(archive: Path):
    contents = ZipContents(archive)
    for name, data in _FILES.items():
        assert read_member(archive, name, contents.place(name)) == data == zipfile.ZipFile(archive).read(name)
    assert contents.place("nowhere.txt", "b/second.bin") == contents.place("b/second.bin")
    assert "a/first.txt" in contents and "nowhere.txt" not in contents


def test_an_archive_behind_other_bytes(archive: Path, tmp_path: Path):
    behind = tmp_path / "behind.zip"
    behind.write_bytes(b"#!/bin/sh\n" * 9 + archive.read_bytes())
    assert read_member(behind, "a/first.txt", ZipContents(behind).place("a/first.txt")) == _FILES["a/first.txt"]


def _read(lazy: bytes) -> bytes:
    data: bytes = pickle.loads(lazy).read()
    return data


def test_workers_read_at_random(archive: Path):
    contents = ZipContents(archive)
    names = [list(_FILES)[(7 * number) % 3] for number in range(60)]
    lazies = [pickle.dumps(lazy_member(archive, name, contents.place(name))) for name in names]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(_read, lazies)) == [_FILES[name] for name in names]


def test_names_that_lead_out_are_only_names(tmp_path: Path):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as opened:
        for name in ("../outside.txt", "/etc/absolute.txt", "good.txt"):
            opened.writestr(name, b"data")
    contents = ZipContents(path)
    assert read_member(path, "good.txt", contents.place("good.txt")) == b"data"
    with pytest.raises(BadItem, match=r"outside\.txt is missing in evil\.zip"):
        contents.place("outside.txt")
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["evil.zip"]  # nothing was written anywhere


def test_a_bomb_is_not_inflated(tmp_path: Path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("bomb", bytes(20 << 20))
    place = ZipContents(path).place("bomb")
    announced_small = [*place[:2], 100, *place[3:]]
    with pytest.raises(BadItem, match=r"bomb in bomb\.zip has 101 bytes, 100 were announced"):
        read_member(path, "bomb", announced_small)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", MOST_BYTES + 1)
    path.write_bytes(bytes(data))
    with pytest.raises(BadItem, match=f"is said to have {MOST_BYTES + 1} bytes; the limit is {MOST_BYTES}"):
        ZipContents(path).place("bomb")


@pytest.mark.parametrize(
    ("offset", "value", "says"),
    [
        (8, struct.pack("<H", 1), "is encrypted; unpack the archive"),
        (10, struct.pack("<H", 12), "is packed with method 12; stored and deflate can be read"),
        (38, struct.pack("<I", 0o120777 << 16), "is a link, which is refused"),
    ],
)
def test_members_that_are_refused(tmp_path: Path, offset: int, value: bytes, says: str):
    path = tmp_path / "one.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("one", b"data")
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + offset
    data[at : at + len(value)] = value
    path.write_bytes(bytes(data))
    with pytest.raises(BadItem, match=f"one in one.zip {says}"):
        ZipContents(path).place("one")


def test_damage_is_noticed(archive: Path):
    contents = ZipContents(archive)
    place = contents.place("a/first.txt")
    data = bytearray(archive.read_bytes())
    data[place[0] + 60] ^= 0xFF
    archive.write_bytes(bytes(data))
    with pytest.raises(BadItem, match=r"a/first\.txt in shard-00\.zip (is damaged|has \d+ bytes)"):
        read_member(archive, "a/first.txt", place)
    archive.write_bytes(b"")
    with pytest.raises(BadItem, match="is not where the table of contents says"):
        read_member(archive, "a/first.txt", place)
    archive.unlink()
    for read in (lambda: read_member(archive, "a/first.txt", place), lambda: ZipContents(archive)):
        with pytest.raises(BadItem, match=r"shard-00\.zip is missing"):
            read()


def test_cut_off_archives_and_other_files(archive: Path):
    whole = archive.read_bytes()
    for data in (b"", b"no zip", whole[: len(whole) // 2], whole[:-10]):
        archive.write_bytes(data)
        with pytest.raises(BadItem, match=r"shard-00\.zip is no whole zip file .* download it again"):
            ZipContents(archive)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_mangled_archives_give_the_right_bytes_or_bad_items(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    path = tmp_path_factory.mktemp("zip") / "mangled.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("one", b"some text " * 20)
        opened.writestr("two", b"other text " * 20)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(len(content) - 30, len(content)))]))
    try:
        place = ZipContents(path).place("one")
        found = read_member(path, "one", place)
    except BadItem:
        return
    assert len(found) == place[2] and zlib.crc32(found) == place[4]
