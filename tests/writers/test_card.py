"""The dataset card: what the Hub and `datasets` read of it."""

from __future__ import annotations

import pytest
import yaml
from taskpaint.manifests.triplet import triplet_schema
from taskpaint.writers.card import card_text, write_card


def _manifest(**changes):
    manifest = {
        "name": "mine",
        "description": 'Paintings: of dogs | and "cats" -- müde\n---\n# not a heading of ours',
        "splits": {"train": 1200, "validation": 0, "test": 34},
        "counts": {"coco-segmentation": {"planned": 1300, "built": 1234, "bad": 6, "skipped": 60}},
        "left_out": [],
        "sources": {
            "coco": {
                "title": "COCO 2017",
                "homepage": "https://cocodataset.org",
                "split": "train2017",
                "images": 118287,
                "license": "CC BY 4.0",
            }
        },
        "shards": [
            {"name": "train-00000-of-00002", "bytes": 1000},
            {"name": "train-00001-of-00002", "bytes": 500},
            {"name": "test-00000-of-00001", "bytes": 70},
        ],
        "recipe": {"name": "mine", "sources": [{"source": "coco", "path": "coco"}], "note": "```"},
    }
    return {**manifest, **changes}


def _head(text):
    assert text.startswith("---\n")
    return yaml.safe_load(text[4:].split("\n---\n", 1)[0])


def test_the_head_by_hand():
    head = _head(card_text(_manifest()))
    assert head["pretty_name"] == "mine"
    assert head["task_categories"] == ["image-to-image"]
    assert head["size_categories"] == ["1K<n<10K"]
    assert head["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-*.parquet"},
        {"split": "test", "path": "data/test-*.parquet"},
    ]
    info = head["dataset_info"]
    assert info["splits"] == [
        {"name": "train", "num_bytes": 1500, "num_examples": 1200},
        {"name": "test", "num_bytes": 70, "num_examples": 34},
    ]
    assert info["download_size"] == info["dataset_size"] == 1570


@pytest.mark.parametrize(
    ("rows", "category"),
    [
        (1, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (99_999, "10K<n<100K"),
        (100_000, "100K<n<1M"),
        (10**7, "10M<n<100M"),
    ],
)
def test_size_categories_of_the_hub(rows, category):
    assert _head(card_text(_manifest(splits={"train": rows})))["size_categories"] == [category]


def test_datasets_reads_the_same_features_from_card_and_shards():
    datasets = pytest.importorskip("datasets")
    head = _head(card_text(_manifest()))
    info = datasets.DatasetInfo._from_yaml_dict(head["dataset_info"])
    assert info.features == datasets.Features.from_arrow_schema(triplet_schema())
    assert info.splits["train"].num_examples == 1200


def test_the_hub_library_parses_it():
    hub = pytest.importorskip("huggingface_hub")
    card = hub.DatasetCard(card_text(_manifest()))
    assert card.data.pretty_name == "mine"
    assert card.data.task_categories == ["image-to-image"]
    assert card.data.size_categories == ["1K<n<10K"]
    assert card.data.configs[0]["config_name"] == "default"
    again = hub.DatasetCard(str(card))
    assert again.data.to_dict() == card.data.to_dict()
    assert "# mine" in card.text


def test_the_text_says_what_was_built():
    text = card_text(_manifest())
    assert "| train | 1,200 |" in text
    assert "| coco-segmentation | 1,300 | 1,234 | 6 | 60 |" in text
    assert "| [COCO 2017](https://cocodataset.org) | train2017 | 118,287 | CC BY 4.0 |" in text
    assert "müde" in text


def test_the_recipe_in_it_is_a_recipe():
    manifest = _manifest()
    text = card_text({**manifest, "recipe": {"name": "mine", "seed": 3}})
    block = text.split("```yaml\n", 1)[1].split("\n```", 1)[0]
    assert yaml.safe_load(block) == {"name": "mine", "seed": 3}


def test_a_dataset_without_rows_has_a_card():
    head = _head(card_text(_manifest(splits={}, shards=[], description="")))
    assert head["configs"][0]["data_files"] == []
    assert head["dataset_info"]["splits"] == []


def test_it_is_the_readme(tmp_path):
    write_card(tmp_path, _manifest())
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == card_text(_manifest())
