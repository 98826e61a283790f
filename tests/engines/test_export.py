"""Exporting end to end: which rows, in which shards; the same bytes always; resumed when killed; refused when wrong."""

from __future__ import annotations

import errno
import hashlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_tests import contents
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.engines.export import ExportOptions, export, list_exports
from taskpaint.filters.scorer import Column
from taskpaint.filters.sidecar import ScorerRecord, Sidecar
from taskpaint.manifests.errors import (
    DatasetFolderError,
    FolderBusyError,
    OutputError,
    PluginError,
    ResumeError,
    UsageError,
)
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.writers.export import export_names, find_export
from taskpaint.writers.exports._files import Table, one_line

ROOT = Path(__file__).parents[2]


@pytest.fixture
def dataset(two_splits):
    return two_splits


@pytest.fixture
def options():
    return ExportOptions("webdataset", workers=1, rows_per_shard=5, location="/data/there")


def rows_of(root, split=""):
    files = [file for file in DatasetFolder(root).shards() if file.stem.startswith(split)]
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def exported_rows(out):
    """Rows of a diffusers export."""
    return [row for file in sorted((out / "data").glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


PARALLEL = ("webdataset", "mds", "kontext", "omnigen2")
"""Formats of each kind; spawning workers for every format would take a minute."""


@pytest.mark.parametrize("form", export_names())
def test_bytes_do_not_depend_on_the_folder_nor_on_the_number_of_workers(dataset, tmp_path, options, form):
    found = []
    for number, workers in ((1, 1), (2, 2 if form in PARALLEL else 1)):
        out = tmp_path / f"{form}-{number}"
        export(dataset, out, replace(options, format=form, workers=workers))
        found.append(contents(out))
    assert found[0] == found[1]
    assert {"README.md", "export.json"} < found[0].keys()
    assert not any(".part" in name for name in found[0])
    for text in (tmp_path / f"{form}-1").rglob("*.md"):
        assert str(tmp_path) not in text.read_text()  # --location stands in every path


@pytest.mark.parametrize("form", export_names())
def test_rows_without_a_source(dataset, tmp_path, options, form):
    report = export(dataset, tmp_path / "x", replace(options, format=form))
    alone = sum(row["task"] == "adaptation" for row in rows_of(dataset))
    left_out = find_export(form).text_to_image == "left out"
    assert alone > 0
    assert report.left_out == ({"no source": alone} if left_out else {})
    assert report.rows == len(rows_of(dataset)) - alone * left_out
    summary = json.loads((tmp_path / "x" / "export.json").read_text())
    assert summary["splits"] == report.splits and summary["sources"][0]["license"]


def test_which_rows(dataset, tmp_path, options):
    how = replace(options, format="diffusers", tasks=("segmentation", "inpainting"), splits=("train",), limit=7)
    report = export(dataset, tmp_path / "x", how)
    wanted = [row for row in rows_of(dataset, "train") if row["task"] != "adaptation"]
    assert exported_rows(tmp_path / "x") == wanted[:7]
    others = len(rows_of(dataset, "train")) - len(wanted)
    assert report.left_out == {"of other tasks": others, "over the limit": len(wanted) - 7}
    names = sorted(file.name for file in (tmp_path / "x" / "data").iterdir())
    assert names == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]
    sizes = [pq.read_metadata(tmp_path / "x" / "data" / name).num_rows for name in names]
    assert sizes == [3, 4]  # 7 rows in two shards of like size


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("task == inpainting", lambda row: row["task"] == "inpainting"),
        ("task != 'inpainting'", lambda row: row["task"] != "inpainting"),
        ("width >= 96", lambda row: True),
        ("segmentation: width > 96", lambda row: row["task"] != "segmentation"),
        ('edit_prompt == "no such"', lambda row: False),
        ("beauty > 0.5", lambda row: beauty(row["id"]) > 0.5),
        (
            "inpainting, adaptation: beauty <= 0.3",
            lambda row: row["task"] == "segmentation" or beauty(row["id"]) <= 0.3,
        ),
    ],
)
def test_where(dataset, tmp_path, options, condition, holds):
    write_scores(dataset)
    wanted = [row for split in ("train", "validation") for row in rows_of(dataset, split) if holds(row)]
    how = replace(options, format="diffusers", where=(condition, "source_dataset == coco"))
    if not wanted:
        with pytest.raises(OutputError, match="not one row"):
            export(dataset, tmp_path / "x", how)
        assert not (tmp_path / "x").exists()
        return
    export(dataset, tmp_path / "x", how)
    assert exported_rows(tmp_path / "x") == wanted


