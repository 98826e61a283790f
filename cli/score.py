"""taskpaint score"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import cluster, options, places, ranks, report

if TYPE_CHECKING:
    from ..engines.fleet import Fleet
    from ..engines.local import Engine
    from ..engines.rank_report import RankReport
    from ..engines.score import ScoreOptions, ScoreReport
    from ..manifests.share import Share


def score(
    out: options.Place,
    scores: Annotated[
        str,
        typer.Option(
            metavar="NAME,NAME",
            help="What to make: pixels, duplicates, aesthetics, giqa, clip_similarity … NAME:LABEL for a second one of "
            "a name. Without it, all that can be made with what is given.",
            show_default=False,
        ),
    ] = "",
    embedder: Annotated[
        str,
        typer.Option(
            metavar="MODEL/PRETRAINED",
            help="A model of open_clip, or nss. Without it ViT-L-14-quickgelu/openai.",
            show_default=False,
        ),
    ] = "",
    checkpoint: options.Checkpoint = None,
    head: options.Head = None,
    reference: options.Reference = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="An option of a scorer: giqa.form=repo.", metavar="SCORER.OPTION=VALUE", show_default=False
        ),
    ] = None,
    device: options.Devices = "auto",
    precision: Annotated[
        str, typer.Option(help="Of the backbone: auto (bfloat16 on CUDA), float32 or bfloat16.")
    ] = "auto",
    batch_size: Annotated[int, typer.Option(min=0, help="Pictures at a time; 0 for what fits.")] = 0,
    workers: options.Workers = 0,
    keep: Annotated[
        str, typer.Option("--keep-embeddings", help="Write them too: float16 or float32.", show_default=False)
    ] = "",
    engine: cluster.EngineOption = cluster.EngineName.local,
    ray_address: cluster.RayAddress = None,
    gpus_per_task: cluster.GpusPerTask = None,
    rank: cluster.Rank = None,
    world_size: cluster.WorldSize = None,
    script: cluster.Script = None,
    sbatch: cluster.Sbatch = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Score every pair of a dataset; scores that are there and still true are not made again.

    [bold]Examples[/bold]

      taskpaint score out

      taskpaint score out --head sac+logos+ava1-l14-linearMSE.pth --reference good --device cuda

      taskpaint score out --scores aesthetics,aesthetics:v1 --set aesthetics.head=v2.pth --set aesthetics:v1.head=v1.pth

      taskpaint score /shared/out --head v2.pth --engine ray --ray-address auto

      taskpaint score /shared/out --head v2.pth --engine slurm --world-size 16 --gpus-per-task 1 --script score.sh
    """
    from ..engines.score import ScoreOptions
    from ..engines.score_ranks import check_score
    from ..manifests.storage.url import place

    cluster.check(engine, ray_address, rank, world_size, script, sbatch)
    cluster.check_gpus(engine, gpus_per_task)
    cluster.check_shared(engine, rank, [out])
    if engine == cluster.EngineName.ray and device != "auto":
        raise typer.BadParameter("Ray's nodes choose their own; see --gpus-per-task", param_hint="--device")
    how = ScoreOptions(
        options.names(scores),
        scorer_settings(setting or [], head, reference),
        embedder,
        checkpoint,
        options.names(device) or ("auto",),
        _one_of(precision, ("auto", "float32", "bfloat16"), "--precision"),
        batch_size,
        workers,
        _one_of(keep, ("float16", "float32"), "--keep-embeddings") if keep else None,
    )
    folder = place(out)
    arguments = ranks.words(
        ("--scores", scores),
        ("--embedder", embedder),
        ("--checkpoint", checkpoint),
        ("--head", head),
        ("--reference", reference),
        ("--set", setting),
        ("--device", device if device != "auto" else ""),
        ("--precision", precision if precision != "auto" else ""),
        ("--batch-size", batch_size),
        ("--keep-embeddings", keep),
    )
    if isinstance(folder, Path) and rank is not None:
        again = ranks.command("score", str(folder.absolute()), *arguments)
        ranks.tell(_run_share(folder, how, ranks.share(rank, world_size), quiet or as_json, again), quiet, as_json)
    elif isinstance(folder, Path) and world_size is not None:
        check_score(folder, how)
        gpus, where = int(gpus_per_task or 0), folder.absolute()
        arguments = [str(where), *arguments]
        ranks.write_script("score", arguments, where, world_size, workers, sbatch or [], script, gpus=gpus)
    else:
        with (
            places.changing(out, quiet or as_json) as root,
            cluster.fleet_of(engine, ray_address, gpus_per_task, workers) as fleet,
        ):
            found = run_score(root, how, quiet or as_json, cluster.engine_of(engine, ray_address), fleet)
        if as_json:
            report.print_json(vars(found))
        elif not quiet:
            print_scores(found)


