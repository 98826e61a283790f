"""taskpaint preview"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options, report


def preview(
    out: options.Dataset,
    to: Annotated[
        Path | None, typer.Option("--to", help="HTML file to write.", show_default="OUT/preview.html")
    ] = None,
    per_task: Annotated[int, typer.Option(min=1, max=1000, help="Triplets of each task.")] = 24,
    seed: Annotated[int, typer.Option(help="Which triplets are drawn.")] = 0,
    quiet: options.Quiet = False,
) -> None:
    """Write a gallery of a dataset: one HTML file that opens from disk with no network.

    [bold]Example[/bold]

      taskpaint preview out --per-task 50
    """
    from ..writers.gallery import write_gallery

    file = to or out / "preview.html"
    summary = write_gallery(out, file, per_task=per_task, seed=seed)
    report.say(f"{file}: {report.human_bytes(summary.bytes)}", quiet)
