"""Rewording: new instructions, the same pixels byte for byte, the same ids."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.reword import RewordOptions, reword
from taskpaint.engines.verify import verify
from taskpaint.manifests.errors import DatasetFolderError, ResumeError, UsageError
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.recipe import HELD_OUT_INSTRUCTIONS, Instructions
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.manifests.triplet import COLUMNS
from taskpaint.paraphrase.bank import Entry, append_entries
from taskpaint.paraphrase.templates import load_bank, section

DRAWN = ("edit_prompt", "template_id")
QUIET = RewordOptions(workers=1)


@pytest.fixture
def dataset(tiny_coco, tmp_path):
    text = (
        "seed: 5\nsources: [{source: coco, path: coco, split: train2017}]\n"
        "tasks: [{task: segmentation, weight: 3}, detection]\nsplits: {validation: 0.4}\n"
        "instructions: {held_out: 0.3}\noutput: {rows_per_shard: 16, row_group_rows: 5}\n"
    )
    build([parse_recipe(text)], tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    return tmp_path / "out"


def rows_of(out, split=""):
    files = [file for file in DatasetFolder(out).shards() if file.stem.startswith(split)]
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def hashes(out):
    files = [*DatasetFolder(out).shards(), out / "manifest.json", out / "README.md"]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_only_instructions_change(dataset, tmp_path):
    found = reword(dataset, tmp_path / "new", QUIET)
    before, after = rows_of(dataset), rows_of(tmp_path / "new")
    assert found.rows == len(before) == len(after)
    for name in set(COLUMNS) - set(DRAWN):
        assert [row[name] for row in before] == [row[name] for row in after], name
    changed = sum(one["edit_prompt"] != other["edit_prompt"] for one, other in zip(before, after, strict=True))
    assert changed > 0.8 * len(before)
    assert {task: counts["redrawn"] for task, counts in found.counts.items()} == {
        task: sum(row["task"] == task for row in before) for task in ("detection", "segmentation")
    }


def test_image_bytes_lie_in_the_same_row_groups(dataset, tmp_path):
    reword(dataset, tmp_path / "new", QUIET)
    for file in DatasetFolder(dataset).shards():
        one, other = pq.ParquetFile(file), pq.ParquetFile(tmp_path / "new" / "data" / file.name)
        assert one.num_row_groups == other.num_row_groups > 1
        for number in range(one.num_row_groups):
            assert one.read_row_group(number, ["edited_image"]) == other.read_row_group(number, ["edited_image"])


def test_what_is_written_verifies_and_opens(dataset, tmp_path):
    import datasets

    reword(dataset, tmp_path / "new", QUIET)
    assert verify(tmp_path / "new", workers=1).problems == []
    found = datasets.load_dataset(str(tmp_path / "new"), split="train", cache_dir=str(tmp_path / "hub"))
    assert found[0]["input_image"].size == (96, 80)


def test_two_runs_give_the_same_bytes_however_many_workers(dataset, tmp_path):
    for name, workers in (("a", 1), ("b", 3)):
        reword(dataset, tmp_path / name, RewordOptions(seed=2, workers=workers))
    reword(dataset, tmp_path / "c", RewordOptions(seed=3, workers=1))
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    assert hashes(tmp_path / "a") != hashes(tmp_path / "c")


def test_the_split_of_unseen_instructions_stays_unseen(dataset, tmp_path):
    append_entries(
        tmp_path / "more.jsonl",
        [Entry(f"Number {n}: {{object}} {{color}}", "segmentation", "overlay", ("object", "color")) for n in range(40)],
    )
    options = replace(QUIET, instructions=Instructions(banks=(str(tmp_path / "more.jsonl"),)))
    reword(dataset, tmp_path / "new", options)
    unseen = {row["template_id"] for row in rows_of(tmp_path / "new", HELD_OUT_INSTRUCTIONS)}
    seen = {row["template_id"] for split in ("train", "validation") for row in rows_of(tmp_path / "new", split)}
    assert unseen and seen and not unseen & seen
    before = set(DatasetFolder(dataset).manifest()["held_out_templates"]["segmentation"])
    assert before < set(DatasetFolder(tmp_path / "new").manifest()["held_out_templates"]["segmentation"])


def test_fixed_and_only_some_tasks(dataset, tmp_path):
    options = replace(QUIET, instructions=Instructions(mode="fixed"), tasks=("detection",))
    found = reword(dataset, tmp_path / "new", options)
    before, after = rows_of(dataset, "train"), rows_of(tmp_path / "new", "train")
    for one, other in zip(before, after, strict=True):
        if one["task"] == "segmentation":
            assert one == other
        else:
            first = section(load_bank("detection"), json.loads(one["params"])["section"])[0]
            assert other["template_id"] == first.template_id
    assert set(found.counts["segmentation"]) == {"task not chosen"}


def test_rows_that_cannot_be_reworded_stay_as_they_are(dataset, tmp_path):
    def change(row):
        params = json.loads(row["params"])
        number = int(row["id"].split("-")[-2][-2:])
        if number % 4 == 0:
            return {**row, "task": "somebody-elses"}
        if number % 4 == 1:
            del params["section"]
        if number % 4 == 2:
            params["section"] = "gone"
        return {**row, "params": json.dumps(params)}

    file = next(file for file in DatasetFolder(dataset).shards() if file.stem.startswith("train"))
    table = pq.read_table(file)
    changed = pa.Table.from_pylist([change(row) for row in table.to_pylist()], table.schema)
    pq.write_table(changed, file)
    found = reword(dataset, tmp_path / "new", QUIET)
    after = pq.read_table(tmp_path / "new" / "data" / file.name).to_pylist()
    outcomes = {"same": 0, "new": 0}
    for one, other in zip(changed.to_pylist(), after, strict=True):
        untouched = one["task"] == "somebody-elses" or json.loads(one["params"]).get("section", "gone") == "gone"
        outcomes["same" if untouched else "new"] += 1
        if untouched:
            assert one == other
    assert outcomes["same"] and outcomes["new"]
    stayed = {name for counts in found.counts.values() for name in counts}
    assert stayed == {"redrawn", "no template for it", "slots not readable"}


def test_a_killed_run_goes_on(dataset, tmp_path):
    class Killed(Exception):
        pass

    def kill(rows):
        raise Killed

    with pytest.raises(Killed):
        reword(dataset, tmp_path / "new", QUIET, kill)
    assert not (tmp_path / "new" / "manifest.json").exists()
    found = reword(dataset, tmp_path / "new", QUIET)
    assert found.resumed_shards == 1 < found.shards
    reword(dataset, tmp_path / "whole", QUIET)
    assert hashes(tmp_path / "new") == hashes(tmp_path / "whole")


def test_the_manifest_and_the_card_tell_where_it_comes_from(dataset, tmp_path):
    append_entries(tmp_path / "more.jsonl", [Entry("{color} {object}", "segmentation", "overlay", ("object", "color"))])
    options = replace(QUIET, instructions=Instructions(banks=(str(tmp_path / "more.jsonl"),)), seed=9)
    reword(dataset, tmp_path / "new", options)
    reword(tmp_path / "new", tmp_path / "newer", QUIET)
    manifest = DatasetFolder(tmp_path / "newer").manifest()
    first, second = manifest["rewordings"]
    assert first["parent"] == {"manifest_sha256": hashlib.sha256((dataset / "manifest.json").read_bytes()).hexdigest()}
    assert second["parent"] == {
        "manifest_sha256": hashlib.sha256((tmp_path / "new" / "manifest.json").read_bytes()).hexdigest()
    }
    assert (first["seed"], second["seed"]) == (9, 0)
    assert [bank["name"] for bank in first["instructions"]["banks"]] == ["more.jsonl"]
    assert manifest["recipe"] == DatasetFolder(dataset).manifest()["recipe"]
    assert str(tmp_path) not in (tmp_path / "newer" / "manifest.json").read_text()
    assert "with seed 9, with more.jsonl" in (tmp_path / "newer" / "README.md").read_text()
    assert (tmp_path / "newer" / "rejects.jsonl").read_bytes() == (dataset / "rejects.jsonl").read_bytes()


def test_other_options_need_another_folder(dataset, tmp_path):
    reword(dataset, tmp_path / "new", QUIET)
    with pytest.raises(ResumeError, match=r"reword\.seed = 0, this run has 1"):
        reword(dataset, tmp_path / "new", replace(QUIET, seed=1))
    assert reword(dataset, tmp_path / "new", replace(QUIET, seed=1, overwrite=True)).resumed_shards == 0


def test_a_dataset_is_not_reworded_in_place(dataset, tmp_path):
    for out in (dataset, tmp_path / "x" / ".." / "out", dataset / "data", tmp_path):
        with pytest.raises(UsageError, match="cannot be reworded in place"):
            reword(dataset, out, QUIET)


def test_wrong_input(dataset, tmp_path):
    with pytest.raises(UsageError, match="--task depth: the dataset has no such task; it has detection, segmentation"):
        reword(dataset, tmp_path / "new", replace(QUIET, tasks=("depth",)))
    with pytest.raises(DatasetFolderError, match="manifest"):
        reword(tmp_path / "coco", tmp_path / "new", QUIET)
    shard = DatasetFolder(dataset).shards()[0]
    shard.write_bytes(b"PAR1 nothing")
    with pytest.raises(DatasetFolderError, match="cannot be read"):
        reword(dataset, tmp_path / "new", QUIET)
