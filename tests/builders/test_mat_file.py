"""MATLAB files: values that scipy writes come back, others are refused with one error."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from taskpaint.builders.reading import mat_file
from taskpaint.builders.reading.mat_file import read_mat
from taskpaint.manifests.errors import SourceLayoutError

_FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_CONTENT: dict[str, Any] = {
    "other": np.arange(1000.0),
    "thing": {
        "number": 1.5,
        "text": "Grüße",
        "nothing": np.zeros((0, 0)),
        "inner": {"x": np.array([[1, 2], [3, 4]], np.uint8), "deep": {"y": -7}},
        "cells": np.array([["a", 2.0]], object),
    },
}


def _element(kind: int, content: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


def _matrix(kind: int, dimensions: tuple[int, ...], content: bytes, name: bytes = b"", order: str = "<") -> bytes:
    flags = _element(6, struct.pack(f"{order}II", kind, 0), order)
    sides = _element(5, struct.pack(f"{order}{len(dimensions)}i", *dimensions), order)
    return _element(14, flags + sides + _element(1, name, order) + content, order)


def _file(path: Path, body: bytes, order: str = "<") -> Path:
    path.write_bytes(b" " * 124 + struct.pack(f"{order}H", 0x0100) + (b"IM" if order == "<" else b"MI") + body)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.mat"


@pytest.mark.parametrize("compressed", [False, True])
def test_what_scipy_writes(file: Path, compressed: bool):
    scipy.io.savemat(file, _CONTENT, do_compression=compressed)
    (thing,) = read_mat(file, "thing")
    assert thing == {
        "number": (1.5,),
        "text": "Grüße",
        "nothing": (),
        "inner": [{"x": (1, 3, 2, 4), "deep": [{"y": (-7,)}]}],
        "cells": ["a", (2.0,)],
    }
    assert read_mat(file, "other") == tuple(range(1000)) and read_mat(file, "missing") is None


@pytest.mark.parametrize(
    "kind", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64]
)
@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_every_type_of_number(file: Path, kind: type[np.generic], count: int):
    values = np.arange(1, count + 1).astype(kind)
    scipy.io.savemat(file, {"a": values})
    assert read_mat(file, "a") == tuple(values.tolist())


def test_an_array_of_structs(file: Path):
    array = np.zeros((1, 3), [("id", object), ("name", object)])
    for place in range(3):
        array[0, place] = (place, f"n{place}")
    scipy.io.savemat(file, {"a": array})
    assert read_mat(file, "a") == [{"id": (place,), "name": f"n{place}"} for place in range(3)]


def test_files_of_big_endian_machines(file: Path):
    """Written in the documented form."""
    number = _matrix(6, (1, 2), _element(3, struct.pack(">hh", 258, -2), ">"), b"a", ">")
    assert read_mat(_file(file, number, ">"), "a") == (258, -2)


def test_objects_and_code_are_left_out(file: Path):
    body = b"".join(_matrix(kind, (1, 1), b"\xff" * 64, name) for kind, name in ((3, b"o"), (5, b"s"), (17, b"f")))
    _file(file, body)
    assert [read_mat(file, name) for name in "osf"] == [None] * 3


def test_the_real_excerpt_equals_scipy(shared_data: Path):
    path = shared_data / "mpii/mpii_human_pose_v1_u12_2/mpii_human_pose_v1_u12_1.mat"

    def same(ours: Any, theirs: Any) -> bool:
        if isinstance(theirs, np.ndarray) and theirs.dtype.names:
            structs = theirs.ravel(order="F")
            return len(ours) == len(structs) and all(
                list(one) == list(theirs.dtype.names) and all(same(one[name], two[name]) for name in one)
                for one, two in zip(ours, structs, strict=True)
            )
        if theirs.dtype.kind == "U":
            return ours == "".join(theirs.tolist())
        return list(ours) == theirs.ravel(order="F").tolist()

    release = scipy.io.loadmat(path)["RELEASE"]
    assert release.dtype.names and "annolist" in release.dtype.names
    ours = read_mat(path, "RELEASE")
    for name in ("annolist", "img_train", "version"):
        assert same(ours[0][name], release[0, 0][name]), name


_NESTED = b""
for _ in range(40):
    _NESTED = _matrix(1, (1, 1), _NESTED, b"a")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (_matrix(6, (1, 1), _element(9, b"1234567"), b"a"), "numbers are of type 9 and take 7 bytes"),
        (_matrix(6, (1, 1), _element(99, b"12345678"), b"a"), "numbers are of type 99"),
        (_matrix(6, (1, 1), b"", b"a"), "it ends early"),
        (_matrix(1, (1 << 30, 1 << 30), b"", b"a"), "it ends early"),
        (_matrix(1, (-1, 5), b"", b"a"), "a dimension is negative"),
        (_matrix(1, (1, 1), _element(9, b"12345678"), b"a"), "a value is of type 9, not a matrix"),
        (_matrix(2, (1, 1), _element(5, b"\0\0\0\0") + _element(1, b"x"), b"a"), "field names have no length"),
        (_matrix(4, (1, 1), _element(16, b"\xff\xfe"), b"a"), "utf-8"),
        (struct.pack("<II", 14, 1 << 31), "it ends early"),
        (struct.pack("<II", 5 | 7 << 16, 0), "a short element is longer than four bytes"),
        (b"\x0e", "it ends early"),
        (_element(15, b"no zlib"), "header check"),
        (_element(15, zlib.compress(b"x" * 90)[:-5]), "cut off"),
        (_NESTED, "more than 32 deep"),
    ],
)
def test_broken_files(file: Path, body: bytes, says: str):
    with pytest.raises(SourceLayoutError, match=rf"a\.mat is no whole MATLAB file .*{says}"):
        read_mat(_file(file, body), "a")


@pytest.mark.parametrize("data", [b"", b"plain text", b"\0" * 400, b"\x89HDF\r\n\x1a\n" + b" " * 200])
def test_files_that_are_something_else(file: Path, data: bytes):
    file.write_bytes(data)
    with pytest.raises(SourceLayoutError, match="its header does not say so"):
        read_mat(file, "a")


def test_files_that_are_missing_or_grow_too_large(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SourceLayoutError, match=r"a\.mat is missing"):
        read_mat(file, "a")
    with pytest.raises(SourceLayoutError, match="cannot be read"):
        read_mat(tmp_path, "a")
    monkeypatch.setattr(mat_file, "_MOST_INFLATED_BYTES", 1 << 20)
    with pytest.raises(SourceLayoutError, match="too large"):
        read_mat(_file(file, _element(15, zlib.compress(b"\0" * (1 << 21)))), "a")
    monkeypatch.setattr(mat_file, "_MOST_BYTES", 1 << 10)
    with pytest.raises(SourceLayoutError, match="MATLAB files of up to"):
        read_mat(file, "a")


@given(st.data())
@_FUZZ
def test_changed_files_are_values_or_one_error(file: Path, data: st.DataObject):
    scipy.io.savemat(file, {"thing": _CONTENT["thing"]}, do_compression=data.draw(st.booleans()))
    whole = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    file.write_bytes(bytes(whole))
    try:
        read_mat(file, "thing")
    except SourceLayoutError as fault:
        assert str(file) in str(fault)
