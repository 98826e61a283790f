"""taskpaint index"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from typer.core import TyperGroup

from . import options, report

if TYPE_CHECKING:
    from ..engines.index import Progress
    from ..filters.reference.forms import Form

_UNITS: Final = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
_EMBEDDER: Final = "ViT-L-14-quickgelu/openai"


class _BuildsByDefault(TyperGroup):
    """`taskpaint index photos -o ref` stands for `taskpaint index build photos -o ref`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["build", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_BuildsByDefault,
    no_args_is_help=True,
    help="Make a reference for KNN-GIQA: good pictures, which others are compared with.\n\n"
    "`taskpaint index FROM... -o REF` stands for `taskpaint index build FROM... -o REF`.",
)

_Out = Annotated[Path, typer.Option("--out", "-o", help="Reference folder to write.", show_default=False)]
_Forms = Annotated[
    list[str] | None,
    typer.Option(
        "--form",
        help="Form of the score to measure: paper, l2 or repo.",
        show_default="paper and l2; repo too below 50,000",
    ),
]
_Neighbours = Annotated[
    list[int] | None,
    typer.Option("--k", min=1, help="Neighbours to measure with.", show_default="10, for repo 1"),
]
_MinRecall = Annotated[float, typer.Option(min=0, max=1, help="Least share of the true neighbours that must be found.")]
_MaxError = Annotated[float, typer.Option(min=0, help="Most relative error of the score, 99th percentile.")]
_Sample = Annotated[int, typer.Option(min=1, help="Vectors compared with exact search to measure both.")]
_Nprobe = Annotated[int, typer.Option(min=0, help="Inverted lists looked at; 0 for as few as will do.")]
_Factory = Annotated[str | None, typer.Option(help="FAISS factory, as IVF4096,SQ8.", show_default="by size and memory")]
_Memory = Annotated[
    str | None,
    typer.Option(help="Memory the index may take, as 40GB.", metavar="SIZE", show_default="half of the machine's"),
]
_Points = Annotated[
    int | None,
    typer.Option(min=30, max=256, help="Training vectors an inverted list.", show_default="64, 32 for many lists"),
]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Start anew in a folder of another reference.")]


@app.command("build")
def build(
    source: Annotated[
        list[Path],
        typer.Argument(
            metavar="FROM...",
            help="Folders or files of pictures, Parquet, tars, or .npy embeddings.",
            show_default=False,
        ),
    ],
    out: _Out,
    embedder: Annotated[
        str, typer.Option(help="Makes vectors of pictures; for ready embeddings, what made them.")
    ] = _EMBEDDER,
    checkpoint: options.Checkpoint = None,
    download: Annotated[
        bool, typer.Option("--download/--no-download", help="Fetch weights that are not on this machine.")
    ] = True,
    column: Annotated[
        str | None, typer.Option(help="Parquet column that holds pictures.", show_default="the only one")
    ] = None,
    dtype: Annotated[Literal["float16", "float32"], typer.Option(help="How vectors are stored.")] = "float16",
    link: Annotated[bool, typer.Option("--link", help="Leave ready embeddings where they are; do not copy.")] = False,
    normalize: Annotated[
        Literal["l2", "none"] | None,
        typer.Option(help="Length of vectors.", show_default="l2 for CLIP and ready embeddings, else none"),
    ] = None,
    identical: Annotated[
        Literal["keep", "drop"] | None,
        typer.Option(
            help="What becomes of references identical to the picture at hand.",
            show_default="drop for ready embeddings, else keep",
        ),
    ] = None,
    factory: _Factory = None,
    memory: _Memory = None,
    like: Annotated[
        Path | None, typer.Option(help="Reference whose trained index to share, for merging.", show_default=False)
    ] = None,
    form: _Forms = None,
    k: _Neighbours = None,
    min_recall: _MinRecall = 0.98,
    max_error: _MaxError = 0.01,
    sample: _Sample = 1000,
    nprobe: _Nprobe = 0,
    points: _Points = None,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="Of the backbone; auto is bfloat16 on CUDA.")
    ] = "auto",
    batch_size: Annotated[int, typer.Option(min=0, help="Pictures embedded at a time; 0 for what fits.")] = 0,
    workers: Annotated[
        int, typer.Option("--workers", "-w", min=0, help="Threads that decode; 0 for one a processor.")
    ] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:0 …")] = "auto",
    max_rejects: Annotated[
        float, typer.Option(min=0, max=1, help="Share of items without a vector that makes the run fail.")
    ] = 1.0,
    overwrite: _Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a reference from pictures or ready embeddings, or go on where an earlier run stopped.

    [bold]Examples[/bold]

      taskpaint index photos -o reference

      taskpaint index laion/img_emb -o reference --link --memory 80GB
    """
    from ..engines.index import IndexOptions, index

    how = IndexOptions(
        embedder=embedder, dtype=dtype, column=column, link=link, normalize=normalize, identical=identical,
        factory=factory, memory=_bytes(memory), like=like, wanted=_wanted(form, k),
        demand=_demand(min_recall, max_error, sample, nprobe), points=points, batch_size=batch_size,
        workers=workers, device=device, max_rejects=max_rejects, overwrite=overwrite,
        checkpoint=checkpoint, download=download, precision=precision,
    )  # fmt: skip
    _run(lambda progress: index(source, out, how, progress), out, as_json, quiet)


@app.command("merge")
def merge(
    source: Annotated[
        list[Path], typer.Argument(metavar="REF...", help="References of one embedder.", show_default=False)
    ],
    out: _Out,
    factory: _Factory = None,
    memory: _Memory = None,
    form: _Forms = None,
    k: _Neighbours = None,
    min_recall: _MinRecall = 0.98,
    max_error: _MaxError = 0.01,
    sample: _Sample = 1000,
    nprobe: _Nprobe = 0,
    points: _Points = None,
    overwrite: _Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Merge references into a new one; nothing is embedded again.

    The index is trained anew, unless all were made with one trained index (`--like`).

    [bold]Example[/bold]

      taskpaint index merge first second -o both
    """
    from ..engines.index import IndexOptions
    from ..engines.index import merge as run

    how = IndexOptions(
        embedder="", factory=factory, memory=_bytes(memory), wanted=_wanted(form, k),
        demand=_demand(min_recall, max_error, sample, nprobe), points=points, overwrite=overwrite,
    )  # fmt: skip
    _run(lambda progress: run(source, out, how, progress), out, as_json, quiet)


