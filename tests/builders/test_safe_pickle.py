"""Reading pickles of plain values: equal to the standard library's, and deaf to everything else."""

from __future__ import annotations

import collections
import fractions
import os
import pickle
import pickletools
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from taskpaint.builders.reading import safe_pickle
from taskpaint.builders.reading.safe_pickle import load_plain
from taskpaint.manifests.errors import SourceLayoutError

_FUZZ = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_REFS = [
    {
        "sent_ids": [0, 1],
        "file_name": "COCO_train2014_000000581857_16.jpg",
        "ann_id": 1719310,
        "split": "train",
        "sentences": [{"tokens": ["navy", "blue"], "raw": "Navy — blue", "sent_id": 0, "sent": "navy blue"}],
        "area": 12.5,
        "big": 1 << 80,
        "more": (None, True, False, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), -7, 70000, {}, []),
    }
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "refs(unc).p"


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_plain_values_of_every_protocol(file: Path, protocol: int):
    refs: list[Any] = [*_REFS, b"\x00\xff"] if protocol > 2 else _REFS  # earlier, bytes are made by a call
    file.write_bytes(pickle.dumps(refs, protocol))
    assert load_plain(file) == refs


def test_values_that_occur_twice_are_one(file: Path):
    shared = ["navy"]
    file.write_bytes(pickle.dumps([shared, shared], 2))
    first, second = load_plain(file)
    assert first is second


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"(lp0\nS'navy blue'\np1\naS'caf\\xc3\\xa9'\na.", ["navy blue", "café"]),  # Python 2, protocol 0, UTF-8
        (b"(lp0\nS'caf\\xe9'\naVcaf\\u00e9\naI01\naI7\naL8L\naF1.5\naNa.", ["café", "café", True, 7, 8, 1.5, None]),
        (b"(dp0\nS'sent'\np1\nS'man'\np2\ns.", {"sent": "man"}),
        (b"\x80\x02]q\x00(U\x03manq\x01U\x02\xc3\xa9T\x01\x00\x00\x00\xe9e.", ["man", "é", "é"]),  # protocol 2
    ],
)
def test_text_of_python_2(file: Path, data: bytes, value: Any):
    file.write_bytes(data)
    assert load_plain(file) == value


class _Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("function", "named"),
    [(os.system, "system"), (eval, "eval"), (getattr, "getattr"), (collections.OrderedDict, "OrderedDict")],
)
def test_calls_never_run_and_are_named(file: Path, tmp_path: Path, protocol: int, function: Any, named: str):
    trace = tmp_path / "ran"
    arguments = [] if function is collections.OrderedDict else [f"touch {trace}"]
    file.write_bytes(pickle.dumps([{"split": "train"}, _Calls(function, *arguments)], protocol))
    with pytest.raises(SourceLayoutError, match=rf"is refused: it asks for \w+\.{named}, .*use the official file"):
        load_plain(file)
    assert not trace.exists()


def test_the_call_would_run_elsewhere(tmp_path: Path):
    # The table above is worth nothing if its pickles do no harm.
    trace = tmp_path / "ran"
    pickle.loads(pickle.dumps(_Calls(os.system, f"touch {trace}")))
    assert trace.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"(S'touch ran'\nios\nsystem\n.",  # INST
        b"cos\nsystem\n(S'touch ran'\ntR.",  # GLOBAL
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        pickle.dumps(fractions.Fraction(1, 3), 2),
        pickle.dumps(object(), 2),
    ],
)
def test_every_way_to_name_something(file: Path, data: bytes):
    file.write_bytes(data)
    with pytest.raises(SourceLayoutError, match="is refused: it asks for "):
        load_plain(file)


def test_instructions_that_call_are_refused(file: Path):
    harmful = ["REDUCE", "BUILD", "OBJ", "NEWOBJ", "NEWOBJ_EX", "PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4"]
    for instruction in pickletools.opcodes:
        if instruction.name in harmful:
            file.write_bytes(b"\x80\x04]}" + instruction.code.encode("latin-1") + b"\x01\x00\x00\x00\n.")
            with pytest.raises(SourceLayoutError, match="is refused: it makes objects or calls code"):
                load_plain(file)
            harmful.remove(instruction.name)
    assert not harmful


@given(st.data())
@_FUZZ
def test_cut_and_changed_pickles_are_values_or_errors(file: Path, data: st.DataObject):
    whole = bytearray(pickle.dumps(_REFS, data.draw(st.sampled_from([0, 2, 4]))))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    file.write_bytes(bytes(whole))
    try:
        load_plain(file)
    except SourceLayoutError as fault:
        assert str(file) in str(fault)


@given(st.binary(max_size=60))
@_FUZZ
def test_garbage(file: Path, garbage: bytes):
    file.write_bytes(b"\x80\x02" + garbage)
    try:
        load_plain(file)
    except SourceLayoutError as fault:
        assert str(file) in str(fault)


@pytest.mark.parametrize("length", [0, 1, 20, -1])
def test_a_truncated_pickle(file: Path, length: int):
    file.write_bytes(pickle.dumps(_REFS, 2)[:length])
    with pytest.raises(SourceLayoutError, match=r"is no complete pickle .* download it again"):
        load_plain(file)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02]r\xff\xff\xff\xff.",  # remember under a huge number: the reader in C fills gigabytes
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.",  # bytes said to be a terabyte
        b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + b"].",
        b"\x8b\xff\xff\xff\x7f1.",  # a number of two billion bytes
        b"I" + b"9" * 5_000_000 + b"\n.",
        b"(" * 1_000_000 + b".",
        b"]" + b"\x85" * 2_000_000 + b"}2h.",
    ],
)
def test_small_files_that_ask_for_much_end_soon(file: Path, data: bytes):
    file.write_bytes(data)
    start = time.process_time()
    try:
        load_plain(file)
    except SourceLayoutError as fault:
        assert "no complete pickle" in str(fault)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("levels", [60, 200_000])
@pytest.mark.parametrize(("start", "end"), [(b"}", b"Ns."), (b"}(", b"Nu."), (b"(", b"Nd.")])
def test_keys_that_take_for_ever_to_hash(file: Path, levels: int, start: bytes, end: bytes):
    # (x, x) in (x, x) …: two to the power of 60 steps, or a stack overflow.
    file.write_bytes(start + b")" + b"2\x86" * levels + end)
    with pytest.raises(SourceLayoutError, match="a dict has a tuple as key"):
        load_plain(file)


def test_values_deeply_inside_each_other(file: Path):
    file.write_bytes(b")" + b"\x85" * 500_000 + b".")
    assert type(load_plain(file)) is tuple


def test_missing_and_unreadable_files(file: Path, tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=r"refs\(unc\)\.p is missing"):
        load_plain(file)
    with pytest.raises(SourceLayoutError, match="cannot be read"):
        load_plain(tmp_path)


def test_a_file_that_is_too_large(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(safe_pickle, "MAX_BYTES", 1 << 20)
    file.write_bytes(b"\0" * ((1 << 20) + 1))
    with pytest.raises(SourceLayoutError, match="has 1 MiB; pickles of up to 1 MiB are read"):
        load_plain(file)
