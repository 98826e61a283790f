"""Edits of one's own: tables in every form, over files and over a server on this machine; what is broken."""

from __future__ import annotations

import csv
import http.server
import io
import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.wild_pairs import WildPairs, WildPairsOptions
from taskpaint.manifests.cache import cache_folder
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import decode_rgb


def _png(grey: int, size: int = 8) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((size, size, 3), grey, np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    (folder / "pictures").mkdir(parents=True)
    for grey in range(4):
        (folder / f"pictures/{grey}.png").write_bytes(_png(grey))
    return folder


_ROWS: list[dict[str, Any]] = [
    {"input": "pictures/0.png", "edited": "pictures/1.png", "instruction": "make it | make it lighter"},
    {"input": "pictures/0.png", "edited": "pictures/2.png", "instruction": "  two &amp; a \n half "},
    {"input": "pictures/2.png", "edited": "pictures/3.png", "instruction": "three"},
]


def _write(root: Path, kind: str, rows: list[dict[str, Any]]) -> None:
    file = root / f"pairs.{kind}"
    match kind:
        case "csv" | "tsv":
            with file.open("w", newline="", encoding="utf-8-sig") as opened:
                writer = csv.DictWriter(opened, list(rows[0]), delimiter="\t" if kind == "tsv" else ",")
                writer.writeheader()
                writer.writerows(rows)
        case "jsonl":
            file.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
        case "json":
            file.write_text(json.dumps(rows))
        case "parquet":
            pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=2)


def _instructions(index: Any, row: int) -> tuple[str, ...]:
    pair = index.sample(row).pair
    assert pair is not None and pair.kind == "edit"
    return pair.instructions


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "parquet"])
def test_every_form_of_table(root: Path, kind: str):
    _write(root, kind, _ROWS)
    index = open_index(WildPairs(root, "", WildPairsOptions(separator="|")))
    assert len(index) == 3 and index.rejects() == []
    assert [_instructions(index, row) for row in range(3)] == [
        ("make it", "make it lighter"),
        ("two & a half",),
        ("three",),
    ]
    assert list(index.image_keys()) == ["wild_pairs/pictures/0.png"] * 2 + ["wild_pairs/pictures/2.png"]
    assert set(index.features().tolist()) == {Feature.EDIT}
    sample = index.sample(1)
    assert sample.pair is not None
    assert decode_rgb(sample.image.read()).mean() == 0 and decode_rgb(sample.pair.image.read()).mean() == 2
    assert list(index.ids()) == ["00000001", "00000002", "00000003"]


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_lists_of_instructions_and_other_names(root: Path, kind: str):
    row = {
        "n": "a/1",
        "before": "/mnt/x/pictures/0.png",
        "after": "/mnt/x/pictures/1.png",
        "texts": ["One", "two", "one"],
    }
    _write(root, kind, [row, {**row, "n": "b", "texts": []}, {**row, "n": None}])
    options = WildPairsOptions(input="before", edited="after", instruction="texts", id="n", prefix="/mnt/x/")
    index = open_index(WildPairs(root, "", options))
    assert list(index.ids()) == ["a/1"] and _instructions(index, 0) == ("One", "two")
    assert "'texts' holds no instruction" in index.rejects()[0].reason
    assert "'n' holds no id" in index.rejects()[1].reason


