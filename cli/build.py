"""taskpaint build"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import cluster, options, ranks, report
from .build_recipes import given_recipes
from .building import BuildProgress, print_summary, run_build

if TYPE_CHECKING:
    from ..engines.build import BuildOptions
    from ..engines.rank_report import RankReport
    from ..manifests.recipe_file import RecipeFile
    from ..manifests.share import Share

RecipeNames = Annotated[
    list[str] | None, typer.Argument(help="Recipe files or names of shipped recipes.", show_default=False)
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        "-o",
        help="Dataset folder to write, or a URL: s3://bucket/name.",
        metavar="PLACE",
        show_default=False,
    ),
]
Spool = Annotated[
    Path | None,
    typer.Option(
        help="With a URL: folder in which shards wait to be sent, on Ray one that all nodes see; by default "
        "in the cache.",
        show_default=False,
    ),
]
Sources = Annotated[
    list[str] | None,
    typer.Option(
        help="Without a recipe: NAME=PLACE or NAME:SPLIT=PLACE, a folder or URL.",
        metavar="NAME=PLACE",
        show_default=False,
    ),
]
Tasks = Annotated[
    list[str] | None,
    typer.Option(help="Without a recipe: task to render.", metavar="NAME", show_default=False),
]
Data = Annotated[str, typer.Option(help="Folder or URL that relative source paths start from.", metavar="PLACE")]
Paths = Annotated[
    list[str] | None,
    typer.Option(
        help="Where a source of the recipe lies: a folder or URL.", metavar="SOURCE=PLACE", show_default=False
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change a value of the recipe: image.size=512.",
        metavar="KEY=VALUE",
        show_default=False,
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="At most this many triplets.", show_default=False)]
MaxRejects = Annotated[float, typer.Option(min=0, max=1, help="Share of broken items that makes the build fail.")]
SkipMissing = Annotated[bool, typer.Option("--skip-missing", help="Leave out sources whose folder is not there.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Start anew in a folder of another build.")]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Go on in a folder that holds a part of this build.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and an estimate; write nothing.")]


def build(
    recipe: RecipeNames = None,
    out: Out = None,
    spool: Spool = None,
    source: Sources = None,
    task: Tasks = None,
    data: Data = ".",
    path: Paths = None,
    change: Changes = None,
    limit: Limit = None,
    workers: options.Workers = 0,
    max_rejects: MaxRejects = 1.0,
    skip_missing: SkipMissing = False,
    overwrite: Overwrite = False,
    resume: Resume = True,
    dry_run: DryRun = False,
    engine: cluster.EngineOption = cluster.EngineName.local,
    ray_address: cluster.RayAddress = None,
    rank: cluster.Rank = None,
    world_size: cluster.WorldSize = None,
    script: cluster.Script = None,
    sbatch: cluster.Sbatch = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Build a dataset from recipes, or from sources and tasks given here.

    [bold]Examples[/bold]

      taskpaint build quickstart --data /datasets -o out

      taskpaint build my.yaml --path coco=/data/coco --limit 1000 -o try

      taskpaint build --source coco:val2017=/data/coco --task segmentation --task keypoints -o out

      taskpaint build my.yaml -o /shared/out --engine slurm --world-size 64 --script build.sh

      taskpaint build my.yaml --path coco=s3://pictures/coco -o s3://datasets/mine
    """
    from ..engines.build import BuildOptions
    from ..manifests.storage.url import place

    cluster.check(engine, ray_address, rank, world_size, script, sbatch)
    where = None if out is None else place(out)
    _check_spool(where, engine, spool)
    files = given_recipes(recipe or [], source or [], task or [], change or [])
    paths = {name: place(value) for name, value in options.split_pairs(path or [], "--path").items()}
    how = BuildOptions(place(data), paths, limit, workers, max_rejects, overwrite, skip_missing, spool)
    if dry_run:
        _dry_run(files, how, as_json, quiet)
        return
    if where is None:
        raise typer.BadParameter("name the dataset folder to write with -o OUT", param_hint="--out")
    if not resume and not overwrite and _is_begun(where):
        raise typer.BadParameter(
            f"{out} holds a build already; give --overwrite or another folder", param_hint="--no-resume"
        )
    arguments = build_arguments(recipe, source, task, path, change, data, limit, skip_missing, spool)
    if engine == cluster.EngineName.slurm and world_size is not None:
        _write_script(where, how, arguments, world_size, script, sbatch or [])
    elif rank is not None:
        again = ranks.command("build", *arguments, "--out", str(out))
        found = _run_share(files, where, how, ranks.share(rank, world_size), quiet or as_json, again)
        ranks.tell(found, quiet, as_json)
    else:
        summary = run_build(files, where, how, quiet or as_json, cluster.engine_of(engine, ray_address))
        if as_json:
            report.print_json(vars(summary))
        elif not quiet:
            print_summary(summary)


