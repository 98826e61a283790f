"""Pairs of a better and a worse edit, as trainers by direct preference (DPO) read them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from ...alignment.run import Run
from ...alignment.selection import Preference
from ...manifests.folder import replacing, write_text
from ...writers.shards import output_errors

_IMAGES: Final = ("input_image", "chosen", "rejected")
_BATCH: Final = 32


def write_preferences(
    run: Run, pairs: Iterable[Preference], folder: Path, form: Literal["none", "parquet", "jsonl"]
) -> int:
    """Write pairs.

    Args:
        folder: to write; an earlier one is replaced.
        form: "parquet" with the pictures inside, which `datasets` opens as images; "jsonl" with pictures as files.

    Returns:
        How many.

    Raises:
        OutputError: the folder cannot be written.
    """
    with output_errors(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        rows = (_row(number, pair) for number, pair in enumerate(pairs))
        return _write_jsonl(run, rows, folder) if form == "jsonl" else _write_parquet(run, rows, folder)


def _row(number: int, pair: Preference) -> dict[str, Any]:
    chosen, rejected = pair.item.candidates[pair.chosen], pair.item.candidates[pair.rejected]
    return {
        "id": f"{pair.item.id}-{number:06d}",
        "input_image": pair.item.source,
        "edit_prompt": pair.item.instruction,
        "chosen": chosen.image,
        "rejected": rejected.image,
        "chosen_share": round(pair.chosen_share, 4),
        "rejected_share": round(pair.rejected_share, 4),
        "people": pair.people,
        "chosen_params": json.dumps(chosen.settings()),
        "rejected_params": json.dumps(rejected.settings()),
        "split": pair.item.split,
        "source_dataset": pair.item.source_dataset,
        "license": pair.item.license,
    }


def _write_jsonl(run: Run, rows: Iterator[dict[str, Any]], folder: Path) -> int:
    lines: list[str] = []
    (folder / "images").mkdir()
    for row in rows:
        for name in _IMAGES:
            if not (folder / row[name]).exists():
                shutil.copyfile(run.root / row[name], folder / row[name])
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    write_text(folder / "preferences.jsonl", "".join(lines))
    return len(lines)


def _write_parquet(run: Run, rows: Iterator[dict[str, Any]], folder: Path) -> int:
    schema, count = _schema(), 0
    with (
        replacing(folder / "preferences.parquet") as part,
        pa.OSFile(str(part), "wb") as sink,
        pq.ParquetWriter(sink, schema, compression="zstd") as writer,
    ):
        while some := list(islice(rows, _BATCH)):
            for row in some:
                row.update({name: _image(run, row[name]) for name in _IMAGES})
            writer.write_batch(pa.RecordBatch.from_pylist(some, schema=schema))
            count += len(some)
    return count


def _image(run: Run, path: str) -> dict[str, Any]:
    return {"bytes": (run.root / path).read_bytes(), "path": Path(path).name}


def _schema() -> pa.Schema:
    """Columns, with the metadata from which `datasets` restores the images."""
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    numbers = {"chosen_share": pa.float64(), "rejected_share": pa.float64(), "people": pa.int32()}
    names = ("id", "input_image", "edit_prompt", "chosen", "rejected", *numbers, "chosen_params", "rejected_params")
    types = {
        name: image if name in _IMAGES else numbers.get(name, pa.string())
        for name in (*names, "split", "source_dataset", "license")
    }
    features = {
        name: {"_type": "Image"}
        if kind == image
        else {"dtype": str(kind).replace("double", "float64"), "_type": "Value"}
        for name, kind in types.items()
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema(list(types.items()), metadata=metadata)
