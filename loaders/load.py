"""`taskpaint.load`: one call from a dataset folder to a torch dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, overload

from ..manifests.errors import UsageError

if TYPE_CHECKING:
    from .pixels import Fit
    from .torch_datasets import Images, TripletRows, TripletStream


@overload
def load(
    path: str | Path,
    split: str = ...,
    *,
    stream: Literal[True] = ...,
    tasks: Sequence[str] | None = ...,
    weights: Mapping[str, float] | None = ...,
    size: int | tuple[int, int] | None = ...,
    fit: Fit = ...,
    images: Images = ...,
    transform: Callable[[dict[str, Any]], Any] | None = ...,
    shuffle: bool = ...,
    seed: int = ...,
    even: bool = ...,
) -> TripletStream: ...


@overload
def load(
    path: str | Path,
    split: str = ...,
    *,
    stream: Literal[False],
    tasks: Sequence[str] | None = ...,
    weights: Mapping[str, float] | None = ...,
    size: int | tuple[int, int] | None = ...,
    fit: Fit = ...,
    images: Images = ...,
    transform: Callable[[dict[str, Any]], Any] | None = ...,
    shuffle: bool = ...,
    seed: int = ...,
    even: bool = ...,
) -> TripletRows: ...


def load(
    path: str | Path,
    split: str = "train",
    *,
    stream: bool = True,
    tasks: Sequence[str] | None = None,
    weights: Mapping[str, float] | None = None,
    size: int | tuple[int, int] | None = None,
    fit: Fit = "crop",
    images: Images = "tensor",
    transform: Callable[[dict[str, Any]], Any] | None = None,
    shuffle: bool = True,
    seed: int = 0,
    even: bool = True,
) -> TripletStream | TripletRows:
    """A dataset folder as a torch dataset of rows: dicts with the columns' names.

    Args:
        path: the folder that `taskpaint build`, `filter` or `reword` wrote, or a URL (s3://bucket/name).
        split: "train", "validation" …
        stream: an IterableDataset that shuffles, knows ranks and workers and can go on where it stopped; False: a
            map-style Dataset in the order of the files.
        tasks: only rows of these.
        weights: task -> how often an epoch shows its rows: 0.1 a tenth of them, 2 each twice.
        size: side, or width and height, of all images in pixels; None keeps each row's own. Palette images (masks,
            maps) are scaled without blending.
        fit: "crop" covers the size and cuts the middle out, "pad" fits inside, "stretch" does neither.
        images: "tensor" (3, H, W) float32 in [-1, 1]; "numpy" (H, W, 3) uint8; "pil"; "bytes" as stored.
        transform: called with every finished row.
        shuffle: of a stream; another order every epoch.
        seed: of everything that is drawn.
        even: give every rank as many rows as the one with the fewest.

    Raises:
        UsageError: torch is not installed, no such split or task, or a value that makes no sense.
        DatasetFolderError: the folder cannot be read.
    """
    from ..manifests.extras import load_extra

    load_extra("torch", "train")
    from . import pixels, torch_datasets
    from .catalogue import Catalogue
    from .order import Order

    for name, value, allowed in (("fit", fit, pixels.Fit), ("images", images, torch_datasets.Images)):
        if value not in get_args(allowed):
            raise UsageError(f"{name} {value!r} is none of {', '.join(get_args(allowed))}")
    wanted = (size, size) if isinstance(size, int) else size
    if wanted is not None and (len(wanted) != 2 or min(wanted) < 1):
        raise UsageError(f"size {size} must be a side, or width and height, of at least 1 pixel")
    catalogue = Catalogue.open(path, split)
    order = Order(seed, shuffle and stream, tuple(tasks) if tasks is not None else None, dict(weights or {}))
    form = torch_datasets.Form(images, wanted, fit, transform)
    if stream:
        order.counts(catalogue, 0)  # a wrong task or weight is told now, not in a worker
        return torch_datasets.TripletStream(catalogue, order, form, even=even)
    return torch_datasets.TripletRows(catalogue, order, form)
