"""A small dataset folder with a manifest, written by hand, for tests of the card and of publishing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from taskpaint.manifests.triplet import Triplet
from taskpaint.writers.card import write_card
from taskpaint.writers.shards import write_shard

SHAREABLE = {"gopro": "CC BY 4.0", "reds": "CC BY 4.0"}


def png(seed: int, size: tuple[int, int] = (40, 30)) -> bytes:
    """A PNG of noise."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def triplet(number: int, seed: int = 0, **changes) -> Triplet:
    """A row; odd ones are of the task "depth" and the source "reds"."""
    odd = bool(number % 2)
    fields = {
        "id": f"row-{number:04d}",
        "input_image": png(2 * number + 1000 * seed),
        "edited_image": png(2 * number + 1 + 1000 * seed),
        "edit_prompt": f"Paint number {number}",
        "task": "depth" if odd else "segmentation",
        "template_id": "t-1",
        "params": "{}",
        "annotation": "{}",
        "source_dataset": "reds" if odd else "gopro",
        "source_split": "train",
        "source_id": str(number),
        "image_key": f"photo/{number}",
        "license": SHAREABLE["reds" if odd else "gopro"],
        "width": 40,
        "height": 30,
    }
    return Triplet(**{**fields, **changes})


def publish(root: Path, shards: dict[str, int], rows: int = 2, seed: int = 0, **manifest_changes) -> Path:
    """Write a finished dataset folder.

    Args:
        root: the folder.
        shards: split -> how many shards.
        rows: of each shard.
        seed: other pictures for another one.
        manifest_changes: keys of the manifest to set.
    """
    (root / "data").mkdir(parents=True, exist_ok=True)
    listed, number = [], 0
    for split, count in shards.items():
        for position in range(count):
            name = f"{split}-{position:05d}-of-{count:05d}"
            triplets = [triplet(number + row, seed) for row in range(rows)]
            written = write_shard(root / "data" / f"{name}.parquet", triplets, 8)
            listed.append({"name": name, "rows": written.rows, "bytes": written.bytes, "sha256": written.sha256})
            number += rows
    manifest = {
        "format": 1,
        "name": "small",
        "description": "Noise.",
        "versions": {"taskpaint": "0.1.0"},
        "seed": seed,
        "recipe": {"name": "small", "instructions": {"languages": ["en"], "mode": "rephrased"}},
        "splits": {split: count * rows for split, count in shards.items()},
        "counts": {},
        "left_out": [],
        "sources": {},
        "shards": listed,
        **manifest_changes,
    }
    write_card(root, manifest)
    (root / "manifest.json").write_text(json.dumps(manifest))
    return root
