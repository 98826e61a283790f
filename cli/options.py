"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import places

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