@app.command("measure")
def measure(
    reference: Annotated[Path, typer.Argument(metavar="REF", help="A finished reference.", show_default=False)],
    form: _Forms = None,
    k: _Neighbours = None,
    min_recall: _MinRecall = 0.98,
    max_error: _MaxError = 0.01,
    sample: _Sample = 1000,
    nprobe: _Nprobe = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure a reference for other forms and other numbers of neighbours, which can then be scored with.

    [bold]Example[/bold]

      taskpaint index measure reference --form paper --k 100
    """
    from ..engines.index import IndexOptions
    from ..engines.index import measure as run

    demand = _demand(min_recall, max_error, sample, nprobe)
    how = IndexOptions(embedder="", wanted=_wanted(form, k), demand=demand)
    _run(lambda progress: run(reference, how, progress), reference, as_json, quiet)


def _run(work: Callable[[Progress], dict[str, Any]], root: Path, as_json: bool, quiet: bool) -> None:
    with report.stoppable(), contextlib.closing(_meters(quiet or as_json)) as progress:
        about = work(progress)
    if as_json:
        report.print_json(about)
    elif not quiet:
        _print_summary(about, root)


def _print_summary(about: dict[str, Any], root: Path) -> None:
    rows = [
        [
            one["form"],
            one["k"],
            one["nprobe"],
            one["fetch"],
            f"{one['recall']:.4f}",
            *(f"{one['error'][name]:.3%}" for name in ("median", "p99")),
            *(f"{one['typical'].get(name, float('nan')):.4g}" for name in ("q10", "q50", "q90")),
        ]
        for one in about["measured"]
    ]
    head = ["form", "K", "nprobe", "candidates", "recall", "error, median", "p99", "score at q10", "q50", "q90"]
    report.print_table("", head, rows)
    vectors = about["vectors"]
    report.say(
        f"{vectors['count']:,} vectors of {vectors['dim']} {vectors['dtype']}, {about['index']['factory']}, "
        f"{report.human_bytes(about['index']['bytes_in_memory'])} in memory: {root}"
    )
    if about["rejects"]:
        report.say(f"{about['rejects']:,} items gave no vector: {root / 'rejects.jsonl'}")


def _wanted(forms: list[str] | None, ks: list[int] | None) -> list[tuple[Form, int]] | None:
    """Forms and K to measure: every form with every K, or with its usual one; None: the usual ones."""
    from ..filters.reference.forms import USUAL_K, parse_form

    if not forms and not ks:
        return None
    chosen = [parse_form(form) for form in forms or ("paper", "l2")]
    return [(form, k) for form in chosen for k in ks or [USUAL_K[form]]]


def _demand(min_recall: float, max_error: float, sample: int, nprobe: int) -> Any:
    from ..filters.reference.measure import Demand

    return Demand(min_recall=min_recall, max_error=max_error, sample=sample, nprobe=nprobe)


def _bytes(text: str | None) -> float | None:
    """ "40GB" -> 4e10; powers of 1000."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9.]+)\s*([kmgt]?)b?", text.strip().lower())
    if not found or found[1].count(".") > 1 or found[1] == ".":
        raise typer.BadParameter(f"{text!r} is no size such as 40GB", param_hint="--memory")
    return float(found[1]) * _UNITS[found[2]]


def _meters(quiet: bool) -> Any:
    """A Progress that shows a meter a stage."""
    from ..engines.index import Progress

    class _Meters(Progress):
        def __init__(self) -> None:
            self._meter: report.Meter | None = None

        def stage(self, what: str, total: int) -> None:
            self.close()
            if total:
                self._meter = report.Meter(what, total, quiet).__enter__()
            else:
                report.say(what, quiet)

        def advance(self, count: int) -> None:
            if self._meter is not None:
                self._meter.advance(count)

        def close(self) -> None:
            if self._meter is not None:
                self._meter.__exit__(None, None, None)
                self._meter = None

    return _Meters()
