"""The dataset card: README.md with the YAML that the Hub and `datasets` read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..manifests.folder import write_text
from ..manifests.recipe import HELD_OUT_INSTRUCTIONS
from ..manifests.triplet import COLUMNS, IMAGE_COLUMNS

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)


def write_card(root: Path, manifest: Mapping[str, Any]) -> None:
    """Write `root`/README.md from a manifest."""
    write_text(root / "README.md", card_text(manifest))


def card_text(manifest: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    head = yaml.safe_dump(_metadata(manifest), sort_keys=False, allow_unicode=True, width=100)
    lines = [
        f"---\n{head}---\n",
        f"# {manifest['name']}\n",
        manifest["description"] or "Instruction, source image and target image triplets.",
        "",
        "Built with taskpaint. Every target can be decoded back into the annotation beside it.",
        "",
        *_usage(),
        *_splits(manifest),
        *_counts(manifest),
        *_cuts(manifest),
        *_rewordings(manifest),
        *_sources(manifest),
        "## Recipe",
        "",
        "```yaml",
        yaml.safe_dump(manifest["recipe"], sort_keys=False, allow_unicode=True).rstrip(),
        "```",
        "",
    ]
    return "\n".join(lines)


def _metadata(manifest: Mapping[str, Any]) -> dict[str, Any]:
    rows: Mapping[str, int] = manifest["splits"]
    filled = [split for split, count in rows.items() if count]
    shards = manifest["shards"]
    return {
        "pretty_name": manifest["name"],
        "task_categories": ["image-to-image"],
        "tags": ["taskpaint", "instruction-tuning", "image-editing"],
        "size_categories": [_size(sum(rows.values()))],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in filled],
            }
        ],
        "dataset_info": {
            "config_name": "default",
            "features": [{"name": name, "dtype": _dtype(name)} for name in COLUMNS],
            "splits": [
                {
                    "name": split,
                    "num_bytes": sum(s["bytes"] for s in shards if s["name"].startswith(f"{split}-")),
                    "num_examples": rows[split],
                }
                for split in filled
            ],
            "download_size": sum(shard["bytes"] for shard in shards),
            "dataset_size": sum(shard["bytes"] for shard in shards),
        },
    }


def _dtype(name: str) -> Any:
    if name in IMAGE_COLUMNS:
        return {"image": {"mode": "RGB"}}
    return "int32" if name in ("width", "height") else "string"


def _size(count: int) -> str:
    return next((name for bound, name in _SIZES if count < bound), "10M<n<100M")


def _usage() -> list[str]:
    return [
        "```python",
        "from datasets import load_dataset",
        "",
        'rows = load_dataset("path/to/this/folder", split="train")',
        'rows[0]["input_image"], rows[0]["edit_prompt"], rows[0]["edited_image"]',
        "```",
        "",
    ]


def _splits(manifest: Mapping[str, Any]) -> list[str]:
    lines = ["| split | triplets |", "|---|---:|"]
    lines += [*(f"| {split} | {count:,} |" for split, count in manifest["splits"].items()), ""]
    if HELD_OUT_INSTRUCTIONS in manifest["splits"]:
        repeated = manifest["recipe"]["instructions"]["held_out_of"]
        lines += [
            f"`{HELD_OUT_INSTRUCTIONS}` shows the triplets of `{repeated}` again, worded with templates that no other "
            "split uses: the difference between the two is what unseen wording costs.",
            "",
        ]
    return lines


def _counts(manifest: Mapping[str, Any]) -> list[str]:
    lines = [
        "## Tasks and sources",
        "",
        "| stream | planned | built | broken | not applicable |",
        "|---|---:|---:|---:|---:|",
    ]
    for label, count in manifest["counts"].items():
        lines.append(
            f"| {label} | {count['planned']:,} | {count['built']:,} | {count['bad']:,} | {count['skipped']:,} |"
        )
    return [*lines, ""]


def _cuts(manifest: Mapping[str, Any]) -> list[str]:
    """The rules that `taskpaint filter` cut by; the table above counts what was built before."""
    cuts = manifest.get("cuts", [])
    lines = ["## Filtered", "", "Rows that the last cut dropped are in `dropped.parquet`, with their scores.", ""]
    for cut in cuts:
        left = cut["parent"]["rows"] - cut["dropped"]
        lines += [f"{left:,} of {cut['parent']['rows']:,} triplets were left where every rule held:", ""]
        lines += [f"- `{rule}`" for rule in cut["rules"]]
        lines += [f"- `{rule}` was forced: {caution}" for rule, caution in cut["forced"].items()]
        lines.append("")
    return lines if cuts else []


def _rewordings(manifest: Mapping[str, Any]) -> list[str]:
    """What `taskpaint reword` drew anew."""
    lines: list[str] = []
    for rewording in manifest.get("rewordings", []):
        block = rewording["instructions"]
        banks = f", with {', '.join(bank['name'] for bank in block['banks'])}" if block["banks"] else ""
        lines += [
            "## Reworded",
            "",
            f"Instructions of {', '.join(rewording['tasks'])} were drawn again, {block['mode']}, with seed "
            f"{rewording['seed']}{banks}; images and ids are as they were.",
            "",
        ]
    return lines


def _sources(manifest: Mapping[str, Any]) -> list[str]:
    lines = ["## Sources and licences", "", "| source | split | images | licence |", "|---|---|---:|---|"]
    for source in manifest["sources"].values():
        title = f"[{source['title']}]({source['homepage']})"
        lines.append(f"| {title} | {source['split']} | {source['images']:,} | {source['license']} |")
    if manifest["left_out"]:
        lines += ["", f"Left out of the recipe because they were not at hand: {', '.join(manifest['left_out'])}."]
    return [*lines, "", "Images keep the licence of their source; it stands in every row.", ""]
