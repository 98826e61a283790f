"""The dataset's card, written anew from what the folder holds now."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..filters.sidecar import Sidecar
from ..manifests.folder import DatasetFolder
from ..writers.card import card_facts, write_card
from ..writers.card_facts import CardFacts, ScoreLine
from ..writers.shards import output_errors


def refresh_card(root: Path) -> None:
    """Write README.md, LICENSE.md and the pictures of a finished dataset again.

    What its owner wrote below the card's last line is kept.

    Raises:
        DatasetFolderError: it is no finished dataset, or a shard or score cannot be read.
        FolderBusyError: another run is writing to it.
        OutputError: it cannot be written.
    """
    folder = DatasetFolder(root)
    manifest = folder.manifest()
    with output_errors(root), folder.lock():
        write_card(root, manifest, score_lines(root))


def fresh_facts(root: Path) -> CardFacts:
    """What a card would say now; nothing is written.

    Raises:
        DatasetFolderError: as `refresh_card`.
    """
    return card_facts(root, DatasetFolder(root).manifest(), score_lines(root))


def score_lines(root: Path) -> tuple[ScoreLine, ...]:
    """Each score over all rows; none when the dataset was not scored, or was scored as other data than it holds.

    Raises:
        DatasetFolderError: the scores are broken.
    """
    sidecar = Sidecar(root)
    if not sidecar.exists:
        return ()
    listed = {shard["name"]: shard["sha256"] for shard in DatasetFolder(root).manifest()["shards"]}
    if sidecar.shards() != listed:
        return ()
    tables = [sidecar.read(shard) for shard in listed]
    cautions = sidecar.cautions()
    lines = []
    for column in sidecar.columns():
        values = np.concatenate([table.column(column.name).to_numpy() for table in tables] or [np.zeros(0)])
        values = values[np.isfinite(values)]
        tenth, median, ninth = np.quantile(values, (0.1, 0.5, 0.9)) if len(values) else (np.nan,) * 3
        lines.append(
            ScoreLine(
                column.name,
                column.description,
                column.better,
                len(values),
                float(tenth),
                float(median),
                float(ninth),
                cautions.get(column.name, ""),
            )
        )
    return tuple(lines)
