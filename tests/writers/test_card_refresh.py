"""The card written again, with the scores that lie beside the dataset."""

from __future__ import annotations

import json

import pyarrow as pa
from published import publish
from taskpaint.engines.card import refresh_card, score_lines
from taskpaint.filters.scorer import Column
from taskpaint.filters.sidecar import ScorerRecord, Sidecar


def _score(root, values):
    sidecar = Sidecar(root)
    shards = json.loads((root / "manifest.json").read_text())["shards"]
    for shard, part in zip(shards, values, strict=True):
        ids = [f"row-{number:04d}" for number in range(len(part))]
        sidecar.write(
            shard["name"], pa.table({"id": ids, "task": ["t"] * len(part), "giqa": pa.array(part, pa.float64())})
        )
    column = Column("giqa", "target", "higher", "nearness | to real pictures")
    record = ScorerRecord({"model": "none"}, "random weights", (column,))
    sidecar.describe({"giqa": record}, {shard["name"]: shard["sha256"] for shard in shards})


def test_scores_by_hand(tmp_path):
    root = publish(tmp_path / "out", {"train": 2}, rows=6)
    _score(root, [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0, float("nan")]])
    (line,) = score_lines(root)
    assert (line.rows, line.tenth, line.median, line.ninth) == (11, 1.0, 5.0, 9.0)
    refresh_card(root)
    text = (root / "README.md").read_text()
    assert "| `giqa` | nearness \\| to real pictures | higher | 1 | 5 | 9 | 11 |" in text
    assert "- `giqa`: random weights" in text


def test_scores_of_other_data_are_not_told(tmp_path):
    root = publish(tmp_path / "out", {"train": 1}, rows=2)
    _score(root, [[1.0, 2.0]])
    manifest = json.loads((root / "manifest.json").read_text())
    manifest["shards"][0]["sha256"] = "0" * 64
    (root / "manifest.json").write_text(json.dumps(manifest))
    assert score_lines(root) == ()


def test_a_score_that_no_row_has_is_no_number(tmp_path):
    root = publish(tmp_path / "out", {"train": 1}, rows=2)
    _score(root, [[float("nan"), float("nan")]])
    refresh_card(root)
    assert "| nan | nan | nan | 0 |" in (root / "README.md").read_text()


def test_the_same_card_twice(tmp_path):
    root = publish(tmp_path / "out", {"train": 2})
    before = {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
    refresh_card(root)
    after = {file: file.read_bytes() for file in root.rglob("*") if file.is_file() and ".taskpaint" not in file.parts}
    assert after == before