def _check_spool(where: Path | str | None, engine: cluster.EngineName, spool: Path | None) -> None:
    if engine == cluster.EngineName.ray and isinstance(where, str) and spool is None:
        raise typer.BadParameter(
            "--engine ray sends shards from a folder that all nodes see: name it with --spool, or run ranks (--rank)",
            param_hint="--out",
        )


def _write_script(
    where: Path | str,
    how: BuildOptions,
    arguments: list[str],
    world_size: int,
    script: Path | None,
    sbatch: list[str],
) -> None:
    if how.overwrite:
        raise typer.BadParameter(f"ranks cannot overwrite; remove {where} first", param_hint="--overwrite")
    there = where.absolute() if isinstance(where, Path) else where
    finish = ["--max-rejects", f"{how.max_rejects:g}"]
    arguments = [*arguments, "--out", str(there)]
    ranks.write_script("build", arguments, there, world_size, how.workers, sbatch, script, finish=finish)


def _run_share(
    files: list[RecipeFile], out: Path | str, how: BuildOptions, share: Share, quiet: bool, command: str
) -> RankReport:
    from ..engines.ranks import build_share

    with report.stoppable(), BuildProgress(quiet) as progress:
        return build_share(files, out, how, share, progress.watch(), command)


def build_arguments(
    recipes: list[str] | None,
    sources: list[str] | None,
    tasks: list[str] | None,
    paths: list[str] | None,
    changes: list[str] | None,
    data: Path | str,
    limit: int | None,
    skip_missing: bool,
    spool: Path | None = None,
) -> list[str]:
    """The options of a build that every rank is given again."""
    return [
        *(recipes or []),
        *ranks.words(
            ("--data", data),
            ("--source", sources),
            ("--task", tasks),
            ("--path", paths),
            ("--set", changes),
            ("--limit", limit),
            ("--skip-missing", skip_missing),
            ("--spool", spool),
        ),
    ]


def _is_begun(where: Path | str) -> bool:
    from ..manifests.storage.store import Store

    if isinstance(where, str):
        return Store(where).info(".taskpaint/run.json") is not None
    return (where / ".taskpaint").exists()


def _dry_run(files: list[RecipeFile], how: BuildOptions, as_json: bool, quiet: bool) -> None:
    from ..engines.estimate import estimate

    with BuildProgress(quiet or as_json) as progress:
        found = estimate(files, how, progress.watch())
    if as_json:
        report.print_json(found)
        return
    rows = [
        [name, *(values[key] for key in ("planned", "tried", "built"))] for name, values in found["streams"].items()
    ]
    report.print_table("", ["stream", "planned", "tried", "of them built"], rows)
    splits = ", ".join(f"{count:,} {split}" for split, count in found["splits"].items())
    report.say(
        f"{splits} in {found['shards']} shards; about {report.human_bytes(found['bytes'])} and "
        f"{report.human_seconds(found['seconds'])} with {found['workers']} workers; nothing was written"
    )
