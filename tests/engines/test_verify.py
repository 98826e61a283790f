"""Verification finds what is wrong and nothing else."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.verify import verify
from taskpaint.manifests.errors import DatasetFolderError
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.recipe_file import parse_recipe


@pytest.fixture
def dataset(tiny_coco, tmp_path):
    text = """
sources: [{source: coco, path: coco, split: train2017}]
tasks: [{task: segmentation, options: {style: mask, absent: 0}}, detection]
splits: {validation: 0.3}
"""
    build([parse_recipe(text)], tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    return tmp_path / "out"


def change(dataset, edit, shard=0):
    """Rewrite a shard with its rows edited, and the manifest to fit."""
    file = DatasetFolder(dataset).shards()[shard]
    table = pq.read_table(file)
    rows = table.to_pylist()
    rows = edit(rows) or rows
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
    return rows


def problems(dataset):
    report = verify(dataset, workers=1)
    assert report.problem_count == len(report.problems)
    return " | ".join(problem["problem"] for problem in report.problems)


def test_a_sound_dataset_has_no_problems(dataset):
    report = verify(dataset, workers=2)
    assert report.problem_count == 0
    assert sum(report.rows.values()) == 24
    assert report.decode["segmentation"]["iou"]["min"] == 1.0
    assert report.decode["detection"]["max_error_px"]["max"] <= 1.0


def test_every_kind_of_damage_is_found(dataset):
    def edit(rows):
        rows[0]["edited_image"]["bytes"] = b"\x89PNG but no more"
        rows[1]["id"] = rows[2]["id"]
        rows[3]["width"] += 1
        rows[4]["params"] = "not json"
        rows[5]["task"] = "no-such-task"
        rows[6]["edit_prompt"] = "  "

    rows = change(dataset, edit)
    found = problems(dataset)
    assert len(rows) > 8
    for words in (
        "BadItem",
        "ids occur more than once",
        "the row says",
        "no JSON object",
        "no task is called",
        "is empty",
        "sha256",
    ):
        assert words in found


def test_a_target_that_decodes_to_something_else_is_found(dataset):
    def edit(rows):
        position = next(n for n, row in enumerate(rows) if row["task"] == "segmentation")
        annotation = json.loads(rows[position]["annotation"])
        other = next(row for row in rows[position + 1 :] if row["task"] == "segmentation")
        annotation["regions"] = json.loads(other["annotation"])["regions"]
        if annotation["regions"] == json.loads(rows[position]["annotation"])["regions"]:
            pytest.fail("the two rows were to differ")
        rows[position]["annotation"] = json.dumps(annotation)

    change(dataset, edit)
    assert "decoded iou" in problems(dataset)


def test_a_leak_between_splits_is_found(dataset):
    names = [file.stem for file in DatasetFolder(dataset).shards()]
    train, validation = (next(n for n, name in enumerate(names) if name.startswith(s)) for s in ("train", "validation"))
    stolen = pq.read_table(DatasetFolder(dataset).shards()[train]).to_pylist()[0]

    def edit(rows):
        rows[0] = {**stolen, "id": "stolen-1"}

    change(dataset, edit, validation)
    found = problems(dataset)
    assert "1 photographs are in both train and validation" in found
    assert "1 identical source images are in both" in found


def test_missing_and_foreign_shards_are_found(dataset):
    files = DatasetFolder(dataset).shards()
    files[0].rename(files[0].with_name("train-00099-of-00100.parquet"))
    found = problems(dataset)
    assert "its file is missing" in found
    assert "not in the manifest" in found


def test_a_torn_shard_is_found(dataset):
    file = DatasetFolder(dataset).shards()[0]
    file.write_bytes(file.read_bytes()[:-100])
    assert "cannot be read" in problems(dataset)


def test_lost_features_are_found(dataset):
    file = DatasetFolder(dataset).shards()[0]
    table = pq.read_table(file)
    pq.write_table(table.replace_schema_metadata({}), file)
    assert "features" in problems(dataset)


def test_an_unfinished_build_says_so(dataset):
    (dataset / "manifest.json").unlink()
    with pytest.raises(DatasetFolderError, match="unfinished"):
        verify(dataset, workers=1)


def test_no_dataset_at_all(tmp_path):
    with pytest.raises(DatasetFolderError, match=r"holds no data"):
        verify(tmp_path, workers=1)
