"""The card's YAML head: what the Hub and `datasets` read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from ..manifests.licenses import Combined
from ..manifests.triplet import COLUMNS, IMAGE_COLUMNS

SHARD_NAME: Final = re.compile(r"(?P<split>[A-Za-z0-9_.]+)-(?P<number>\d{5,})-of-(?P<count>\d{5,})")

_SIZES: Final = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"),
    (10**12, "100B<n<1T"),
)
_CATEGORIES: Final = {
    "adaptation": "image-to-image",
    "classification": "image-classification",
    "counting": "object-detection",
    "depth": "depth-estimation",
    "depth_order": "depth-estimation",
    "detection": "object-detection",
    "entities": "image-segmentation",
    "foreground": "image-segmentation",
    "instances": "image-segmentation",
    "keypoints": "keypoint-detection",
    "panoptic": "image-segmentation",
    "parts": "image-segmentation",
    "referring": "image-segmentation",
    "segmentation": "image-segmentation",
    "semantic": "image-segmentation",
    "skeleton": "keypoint-detection",
}
"""Task -> the Hub's task category whose ground truth its rows carry, besides image-to-image."""
_WORDS: Final = re.compile(r"[^a-z0-9]+")


def card_head(
    manifest: Mapping[str, Any], tasks: tuple[str, ...], sources: tuple[str, ...], licenses: Combined, folder: str
) -> dict[str, Any]:
    """The metadata as a dict, in the order in which it is written.

    Args:
        manifest: of the dataset.
        tasks, sources: names that its rows carry.
        licenses: of those sources, combined.
        folder: where the shards lie, relative to the card.
    """
    rows: Mapping[str, int] = manifest["splits"]
    languages = _languages(manifest)
    return {
        "pretty_name": str(manifest["name"]),
        **_license(licenses),
        "language": sorted({tag.partition("-")[0].lower() for tag in languages}),
        **({"language_bcp47": languages} if any("-" in tag for tag in languages) else {}),
        "task_categories": list(
            dict.fromkeys(["image-to-image", *(_CATEGORIES[task] for task in sorted(tasks) if task in _CATEGORIES)])
        ),
        "tags": ["taskpaint", "instruction-tuning", "image-editing", *(_slug(task) for task in sorted(tasks))],
        "size_categories": [_size(sum(rows.values()))],
        "source_datasets": [f"extended|other-{_slug(source)}" for source in sources] or ["original"],
        "configs": [{"config_name": "default", "data_files": data_files(manifest, folder)}],
        "dataset_info": {
            "config_name": "default",
            "features": [{"name": name, "dtype": _dtype(name)} for name in COLUMNS],
            "splits": [
                {
                    "name": split,
                    "num_bytes": sum(s["bytes"] for s in manifest["shards"] if s["name"].startswith(f"{split}-")),
                    "num_examples": rows[split],
                }
                for split in _filled(manifest)
            ],
            "download_size": sum(shard["bytes"] for shard in manifest["shards"]),
            "dataset_size": sum(shard["bytes"] for shard in manifest["shards"]),
        },
    }


def head_text(head: Mapping[str, Any]) -> str:
    """The head as the card carries it, between its two lines of dashes."""
    return f"---\n{yaml.safe_dump(dict(head), sort_keys=False, allow_unicode=True, width=100)}---\n"


def data_files(manifest: Mapping[str, Any], folder: str) -> list[dict[str, str]]:
    """Split -> pattern of its shards.

    The pattern names how many there are (`train-*-of-00012`), so that shards of another version of the dataset, which
    may lie beside them while one takes the place of the other, are never read together with them.
    """
    counts = {found["split"]: found["count"] for found in map(_shard_name, manifest["shards"]) if found}
    return [
        {"split": split, "path": f"{folder}/{split}-*{f'-of-{counts[split]}' if split in counts else ''}.parquet"}
        for split in _filled(manifest)
    ]


def _shard_name(shard: Mapping[str, Any]) -> re.Match[str] | None:
    return SHARD_NAME.fullmatch(shard["name"])


def _filled(manifest: Mapping[str, Any]) -> list[str]:
    return [split for split, count in manifest["splits"].items() if count]


def _license(licenses: Combined) -> dict[str, str]:
    if licenses.identifier != "other":
        return {"license": licenses.identifier}
    return {"license": "other", "license_name": "per-source", "license_link": "LICENSE.md"}


def _languages(manifest: Mapping[str, Any]) -> list[str]:
    blocks = [(manifest.get("recipe") or {}).get("instructions") or {}]
    blocks += [rewording["instructions"] for rewording in manifest.get("rewordings", [])]
    return sorted({tag for block in blocks for tag in block.get("languages", ["en"])})


def _dtype(name: str) -> Any:
    if name in IMAGE_COLUMNS:
        return {"image": {"mode": "RGB"}}
    return "int32" if name in ("width", "height") else "string"


def _size(count: int) -> str:
    return next((name for bound, name in _SIZES if count < bound), "n>1T")


def _slug(name: str) -> str:
    return _WORDS.sub("-", name.lower()).strip("-") or "other"
