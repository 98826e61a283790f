"""The dataset card: what the Hub and `datasets` read of it, what people read, and its pictures."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
import yaml
from PIL import Image
from published import png, publish, triplet
from taskpaint.manifests.errors import DatasetFolderError
from taskpaint.manifests.triplet import triplet_schema
from taskpaint.writers.card import KEPT_MARK, card_facts, card_files, write_card
from taskpaint.writers.card import card_text as text_of
from taskpaint.writers.card_facts import CardFacts, ScoreLine
from taskpaint.writers.shards import write_shard


def card_text(manifest, **facts):
    return text_of(CardFacts(manifest, **facts))


def _manifest(**changes):
    manifest = {
        "name": "mine",
        "description": 'Paintings: of dogs | and "cats" -- müde\n---\n# not a heading of ours',
        "splits": {"train": 1200, "validation": 0, "test": 34},
        "counts": {"coco-segmentation": {"planned": 1300, "built": 1234, "bad": 6, "skipped": 60}},
        "left_out": [],
        "sources": {
            "coco": {
                "dataset": "coco",
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
    assert head["license"] == "cc-by-4.0"
    assert head["language"] == ["en"]
    assert head["source_datasets"] == ["extended|other-coco"]
    assert head["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-*-of-00002.parquet"},
        {"split": "test", "path": "data/test-*-of-00001.parquet"},
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
        (10**8, "100M<n<1B"),
        (10**12, "n>1T"),
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
    assert "| `coco-segmentation` | 1,300 | 1,234 | 6 | 60 |" in text
    assert "| [COCO 2017](https://cocodataset.org) | train2017 | CC BY 4.0 | 118,287 |" in text
    assert "müde" in text


def test_the_recipe_in_it_is_a_recipe():
    manifest = _manifest()
    text = card_text({**manifest, "recipe": {"name": "mine", "seed": 3, "note": "```"}})
    block = text.split("````yaml\n", 1)[1].split("\n````", 1)[0]
    assert yaml.safe_load(block) == {"name": "mine", "seed": 3, "note": "```"}


def test_nothing_in_a_description_is_markup():
    text = card_text(_manifest()).split("\n---\n", 1)[1]
    assert re.findall(r"^# .*$", text, re.MULTILINE) == ["# mine"]
    hostile = _manifest(name="a|b <script>", description="<img src=x onerror=alert(1)>\n\n[x](javascript:alert(1))")
    text = card_text(hostile)
    assert "<script>" not in text.split("\n---\n", 1)[1].split("## Citation")[0]  # below it stands in a code block
    assert "<img" not in text
    assert "[x](javascript" not in text
    assert _head(text)["pretty_name"] == "a|b <script>"


def test_a_dataset_without_rows_has_a_card():
    head = _head(card_text(_manifest(splits={}, shards=[], description="")))
    assert head["configs"][0]["data_files"] == []
    assert head["dataset_info"]["splits"] == []


@pytest.fixture
def folder(tmp_path):
    return publish(tmp_path / "out", {"train": 2, "validation": 1})


def _manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def test_it_is_the_readme_with_licences_and_pictures(folder):
    files = card_files(card_facts(folder, _manifest_of(folder)))
    assert set(files) == {"README.md", "LICENSE.md", "card/depth.jpg", "card/segmentation.jpg"}
    for name, data in files.items():
        assert (folder / name).read_bytes() == data


def test_the_counts_are_those_of_the_rows(folder):
    text = (folder / "README.md").read_text()
    assert "| `depth` |  | 3 |" in text
    assert "| `segmentation` |  | 3 |" in text
    assert "| gopro | train | CC BY 4.0 | yes | yes | 3 |" in text


def test_datasets_loads_the_folder_by_the_card(folder):
    datasets = pytest.importorskip("datasets")
    for streaming in (False, True):
        loaded = datasets.load_dataset(str(folder), streaming=streaming, cache_dir=str(folder.parent / "cache"))
        assert set(loaded) == {"train", "validation"}
        rows = list(loaded["train"])
        assert [row["id"] for row in rows] == ["row-0000", "row-0001", "row-0002", "row-0003"]
        assert rows[0]["input_image"].size == (40, 30)


def test_shards_of_another_version_beside_them_are_not_read(folder):
    datasets = pytest.importorskip("datasets")
    write_shard(folder / "data" / "train-00000-of-00003.parquet", [triplet(9)], 8)
    rows = datasets.load_dataset(str(folder), split="train", streaming=True)
    assert [row["id"] for row in rows] == ["row-0000", "row-0001", "row-0002", "row-0003"]


def test_a_picture_shows_the_first_row_whose_images_differ_and_open(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    same, broken = png(1), png(2)[:60]
    rows = [
        triplet(0, input_image=same, edited_image=same),
        triplet(2, edited_image=broken),
        triplet(4, edit_prompt="Paint | this"),
        triplet(6),
    ]
    written = write_shard(data / "train-00000-of-00001.parquet", rows, 2)
    shard = {"name": "train-00000-of-00001", "rows": 4, "bytes": written.bytes, "sha256": written.sha256}
    facts = card_facts(tmp_path, _manifest(splits={"train": 4}, shards=[shard]))
    assert facts.pictures["segmentation"].row_id == "row-0004"
    assert "`segmentation`<br>Paint \\| this |" in text_of(facts)


def test_a_picture_is_the_source_beside_the_target(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    flat = [np.full((300, 600, 3), value, np.uint8) for value in (40, 220)]
    encoded = []
    for image in flat:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        encoded.append(stream.getvalue())
    row = triplet(0, input_image=encoded[0], edited_image=encoded[1], width=600, height=300)
    written = write_shard(data / "train-00000-of-00001.parquet", [row], 2)
    shard = {"name": "train-00000-of-00001", "rows": 1, "bytes": written.bytes, "sha256": written.sha256}
    picture = card_facts(tmp_path, _manifest(shards=[shard])).pictures["segmentation"]
    with Image.open(io.BytesIO(picture.data)) as opened:
        pixels = np.asarray(opened).astype(int)
    assert pixels.shape == (144, 288 + 4 + 288, 3)  # 600x300 shrunk to a height of 144, twice, and a gap
    assert abs(pixels[:, :280] - 40).max() <= 3
    assert abs(pixels[:, 300:] - 220).max() <= 3


def test_a_shard_that_cannot_be_read_is_named(folder):
    (folder / "data" / "train-00000-of-00002.parquet").write_bytes(b"PAR1")
    with pytest.raises(DatasetFolderError, match=r"train-00000-of-00002\.parquet cannot be read"):
        write_card(folder, _manifest_of(folder))


def test_licences_that_do_not_go_together_are_said_at_the_top(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    rows = [
        triplet(0, source_dataset="pets", license="CC BY-SA 4.0"),
        triplet(2, source_dataset="kitti", license="CC BY-NC-SA 3.0"),
        triplet(4, source_dataset="ade20k", license="ADE20K terms: research and education only"),
    ]
    written = write_shard(data / "train-00000-of-00001.parquet", rows, 2)
    shard = {"name": "train-00000-of-00001", "rows": 3, "bytes": written.bytes, "sha256": written.sha256}
    write_card(tmp_path, _manifest(shards=[shard]))
    text = (tmp_path / "README.md").read_text()
    head = _head(text)
    assert (head["license"], head["license_name"], head["license_link"]) == ("other", "per-source", "LICENSE.md")
    top = text.split("## Use")[0]
    assert "The terms of ade20k do not allow" in top
    assert "Licences conflict" in top
    assert "ade20k and kitti may not be used commercially" in top
    assert "| ade20k | train | ADE20K terms: research and education only | no | no | 1 |" in text
    assert "CC BY-NC-SA 3.0" in (tmp_path / "LICENSE.md").read_text()


def test_what_stands_below_the_mark_is_kept(folder):
    card = folder / "README.md"
    before = card.read_text()
    assert before.endswith(KEPT_MARK + "\n")
    card.write_text(before.replace("# small", "# changed") + "\nMy own words.\n")
    write_card(folder, _manifest_of(folder))
    assert card.read_text() == before + "\nMy own words.\n"


def test_scores_cuts_and_rewordings_are_told():
    cut = {
        "parent": {"rows": 2000},
        "dropped": 766,
        "rules": ["clip_difference >= 0.1 | x"],
        "forced": {"a < 1": "made by <random> weights"},
    }
    rewording = {"instructions": {"banks": [{"name": "my.jsonl"}], "mode": "fixed", "languages": ["pt-BR"]}}
    manifest = _manifest(cuts=[cut], rewordings=[{**rewording, "tasks": ["depth"], "seed": 4}])
    score = ScoreLine("giqa", "nearness to real pictures", "higher", 1234, 0.125, 0.5, 0.75, "random weights")
    text = card_text(manifest, scores=(score,))
    assert "1,234 of 2,000 triplets were left" in text
    assert "- `clip_difference >= 0.1 | x`" in text
    assert "`a < 1` was forced: made by &lt;random&gt; weights" in text
    assert "Instructions of depth were drawn again, fixed, with seed 4, with my.jsonl;" in text
    assert "| `giqa` | nearness to real pictures | higher | 0.125 | 0.5 | 0.75 | 1,234 |" in text
    assert "- `giqa`: random weights" in text
    assert _head(text)["language"] == ["en", "pt"]
    assert _head(text)["language_bcp47"] == ["en", "pt-BR"]


def test_decode_figures_are_those_of_the_tasks(folder):
    limits = [{"metric": "iou", "at_least": 0.99, "at_most": None}, {"metric": "px", "at_least": None, "at_most": 1.0}]
    tasks = {"depth": {"summary": "a depth map", "limits": limits}}
    write_card(folder, {**_manifest_of(folder), "tasks": tasks})
    text = (folder / "README.md").read_text()
    assert "| `depth` | a depth map | 3 |" in text
    assert "| `depth` | `iou` | at least 0.99 |" in text
    assert "| `depth` | `px` | at most 1 |" in text