def beauty(row_id):
    """A made-up score in [0, 1); an eighth of the rows have none."""
    number = hashlib.sha256(row_id.encode()).digest()[0]
    return float("nan") if number % 8 == 0 else number / 256


def write_scores(root):
    sidecar, shards = Sidecar(root), DatasetFolder(root).manifest()["shards"]
    for shard in shards:
        table = pq.read_table(DatasetFolder(root).shard_file(shard["name"]), columns=["id", "task"])
        scores = pa.array([beauty(row) for row in table["id"].to_pylist()], pa.float64())
        sidecar.write(shard["name"], pa.table({"id": table["id"], "task": table["task"], "beauty": scores}))
    record = ScorerRecord({"made": "up"}, "", (Column("beauty", "target", "higher", "a made-up score"),))
    sidecar.describe({"beauty": record}, {shard["name"]: shard["sha256"] for shard in shards})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "webdatset"}, "no export format is called 'webdatset'; did you mean 'webdataset'"),
        ({"tasks": ("depth",)}, "--task depth: the dataset has no such task; it has adaptation, inpainting, seg"),
        ({"splits": ("test",)}, "--split test: the dataset has no such split; it has train, validation"),
        ({"where": ("width",)}, "--where: rule 'width' cannot be read"),
        ({"where": ("widht > 3",)}, "no column or score 'widht'; did you mean 'width'"),
        ({"where": ("target_beauty > 3",)}, "no column or score 'target_beauty'; there are: width, height, id"),
        ({"where": ("license > 3",)}, "license holds text; compare it with == or !="),
        ({"where": ("width > q20",)}, "taskpaint filter cuts by quantiles"),
        ({"where": ("depth: width > 3",)}, "no task 'depth'; it has adaptation"),
    ],
)
def test_wrong_options(dataset, tmp_path, options, change, message):
    with pytest.raises((UsageError, PluginError), match=message):
        export(dataset, tmp_path / "x", replace(options, **change))
    assert not (tmp_path / "x").exists()


def test_wrong_folders(dataset, tmp_path, options):
    for out in (dataset, dataset / "data", tmp_path, dataset / ".." / dataset.name):
        with pytest.raises(UsageError, match="lie in each other"):
            export(dataset, out, options)
    with pytest.raises(DatasetFolderError, match=r"there is no folder .*nothing; name one that taskpaint wrote"):
        export(tmp_path / "nothing", tmp_path / "x", options)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(ResumeError, match="not empty and no export"):
        export(dataset, tmp_path / "mine", options)
    assert list((tmp_path / "mine").iterdir()) == [tmp_path / "mine" / "thesis.txt"]
    with pytest.raises(ResumeError, match="is a file"):
        export(dataset, tmp_path / "mine" / "thesis.txt", options)


