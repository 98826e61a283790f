"""What `taskpaint status` reads of exports and of scoring."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ..filters.sidecar import Sidecar
from ..manifests.errors import DatasetFolderError
from ..manifests.folder import DatasetFolder, ShardRecord
from ..manifests.share import world_size
from .export_folder import ExportFolder
from .scoring.agreed import Agreed
from .scoring.parts import EMBEDDED, Parts
from .scoring.standing import listed_shards, scored_by_ranks

PICTURES: Final = "pictures"


def export_records(root: Path) -> tuple[dict[str, int], dict[str, ShardRecord]]:
    """Rows of every shard of an export, and what is known of those that are done.

    Raises:
        DatasetFolderError: the plan is missing or broken.
    """
    folder = ExportFolder(root)
    sizes = folder.planned()
    records = {}
    for name, rows in sizes.items():
        written = folder.done(name)
        if written is not None:
            seconds, at = folder.took(name)
            records[name] = ShardRecord(name, rows, written.bytes, "", {}, seconds, at)
    return sizes, records


def scored_shards(folder: DatasetFolder) -> dict[str, int]:
    """Scorer -> shards that it has scored: those of the sidecar, and parts that wait to be joined."""
    sidecar, found = Sidecar(folder.root), Counter[str]()
    with contextlib.suppress(DatasetFolderError):  # nothing was scored yet, or the next run scores it again
        found.update(dict.fromkeys(sidecar.records(), len(sidecar.shards())))
    parts = Parts(folder.state).folder
    for home in parts.iterdir() if parts.is_dir() else ():
        if home.name.partition("=")[0] == EMBEDDED:
            continue
        found[home.name.replace("=", ":")] = sum(1 for _ in home.glob("[!.]*.parquet"))
    return {key: count for key, count in found.items() if count}


@dataclass(frozen=True)
class RankShards:
    """What of a scoring by ranks is done.

    Attributes:
        world_size: ranks.
        done: rows of the shards that lack nothing.
        left: rank -> rows of its shards that lack something.
    """

    world_size: int
    done: dict[str, int]
    left: dict[int, dict[str, int]]


def ranks_at_scoring(folder: DatasetFolder) -> RankShards:
    """How ranks stand that score a dataset.

    Raises:
        DatasetFolderError: what they agreed on cannot be read.
    """
    listed, agreed = listed_shards(folder), Agreed.read(folder)
    done, ranks = scored_by_ranks(folder, agreed, listed), world_size(Parts(folder.state).agreement) or 1
    rows = {shard["name"]: int(shard["rows"]) for shard in folder.manifest()["shards"]}
    left: dict[int, dict[str, int]] = {rank: {} for rank in range(ranks)}
    for number, name in enumerate(listed):
        if name not in done:
            left[number % ranks][name] = rows[name]
    return RankShards(ranks, {name: rows[name] for name in listed if name in done}, left)


def embedded_pictures(folder: DatasetFolder) -> dict[str, int]:
    """Folder of an embedder's vectors -> pictures in it, counting only what a killed run would keep."""
    found: Counter[str] = Counter()
    for file in (folder.state / "embeddings").glob(f"*/{PICTURES}/[!.]*.keys.npy"):
        found[file.parent.parent.name] += len(np.load(file, mmap_mode="r", allow_pickle=False))
    return dict(found)
