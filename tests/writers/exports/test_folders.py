"""Folder formats read back by strict readers, written after each trainer's own code."""

from __future__ import annotations

import json
import random
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image
from taskpaint.engines.export import ExportOptions, export
from taskpaint.manifests.errors import UsageError

IMAGES = (".jpg", ".jpeg", ".png", ".webp")


def spaced(prompt):
    """An instruction with its line breaks as single blanks, worked out without our own expression."""
    return " ".join(line.strip() for line in prompt.splitlines()).strip()


def listed(folder):
    return sorted(file for file in folder.iterdir() if file.suffix in IMAGES)


def size_wh(file):
    with Image.open(file) as opened:
        return opened.size


def by_id(rows):
    return {row["id"]: row for row in rows}


@pytest.mark.parametrize("split", ["train", "validation"])
def test_instruct_pix2pix(exported, rows, pixels, split):
    """timothybrooks/instruct-pix2pix edit_dataset.py: seeds.json, then three files by name, the array as it opens."""
    root = exported("instruct-pix2pix") / split
    seeds = json.loads((root / "seeds.json").read_text())
    source = rows(split, alone=True)
    assert [name.partition("/")[2] for name, _ in seeds] == [row["id"] for row in source]
    for (name, numbers), row in zip(seeds, source, strict=True):
        seed = random.choice(numbers)
        assert json.loads((root / name / "prompt.json").read_text(encoding="utf-8"))["edit"] == row["edit_prompt"]
        for number, column in ((0, "input_image"), (1, "edited_image")):
            with Image.open(root / name / f"{seed}_{number}.jpg") as opened:
                assert opened.mode == "RGB"  # "h w c" of the array needs three channels
                assert (pixels(opened) == pixels(row[column]["bytes"])).all()
                passed = (root / name / f"{seed}_{number}.jpg").read_bytes() == row[column]["bytes"]
                assert passed or opened.format == "PNG"


@pytest.mark.parametrize("split", ["train", "validation"])
def test_simpletuner(exported, rows, same, split):
    """bghira/SimpleTuner: a reference is read from the target's path below its own folder; a caption a line."""
    root = exported("simpletuner")
    source = by_id(rows(split))
    targets = sorted(file for file in (root / split / "targets").rglob("*") if file.suffix in IMAGES)
    assert {file.stem for file in targets} == source.keys()
    for target in targets:
        row = source[target.stem]
        reference = root / split / "references" / target.relative_to(root / split / "targets")
        assert same(reference, row["input_image"]["bytes"]) and same(target, row["edited_image"]["bytes"])
        captions = target.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
        assert captions == [spaced(row["edit_prompt"])]
        if row["input_image"]["path"][-3:] == row["edited_image"]["path"][-3:]:
            assert target.read_bytes() == row["edited_image"]["bytes"]
            assert reference.read_bytes() == row["input_image"]["bytes"]
    backends = {one["id"]: one for one in json.loads((root / "multidatabackend.json").read_text())}
    main = backends["train-targets"]
    assert Path(main["instance_data_dir"]) == root / "train" / "targets"
    (other,) = main["conditioning_data"]
    assert Path(backends[other]["instance_data_dir"]) == root / "train" / "references"
    assert backends[other]["dataset_type"] == "conditioning" and backends[other]["source_dataset_id"] == main["id"]
    assert [one["id"] for one in backends.values() if one["dataset_type"] == "text_embeds" and one["default"]]


def test_ai_toolkit(exported, rows, same):
    """ostris/ai-toolkit: each dataset's folder, and its control folder by the stem alone."""
    root = exported("ai-toolkit")
    source, seen = by_id(rows("train")), set()
    for dataset in yaml.safe_load((root / "datasets.yaml").read_text())["datasets"]:
        for target in listed(Path(dataset["folder_path"])):
            controls = [Path(dataset["control_path"]) / (target.stem + suffix) for suffix in IMAGES]
            (control,) = [file for file in controls if file.exists()]
            row = source[target.stem]
            assert control.read_bytes() == row["input_image"]["bytes"] and same(control, row["input_image"]["bytes"])
            assert target.read_bytes() == row["edited_image"]["bytes"] and same(target, row["edited_image"]["bytes"])
            caption = target.with_suffix("." + dataset["caption_ext"]).read_text(encoding="utf-8")
            assert caption == spaced(row["edit_prompt"])
            seen.add(target.stem)
    assert seen == source.keys()


