"""MagicBrush in its three packings, written in the documented layouts; what is missing or broken."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.magicbrush import MagicBrush
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import decode_rgb

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _png(grey: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((8, 12, 3), grey, np.uint8)).save(out, "PNG")
    return out.getvalue()


def _table(file: Path, rows: list[tuple[Any, Any, Any]], first_grey: int = 0, group: int = 2) -> None:
    """Rows of img_id, turn_index, instruction; row n has the source picture of grey 2n and the target 2n+1."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pictures = [[{"bytes": _png(first_grey + 2 * n + half), "path": None} for n in range(len(rows))] for half in (0, 1)]
    columns = {
        "img_id": [row[0] for row in rows],
        "turn_index": pa.array([row[1] for row in rows], pa.int32()),
        "source_img": pa.array(pictures[0], _IMAGE),
        "mask_img": pa.array([{"bytes": b"", "path": None}] * len(rows), _IMAGE),
        "instruction": [row[2] for row in rows],
        "target_img": pa.array(pictures[1], _IMAGE),
    }
    pq.write_table(pa.table(columns), file, row_group_size=group)


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    root = tmp_path / "MagicBrush"
    _table(
        root / "data/train-00000-of-00002-abc.parquet",
        [("242679", 1, "Put a cat on it."), ("242679", 2, "Remove it"), ("9", 1, "Fog")],
    )
    _table(root / "data/train-00001-of-00002-def.parquet", [("77", 1, "More"), ("78", 1, None)], first_grey=100)
    _table(root / "data/dev-00000-of-00001-abc.parquet", [("5", 1, "Less")], first_grey=200)
    return root  # fmt: skip


@pytest.fixture
def released(tmp_path: Path) -> Path:
    root = tmp_path / "MagicBrush"
    names = ["242679-input.png", "242679-output1.png", "242679-output2.png"]
    (root / "test/images/242679").mkdir(parents=True)
    for grey, name in enumerate(names):
        (root / "test/images/242679" / name).write_bytes(_png(grey))
    turns = [
        {"input": names[turn], "mask": "-", "output": names[turn + 1], "instruction": f"Turn {turn}"} for turn in (0, 1)
    ]
    (root / "test/edit_turns.json").write_text(json.dumps(turns))
    return root


def _greys(index: Any, row: int) -> tuple[int, int, tuple[str, ...]]:
    sample = pickle.loads(pickle.dumps(index.sample(row)))
    assert sample.pair is not None and sample.pair.kind == "edit"
    source, edited = decode_rgb(sample.image.read()), decode_rgb(sample.pair.image.read())
    return int(source.mean()), int(edited.mean()), sample.pair.instructions


def test_parquet_rows(hub: Path):
    index = open_index(MagicBrush(hub))
    assert list(index.ids()) == ["242679-1", "242679-2", "9-1", "77-1"]
    assert list(index.image_keys()) == ["coco/000000242679"] * 2 + ["coco/000000000009", "coco/000000000077"]
    assert set(index.features().tolist()) == {Feature.EDIT}
    assert [_greys(index, row) for row in (3, 0, 2, 1)] == [
        (100, 101, ("More",)),
        (0, 1, ("Put a cat on it.",)),
        (4, 5, ("Fog",)),
        (2, 3, ("Remove it",)),
    ]
    (reject,) = index.rejects()
    assert reject.id == "data/train-00001-of-00002-def.parquet row 1 of row group 0"


def test_the_dev_split_is_for_validation(hub: Path):
    source = MagicBrush(hub, "dev")
    assert list(open_index(source).ids()) == ["5-1"] and source.held_out_as() == "validation"
    assert MagicBrush(hub, "test").held_out_as() == "test" and MagicBrush(hub).held_out_as() == "train"
    with pytest.raises(SourceLayoutError, match=r"file data/test-\*\.parquet \(nor test/edit_turns\.json\) is missing"):
        open_index(MagicBrush(hub, "test"))


def test_the_release(released: Path):
    for path in (released, released / "test"):
        index = open_index(MagicBrush(path, "test"))
        assert list(index.ids()) == ["242679-output1", "242679-output2"]
        assert set(index.image_keys()) == {"coco/000000242679"}
        assert [_greys(index, row) for row in (0, 1)] == [(0, 1, ("Turn 0",)), (1, 2, ("Turn 1",))]


def test_the_test_split_does_not_pass_for_training_data(released: Path):
    for path in (released, released / "test"):
        with pytest.raises(SourceLayoutError, match=r"data/train-\*\.parquet"):
            open_index(MagicBrush(path))


def test_instruct_diffusions_packing(tmp_path: Path):
    for grey, name in enumerate(("data/processed-train/9-input.png", "data/processed-train/9-output1.png")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(_png(grey))
    record = {
        "input": "data/processed-train/9-input.png",
        "edited": "data/processed-train/9-output1.png",
        "instruction": "Fog",
    }
    wrong = [{**record, "input": "../9.png"}, {**record, "edited": "data/1.png"}, {**record, "instruction": []}, "text"]
    (tmp_path / "magic_train.json").write_text(json.dumps([record, *wrong]))
    index = open_index(MagicBrush(tmp_path))
    assert list(index.ids()) == ["9-output1"] and list(index.image_keys()) == ["coco/000000000009"]
    assert _greys(index, 0) == (0, 1, ("Fog",))
    reasons = [reject.reason for reject in index.rejects()]
    for reason, says in zip(
        reasons, ("leads out of", "edited data/1.png is missing", "no instruction", "no input"), strict=True
    ):
        assert says in reason  # fmt: skip


def test_broken_tables(hub: Path):
    file = hub / "data/train-00001-of-00002-def.parquet"
    index = open_index(MagicBrush(hub))
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceLayoutError, match=r"def\.parquet.*download it again"):
        open_index(MagicBrush(hub))
    file.unlink()
    with pytest.raises(BadItem, match=r"def\.parquet"):
        index.sample(3).image.read()
    pq.write_table(pa.table({"img_id": ["1"]}), file)
    with pytest.raises(SourceLayoutError, match=r"has no column 'turn_index'; there are: img_id"):
        open_index(MagicBrush(hub))
