"""What a regrouped dataset says of itself: the manifests of its parents as one, and what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ...manifests.folder import ShardRecord
from .rows import Parent, Rows

_HISTORY: Final = ("description", "seed", "versions", "recipe", "cuts", "rewordings", "regroupings", "alignment")
"""What a parent's manifest tells of how it was made, besides counts and sources."""


def merged_manifest(
    rows: Rows,
    record: Mapping[str, Any],
    splits: Mapping[str, int],
    shards: Sequence[ShardRecord],
    name: str,
) -> dict[str, Any]:
    """The manifest of the new dataset: of a single parent what it says, of several what they say together.

    Args:
        rows: with the parents.
        record: what was done, for `regroupings`.
        splits: split -> rows.
        shards: of the new dataset.
        name: of the new dataset; empty: of a single parent its own.
    """
    parents = rows.parents
    head = dict(parents[0].manifest) if len(parents) == 1 else _together(parents, record["versions"])
    return {
        **head,
        **({"name": name} if name else {}),
        "splits": dict(splits),
        "regroupings": [*head.get("regroupings", []), dict(record)],
        "shards": [one.listed for one in shards],
    }


def parent_record(parent: Parent, taken: int, alone: bool) -> dict[str, Any]:
    """What a new manifest says of a parent; of one among several with its own history."""
    found = {"name": parent.name, "manifest_sha256": parent.manifest_sha256, "rows": taken}
    history = {key: parent.manifest[key] for key in _HISTORY if parent.manifest.get(key)}
    return found if alone else {**found, **history}


def _together(parents: Sequence[Parent], versions: Mapping[str, str]) -> dict[str, Any]:
    manifests = [parent.manifest for parent in parents]
    return {
        "format": 1,
        "name": "-".join(dict.fromkeys(parent.name for parent in parents)),
        "description": "",
        "versions": dict(versions),
        "counts": _counts(manifests),
        "tasks": _first(manifest.get("tasks", {}) for manifest in manifests),
        "held_out_templates": {},
        "index_rejects": _sums(manifest.get("index_rejects", {}) for manifest in manifests),
        "left_out": sorted({name for manifest in manifests for name in manifest.get("left_out", [])}),
        "sources": _sources(manifests),
    }


def _first(tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for table in tables:
        found = {**table, **found}
    return dict(sorted(found.items()))


def _sums(tables: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for table in tables:
        found.update(table)
    return dict(found)


def _counts(manifests: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for manifest in manifests:
        for label, counts in manifest.get("counts", {}).items():
            found.setdefault(label, Counter(dict.fromkeys(counts, 0))).update(counts)
    return {label: dict(counts) for label, counts in found.items()}


def _sources(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every source under its label; another source of the same label gets a number."""
    found: dict[str, Any] = {}
    for manifest in manifests:
        for label, source in manifest.get("sources", {}).items():
            name, number = label, 1
            while name in found and found[name] != source:
                number += 1
                name = f"{label}-{number}"
            found[name] = source
    return found