def test_musubi_tuner(exported, rows, same):
    """kohya-ss/musubi-tuner: a JSONL file whose lines name image, control and caption; paths as they are."""
    root = exported("musubi-tuner")
    config = tomllib.loads((root / "dataset.toml").read_text())
    (dataset,) = config["datasets"]
    with Path(dataset["image_jsonl_file"]).open(encoding="utf-8") as opened:
        lines = [json.loads(line) for line in opened]
    for line, row in zip(lines, rows("train"), strict=True):
        assert line["caption"] == row["edit_prompt"]
        assert Path(line["image_path"]).read_bytes() == row["edited_image"]["bytes"]
        assert Path(line["control_path"]).read_bytes() == row["input_image"]["bytes"]
        assert same(Path(line["image_path"]), row["edited_image"]["bytes"])
    stems = [Path(line["image_path"]).stem for line in lines]
    assert len(set(stems)) == len(stems) and not any("_" in stem for stem in stems)  # caches are named by the stem
    assert set(config["general"]) <= {"resolution", "batch_size", "enable_bucket", "bucket_no_upscale"}
    assert not Path(dataset["cache_directory"]).exists()


def test_sd_scripts(exported, rows):
    """kohya-ss/sd-scripts ControlNetDataset: no image without its conditioning image, none left over, sizes equal."""
    root = exported("sd-scripts")
    config = tomllib.loads((root / "dataset.toml").read_text())
    source, seen = by_id(rows("train")), set()
    for subset in config["datasets"][0]["subsets"]:
        images, conditions = listed(Path(subset["image_dir"])), listed(Path(subset["conditioning_data_dir"]))
        assert [file.stem for file in images] == [file.stem for file in conditions]
        for image, condition in zip(images, conditions, strict=True):
            row = source[image.stem]
            assert (row["width"], row["height"]) == size_wh(image) == size_wh(condition)
            assert image.read_bytes() == row["edited_image"]["bytes"]
            assert condition.read_bytes() == row["input_image"]["bytes"]
            with image.with_suffix(config["general"]["caption_extension"]).open(encoding="utf-8") as opened:
                assert opened.readlines()[0].strip() == spaced(row["edit_prompt"])
            seen.add(image.stem)
    assert seen == source.keys()


@pytest.mark.parametrize("split", ["train", "validation"])
def test_onetrainer(exported, rows, same, split):
    """Nerogar/OneTrainer: every picture but -condlabel and -masklabel, and beside it two names made from its own."""
    root = exported("onetrainer")
    concept = next(one for one in json.loads((root / "concepts.json").read_text()) if one["name"] == split)
    assert concept["include_subdirectories"] and concept["text"]["prompt_source"] == "sample"
    pictures = sorted(file for file in Path(concept["path"]).rglob("*") if file.suffix in IMAGES)
    targets = [file for file in pictures if not file.stem.endswith(("-condlabel", "-masklabel"))]
    source = by_id(rows(split))
    assert {file.stem.removesuffix("-target") for file in targets} == source.keys()
    for target in targets:
        row = source[target.stem.removesuffix("-target")]
        assert target.read_bytes() == row["edited_image"]["bytes"]
        assert same(target.with_name(f"{target.stem}-condlabel.png"), row["input_image"]["bytes"])
        assert target.with_suffix(".txt").read_text(encoding="utf-8").splitlines() == [spaced(row["edit_prompt"])]
    assert len(pictures) == 2 * len(targets)
    assert [one["enabled"] for one in json.loads((root / "concepts.json").read_text())] == [True, False]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_diffsynth(exported, rows, same, split):
    """modelscope/DiffSynth-Studio: pandas reads metadata.csv, pictures lie below the base path."""
    base = exported("diffsynth") / split
    table = pd.read_csv(base / "metadata.csv")
    source = rows(split)
    assert list(table["prompt"]) == [row["edit_prompt"] for row in source]
    assert list(table["edit_image"]) == list(table["kontext_images"])
    for image, edit_image, row in zip(table["image"], table["edit_image"], source, strict=True):
        assert (base / image).read_bytes() == row["edited_image"]["bytes"]
        assert (base / edit_image).read_bytes() == row["input_image"]["bytes"]
        assert same(base / image, row["edited_image"]["bytes"])


