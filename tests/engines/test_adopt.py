"""Editing datasets of others become dataset folders: columns found, pictures and splits as they were."""

from __future__ import annotations

import io
import json

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from taskpaint.engines.adopt import AdoptOptions, find_adoption
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.export import ExportOptions, export
from taskpaint.engines.regroup import Merge, RegroupOptions, regroup
from taskpaint.engines.verify import verify
from taskpaint.manifests.errors import SourceLayoutError, UsageError
from taskpaint.manifests.folder import DatasetFolder


def picture(seed, form="PNG", size=(40, 32)):
    stream = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(noise).save(stream, form)
    return stream.getvalue()


def image(seed, form="PNG"):
    return {"bytes": picture(seed, form), "path": f"{seed}.{form.lower()}"}


@pytest.fixture
def magicbrush(tmp_path):
    """Columns, splits and card as osunlp/MagicBrush has them; two turns of each photograph."""
    root = tmp_path / "MagicBrush"
    kinds = {name: datasets.Image() for name in ("source_img", "mask_img", "target_img")}
    features = datasets.Features(
        {
            "img_id": datasets.Value("string"),
            "turn_index": datasets.Value("int32"),
            "source_img": kinds["source_img"],
            "mask_img": kinds["mask_img"],
            "instruction": datasets.Value("string"),
            "target_img": kinds["target_img"],
        }
    )
    for split, photographs in (("train", (242679, 9)), ("dev", (77,))):
        rows = [
            {
                "img_id": str(photograph),
                "turn_index": turn,
                "source_img": image(photograph + turn),
                "mask_img": image(1),
                "instruction": f"Put a cat on chair {turn}, “please”",
                "target_img": image(photograph + turn + 1, "JPEG"),
            }
            for photograph in photographs
            for turn in (1, 2)
        ]
        (root / "data").mkdir(parents=True, exist_ok=True)
        table = datasets.Dataset.from_list(rows, features=features)
        table.to_parquet(root / "data" / f"{split}-00000-of-00001.parquet")
    (root / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# MagicBrush\n")
    return root


def adopted(dataset, out, **options):
    found = find_adoption(str(dataset), AdoptOptions(**options))
    build([found.recipe], out, BuildOptions(workers=1))
    return found


def rows_of(root, split=""):
    return [row for file in sorted(root.glob(f"data/{split}*.parquet")) for row in pq.read_table(file).to_pylist()]


def test_magicbrush_as_it_lies_on_the_hub(magicbrush, tmp_path):
    found = adopted(magicbrush, tmp_path / "out")
    assert found.columns == {
        "source": "source_img",
        "target": "target_img",
        "instruction": "instruction",
        "photograph": "img_id",
    }
    for split, file in (("train", "train"), ("validation", "dev")):
        before = pq.read_table(magicbrush / "data" / f"{file}-00000-of-00001.parquet").to_pylist()
        expected = {(b["source_img"]["bytes"], b["target_img"]["bytes"], b["instruction"]) for b in before}
        rows = rows_of(tmp_path / "out", split)
        assert {(r["input_image"]["bytes"], r["edited_image"]["bytes"], r["edit_prompt"]) for r in rows} == expected
        assert len(rows) == len(before)
    keys = {row["image_key"] for row in rows_of(tmp_path / "out")}
    assert keys == {"coco/000000242679", "coco/000000000009", "coco/000000000077"}  # as the source coco names them
    assert {row["license"] for row in rows_of(tmp_path / "out")} == {"cc-by-4.0"}
    assert verify(tmp_path / "out", 1).problems == []


def test_an_adopted_dataset_is_mixed_and_exported_like_any(magicbrush, write_coco, tmp_path):
    adopted(magicbrush, tmp_path / "edits")
    write_coco(tmp_path / "coco")
    from taskpaint.manifests.recipe_file import parse_recipe

    source = {"source": "coco", "path": str(tmp_path / "coco"), "split": "train2017"}
    recipe = json.dumps({"sources": [source], "tasks": ["segmentation"], "splits": {"validation": 0}})
    build([parse_recipe(recipe)], tmp_path / "painted", BuildOptions(workers=1))
    regroup([tmp_path / "edits", tmp_path / "painted"], tmp_path / "both", Merge(), RegroupOptions(workers=1))
    report = export(tmp_path / "both", tmp_path / "tars", ExportOptions("webdataset", tasks=("edit",), workers=1))
    assert report.splits == {"train": 4, "validation": 2}
    assert {row["task"] for row in rows_of(tmp_path / "both")} == {"edit", "segmentation"}
    assert verify(tmp_path / "both", 1).problems == []


def triples(count):
    return [
        {"original_image": image(n), "edit_prompt": f"Make it snow {n}", "edited_image": image(50 + n)}
        for n in range(count)
    ]


FEATURES = datasets.Features(
    {"original_image": datasets.Image(), "edit_prompt": datasets.Value("string"), "edited_image": datasets.Image()}
)


def test_instructpix2pix_saved_to_disk(tmp_path):
    data = datasets.Dataset.from_list(triples(6), features=FEATURES)
    datasets.DatasetDict({"train": data.select(range(4)), "test": data.select(range(4, 6))}).save_to_disk(
        tmp_path / "p"
    )
    found = adopted(tmp_path / "p", tmp_path / "out", license="CC0-1.0", name="my edits")
    assert found.splits == ("train", "test")
    assert DatasetFolder(tmp_path / "out").manifest()["name"] == "my-edits"
    assert {row["edit_prompt"] for row in rows_of(tmp_path / "out", "test")} == {"Make it snow 4", "Make it snow 5"}
    assert {row["input_image"]["bytes"] for row in rows_of(tmp_path / "out")} == {picture(n) for n in range(6)}


def test_pictures_in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    root = tmp_path / "folder" / "train"
    root.mkdir(parents=True)
    lines = []
    for n in range(3):
        (root / f"{n}a.png").write_bytes(picture(n))
        (root / f"{n}b.png").write_bytes(picture(50 + n))
        line = {"before_file_name": f"{n}a.png", "after_file_name": f"{n}b.png", "wish": f"Make it snow {n}"}
        lines.append(json.dumps(line) + "\n")
    (root / "metadata.jsonl").write_text("".join(lines))
    with pytest.raises(
        UsageError, match=r"the source cannot be told; name it with --source-column, there are: .*before"
    ):
        find_adoption(str(tmp_path / "folder"), AdoptOptions())
    adopted(tmp_path / "folder", tmp_path / "out", source="before", target="after", instruction="wish")
    rows = {row["edit_prompt"]: row for row in rows_of(tmp_path / "out")}
    assert [rows[f"Make it snow {n}"]["edited_image"]["bytes"] for n in range(3)] == [picture(50 + n) for n in range(3)]


def test_long_instructions_stay(tmp_path):
    rows = triples(1)
    rows[0]["edit_prompt"] = " ".join(["Word"] * 300)
    (tmp_path / "long").mkdir()
    datasets.Dataset.from_list(rows, features=FEATURES).to_parquet(tmp_path / "long" / "train.parquet")
    adopted(tmp_path / "long", tmp_path / "out")
    assert [row["edit_prompt"] for row in rows_of(tmp_path / "out")] == [" ".join(["Word"] * 300)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"splits": ("test",)}, "--split test: .* has no such split; it has train, dev"),
        ({"source": "before"}, "--source-column before: there is no such column; there are: img_id, turn_index"),
        ({"source": "turn_index"}, "--source-column turn_index: the column holds no pictures"),
        ({"instruction": "source_img"}, "--instruction-column source_img: the column holds no text"),
        ({"id": "number"}, "--id-column number: there is no such column"),
    ],
)
def test_wrong_columns(magicbrush, options, message):
    with pytest.raises(UsageError, match=message):
        find_adoption(str(magicbrush), AdoptOptions(**options))


def test_wrong_datasets(magicbrush, tmp_path):
    adopted(magicbrush, tmp_path / "out")
    with pytest.raises(UsageError, match="is a taskpaint dataset already; taskpaint merge"):
        find_adoption(str(tmp_path / "out"), AdoptOptions())
    with pytest.raises(UsageError, match="there is no folder nothing, and it is no OWNER/NAME"):
        find_adoption("nothing", AdoptOptions())
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceLayoutError, match="cannot be read"):
        find_adoption(str(tmp_path / "empty"), AdoptOptions())
    (magicbrush / "README.md").write_text("---\nlicense: [\n---\n")
    with pytest.raises(UsageError, match="a head that is no YAML"):
        find_adoption(str(magicbrush), AdoptOptions())