@pytest.mark.parametrize("form", ["webdataset", "mds", "diffusers", "omnigen2", "instruct-pix2pix"])
def test_a_killed_export_goes_on_where_it_stopped(dataset, tmp_path, options, form):
    how = replace(options, format=form)
    export(dataset, tmp_path / "whole", how)
    script = f"""
        import os, signal
        from pathlib import Path
        from taskpaint.engines.export import ExportOptions, export
        done = []
        def stop(rows, total):
            done.append(rows)
            if len(done) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        options = ExportOptions({form!r}, workers=1, rows_per_shard=5, location="/data/there")
        export(Path({str(dataset)!r}), Path({str(tmp_path / "cut")!r}), options, stop)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "cut" / "export.json").exists()
    told = []
    report = export(dataset, tmp_path / "cut", how, lambda done, total: told.append((done, total)))
    assert report.resumed_shards == 2 and len(told) == report.shards - 2
    assert told[-1] == (report.rows, report.rows)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert export(dataset, tmp_path / "cut", how).resumed_shards == report.shards


def test_half_a_shard_is_written_again(dataset, tmp_path, options):
    for form, half in (("imagefolder", "train/00000"), ("webdataset", "train/train-000000.tar")):
        how, out = replace(options, format=form), tmp_path / form
        shards = export(dataset, out, how).shards
        before = contents(out)
        if (out / half).is_dir():
            next((out / half).iterdir()).unlink()
        else:
            (out / half).write_bytes(b"half")
        assert export(dataset, out, how).resumed_shards == shards - 1
        assert contents(out) == before


def test_going_on_with_other_options_or_data_is_an_error(dataset, tmp_path, options):
    export(dataset, tmp_path / "x", options)
    for change, message in (
        ({"format": "mds"}, 'begun with format = "webdataset", this run has "mds"; export as before'),
        ({"limit": 3}, "limit = null, this run has 3"),
        ({"tasks": ("inpainting",)}, r"tasks = \[\], this run has \[\"inpainting\"\]"),
        ({"rows_per_shard": 6}, "rows_per_shard = 5, this run has 6"),
        ({"location": "/elsewhere"}, "location"),
    ):
        with pytest.raises(ResumeError, match=message):
            export(dataset, tmp_path / "x", replace(options, **change))
    manifest = DatasetFolder(dataset).manifest()
    manifest["shards"][0]["sha256"] = "0" * 64
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ResumeError, match=r"dataset\.train-00000"):
        export(dataset, tmp_path / "x", options)


def test_two_runs_at_once_are_refused(dataset, tmp_path, options):
    with DatasetFolder(tmp_path / "x").lock(), pytest.raises(FolderBusyError):
        export(dataset, tmp_path / "x", options)


def test_a_full_disk_is_told_and_leaves_a_resumable_folder(dataset, tmp_path, options, monkeypatch):
    count = 0

    def full(handle):
        nonlocal count
        count += 1
        if count == 7:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="the disk is full; free some space and run the same command again"):
            export(dataset, tmp_path / "x", options)
    assert not list((tmp_path / "x").rglob("*.tar.part"))
    assert export(dataset, tmp_path / "x", options).resumed_shards > 0
    export(dataset, tmp_path / "y", options)
    assert contents(tmp_path / "x") == contents(tmp_path / "y")


def changed(dataset, change):
    """Rewrite the first shard with one column of its first row changed."""
    file = DatasetFolder(dataset).shards()[0]
    table = pq.read_table(file)
    rows = table.to_pylist()
    rows[0] = {**rows[0], **change}
    pq.write_table(pa.Table.from_pylist(rows, table.schema), file, row_group_size=3)


@pytest.mark.parametrize("row_id", ["../../evil", "a.b", "a/b", ""])
def test_an_id_that_could_lead_elsewhere_is_refused(dataset, tmp_path, options, row_id):
    changed(dataset, {"id": row_id, "params": "{}"})
    for form in ("webdataset", "ai-toolkit", "mds"):
        with pytest.raises(DatasetFolderError, match="may hold only letters, digits"):
            export(dataset, tmp_path / "deep" / "x", replace(options, format=form))
        shutil.rmtree(tmp_path / "deep")
    assert {file.name for file in tmp_path.iterdir()} == {dataset.name}


def test_a_split_that_could_lead_elsewhere_is_refused(dataset, tmp_path, options):
    first = DatasetFolder(dataset).shards()[0]
    shutil.copy(first, first.with_name("..-00000-of-00001.parquet"))
    manifest = DatasetFolder(dataset).manifest()
    manifest["shards"].append({"name": "..-00000-of-00001", "rows": 1, "bytes": 1, "sha256": ""})
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetFolderError, match=r"begins with '\.\.', which is no name of a split"):
        export(dataset, tmp_path / "x", options)


def test_broken_data_is_one_sentence(dataset, tmp_path, options):
    changed(dataset, {"task": "segmentation", "edited_image": {"bytes": b"\x89PNG\r\n\x1a\n broken", "path": "x.png"}})
    with pytest.raises(DatasetFolderError, match=r"row coco-\S+ cannot be encoded for instruct_pix2pix.*verify"):
        export(dataset, tmp_path / "a", replace(options, format="instruct-pix2pix"))
    DatasetFolder(dataset).shards()[0].write_bytes(b"PAR1 nothing")
    with pytest.raises(DatasetFolderError, match="cannot be read"):
        export(dataset, tmp_path / "b", options)


def test_scores_of_other_rows_are_refused(dataset, tmp_path, options):
    write_scores(dataset)
    name = DatasetFolder(dataset).manifest()["shards"][0]["name"]
    table = Sidecar(dataset).read(name)
    Sidecar(dataset).write(name, table.slice(1))
    with pytest.raises(DatasetFolderError, match="of other rows"):
        export(dataset, tmp_path / "x", replace(options, where=("beauty > 0",)))


def test_names_of_formats():
    assert find_export("ai-toolkit") is find_export("ai_toolkit")
    listed = list_exports()
    assert [one["format"] for one in listed] == export_names()
    assert len(listed) >= 15 and all(one["writes"] and one["for"] for one in listed)


def test_a_format_of_another_package(dataset, tmp_path, options, monkeypatch):
    """An entry point in the group taskpaint.exports."""
    package = tmp_path / "site"
    (package / "other-1.0.dist-info").mkdir(parents=True)
    (package / "other-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (package / "other-1.0.dist-info" / "entry_points.txt").write_text("[taskpaint.exports]\nids = other_ids:Ids\n")
    (package / "other_ids.py").write_text(
        textwrap.dedent(
            """
            from taskpaint.writers.export import Export, Written, triplets

            class Ids(Export):
                name, summary, trainer, text_to_image = "ids", "a list of ids", "people", "kept"

                def write(self, place, part, batches):
                    file = place.root / f"{part.name}.txt"
                    file.write_text("".join(f"{row.id}\\n" for row in triplets(batches)))
                    return Written(1, file.stat().st_size, {file.name: file.stat().st_size})

                def configs(self, place, splits):
                    return {"all.txt": "\\n".join(part.name for parts in splits.values() for part in parts)}
            """
        )
    )
    monkeypatch.syspath_prepend(package)
    importlib.invalidate_caches()
    export(dataset, tmp_path / "x", replace(options, format="ids"))
    names = (tmp_path / "x" / "all.txt").read_text().splitlines()
    ids = [line for name in names for line in (tmp_path / "x" / f"{name}.txt").read_text().splitlines()]
    assert ids == [row["id"] for split in ("train", "validation") for row in rows_of(dataset, split)]
    assert "ids" in export_names()


@given(st.text())
def test_a_caption_is_one_line_and_loses_no_word(text):
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line.split() == text.split()


@given(st.lists(st.lists(st.text(), max_size=4), max_size=4))
def test_joined_lists_hold_every_element(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("table")
    files = []
    for number, values in enumerate(parts):
        files.append(folder / str(number))
        files[-1].write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), "utf-8")
    Table("data.json", "list").join([file for file in files if file.stat().st_size], folder / "data.json")
    expected = [value for values in parts for value in values]
    found = json.loads((folder / "data.json").read_text("utf-8")) if (folder / "data.json").exists() else []
    assert found == expected
