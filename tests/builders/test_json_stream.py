"""stream_json against json.loads, whatever the size of its window, and on broken files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from taskpaint.builders.reading import json_stream
from taskpaint.builders.reading.json_stream import stream_json
from taskpaint.manifests.errors import SourceLayoutError

_ANY_FILE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _expected(document: Any) -> list[tuple[str, Any]]:
    members = document.items() if isinstance(document, dict) else [("", document)]
    found = []
    for key, value in members:
        found += [(key, item) for item in value] if isinstance(value, list) else [(key, value)]
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "annotations.json"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", []),
        ("[]", []),
        (' { "images" : [ ] } \n', []),
        ('{"info": {"year": 2017}, "images": [{"id": 1}, {"id": 2}], "licenses": []}',
         [("info", {"year": 2017}), ("images", {"id": 1}), ("images", {"id": 2})]),
        ("[12, 34]", [("", 12), ("", 34)]),
        ('{"a": 12}', [("a", 12)]),
        ('{"a": 0.25, "b": -1.5e-3}', [("a", 0.25), ("b", -0.0015)]),
        ('\ufeff[1]', [("", 1)]),
        ('["\\u00e9\\ud83d\\ude00", "é😀"]', [("", "é😀"), ("", "é😀")]),
        ("[-Infinity]", [("", -math.inf)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("window", [1, 2, 3, 7, 1 << 22])
def test_yields_items_and_members(
    file: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: list[tuple[str, Any]], window: int
):
    monkeypatch.setattr(json_stream, "_WINDOW", window)
    file.write_text(text, encoding="utf-8")
    assert list(stream_json(file)) == expected


def test_accepts_the_bare_nan_of_gier(file: Path):
    file.write_text('[{"score": NaN}]')
    ((key, item),) = stream_json(file)
    assert key == "" and math.isnan(item["score"])


@given(document=st.dictionaries(st.text(), _VALUES, max_size=4) | st.lists(_VALUES, max_size=4),
       window=st.integers(1, 40), indent=st.sampled_from([None, 2]), ascii_only=st.booleans())  # fmt: skip
@_ANY_FILE
def test_agrees_with_the_standard_library(file: Path, document: Any, window: int, indent: int | None, ascii_only: bool):
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    file.write_bytes(text.encode("utf-8", "surrogatepass" if ascii_only else "replace"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_WINDOW", window)
        assert list(stream_json(file)) == _expected(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "begins with neither"),
        ("<html>", "begins with neither"),
        ("12", "begins with neither"),
        ('{"images": [{"id": 1}', "ends early"),
        ('{"images": [{"file_name": "0000', "ends early"),
        ('{"images": [1, 2', "ends early"),
        ('{"images": ', "ends early"),
        ('{"images"', "ends early"),
        ('{"images": [1 2]}', "expected , or ], found '2' at character 14"),
        ('{"images": [{"id" 1}, {"id": 2}, {"id": 3}, {"id": 4}]}', "Expecting ':' delimiter at character 18"),
        ("{1: 2}", "a key is not a string"),
        ("[1] [2]", "something follows its end"),
        ("[" * 100_000, "recursion"),
        ("[" + "9" * 5000 + "]", "4300 digits"),
    ],
)
@pytest.mark.parametrize("window", [5, 1 << 22])
def test_broken_files_are_named(file: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str, window: int):
    monkeypatch.setattr(json_stream, "_WINDOW", window)
    file.write_text(text)
    with pytest.raises(SourceLayoutError, match=r"annotations\.json is no complete JSON file") as caught:
        list(stream_json(file))
    assert says in str(caught.value)


def test_bytes_that_are_no_utf8(file: Path):
    file.write_bytes(b'["\xff\xfe"]')
    with pytest.raises(SourceLayoutError, match="no complete JSON file"):
        list(stream_json(file))


def test_missing_file_and_folder(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=r"nothing\.json is missing"):
        list(stream_json(tmp_path / "nothing.json"))
    with pytest.raises(SourceLayoutError, match="cannot be read: Is a directory"):
        list(stream_json(tmp_path))


def test_a_fault_early_in_the_file_does_not_read_the_rest(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_stream, "_WINDOW", 64)
    file.write_text("[{" + "x" * 100 + "}," + "1," * 500_000 + "1]")
    sizes: list[int] = []
    fill = json_stream._Window._fill

    def counted(window: Any) -> bool:
        sizes.append(len(window._text))
        return fill(window)

    monkeypatch.setattr(json_stream._Window, "_fill", counted)
    with pytest.raises(SourceLayoutError):
        list(stream_json(file))
    assert max(sizes) <= 1000
