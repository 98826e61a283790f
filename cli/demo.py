"""taskpaint demo"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options, report
from . import verify as verify_command
from .building import print_summary, run_build


def demo(
    out: Annotated[Path, typer.Argument(help="Folder for the world and the dataset.")] = Path("demo"),
    scenes: Annotated[int, typer.Option(min=1, max=100_000, help="How many outdoor scenes the world has.")] = 24,
    seed: Annotated[int, typer.Option(help="Which world.")] = 0,
    workers: options.Workers = 0,
    quiet: options.Quiet = False,
) -> None:
    """Draw a small world, write it in the layouts of four datasets, build every task from it, and show it.

    No download, no key, about a minute.

    [bold]Example[/bold]

      taskpaint demo demo
    """
    from ..builders.world import write_world
    from ..engines.build import BuildOptions
    from ..manifests.recipe_file import load_recipe
    from ..writers.gallery import write_gallery

    report.say(f"drawing a world of {scenes} scenes in {out / 'world'}", quiet)
    write_world(out / "world", scenes=scenes, seed=seed)
    dataset = out / "dataset"
    how = BuildOptions(root=out / "world", workers=workers, overwrite=True)
    summary = run_build([load_recipe("demo")], dataset, how, quiet)
    verdict = verify_command.run_verify(dataset, workers, quiet)
    if not quiet:
        print_summary(summary)
        verify_command.print_verdict(verdict)
    gallery = out / "gallery.html"
    write_gallery(dataset, gallery, per_task=24, seed=seed)
    typer.echo(f"open {gallery.resolve()} in a browser")
    if verdict.problem_count:
        raise typer.Exit(1)