def test_splits_and_named_tables(root: Path):
    _write(root, "csv", _ROWS)
    (root / "pairs.csv").rename(root / "pairs_val.csv")
    source = WildPairs(root, "val")
    assert len(open_index(source)) == 3 and source.held_out_as() == "validation"
    assert len(open_index(WildPairs(root, "", WildPairsOptions(file="pairs_val.csv")))) == 3
    with pytest.raises(SourceLayoutError, match=r"file pairs\.csv \(nor pairs\.tsv nor .*\) is missing"):
        open_index(WildPairs(root))
    (root / "pairs.txt").write_text("")
    with pytest.raises(SourceLayoutError, match=r"pairs\.txt is neither \.csv"):
        open_index(WildPairs(root, "", WildPairsOptions(file="pairs.txt")))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"input": "pictures/9.png"}, "input pictures/9.png is missing"),
        ({"edited": "../../etc/passwd"}, "leads out of the dataset's folder"),
        ({"edited": "/etc/passwd"}, "leads out of the dataset's folder"),
        ({"edited": ""}, "column 'edited' is empty"),
        ({"instruction": "  "}, "column 'instruction' holds no instruction"),
        ({"input": "ftp://me:secret@host.org/a.png?secret"}, "input ftp://host.org/a.png: only http and https"),
        ({"input": "file:///etc/passwd"}, "input file:///etc/passwd: only http and https are fetched, not file"),
        ({"input": "http://127.0.0.1:9/a?secret"}, "input http://127.0.0.1:9/a: its host has the private address"),
    ],
)
def test_rows_that_do_not_hold(root: Path, change: dict[str, Any], says: str):
    _write(root, "csv", [{**_ROWS[0], **change}, _ROWS[1]])
    index = open_index(WildPairs(root))
    (reject,) = index.rejects()
    assert list(index.ids()) == ["00000002"] and reject.id == "00000001"
    assert says in reject.reason and "secret" not in reject.reason


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("pairs.csv", b"input,edited\na,b\n", "has no column 'instruction'; there are: input, edited"),
        ("pairs.csv", b"", "has no column 'input'"),
        ("pairs.csv", b"input,edited,instruction\n\xff\xfe,a,b\n", "is no readable table"),
        ("pairs.csv", b'input,edited,instruction\n"' + b"a" * (1 << 20) + b'",b,c\n', "is no readable table"),
        ("pairs.jsonl", b'{"input": "' + b"a" * (1 << 20) + b'"}\n', "line 1 is longer than"),
        ("pairs.jsonl", b"broken\n[1]\n", "holds no images"),
        ("pairs.json", b"[{", "is no complete JSON file"),
        ("pairs.parquet", b"PAR1", "no whole Parquet file"),
    ],
)
def test_tables_that_do_not_hold(root: Path, name: str, data: bytes, says: str):
    (root / name).write_bytes(data)
    with pytest.raises(SourceLayoutError, match=says):
        open_index(WildPairs(root))


def test_edits_of_another_size(root: Path):
    (root / "pictures/1.png").write_bytes(_png(1, size=16))
    _write(root, "csv", _ROWS[:1])
    for choice, size in (("resample", 8), ("refuse", 16)):
        pair = open_index(WildPairs(root, "", WildPairsOptions(other_size=choice))).sample(0).pair
        assert pair is not None and decode_rgb(pair.image.read()).shape == (size, size, 3)


def test_options_that_do_not_hold():
    for wrong in ({"input": ""}, {"parallel": 0}, {"tries": 99}, {"url": "x"}, {"most_megabytes": 0}):
        with pytest.raises(ValidationError):
            WildPairsOptions(**wrong)


class _Handler(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[Counter[str]] = Counter()
    broken: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked[path] += 1
        body = b"" if path in self.broken else _png(int(path.strip("/")))
        self.send_response(404 if path in self.broken else 200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def served() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    _Handler.asked.clear()
    _Handler.broken.clear()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_urls_are_fetched_once_and_kept(root: Path, served: str):
    rows = [
        {"input": f"{served}/10?key=secret", "edited": f"{served}/{20 + n}", "instruction": f"{n}"} for n in range(3)
    ]
    _write(root, "jsonl", [*rows, {**rows[0], "edited": "pictures/1.png"}])
    _Handler.broken.add("/21")
    options = WildPairsOptions(allow_private=True, parallel=2)
    index = open_index(WildPairs(root, "", options))
    assert list(index.ids()) == ["00000001", "00000003", "00000004"]
    (reject,) = index.rejects()
    assert reject.reason == f"edited {served}/21: the host answers 404"
    sample = index.sample(1)
    assert sample.pair is not None
    assert decode_rgb(sample.image.read()).mean() == 10 and decode_rgb(sample.pair.image.read()).mean() == 22
    assert len(set(index.image_keys())) == 1  # one photograph in every row
    assert _Handler.asked == {"/10": 1, "/20": 1, "/21": 1, "/22": 1}
    assert b"secret" not in index.file.read_bytes()

    open_index(WildPairs(root, "", options))
    assert _Handler.asked.total() == 4  # the index is there
    _Handler.broken.clear()
    again = WildPairsOptions(allow_private=True, parallel=2, round=1)
    assert len(open_index(WildPairs(root, "", again))) == 4
    assert _Handler.asked == {"/10": 1, "/20": 1, "/21": 2, "/22": 1}

    for file in (cache_folder() / "fetched").rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(BadItem, match="is missing"):
        index.sample(1).image.read()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_mangled_tables(root: Path, kind: str, data: st.DataObject):
    _write(root, kind, _ROWS)
    content = bytearray((root / f"pairs.{kind}").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "insert", "cut"])):
            case "flip":
                content[at] = data.draw(st.integers(0, 255))
            case "insert":
                content[at:at] = data.draw(st.binary(max_size=3))
            case "cut":
                del content[at : at + 4]
    (root / f"pairs.{kind}").write_bytes(bytes(content))
    try:
        entries = list(WildPairs(root).scan(lambda name, reason: None))
    except SourceLayoutError:
        return
    for entry in entries:
        assert (root / entry.record["image"]["file"]).is_file() and entry.record["edit"]
