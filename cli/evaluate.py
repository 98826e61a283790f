"""taskpaint evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options, report

if TYPE_CHECKING:
    from ..training.evaluate import Evaluation
    from ..training.metrics.measure import Extra
    from ..training.predictors import Predictor


def evaluate(
    dataset: options.Dataset,
    model: Annotated[str, typer.Option(help="A folder that taskpaint trained, or a Hub id.")] = "",
    predictions: Annotated[
        Path | None, typer.Option(help="Folder of any model's pictures, called ID.png.", show_default=False)
    ] = None,
    oracle: Annotated[bool, typer.Option("--oracle", help="Only the targets themselves: the upper bound.")] = False,
    identity: Annotated[bool, typer.Option("--identity", help="Only the unchanged sources: the lower bound.")] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="Both bounds beside the model's figures.")
    ] = True,
    split: Annotated[str, typer.Option(help="Of the dataset.")] = "validation",
    task: Annotated[list[str] | None, typer.Option(help="Only this task; repeat.", show_default=False)] = None,
    by: Annotated[
        str,
        typer.Option(
            help="Also apart by source_dataset, source_split, template_id, class, or novelty: what the model never saw "
            "of a row (dataset, class, instruction)."
        ),
    ] = "",
    trained_on: Annotated[
        Path | None,
        typer.Option(help="What the model learned from, for --by novelty.", show_default="as the run's folder says"),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="So many rows, spread over the split; 0 for all.")] = 0,
    scores: Annotated[
        Path | None, typer.Option(help="Parquet file for every row's figures.", show_default=False)
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for each task's worst and best drawings.", show_default=False)
    ] = None,
    lpips: Annotated[
        Path | None,
        typer.Option(
            help="Folder of LPIPS's two files of weights.",
            metavar="FOLDER",
            show_default="where torchvision and lpips keep them",
        ),
    ] = None,
    embedder: Annotated[
        str,
        typer.Option(metavar="MODEL/PRETRAINED", help="CLIP of open_clip, for edits: ViT-L-14-quickgelu/openai."),
    ] = "",
    checkpoint: options.Checkpoint = None,
    head: Annotated[
        Path | None, typer.Option(help="File of an aesthetics head, for edits; needs --embedder.", show_default=False)
    ] = None,
    guidance: options.Guidance = None,
    image_guidance: options.ImageGuidance = None,
    steps: options.DenoisingSteps = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    batch_size: options.DrawnAtOnce = 8,
    device: options.Device = "auto",
    precision: options.DrawingPrecision = "auto",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table in Markdown.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Decode what a model drew for a dataset's rows, and score it with the field's metrics.

    Oracle, the stored target, and copy, the unchanged source, stand beside the model's figures: they say what a number
    means.

    [bold]Examples[/bold]

      taskpaint evaluate out --model run --split validation --scores scores.parquet

      taskpaint evaluate out --predictions drawn --by source_dataset --markdown

      taskpaint evaluate out --model run --split held_out_instructions --by novelty

      taskpaint evaluate out --oracle
    """
    from ..manifests.errors import UsageError
    from ..manifests.extras import load_extra

    if (head or checkpoint) and not embedder:
        raise UsageError("--head and --checkpoint need an --embedder")
    if sum(map(bool, (model, predictions, oracle, identity))) != 1:
        raise UsageError("say what to judge: one of --model, --predictions, --oracle and --identity")
    load_extra("torch", "train")
    from ..training import evaluate as engine
    from ..training.edit import Artist
    from ..training.extremes import Extremes
    from ..training.groups import labels_by
    from ..training.groups import trained_on as known_from
    from ..training.predictors import FromFolder, FromModel

    catalogue, rows = engine.questions_of(dataset, split, task, limit)
    labels = labels_by(by, known_from(model, trained_on) if by == "novelty" else None)
    asked = {catalogue.tasks[number] for number in set(catalogue.task_of[rows].tolist())}
    extras = _extras(asked, lpips, embedder, checkpoint, head, device, quiet)
    bounds = engine.baselines()
    judged: dict[str, Predictor]
    if oracle or identity:
        alone = "oracle" if oracle else "copy"
        judged = {alone: bounds[alone]}
    elif predictions:
        judged = {"model": FromFolder(predictions), **(bounds if baselines else {})}
    else:
        artist = Artist.load(model, device, precision)
        how = {"steps": steps, "guidance": guidance, "image_guidance": image_guidance}
        drawing = FromModel(artist, artist.options(**how, seed=seed, batch_size=batch_size))
        judged = {"model": drawing, **(bounds if baselines else {})}
    extremes = Extremes(next(iter(judged)))
    with report.Meter("judging", len(rows), quiet or as_json) as meter:
        found = engine.evaluate(catalogue, rows, judged, labels, extras, meter.advance, extremes.note)
    if scores:
        engine.write_scores(found.scores, scores)
    if pictures:
        extremes.write(pictures)
    if as_json:
        told = {key: getattr(found, key) for key in ("dataset", "split", "rows", "metrics")}
        report.print_json(told)
    elif markdown or not quiet:
        print_evaluation(found, list(judged), markdown)


def _extras(
    asked: set[str],
    lpips: Path | None,
    embedder: str,
    checkpoint: Path | None,
    head: Path | None,
    device: str,
    quiet: bool,
) -> list[Extra]:
    """Figures that need weights, for the tasks that have them; says which are left out."""
    from ..engines.scoring.choose import find_devices
    from ..filters.edit_figures import EditFigures
    from ..filters.embedders.clip import ClipEmbedder
    from ..training.metrics.perceptual import BACKBONE_FILE, Lpips, find_weights

    place = find_devices((device,))[0]
    found: list[Extra] = []
    weights = find_weights(lpips)
    if weights and Lpips.tasks & asked:
        found.append(Lpips(*weights, place))
    elif Lpips.tasks & asked:
        report.say(f"without LPIPS: pip install lpips and put {BACKBONE_FILE} into --lpips FOLDER", quiet)
    if embedder and EditFigures.tasks & asked:
        found.append(EditFigures(ClipEmbedder(embedder, checkpoint), head, place))
    elif EditFigures.tasks & asked:
        report.say("without CLIP similarities of edits: give an --embedder", quiet)
    return found


def print_evaluation(found: Evaluation, predictors: list[str], markdown: bool) -> None:
    """The table: a line a metric, a column a predictor."""
    head = ["task", "rows", "metric", *predictors]
    rows: list[list[Any]] = [
        [group, found.rows[group], metric, *(_cell(by_name[name].get(metric)) for name in predictors)]
        for group, by_name in found.metrics.items()
        for metric in dict.fromkeys(key for name in predictors for key in by_name[name])
    ]
    if markdown:
        lines: list[list[Any]] = [head, ["---", "---:", "---", *["---:"] * len(predictors)], *rows]
        typer.echo("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))
    else:
        report.print_table("", head, rows)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
