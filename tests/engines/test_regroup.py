"""Merging, splitting, sampling and freeing of duplicates: rows stay what they were, and every one is accounted for."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import replace

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_tests import contents
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.regroup import Dedup, Merge, RegroupOptions, Sample, Split, regroup
from taskpaint.engines.regrouping.layout import _mixed
from taskpaint.engines.verify import verify
from taskpaint.filters.scorer import Column
from taskpaint.filters.sidecar import ScorerRecord, Sidecar
from taskpaint.manifests.errors import DatasetFolderError, OutputError, ResumeError, UsageError
from taskpaint.manifests.folder import DatasetFolder, write_json
from taskpaint.manifests.recipe import HELD_OUT_INSTRUCTIONS
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.manifests.triplet import Triplet
from taskpaint.writers.shards import write_shard

ALONE = RegroupOptions(workers=1)
SAME_BYTES = Dedup(None, any_instruction=False, leaks=False)


def picture(seed, size=(64, 48), form="PNG"):
    """Blocks of chance colours: pictures that scaling and compression leave recognisable."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(blocks).resize((64, 48), Image.Resampling.NEAREST).resize(size).save(stream, form)
    return stream.getvalue()


def triplet(row_id, photograph, **changes):
    """A row; its pictures follow from the photograph."""
    row = Triplet(
        id=row_id,
        input_image=picture(photograph),
        edited_image=picture(photograph + 1000),
        edit_prompt="Paint it red",
        task="edit",
        template_id="t",
        params="{}",
        annotation="{}",
        source_dataset="demo",
        source_split="train",
        source_id=str(photograph),
        image_key=f"demo/{photograph}",
        license="CC-BY-4.0",
        width=64,
        height=48,
    )
    return replace(row, **changes)


def write(root, splits, rows_per_shard=4, **head):
    """A dataset of rows by split."""
    (root / "data").mkdir(parents=True)
    shards = []
    for split, rows in splits.items():
        parts = [rows[start : start + rows_per_shard] for start in range(0, len(rows), rows_per_shard)]
        for number, part in enumerate(parts):
            name = f"{split}-{number:05d}-of-{len(parts):05d}"
            written = write_shard(root / "data" / f"{name}.parquet", part, 3)
            shards.append({"name": name, "rows": len(part), "bytes": written.bytes, "sha256": written.sha256})
    source = {"dataset": "demo", "title": "Demo", "split": "train", "license": "CC-BY-4.0", "homepage": "", "images": 9}
    counts = {"demo/edit": {"planned": 9, "built": 8, "bad": 1, "skipped": 0}}
    manifest = {"format": 1, "name": root.name, "splits": {k: len(v) for k, v in splits.items()}, "shards": shards}
    manifest |= {"sources": {"demo": source}, "counts": counts, "seed": 3, "recipe": {"name": root.name}}
    write_json(root / "manifest.json", {**manifest, **head})
    (root / "rejects.jsonl").write_text(json.dumps({"source": root.name, "id": "x", "reason": "torn"}) + "\n")
    return root


def rows_of(root, split=""):
    """Rows as Parquet has them, in the order of the shards."""
    return [row for file in sorted(root.glob(f"data/{split}*.parquet")) for row in pq.read_table(file).to_pylist()]


def ids_of(root, split=""):
    return [row["id"] for row in rows_of(root, split)]


@pytest.fixture
def two(tmp_path):
    """Ten and five rows for training, two and one to validate; photographs of the second are others."""
    first = {"train": [triplet(f"a-{n}", n) for n in range(10)], "validation": [triplet(f"a-{n}", n) for n in (90, 91)]}
    second = {"train": [triplet(f"b-{n}", 100 + n) for n in range(5)], "validation": [triplet("b-9", 190)]}
    return write(tmp_path / "a", first), write(tmp_path / "b", second)