def run_score(
    out: Path, how: ScoreOptions, quiet: bool, engine: Engine | None = None, fleet: Fleet | None = None
) -> ScoreReport:
    """Score with progress bars; without an engine on this machine."""
    from ..engines.local import run_local
    from ..engines.score import score as run

    with report.stoppable(), Watch(quiet) as watch:
        return run(out, how, watch, engine or run_local, fleet)


def _run_share(out: Path, how: ScoreOptions, share: Share, quiet: bool, command: str) -> RankReport:
    from ..engines.score_ranks import score_share

    with report.stoppable(), Watch(quiet) as watch:
        return score_share(out, how, share, watch, command)


def print_scores(found: ScoreReport) -> None:
    """What scoring came to, for people."""
    rows = [[key, ", ".join(entry["columns"]), entry["scored"], entry["kept"]] for key, entry in found.scorers.items()]
    report.print_table("", ["scorer", "scores", "shards scored", "kept"], rows)
    for key, entry in found.scorers.items():
        if entry["caution"]:
            report.say(f"{key}: nothing should be cut by this: {entry['caution']}")
    if found.outdated:
        report.say(
            f"left out, since data changed after they were scored: {', '.join(found.outdated)}; name them in --scores"
        )
    if found.rejects:
        report.say(f"{found.rejects:,} pictures could not be scored: {found.rejects_file}")
    pictures = sum(found.embedded.values())
    embedded = f", {pictures:,} pictures embedded" if pictures else ""
    report.say(f"{sum(found.rows.values()):,} triplets scored{embedded}, {report.human_seconds(found.seconds)}")


def scorer_settings(given: list[str], head: Path | None, reference: Path | None) -> dict[str, dict[str, Any]]:
    """Scorer -> option -> value, from --set, --head and --reference."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in options.split_pairs(given, "--set").items():
        scorer, dot, option = name.rpartition(".")
        if not dot or not scorer or not option:
            raise typer.BadParameter(f"{name!r} is not SCORER.OPTION", param_hint="--set")
        found.setdefault(scorer, {})[option] = value
    for scorer, option, file in (("aesthetics", "head", head), ("giqa", "reference", reference)):
        if file is not None:
            found.setdefault(scorer, {})[option] = file
    return found


def _one_of(value: str, known: tuple[str, ...], option: str) -> Any:
    if value not in known:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(known)}", param_hint=option)
    return value


class Watch:
    """A meter for each stage."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._meter: report.Meter | None = None

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._close()

    def stage(self, what: str, total: int, unit: str) -> None:
        """A new meter."""
        self._close()
        self._meter = report.Meter(what, total, self._quiet, unit).__enter__()

    def advance(self, count: int) -> None:
        """So many more are done."""
        if self._meter is not None:
            self._meter.advance(count)

    def say(self, text: str) -> None:
        """A line for people."""
        report.say(text, self._quiet)

    def _close(self) -> None:
        if self._meter is not None:
            self._meter.__exit__(None, None, None)
            self._meter = None
