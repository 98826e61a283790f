"""Rows of finished shards: how many go into a row group."""

from __future__ import annotations

from typing import Any

from taskpaint.engines.pieces import row_group_rows


def manifest(rows_per_group: int | None, *shards: tuple[int, int]) -> dict[str, Any]:
    """Of shards with so many rows and bytes."""
    output = {} if rows_per_group is None else {"row_group_rows": rows_per_group}
    return {"recipe": {"output": output}, "shards": [{"rows": rows, "bytes": size} for rows, size in shards]}


def test_rows_are_those_of_the_recipe() -> None:
    assert row_group_rows(manifest(48, (100, 1_000_000))) == 48
    assert row_group_rows(manifest(None, (100, 1_000_000))) == 64
    assert row_group_rows({"recipe": None, "shards": []}) == 64


def test_large_rows_are_fewer() -> None:
    """Of 32 MiB each eight make 256 MiB; the heaviest shard decides, of whichever dataset."""
    heavy, light = (100, 100 * 32 << 20), (100, 1_000_000)
    assert row_group_rows(manifest(64, light, heavy)) == 8
    assert row_group_rows(manifest(64, light), manifest(16, heavy)) == 8
    assert row_group_rows(manifest(4, heavy)) == 4
    assert row_group_rows(manifest(64, (1, 1 << 30), (0, 900))) == 1