@pytest.mark.parametrize("split", ["train", "validation"])
def test_omnigen(exported, rows, tmp_path, split):
    """VectorSpaceLab/OmniGen DatasetFromJson: `datasets` reads the file, every image is joined to the folder."""
    import datasets

    root = exported("omnigen") / split
    data = datasets.load_dataset("json", data_files=str(root / "data.jsonl"), cache_dir=str(tmp_path / "c"))["train"]
    for example, row in zip(data, rows(split, alone=True), strict=True):
        assert (root / example["output_image"]).read_bytes() == row["edited_image"]["bytes"]
        images = [(root / name).read_bytes() for name in example["input_images"]]
        alone = row["task"] == "adaptation"
        assert images == ([] if alone else [row["input_image"]["bytes"]])
        assert example["instruction"].count("<img><|image_1|></img>") == (not alone)
        words = example["instruction"].removeprefix("<img><|image_1|></img> ")
        assert "<|" not in words and "<img>" not in words
        if "<" not in row["edit_prompt"]:
            assert words == row["edit_prompt"]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_omnigen2(exported, rows, tmp_path, split):
    """VectorSpaceLab/OmniGen2 OmniGen2TrainDataset: files that the mixture names, joined; paths as they are."""
    import datasets

    root = exported("omnigen2", splits=(split,))
    mixture = yaml.safe_load((root / "mix.yml").read_text())["data"]
    assert {entry["type"] for entry in mixture} == {"edit", "t2i"} and all(entry["ratio"] == 1.0 for entry in mixture)
    files = [
        datasets.load_dataset("json", data_files=entry["path"], cache_dir=str(tmp_path / "c"))["train"]
        for entry in mixture
    ]
    found = {Path(item["output_image"]).parts[-1]: item for item in datasets.concatenate_datasets(files)}
    source = rows(split, alone=True)
    assert len(found) == len(source)
    for row in source:
        suffix = Path(row["edited_image"]["path"]).suffix
        item = found[f"{row['id']}-target{suffix}"]
        alone = row["task"] == "adaptation"
        assert item["task_type"] == ("t2i" if alone else "edit") and item["instruction"] == row["edit_prompt"]
        assert Path(item["output_image"]).read_bytes() == row["edited_image"]["bytes"]
        images = [Path(name).read_bytes() for name in item["input_images"] or []]
        assert images == ([] if alone else [row["input_image"]["bytes"]])


def test_uniworld(exported, rows):
    """PKU-YuanGroup/UniWorld-V1 Qwen2p5VLDataset: root, file and weight of a line; marks and images must match."""
    root = exported("uniworld")
    (line,) = (root / "data.txt").read_text().splitlines()
    image_root, json_file, need_weight = line.split(",")
    assert need_weight in ("true", "false")
    data = json.loads(Path(json_file).read_text(encoding="utf-8"))
    for item, row in zip(data, rows("train", alone=True), strict=True):
        human, answer = item["conversations"]
        assert (human["from"], answer) == ("human", {"from": "gpt", "value": "<gen_image>"})
        alone = row["task"] == "adaptation"
        assert human["value"].count("<image>") == len(item["image"]) - 1 == (not alone)
        prompt = human["value"].replace("<image>", "").replace("\n", "")  # what its text encoder sees
        if "<" not in row["edit_prompt"]:
            assert prompt == spaced(row["edit_prompt"])
        images = [(Path(image_root) / name).read_bytes() for name in item["image"]]
        columns = ("edited_image",) if alone else ("input_image", "edited_image")
        assert images == [row[column]["bytes"] for column in columns]


def test_uniworld_refuses_a_comma_in_the_path(awkward, tmp_path):
    with pytest.raises(UsageError, match="has a comma"):
        export(awkward, tmp_path / "a,b", ExportOptions("uniworld", workers=1))
    assert not (tmp_path / "a,b").exists()
    report = export(awkward, tmp_path / "a,b", ExportOptions("uniworld", workers=1, location="/data/x"))
    assert (report.root / "data.txt").read_text() == "/data/x/train,/data/x/train/data.json,false\n"
