"""taskpaint edit"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options, places, report

if TYPE_CHECKING:
    from ..training.edit import Request


def edit(
    model: Annotated[str, typer.Argument(help="A folder that taskpaint trained, or a Hub id.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Picture to write; a folder for several.", show_default=False)
    ],
    image: Annotated[
        Path | None, typer.Option("--image", "-i", help="A picture, or a folder of them.", show_default=False)
    ] = None,
    instruction: Annotated[str, typer.Option("--instruction", "-t", help="What to do with it.")] = "",
    dataset: Annotated[
        Path | None,
        typer.Option(
            parser=places.fetched,
            help="In place of a picture: every row of a dataset's split; a folder, or a URL.",
            metavar="PLACE",
            show_default=False,
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Of the dataset.")] = "validation",
    task: Annotated[list[str] | None, typer.Option(help="Only rows of this task; repeat.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=0, help="So many rows, spread over the split; 0 for all.")] = 0,
    guidance: options.Guidance = None,
    image_guidance: options.ImageGuidance = None,
    steps: options.DenoisingSteps = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same.")] = 0,
    batch_size: options.DrawnAtOnce = 8,
    resolution: Annotated[int, typer.Option(min=0, help="Pixels, as in training; 0 for the model's own.")] = 0,
    device: options.Device = "auto",
    precision: options.DrawingPrecision = "auto",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Draw with a trained model: picture and instruction to picture.

    A dataset's rows are written as ID.png, as taskpaint evaluate reads them.

    [bold]Examples[/bold]

      taskpaint edit run -i photo.jpg -t "Paint the dog red." -o dog.png

      taskpaint edit run --dataset out --split validation -o drawn
    """
    from ..manifests.errors import UsageError
    from ..manifests.extras import load_extra

    if (image is None) == (dataset is None):
        raise UsageError("give either --image or --dataset")
    if image is not None and not instruction.strip():
        raise UsageError("--image needs an --instruction")
    if dataset is not None and instruction:
        raise UsageError("--instruction is for --image; the rows of a dataset have their own")
    load_extra("torch", "train")
    from ..training.edit import Artist
    from ..training.evaluate import questions_of
    from ..training.own_pictures import check_folder, find_work, read_pictures, some_at_a_time, write_picture

    written: list[str] = []
    skipped: list[str] = []

    def skip(reason: str) -> None:
        skipped.append(reason)
        if image is not None and image.is_dir():
            report.say(f"passed over: {reason}", quiet)

    if image is not None:
        work = find_work(image, out)
        for file in work.passed_over:
            skip(f"{file} is not called like a picture")
        place = work.out
        artist = Artist.load(model, device, precision, resolution)
        total, requests = len(work.pictures), read_pictures(work.pictures, instruction, skip)
    else:
        assert dataset is not None
        check_folder(out)
        place = lambda key: out / f"{key}.png"  # noqa: E731 - as `work.out`
        catalogue, rows = questions_of(dataset, split, task, limit, judged=False)
        artist = Artist.load(model, device, precision, resolution)
        total, requests = len(rows), _from_rows(catalogue, rows)
    how = artist.options(
        steps=steps, guidance=guidance, image_guidance=image_guidance, seed=seed, batch_size=batch_size
    )
    with report.Meter("drawing", total, quiet or as_json) as meter:
        for some in some_at_a_time(requests):
            for request, drawn in artist.draw(some, how):
                written.append(str(write_picture(place(request.key), drawn)))
                meter.advance(1)
    if not written:
        raise UsageError(f"nothing is drawn: {skipped[-1]}")
    if as_json:
        report.print_json({"written": sorted(written), "skipped": skipped})
    else:
        where = out if len(written) > 1 else written[0]
        report.say(f"{len(written):,} picture{'s' if len(written) > 1 else ''} written to {where}", quiet)


def _from_rows(catalogue: object, rows: list[int]) -> Iterator[Request]:
    from ..training.catalogue import Catalogue
    from ..training.edit import Request
    from ..training.evaluate import read_questions

    assert isinstance(catalogue, Catalogue)
    for question in read_questions(catalogue, rows):
        yield Request.of_row(question.row, question.source)
