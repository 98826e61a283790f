"""What `taskpaint build`, `demo`, `adopt` and `finish` share: a build with a progress bar, and what it came to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import report

if TYPE_CHECKING:
    from ..engines.build import BuildOptions, BuildReport
    from ..engines.local import Engine
    from ..manifests.recipe_file import RecipeFile

_COUNTS = ("planned", "built", "bad", "skipped")


def run_build(
    files: list[RecipeFile], out: Path | str, how: BuildOptions, quiet: bool, engine: Engine | None = None
) -> BuildReport:
    """Build with a progress bar; without an engine on this machine."""
    from ..engines.build import build as run
    from ..engines.local import run_local

    with report.stoppable(), BuildProgress(quiet) as progress:
        return run(files, out, how, progress.watch(), engine or run_local)


def print_summary(summary: BuildReport) -> None:
    """What a build came to, for people."""
    rows = [[label, *(counts[key] for key in _COUNTS)] for label, counts in summary.counts.items()]
    report.print_table("", ["stream", *_COUNTS], rows)
    splits = ", ".join(f"{count:,} {split}" for split, count in summary.rows.items())
    report.say(
        f"{splits} triplets in {summary.shards} shards, {report.human_bytes(summary.bytes)}, "
        f"{report.human_seconds(summary.seconds)}: {summary.root}"
    )
    broken = sum(summary.index_rejects.values())
    if broken or summary.bad:
        report.say(f"{summary.bad:,} broken items, {broken:,} broken annotations: {summary.root}/rejects.jsonl")
    if summary.left_out:
        report.say(f"left out because they are missing: {', '.join(summary.left_out)}")


class BuildProgress:
    """A meter fed by a build's progress."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._meter: report.Meter | None = None
        self._said = time.monotonic()

    def __enter__(self) -> BuildProgress:
        return self

    def __exit__(self, *_: Any) -> None:
        if self._meter is not None:
            self._meter.__exit__(None, None, None)

    def watch(self) -> Any:
        """A Progress for `engines.build`."""
        from ..engines.build import Progress

        outer = self

        class _Watch(Progress):
            def indexing(self, source: str, count: int) -> None:
                if count % 16384 < 1024:
                    report.say(f"indexing {source}: {count:,} images", outer._quiet)

            def fetching(self, url: str, done: int, total: int) -> None:
                if done == total or time.monotonic() - outer._said > 10:
                    outer._said = time.monotonic()
                    so_far = "" if done == total else f"{report.human_bytes(done)} of "
                    report.say(f"fetched {so_far}{report.human_bytes(total)} from {url}", outer._quiet)

            def planned(self, shards: int, units: int, finished: int) -> None:
                report.say(f"{units:,} triplets planned in {shards} shards, {finished:,} done before", outer._quiet)
                outer._meter = report.Meter("building", units, outer._quiet).__enter__()
                outer._meter.advance(finished)

            def shard(self, shard: Any, record: Any) -> None:
                if outer._meter is not None:
                    outer._meter.advance(shard.stop - shard.start)

        return _Watch()
