"""The two torch datasets: rows by number, and a stream that knows its rank, its worker and where it stopped."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from ..manifests.errors import UsageError
from .catalogue import Catalogue, read_rows
from .order import Epoch, Order
from .pixels import Fit, decode_pair

Images = Literal["tensor", "numpy", "pil", "bytes"]
Row = dict[str, Any]
_KEPT_GROUPS = 4


@dataclass(frozen=True)
class Form:
    """How rows come out.

    Attributes:
        images: tensor: (3, H, W) float32 in [-1, 1]; numpy: (H, W, 3) uint8; pil: RGB pictures; bytes: as stored.
        size: width and height of all images; None keeps each row's own.
        fit: how they come to that size, as `pixels.decode_pair`.
        transform: called with the finished row, last of all.
    """

    images: Images = "tensor"
    size: tuple[int, int] | None = None
    fit: Fit = "crop"
    transform: Callable[[Row], Any] | None = None

    def of(self, row: Row) -> Any:
        """A stored row in this form; the columns keep their names."""
        out = dict(row)
        if self.images == "bytes":
            out |= {name: row[name]["bytes"] for name in ("input_image", "edited_image")}
        else:
            pair = decode_pair(row, self.size, self.fit)
            out |= dict(zip(("input_image", "edited_image"), map(self._image, pair), strict=True))
            out["height"], out["width"] = pair[0].shape[:2]
        return self.transform(out) if self.transform else out

    def _image(self, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Any:
        if self.images == "numpy":
            return pixels
        if self.images == "pil":
            from PIL import Image

            return Image.fromarray(pixels)
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float().div_(127.5).sub_(1)


class TripletRows(Dataset[Any]):
    """Rows by number, in the order of the files; for evaluation and for samplers of one's own.

    A row group is read at once and the last few are kept: reading in order, or near each other, is quick.
    """

    def __init__(self, catalogue: Catalogue, order: Order, form: Form) -> None:
        self.catalogue, self.form = catalogue, form
        counts = order.counts(catalogue, epoch=0)
        self._rows = np.repeat(np.arange(len(catalogue)), counts)
        self._firsts = np.array([group.first for group in catalogue.groups])
        self._kept: OrderedDict[int, list[Row]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, position: int) -> Any:
        row = int(self._rows[position])
        number = int(np.searchsorted(self._firsts, row, side="right")) - 1
        if number not in self._kept:
            self._kept[number] = read_rows(self.catalogue, self.catalogue.groups[number])
            if len(self._kept) > _KEPT_GROUPS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return self.form.of(self._kept[number][row - int(self._firsts[number])])


class TripletStream(IterableDataset[Any]):
    """Epochs of one split, for training.

    Each rank and each worker of a DataLoader reads row groups of its own. With `even`, every rank gets as many rows as
    the one with the fewest, so that none waits for another at the end. Rank and world size come from
    torch.distributed, else from RANK and WORLD_SIZE.

    Call `set_epoch` before each epoch, as for a DistributedSampler: workers cannot tell the main process that an epoch
    is over. Without workers epochs count themselves.

    `state_dict` and `load_state_dict` go on in the middle of an epoch; torchdata's StatefulDataLoader calls them in
    every worker.
    """

    def __init__(self, catalogue: Catalogue, order: Order, form: Form, *, even: bool = True) -> None:
        self.catalogue, self.order, self.form, self.even = catalogue, order, form, even
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]  # so that set_epoch reaches workers that live on
        self._shown = 0

    @property
    def epoch(self) -> int:
        """The epoch that the next iteration shows, from 0."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Show this epoch next, from its start."""
        self._epoch.fill_(epoch)
        self._shown = 0

    def state_dict(self) -> dict[str, int]:
        """Where this process or worker is: its epoch, and how many rows of it were shown."""
        return {"epoch": self.epoch, "shown": self._shown}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there."""
        self._epoch.fill_(int(state["epoch"]))
        self._shown = int(state["shown"])

    def __len__(self) -> int:
        """Rows that this rank sees in the epoch, all its workers together."""
        return self._most(self.order.epoch(self.catalogue, self.epoch), *rank_and_world())

    def __iter__(self) -> Iterator[Any]:
        rank, world = rank_and_world()
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        epoch = self.order.epoch(self.catalogue, self.epoch)
        skip = self._shown
        for visit in epoch.visits(rank, world, worker, workers, self._most(epoch, rank, world)):
            if skip >= len(visit.rows):
                skip -= len(visit.rows)
                continue
            stored = read_rows(self.catalogue, self.catalogue.groups[visit.group])
            for row in visit.rows[skip:].tolist():
                self._shown += 1
                yield self.form.of(stored[row])
            skip = 0
        self._shown = 0
        if info is None:
            self._epoch += 1

    def _most(self, epoch: Epoch, rank: int, world: int) -> int:
        return min(epoch.rows_of(other, world) for other in (range(world) if self.even else [rank]))


def rank_and_world() -> tuple[int, int]:
    """This process among those that train together.

    Raises:
        UsageError: RANK or WORLD_SIZE make no sense.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    try:
        rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    except ValueError as fault:
        raise UsageError(f"RANK and WORLD_SIZE must be whole numbers: {fault}") from fault
    if not 0 <= rank < world:
        raise UsageError(f"RANK {rank} does not lie below WORLD_SIZE {world}")
    return rank, world
