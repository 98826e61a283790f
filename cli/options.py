"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from . import places

PlaceT = TypeVar("PlaceT", str, Path, str | Path)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Workers = Annotated[int, typer.Option("--workers", "-w", min=0, help="Processes; 0 for one a processor.")]
Place = Annotated[
    str, typer.Argument(help="A folder that taskpaint built, or a URL.", metavar="PLACE", show_default=False)
]
Dataset = Annotated[
    Path,
    typer.Argument(
        parser=places.fetched,
        help="A folder that taskpaint built, or its URL: then it is fetched into the cache.",
        metavar="PLACE",
        show_default=False,
    ),
]

Out = Annotated[
    str | None,
    typer.Option("--out", "-o", help="Dataset folder to write, or a URL.", metavar="PLACE", show_default=False),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Start anew in a folder of another run.")]

Checkpoint = Annotated[Path | None, typer.Option(help="File of the embedder's weights.", show_default=False)]
Head = Annotated[
    Path | None, typer.Option(help="File of the aesthetics head's weights.", metavar="FILE", show_default=False)
]
Reference = Annotated[
    Path | None, typer.Option(help="KNN-GIQA reference, of taskpaint index.", metavar="FOLDER", show_default=False)
]
Devices = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, or several: cuda:0,cuda:1.")]
Guidance = Annotated[
    float | None,
    typer.Option(min=1, help="How much to listen to the instruction; 1 for plain.", show_default="the run's, or 7"),
]
ImageGuidance = Annotated[
    float | None, typer.Option(min=1, help="How much to listen to the picture.", show_default="the run's, or 1.5")
]
DenoisingSteps = Annotated[
    int | None, typer.Option(min=1, max=1000, help="Of denoising.", show_default="the run's, or 20")
]
DrawnAtOnce = Annotated[int, typer.Option("--batch-size", min=1, help="Pictures at a time.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 …")]
DrawingPrecision = Annotated[str, typer.Option(help="auto (float16 on CUDA), float32, float16 or bfloat16.")]


def required(out: PlaceT | None) -> PlaceT:
    """The dataset folder to write; not required by Typer, whose own complaint does not say what is meant.

    Raises:
        typer.BadParameter: it is not given.
    """
    if out is None:
        raise typer.BadParameter("name the dataset folder to write with -o OUT", param_hint="--out")
    return out


def names(text: str) -> tuple[str, ...]:
    """Read NAME,NAME."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def split_pairs(values: list[str], option: str) -> dict[str, str]:
    """Read repeated NAME=VALUE options.

    Raises:
        typer.BadParameter: one has no `=`.
    """
    pairs = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals or not name or not rest:
            raise typer.BadParameter(f"{value!r} is not NAME=VALUE", param_hint=option)
        pairs[name] = rest
    return pairs
