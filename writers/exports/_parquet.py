"""Parquet formats: the head of their card."""

from __future__ import annotations

from collections.abc import Iterable

import yaml


def card_head(splits: Iterable[str]) -> str:
    """YAML that names each split's shards, between `---` lines."""
    files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits]
    head = yaml.safe_dump({"configs": [{"config_name": "default", "data_files": files}]}, sort_keys=False)
    return f"---\n{head}---\n\n"
