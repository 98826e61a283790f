"""Reword one shard: its images are copied as they are stored, its instructions drawn anew."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ..builders.registry import task_names
from ..manifests.errors import DatasetFolderError
from ..manifests.folder import DatasetFolder, ShardRecord, split_of
from ..manifests.recipe import HELD_OUT_INSTRUCTIONS
from ..manifests.slots import slots_from_json
from ..manifests.triplet import triplet_schema
from ..paraphrase.wording import word_template
from ..writers.shards import write_batches
from .banks import Pools, Wordings
from .threads import use_one_thread

REDRAWN: Final = "redrawn"
NOT_ASKED: Final = "task not chosen"
NO_TEMPLATES: Final = "no template for it"
UNREADABLE: Final = "slots not readable"
"""What becomes of a row: it is drawn anew, or stays as it is for one of the other reasons."""


@dataclass(frozen=True)
class RewordJob:
    """Rewords shards in any process; see `engines.local.Job`."""

    root: Path
    out: Path
    wordings: Wordings
    seed: int

    def open(self) -> Callable[[str], ShardRecord]:
        use_one_thread()
        return self._reword

    def _reword(self, name: str) -> ShardRecord:
        started = time.monotonic()
        file = DatasetFolder(self.root).shard_file(name)
        held_out = split_of(name) == HELD_OUT_INSTRUCTIONS
        pools = self.wordings.held_out if held_out else self.wordings.drawn
        counts: Counter[tuple[str, str]] = Counter()
        written = write_batches(
            DatasetFolder(self.out).shard_file(name),
            (_reworded(batch, pools, self.seed, counts) for batch in _row_groups(file)),
        )
        nested: dict[str, dict[str, int]] = {}
        for (task, outcome), count in sorted(counts.items()):
            nested.setdefault(task, {})[outcome] = count
        seconds = round(time.monotonic() - started, 3)
        return ShardRecord(name, written.rows, written.bytes, written.sha256, nested, seconds)


def _row_groups(file: Path) -> Iterator[pa.RecordBatch]:
    """A shard's row groups, one at a time; images stay the bytes that they are."""
    try:
        with pq.ParquetFile(file, memory_map=True) as parquet:
            if parquet.schema_arrow != triplet_schema():
                raise DatasetFolderError(f"{file}: its columns are not those of a taskpaint triplet")
            for number in range(parquet.num_row_groups):
                yield from parquet.read_row_group(number).combine_chunks().to_batches()
    except pa.ArrowException as fault:
        raise DatasetFolderError(f"{file} cannot be read: {fault}; build it again, or get it anew") from fault


def _reworded(batch: pa.RecordBatch, pools: Pools, seed: int, counts: Counter[tuple[str, str]]) -> pa.RecordBatch:
    light = ("id", "task", "params", "edit_prompt", "template_id")
    texts, templates = [], []
    for row in batch.select(light).to_pylist():
        text, template, outcome = _redraw(row, pools, seed)
        texts.append(text)
        templates.append(template)
        counts[str(row["task"]), outcome] += 1
    for name, values in (("edit_prompt", texts), ("template_id", templates)):
        batch = batch.set_column(batch.schema.get_field_index(name), name, pa.array(values, pa.string()))
    return batch


def _redraw(row: Mapping[str, Any], pools: Pools, seed: int) -> tuple[str, str, str]:
    """A row's instruction, template id and what became of it; its id and the seed alone decide the draw."""
    before = row["edit_prompt"], row["template_id"]
    if row["task"] not in pools:
        return *before, NOT_ASKED if row["task"] in task_names() else NO_TEMPLATES
    try:
        params = json.loads(row["params"])
        section, slots = params["section"], slots_from_json(params["slots"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return *before, UNREADABLE
    pool = pools[row["task"]].get(section)
    if pool is None or set(pool.templates[0].slots) != slots.keys():
        return *before, NO_TEMPLATES
    draw = random.Random(blake2b(f"{seed}|reword|{row['id']}".encode(), digest_size=16).digest())
    template = pool.draw(draw)
    return word_template(template, slots, draw), template.template_id, REDRAWN
