"""The sidecar: what is written is read again, and what is broken or untrue is said in a sentence."""

import json

import pyarrow as pa
import pytest
from taskpaint.filters.scorer import Column
from taskpaint.filters.sidecar import ScorerRecord, Sidecar, unique_columns
from taskpaint.manifests.errors import DatasetFolderError

SHARPNESS = Column("sharpness", "target", "higher", "how sharp")
BEAUTY = Column("beauty", "pair", "", "how beautiful")
RECORDS = {
    "pixels": ScorerRecord({"version": 1}, "", (SHARPNESS,)),
    "head:v1": ScorerRecord({"sha256": "00ff"}, "random weights", (BEAUTY,)),
}
TABLE = pa.table(
    {"id": ["b", "a"], "task": ["edit", "depth"], "sharpness": [1.5, float("nan")], "beauty": [None, -2.0]},
    schema=pa.schema([("id", "string"), ("task", "string"), ("sharpness", "double"), ("beauty", "double")]),
)


@pytest.fixture
def sidecar(tmp_path):
    found = Sidecar(tmp_path)
    found.write("train-00000-of-00001", TABLE)
    found.describe(RECORDS, {"train-00000-of-00001": "abc"})
    return found


def test_what_was_written_is_read(sidecar, tmp_path):
    again = Sidecar(tmp_path)
    assert again.records() == RECORDS
    assert again.columns() == [SHARPNESS, BEAUTY]
    assert again.scorers() == {"pixels": {"version": 1}, "head:v1": {"sha256": "00ff"}}
    assert again.cautions() == {"beauty": "random weights"}
    assert again.shards() == {"train-00000-of-00001": "abc"}
    assert again.read("train-00000-of-00001").schema == TABLE.schema
    assert again.read("train-00000-of-00001").column("id").to_pylist() == ["b", "a"]
    assert again.read("train-00000-of-00001").column("beauty").to_pylist() == [None, -2.0]
    assert sorted(file.name for file in again.folder.iterdir()) == ["scores.json", "train-00000-of-00001.parquet"]


def test_the_description_is_as_documented(sidecar):
    value = json.loads(sidecar.description_file.read_text())
    assert value["format"] == 1
    assert value["shards"] == {"train-00000-of-00001": {"data_sha256": "abc"}}
    assert value["scorers"]["head:v1"] == {
        "identity": {"sha256": "00ff"},
        "caution": "random weights",
        "columns": [{"name": "beauty", "about": "pair", "better": "", "description": "how beautiful"}],
    }


def test_columns_that_are_not_described_are_not_read(sidecar):
    sidecar.describe({"pixels": RECORDS["pixels"]}, {"train-00000-of-00001": "abc"})
    assert sidecar.read("train-00000-of-00001").column_names == ["id", "task", "sharpness"]


def test_a_dataset_without_scores(tmp_path):
    assert not Sidecar(tmp_path).exists
    with pytest.raises(DatasetFolderError, match="has no scores; run taskpaint score"):
        Sidecar(tmp_path).columns()


def test_a_shard_that_was_not_scored(sidecar):
    with pytest.raises(DatasetFolderError, match="train-00009 has no scores; run taskpaint score"):
        sidecar.read("train-00009")


def test_scores_of_other_data_than_the_manifest_lists(sidecar, tmp_path):
    manifest = {"shards": [{"name": "train-00000-of-00001", "sha256": "another"}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetFolderError, match="was scored as other data than the manifest lists"):
        Sidecar(tmp_path).read("train-00000-of-00001")
    manifest["shards"][0]["sha256"] = "abc"
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    assert Sidecar(tmp_path).read("train-00000-of-00001").num_rows == 2


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": 1}', '{"format": 1, "scorers": {"a": 1}, "shards": {}}', '{"format": "1"}', "\0"],
)
def test_a_broken_description(sidecar, text):
    sidecar.description_file.write_text(text)
    with pytest.raises(DatasetFolderError, match=r"scores\.json"):
        Sidecar(sidecar.folder.parent).records()


@pytest.mark.parametrize("damage", ["cut off", "missing", "without a column"])
def test_a_broken_shard(sidecar, damage):
    file = sidecar.file("train-00000-of-00001")
    if damage == "cut off":
        file.write_bytes(file.read_bytes()[:200])
    elif damage == "missing":
        file.unlink()
    else:
        sidecar.write("train-00000-of-00001", TABLE.drop_columns(["beauty"]))
    with pytest.raises(DatasetFolderError, match=r"cannot be read .* run taskpaint score again"):
        sidecar.read("train-00000-of-00001")


def test_two_scorers_with_one_column():
    assert unique_columns(RECORDS.items()) is None
    twice = {**RECORDS, "other": ScorerRecord({}, "", (BEAUTY,))}
    assert unique_columns(twice.items()) == "head:v1 and other both make a column 'beauty'"
    row = {"task": ScorerRecord({}, "", (Column("task", "pair", "", ""),))}
    assert "the row itself" in unique_columns(row.items())
