"""The hash is that of the file, whatever the pieces; a write that the system cuts short is no success."""

from __future__ import annotations

import errno
import hashlib
import resource
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.writers.hashed_file import HashedFile


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_it_hashes_what_is_written(pieces):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a"
        with HashedFile(file) as opened:
            assert [opened.write(piece) for piece in pieces] == [len(piece) for piece in pieces]
            found = opened.sha256()
        assert file.read_bytes() == b"".join(pieces)
        assert found == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_bytes_of_other_libraries(tmp_path):
    numbers = pa.py_buffer(memoryview(bytes(range(8))).cast("I"))
    with HashedFile(tmp_path / "a") as opened:
        assert opened.write(numbers) == 8
        assert opened.sha256() == hashlib.sha256(bytes(range(8))).hexdigest()


def test_a_write_that_is_cut_short_goes_on_until_it_fails(tmp_path):
    """Under a limit the system takes what fits, says so, and refuses only the next write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with HashedFile(tmp_path / "a") as opened:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
        try:
            with pytest.raises(OSError, match="File too large") as fault:
                opened.write(bytes(8000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert fault.value.errno == errno.EFBIG and (tmp_path / "a").stat().st_size == 5000


def test_an_old_file_is_written_anew(tmp_path):
    (tmp_path / "a").write_bytes(b"something longer")
    with HashedFile(tmp_path / "a") as opened:
        opened.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
