"""What `taskpaint status` reads of exports and of scoring."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np

from ..filters.sidecar import Sidecar
from ..manifests.errors import DatasetFolderError
from ..manifests.folder import DatasetFolder, ShardRecord
from .export_folder import ExportFolder
from .scoring.parts import Parts

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
        found[home.name.replace("=", ":")] = sum(1 for _ in home.glob("[!.]*.parquet"))
    return {key: count for key, count in found.items() if count}


def embedded_pictures(folder: DatasetFolder) -> dict[str, int]:
    """Folder of an embedder's vectors -> pictures in it, counting only what a killed run would keep."""
    found: Counter[str] = Counter()
    for file in (folder.state / "embeddings").glob(f"*/{PICTURES}/[!.]*.keys.npy"):
        found[file.parent.parent.name] += len(np.load(file, mmap_mode="r", allow_pickle=False))
    return dict(found)