def test_merged_rows_are_what_they_were_and_evenly_mixed(two, tmp_path):
    report = regroup(two, tmp_path / "c", Merge(), ALONE)
    assert report.splits == {"train": 15, "validation": 3} and report.left_out == {}
    before = {row["id"]: row for root in two for row in rows_of(root)}
    assert {row["id"]: row for row in rows_of(tmp_path / "c")} == before
    # places (i + 1/2) / 10 and (i + 1/2) / 5, by hand: .05 .1 .15 .25 .3 .35 …
    ids = "a-0 b-0 a-1 a-2 b-1 a-3 a-4 b-2 a-5 a-6 b-3 a-7 a-8 b-4 a-9"
    assert ids_of(tmp_path / "c", "train") == ids.split()
    assert [len(pq.read_table(file)) for file in sorted(tmp_path.glob("c/data/train*"))] == [3, 4, 4, 4]
    found = datasets.load_dataset(str(tmp_path / "c"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(found[split]) for split in found} == report.splits


def test_where_a_merged_dataset_comes_from_is_told(two, tmp_path):
    regroup(two, tmp_path / "c", Merge(), replace(ALONE, name="both"))
    manifest = DatasetFolder(tmp_path / "c").manifest()
    (record,) = manifest["regroupings"]
    digests = [hashlib.sha256((root / "manifest.json").read_bytes()).hexdigest() for root in two]
    told = [(one["name"], one["manifest_sha256"], one["rows"], one["recipe"]) for one in record["parents"]]
    assert told == [("a", digests[0], 12, {"name": "a"}), ("b", digests[1], 6, {"name": "b"})]
    assert manifest["name"] == "both" and list(manifest["sources"]) == ["demo"]
    assert manifest["counts"] == {"demo/edit": {"planned": 18, "built": 16, "bad": 2, "skipped": 0}}
    rejects = (tmp_path / "c" / "rejects.jsonl").read_text().splitlines()
    assert [json.loads(line)["source"] for line in rejects] == ["a", "b"]
    card = (tmp_path / "c" / "README.md").read_text()
    assert "## Merged from" in card and "Recipe of a" in card and digests[1][:12] in card


def test_sources_of_one_label_stay_apart_when_they_differ(two, tmp_path):
    manifest = DatasetFolder(two[1]).manifest()
    manifest["sources"]["demo"]["license"] = "research only"
    write_json(two[1] / "manifest.json", manifest)
    regroup(two, tmp_path / "c", Merge(), ALONE)
    sources = DatasetFolder(tmp_path / "c").manifest()["sources"]
    assert {label: one["license"] for label, one in sources.items()} == {
        "demo": "CC-BY-4.0",
        "demo-2": "research only",
    }


def test_equal_rows_count_once_and_others_of_their_id_are_settled(two, tmp_path):
    same, other = triplet("a-3", 3), triplet("a-4", 104, edit_prompt="Paint it blue")
    third = write(tmp_path / "third", {"train": [same, other, triplet("a-4-2", 7)]})
    with pytest.raises(UsageError, match=r"the id a-4 stands for one row in .*/a and for another in .*third;"):
        regroup([two[0], third], tmp_path / "c", Merge(), ALONE)
    assert not (tmp_path / "c").exists()

    first = regroup([two[0], third], tmp_path / "c", Merge(), replace(ALONE, on_clash="first"))
    assert first.left_out == {"the same row is there already": 1, "its id is another row's": 1}
    assert {row["edit_prompt"] for row in rows_of(tmp_path / "c") if row["id"] == "a-4"} == {"Paint it red"}
    dropped = pq.read_table(tmp_path / "c" / "dropped.parquet").to_pylist()
    assert [(row["id"], row["dataset"], row["rule"]) for row in dropped] == [
        ("a-3", "third", "the same row is there already"),
        ("a-4", "third", "its id is another row's"),
    ]

    both = regroup([two[0], third], tmp_path / "d", Merge(), replace(ALONE, on_clash="rename"))
    assert both.renamed == 1 and both.splits["train"] == 12
    named = {row["id"]: row for row in rows_of(tmp_path / "d")}
    assert named["a-4-3"]["edit_prompt"] == "Paint it blue"  # a-4-2 is another row's
    assert named["a-4-3"]["input_image"]["bytes"] == other.input_image
    assert len(named) == 14


def test_what_one_dataset_holds_out_no_other_trains_on(two, tmp_path):
    third = write(tmp_path / "third", {"train": [triplet("c-0", 90), triplet("c-1", 300)]})
    report = regroup([*two, third], tmp_path / "c", Merge(), ALONE)
    assert report.left_out == {"its photograph is held out in another split": 1}
    assert "c-0" not in ids_of(tmp_path / "c") and "a-90" in ids_of(tmp_path / "c", "validation")


def test_only_some_splits(two, tmp_path):
    report = regroup(two, tmp_path / "c", Merge(), replace(ALONE, only=("validation",)))
    assert report.splits == {"validation": 3}
    with pytest.raises(UsageError, match="--only test: there is no such split; there are train, validation"):
        regroup(two, tmp_path / "d", Merge(), replace(ALONE, only=("test",)))


def test_held_out_wordings_are_not_mixed(two, tmp_path):
    worded = write(tmp_path / "worded", {"train": [triplet("w-0", 400)], HELD_OUT_INSTRUCTIONS: [triplet("w-1", 401)]})
    with pytest.raises(UsageError, match="leave it out with --only train"):
        regroup([two[0], worded], tmp_path / "c", Merge(), ALONE)
    with pytest.raises(UsageError, match="leave it out with --only train"):
        regroup([worded], tmp_path / "c", Split(0.1, 0.1, 0), ALONE)
    assert regroup([two[0], worded], tmp_path / "c", Merge(), replace(ALONE, only=("train",))).splits == {"train": 11}


RECIPE = """
seed: 5
sources: [{source: coco, path: coco, split: train2017}]
tasks: [{task: inpainting, weight: 2}, segmentation]
splits: {by: hash, validation: %s, test: %s}
output: {rows_per_shard: 8}
"""


def test_splitting_holds_out_the_photographs_that_a_build_holds_out(write_coco, tmp_path):
    write_coco(tmp_path / "coco")
    for name, shares in (("whole", (0, 0)), ("built", (0.3, 0.25))):
        build([parse_recipe(RECIPE % shares)], tmp_path / name, BuildOptions(root=tmp_path, workers=1))
    report = regroup([tmp_path / "whole"], tmp_path / "split", Split(0.3, 0.25, 5), ALONE)
    for split in ("train", "validation", "test"):
        assert sorted(ids_of(tmp_path / "split", split)) == sorted(ids_of(tmp_path / "built", split))
    assert sum(report.splits.values()) == len(rows_of(tmp_path / "whole"))
    assert verify(tmp_path / "split", 1).problems == []
    with pytest.raises(UsageError, match="leave nothing for train"):
        regroup([tmp_path / "whole"], tmp_path / "x", Split(0.5, 0.5, 5), ALONE)


@pytest.fixture
def many(tmp_path):
    """Two tasks, 30 and 10 rows."""
    rows = [triplet(f"m-{n}", n, task="edit" if n % 4 else "depth") for n in range(40)]
    return write(tmp_path / "many", {"train": rows}, rows_per_shard=7)


def test_samples_of_one_seed_are_nested_and_keep_their_order(many, tmp_path):
    drawn = {}
    for name, how in {
        "ten": Sample(10, None, None, 0),
        "half": Sample(None, 0.5, None, 0),
        "other": Sample(10, None, None, 1),
        "even": Sample(None, None, 6, 0),
        "all": Sample(1000, None, None, 0),
    }.items():
        regroup([many], tmp_path / name, how, ALONE)
        drawn[name] = ids_of(tmp_path / name)
    assert len(drawn["ten"]) == 10 and len(drawn["half"]) == 20 and len(drawn["all"]) == 40
    assert set(drawn["ten"]) < set(drawn["half"]) and set(drawn["other"]) != set(drawn["ten"])
    assert all(ids == [one for one in ids_of(many) if one in ids] for ids in drawn.values())
    assert Counter(row["task"] for row in rows_of(tmp_path / "even")) == {"edit": 6, "depth": 6}
    dropped = pq.read_table(tmp_path / "ten" / "dropped.parquet")["id"].to_pylist()
    assert sorted([*dropped, *drawn["ten"]]) == sorted(ids_of(many))


def test_every_row_has_the_same_chance(many, tmp_path):
    """40 rows, 25 drawn, 60 seeds: 37.5 times each, standard deviation 3.75; five of them are a wide berth."""
    seen = Counter()
    for seed in range(60):
        report = regroup([many], tmp_path / "draw", Sample(25, None, None, seed), replace(ALONE, overwrite=True))
        assert report.splits == {"train": 25}
        seen.update(ids_of(tmp_path / "draw"))
    assert all(abs(seen[row_id] - 37.5) < 5 * 3.75 for row_id in ids_of(many))


@pytest.mark.parametrize(
    ("how", "message"),
    [(Sample(None, None, None, 0), "say how many rows to draw"), (Sample(3, 0.5, None, 0), "--rows or --share")],
)
def test_samples_of_nothing_said(many, tmp_path, how, message):
    with pytest.raises(UsageError, match=message):
        regroup([many], tmp_path / "x", how, ALONE)


def test_duplicates_by_bytes(two, tmp_path):
    copies = [
        triplet("c-0", 0),  # of a-0, under another id: goes
        triplet("c-1", 1, edit_prompt="paint it RED!"),  # case and marks are no other wish: goes
        triplet("c-2", 2, edit_prompt="Paint it green"),  # another wish: stays
        triplet("c-3", 3, task="depth"),  # another task: stays
        triplet("c-4", 4, edited_image=picture(4444)),  # another target: stays
        triplet("c-5", 90, image_key="other/90"),  # the source of a validation row by another name: a leak
    ]
    third = write(tmp_path / "third", {"train": copies})
    report = regroup([*two, third], tmp_path / "c", SAME_BYTES, ALONE)
    assert report.left_out == {"a duplicate of an earlier row": 2, "its source is in a smaller split too": 1}
    gone = set(ids_of(third)) - set(ids_of(tmp_path / "c"))
    assert gone == {"c-0", "c-1", "c-5"}
    assert set(ids_of(two[0])) <= set(ids_of(tmp_path / "c"))

    report = regroup([*two, third], tmp_path / "d", Dedup(None, any_instruction=True, leaks=True), ALONE)
    assert set(ids_of(third)) - set(ids_of(tmp_path / "d")) == {"c-0", "c-1", "c-2"}


def test_near_duplicates_by_what_they_show(two, tmp_path):
    pictures = {"input_image": picture(5, (32, 24), "JPEG"), "edited_image": picture(1005, (32, 24), "JPEG")}
    third = write(tmp_path / "third", {"train": [triplet("c-5", 500, **pictures, width=32, height=24)]})
    assert regroup([two[0], third], tmp_path / "c", SAME_BYTES, ALONE).left_out == {}
    report = regroup([two[0], third], tmp_path / "d", Dedup(4, any_instruction=False, leaks=False), ALONE)
    assert report.left_out == {"a duplicate of an earlier row": 1}
    assert set(ids_of(tmp_path / "d")) == set(ids_of(two[0]))


def test_gray_places_of_missing_sources_are_no_leak(tmp_path):
    alone = {"params": '{"text_to_image":true}', "input_image": picture(7)}
    splits = {
        "train": [triplet(f"a-{n}", n, **alone) for n in range(3)],
        "validation": [triplet("a-9", 9, **alone)],
    }
    assert regroup([write(tmp_path / "a", splits)], tmp_path / "c", SAME_BYTES, ALONE).left_out == {}


def test_photographs_shown_again_with_other_wordings_are_no_leak(tmp_path):
    again = [triplet(f"h-{n}", n, edit_prompt=f"Another wording {n}") for n in (80, 81)]
    splits = {
        "train": [triplet(f"a-{n}", n) for n in range(4)],
        "validation": [triplet(f"v-{n}", n) for n in (80, 81, 82)],
        HELD_OUT_INSTRUCTIONS: again,
    }
    worded = {"name": "a", "instructions": {"held_out": 0.2, "held_out_of": "validation"}}
    report = regroup([write(tmp_path / "a", splits, recipe=worded)], tmp_path / "c", SAME_BYTES, ALONE)
    assert report.left_out == {}
    assert report.splits == {"train": 4, "validation": 3, HELD_OUT_INSTRUCTIONS: 2}


def test_scores_go_along_from_one_dataset_and_stay_behind_from_two(two, tmp_path):
    sidecar = Sidecar(two[0])
    shards = DatasetFolder(two[0]).manifest()["shards"]
    for shard in shards:
        table = pq.read_table(DatasetFolder(two[0]).shard_file(shard["name"]), columns=["id", "task"])
        values = pa.array([float(row_id[2:]) for row_id in table["id"].to_pylist()])
        sidecar.write(shard["name"], table.append_column("beauty", values))
    record = ScorerRecord({"made": "up"}, "", (Column("beauty", "target", "higher", "the number of the row"),))
    sidecar.describe({"beauty": record}, {shard["name"]: shard["sha256"] for shard in shards})

    assert regroup([two[0]], tmp_path / "c", Split(0.3, 0.3, 1), ALONE).scores == "kept"
    found = Sidecar(tmp_path / "c")
    for shard in DatasetFolder(tmp_path / "c").manifest()["shards"]:
        table = found.read(shard["name"])
        assert table["id"].to_pylist() == ids_of(tmp_path / "c", shard["name"])
        assert table["beauty"].to_pylist() == [float(row_id[2:]) for row_id in table["id"].to_pylist()]
    assert regroup(two, tmp_path / "d", Merge(), ALONE).scores == "left behind"
    assert not (tmp_path / "d" / "scores").exists()


def test_a_killed_merge_goes_on_and_workers_do_not_change_a_byte(two, tmp_path):
    regroup(two, tmp_path / "whole", Merge(), replace(ALONE, rows_per_shard=2))
    regroup(two, tmp_path / "pair", Merge(), replace(ALONE, rows_per_shard=2, workers=2))
    assert contents(tmp_path / "pair") == contents(tmp_path / "whole")
    script = f"""
        import os, signal
        from pathlib import Path
        from taskpaint.engines.regroup import Merge, RegroupOptions, regroup
        def stop(done, total):
            if done >= 5:
                os.kill(os.getpid(), signal.SIGKILL)
        roots = [Path({str(two[0])!r}), Path({str(two[1])!r})]
        regroup(roots, Path({str(tmp_path / "cut")!r}), Merge(), RegroupOptions(workers=1, rows_per_shard=2), stop)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "cut" / "manifest.json").exists()
    report = regroup(two, tmp_path / "cut", Merge(), replace(ALONE, rows_per_shard=2))
    assert 0 < report.resumed_shards < report.shards
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    with pytest.raises(ResumeError, match=r"operation = \"merge\", this run has \"sample\""):
        regroup(two, tmp_path / "cut", Sample(3, None, None, 0), ALONE)


def test_wrong_folders(two, tmp_path):
    with pytest.raises(UsageError, match="given twice"):
        regroup([two[0], two[0]], tmp_path / "c", Merge(), ALONE)
    with pytest.raises(UsageError, match="lie in each other"):
        regroup(two, two[1] / "c", Merge(), ALONE)
    with pytest.raises(DatasetFolderError, match=r"there is no folder .*nothing"):
        regroup([two[0], tmp_path / "nothing"], tmp_path / "c", Merge(), ALONE)
    with pytest.raises(OutputError, match=r"not one row is left \(12 not drawn\)"):
        regroup([two[0]], tmp_path / "c", Sample(None, 0.0, None, 0), ALONE)
    DatasetFolder(two[0]).shards()[0].write_bytes(b"PAR1 torn")
    with pytest.raises(DatasetFolderError, match="cannot be read"):
        regroup(two, tmp_path / "c", Merge(), ALONE)
    assert not (tmp_path / "c").exists()


def test_regrouped_datasets_can_be_regrouped(two, tmp_path):
    regroup(two, tmp_path / "c", Merge(), ALONE)
    regroup([tmp_path / "c"], tmp_path / "d", Sample(9, None, None, 0), ALONE)
    manifest = DatasetFolder(tmp_path / "d").manifest()
    assert [record["operation"] for record in manifest["regroupings"]] == ["merge", "sample"]
    card = (tmp_path / "d" / "README.md").read_text()
    assert card.index("## Merged from") < card.index("## Drawn by chance from")


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_any_stretch_has_its_share_of_every_stream(streams):
    """Of n rows of a stream, the first k of N mixed rows hold n k / N, give or take the number of streams."""
    streams = np.array(streams)
    order = _mixed(streams)
    assert sorted(order.tolist()) == list(range(len(streams)))
    for stream in np.unique(streams).tolist():
        mine = np.flatnonzero(streams == stream)
        assert order[np.isin(order, mine)].tolist() == mine.tolist()
        seen = np.cumsum(streams[order] == stream)
        fair = len(mine) * np.arange(1, len(streams) + 1) / len(streams)
        assert np.abs(seen - fair).max() <= len(np.unique(streams))
