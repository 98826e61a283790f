"""How a reference of KNN-GIQA is made, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..filters.embedders.clip import Precision
from ..filters.reference.forms import Form
from ..filters.reference.measure import Demand
from ..filters.reference.vectors import Dtype, Normalize
from ..filters.scorer import Embedder


class Progress:
    """Told what happens; does nothing by itself."""

    def stage(self, what: str, total: int) -> None:
        """A stage of `total` vectors or pictures begins; 0 where that is not known."""

    def advance(self, count: int) -> None:
        """`count` more are done."""


@dataclass(frozen=True)
class IndexOptions:
    """How a reference is made.

    Attributes:
        embedder: turns pictures into vectors, or its name; for ready embeddings the name of the one that made them.
        checkpoint, download: as `filters.registry.make_embedder` takes them.
        precision: of the backbone; "auto" is bfloat16 on CUDA, as when scores are made.
        dtype: of the stored vectors.
        column: of Parquet files; None: the one that holds pictures.
        link: leave ready embeddings where they are instead of copying them.
        normalize: None: "l2" for ready embeddings and for embedders with a text side, which are trained by cosine, else
            "none" as in the paper.
        identical: "drop" leaves out references no farther than the floor; None: "drop" where pictures have no keys.
        factory: of FAISS; None: by size and memory.
        memory: bytes the index may take; None: half of the machine's.
        like: another reference, whose trained index is taken so that the two can be merged without training.
        wanted: forms and K to measure; None: "paper" and "l2" at 10, and of fewer than 50,000 vectors "repo" at 1.
        demand: how good the index has to be.
        points: training vectors a list; None: 64, 32 where there are more than 16,384.
        batch_size: pictures embedded at a time; 0: what fits.
        workers: threads that decode; 0: one a processor.
        device: "cpu", "cuda:0" … or "auto"; one is used.
        max_rejects: share of items that may give no vector.
        overwrite: start anew.
    """

    embedder: Embedder | str
    dtype: Dtype = "float16"
    column: str | None = None
    link: bool = False
    normalize: Normalize | None = None
    identical: str | None = None
    factory: str | None = None
    memory: float | None = None
    like: Path | None = None
    wanted: Sequence[tuple[Form, int]] | None = None
    demand: Demand = field(default_factory=Demand)
    points: int | None = None
    batch_size: int = 0
    workers: int = 0
    device: str = "auto"
    max_rejects: float = 1.0
    overwrite: bool = False
    checkpoint: Path | None = None
    download: bool = True
    precision: Literal["auto"] | Precision = "auto"
