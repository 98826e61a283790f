"""How far ranks are with scoring a dataset, from names of files alone: quick, also for many shards."""

from __future__ import annotations

from collections.abc import Mapping

from ...filters.sidecar import Sidecar, canonical
from ...manifests.errors import DatasetFolderError
from ...manifests.folder import DatasetFolder
from .agreed import Agreed
from .join import Before
from .parts import Parts


def listed_shards(folder: DatasetFolder) -> dict[str, str]:
    """Shard -> SHA-256 as the manifest lists it, by name: ranks must see the same ones, whenever they start.

    Raises:
        DatasetFolderError: the dataset is unfinished, or other files lie there.
    """
    listed = sorted((shard["name"], shard["sha256"]) for shard in folder.manifest().get("shards", []))
    there = {file.stem for file in folder.shards()}
    if odd := sorted(there.symmetric_difference(name for name, _ in listed)):
        what = "lies in data/, but the manifest does not list it" if odd[0] in there else "is listed, but not there"
        raise DatasetFolderError(f"{odd[0]} of {folder.root} {what}; taskpaint verify tells more")
    return dict(listed)


def scored_by_ranks(folder: DatasetFolder, agreed: Agreed, listed: Mapping[str, str]) -> set[str]:
    """Shards that lack nothing. `taskpaint finish` looks into the files, this does not."""
    before, parts = Before.of(Sidecar(folder.root)), Parts(folder.state)
    true = {name for name, digest in listed.items() if before.shards.get(name) == digest}
    done = set(listed)
    for key, record in agreed.shards.items():
        there = set(parts.shards(key))
        old = before.records.get(key)
        if old is not None and canonical(old.identity) == canonical(record.identity):
            there |= true
        done &= there
    return done
