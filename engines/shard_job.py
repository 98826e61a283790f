"""Build one shard: render, word, encode and write its units, in whatever process the engine gives."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ..builders.index import SourceIndex, open_index
from ..builders.plan import Plan, Shard
from ..builders.resolve import Stream
from ..builders.source import Source
from ..builders.unit import Built, build_unit
from ..manifests.errors import ItemError, NotApplicable, SourceLayoutError
from ..manifests.folder import DatasetFolder, ShardRecord, write_text
from ..manifests.heartbeats import heartbeat
from ..manifests.recipe import HELD_OUT_INSTRUCTIONS, Recipe
from ..manifests.slots import slots_to_json
from ..manifests.target import PhotoTarget
from ..manifests.triplet import Triplet
from ..paraphrase.wording import word_template
from ..writers.codecs import encode_source, encode_target
from ..writers.shards import output_errors, write_shard
from .banks import Pools, Wordings
from .prepare import Prepared
from .threads import use_one_thread

HELD_OUT_SUFFIX = "-unseen"
"""Ends the ids of triplets that come a second time with held-out instructions."""


@dataclass(frozen=True)
class _Opened:
    """A stream as it travels to a worker: its index is mapped there again, not sent."""

    stream: Any
    digest: str
    index_file: Path

    @classmethod
    def of(cls, stream: Stream) -> _Opened:
        source = stream.index.source
        return cls(
            (
                stream.source,
                stream.entry,
                stream.task,
                type(source),
                source.path.absolute(),
                source.split,
                source.options,
            ),
            stream.index.digest,
            stream.index.file.absolute(),
        )

    def open(self, opened: dict[Path, SourceIndex]) -> Stream:
        source_entry, task_entry, task, kind, path, split, options = self.stream
        if self.index_file not in opened:
            source = kind(path, split, options)
            here = self.index_file.exists()
            opened[self.index_file] = (
                SourceIndex(source, self.digest, self.index_file) if here else self._made_here(source)
            )
        return Stream(source_entry, task_entry, opened[self.index_file], task)

    def _made_here(self, source: Source) -> SourceIndex:
        """This machine's own index, where the cache of the one that planned cannot be seen.

        Raises:
            SourceLayoutError: the source is missing, or another one than there.
        """
        index = open_index(source)
        if index.digest != self.digest:
            raise SourceLayoutError(
                f"source {source.name}: {source.path} on {socket.gethostname()} is not what the build was planned from"
            )
        return index


@dataclass(frozen=True)
class ShardJob:
    """Builds shards of one plan in any process; see `engines.local.Job`."""

    recipe: Recipe
    out: Path
    limit: int | None
    opened: list[_Opened]
    wordings: Wordings

    @classmethod
    def of(cls, prepared: Prepared, out: Path, limit: int | None) -> ShardJob:
        """The job of a build whose plan is saved in the folder."""
        opened = [_Opened.of(stream) for stream in prepared.streams]
        return cls(prepared.recipe, out.absolute(), limit, opened, prepared.wordings)

    def open(self) -> Callable[[Shard], ShardRecord]:
        """Map plan and indexes into memory, one thread a process."""
        use_one_thread()
        indexes: dict[Path, SourceIndex] = {}
        streams = [item.open(indexes) for item in self.opened]
        repeated = self.recipe.instructions.repeated_split
        plan = Plan.load(plan_file(self.out), self.recipe.seed, self.limit, repeated)
        return lambda shard: self._build(shard, streams, plan)

    def _build(self, shard: Shard, streams: list[Stream], plan: Plan) -> ShardRecord:
        folder = DatasetFolder(self.out)
        with heartbeat(folder, shard.name, shard.stop - shard.start) as beat:
            return self._built(shard, streams, plan, beat)

    def _built(self, shard: Shard, streams: list[Stream], plan: Plan, beat: Callable[[], None]) -> ShardRecord:
        started = time.monotonic()
        folder = DatasetFolder(self.out)
        repeats = shard.split == HELD_OUT_INSTRUCTIONS
        pools = self.wordings.held_out if repeats else self.wordings.drawn
        counts: Counter[tuple[str, str]] = Counter()
        rejects: list[dict[str, Any]] = []

        def rows() -> Iterator[Triplet]:
            for unit in plan.units(shard):
                beat()
                stream = streams[unit.stream]
                try:
                    built = build_unit(self.recipe, streams, unit)
                    triplet = to_triplet(self.recipe, stream, built, pools, HELD_OUT_SUFFIX if repeats else "")
                except ItemError as fault:
                    counts[stream.label, fault.kind] += 1
                    rejects.append(_reject(stream, unit.row, unit.variant, fault))
                    continue
                del built  # its pixels' memory, still in the cache, is the next unit's
                counts[stream.label, "built"] += 1
                yield triplet

        written = write_shard(folder.shard_file(shard.name), rows(), self.recipe.output.row_group_rows)
        lines = "".join(json.dumps(reject, ensure_ascii=False) + "\n" for reject in rejects)
        with output_errors(folder.rejects_part(shard.name)):
            write_text(folder.rejects_part(shard.name), lines)
        nested: dict[str, dict[str, int]] = {}
        for (label, kind), count in sorted(counts.items()):
            nested.setdefault(label, {})[kind] = count
        seconds = time.monotonic() - started
        return ShardRecord(shard.name, written.rows, written.bytes, written.sha256, nested, round(seconds, 3))


def plan_file(out: Path) -> Path:
    """Where a build keeps its plan."""
    return DatasetFolder(out).state / "plan.arrow"


def _photograph(recipe: Recipe, built: Built) -> bytes:
    """The photograph at output size: its file's own bytes whenever no pixel has to change."""
    if built.passes_through:
        return built.data
    exact = any(isinstance(t, PhotoTarget) and t.lossless for t in (built.rendered.target, built.rendered.source))
    lossless = exact or (built.view.geometry.is_native and built.header.format != "JPEG")
    return encode_source(built.view.rgb, recipe.output, lossless=lossless)


def to_triplet(recipe: Recipe, stream: Stream, built: Built, pools: Pools, suffix: str = "") -> Triplet:
    """Word and encode a built unit; `suffix` ends its id.

    Raises:
        NotApplicable: there is nothing to word it with.
    """
    rendered = built.rendered
    pool = pools[stream.task.name].get(rendered.section)
    if pool is None:
        raise NotApplicable(f"[{rendered.section}] has only one template, so that none is held out")
    template = pool.draw(built.words)
    text = word_template(template, rendered.slots, built.words)
    photo = _photograph(recipe, built)
    params = {**rendered.params, "section": rendered.section, "slots": slots_to_json(rendered.slots)}
    width, height = built.view.size_wh
    return Triplet(
        id=built.id + suffix,
        input_image=photo if rendered.source is None else encode_target(rendered.source, photo, recipe.output),
        edited_image=encode_target(rendered.target, photo, recipe.output),
        edit_prompt=text,
        task=stream.task.name,
        template_id=template.template_id,
        params=_json(params),
        annotation=_json(rendered.annotation),
        source_dataset=stream.index.source.name,
        source_split=stream.index.source.split,
        source_id=built.sample.id,
        image_key=built.image_key,
        license=stream.index.source.license,
        width=width,
        height=height,
    )


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _reject(stream: Stream, row: int, variant: int, fault: ItemError) -> dict[str, Any]:
    return {
        "source": stream.source.label,
        "id": stream.index.key_and_id(row)[1],
        "task": stream.entry.label,
        "variant": variant,
        "kind": fault.kind,
        "reason": str(fault),
    }
