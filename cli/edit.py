"""taskpaint edit"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options, report

if TYPE_CHECKING:
    from ..training.edit import Request

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_AT_A_TIME = 64


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
        Path | None, typer.Option(help="In place of a picture: every row of a dataset's split.", show_default=False)
    ] = None,
    split: Annotated[str, typer.Option(help="Of the dataset.")] = "validation",
    task: Annotated[list[str] | None, typer.Option(help="Only rows of this task; repeat.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=0, help="So many rows, spread over the split; 0 for all.")] = 0,
    guidance: Annotated[
        float | None,
        typer.Option(min=1, help="How much to listen to the instruction; 1 for plain.", show_default="the run's, or 7"),
    ] = None,
    image_guidance: Annotated[
        float | None, typer.Option(min=1, help="How much to listen to the picture.", show_default="the run's, or 1.5")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Of denoising.", show_default="the run's, or 20")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same.")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures at a time.")] = 8,
    resolution: Annotated[int, typer.Option(min=0, help="Pixels, as in training; 0 for the model's own.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")] = "auto",
    precision: Annotated[str, typer.Option(help="auto (float16 on CUDA), float32, float16, bfloat16.")] = "auto",
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
    load_extra("torch", "train")
    from ..training.edit import Artist
    from ..training.evaluate import questions_of

    written: list[str] = []
    if image is not None:
        files = _pictures_in(image)
        total, requests = len(files), _from_files(files, instruction)
        artist = Artist.load(model, device, precision, resolution)
    else:
        assert dataset is not None
        catalogue, rows = questions_of(dataset, split, task, limit)
        artist = Artist.load(model, device, precision, resolution)
        total, requests = len(rows), _from_rows(catalogue, rows)
    how = artist.options(
        steps=steps, guidance=guidance, image_guidance=image_guidance, seed=seed, batch_size=batch_size
    )
    single = image is not None and not image.is_dir()
    with report.Meter("drawing", total, quiet or as_json) as meter:
        for some in _chunks(requests):
            for request, drawn in artist.draw(some, how):
                written.append(str(_write(out if single else out / f"{request.key}.png", drawn)))
                meter.advance(1)
    if as_json:
        report.print_json({"written": sorted(written)})
    else:
        report.say(f"{len(written):,} pictures written to {out}", quiet)


def _pictures_in(place: Path) -> list[Path]:
    from ..manifests.errors import UsageError

    if not place.is_dir():
        return [place]
    found = sorted(file for file in place.iterdir() if file.suffix.lower() in _SUFFIXES)
    if not found:
        raise UsageError(f"{place} holds no picture ({', '.join(_SUFFIXES)})")
    stems = [file.stem for file in found]
    if twice := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise UsageError(f"{place} holds two pictures called {twice[0]}; their drawings would have one name")
    return found


def _from_files(files: list[Path], instruction: str) -> Iterator[Request]:
    from ..manifests.errors import ItemError, UsageError
    from ..manifests.images import decode_rgb
    from ..training.edit import Request

    for file in files:
        try:
            yield Request(file.stem, decode_rgb(file.read_bytes()), instruction)
        except (OSError, ItemError) as fault:
            raise UsageError(f"{file} does not open: {fault}") from fault


def _from_rows(catalogue: object, rows: list[int]) -> Iterator[Request]:
    from ..training.catalogue import Catalogue
    from ..training.edit import Request
    from ..training.evaluate import read_questions

    assert isinstance(catalogue, Catalogue)
    for question in read_questions(catalogue, rows):
        yield Request(question.row["id"], question.source, question.row["edit_prompt"])


def _chunks(requests: Iterator[Request]) -> Iterator[list[Request]]:
    import itertools

    while some := list(itertools.islice(requests, _AT_A_TIME)):
        yield some


def _write(file: Path, drawn: object) -> Path:
    import numpy as np
    from PIL import Image

    from ..manifests.errors import OutputError

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(drawn)).save(file)
    except (OSError, ValueError) as fault:
        raise OutputError(f"{file} cannot be written: {fault}") from fault
    return file
