"""Cutting end to end: what stays is what it was, byte for byte; what goes is listed with its rule and its scores."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_tests import contents
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.engines import cut as cutting
from taskpaint.engines.cut import CutOptions, SurveyOptions, cut, survey_with_report
from taskpaint.engines.cut_plan import plan_cut
from taskpaint.engines.verify import verify
from taskpaint.filters.rule_set import given_rules, load_preset
from taskpaint.filters.scorer import Column
from taskpaint.filters.sidecar import ScorerRecord, Sidecar
from taskpaint.filters.survival import ScoredRows
from taskpaint.manifests.errors import DatasetFolderError, OutputError, ResumeError, UsageError
from taskpaint.manifests.folder import DatasetFolder

RECIPE = """
sources: [{source: coco, path: coco, split: train2017}]
tasks: [{task: inpainting, weight: 2}, segmentation]
splits: {by: hash, validation: 0.3}
output: {rows_per_shard: 8, row_group_rows: 3}
"""
COLUMNS = (
    Column("source_beauty", "source", "higher", "a made-up score"),
    Column("target_beauty", "target", "higher", "a made-up score"),
    Column("beauty_gap", "pair", "", "target - source"),
    Column("duplicate_rank", "pair", "lower", "0 is the first"),
)
BEAUTY = "target_beauty >= q30"
PLAIN = CutOptions(workers=1, pictures=0)


@pytest.fixture
def dataset(copy_of, tmp_path):
    """A built dataset of two splits, 36 rows at most 8 to a shard, with made-up scores beside it."""
    root = copy_of(RECIPE, tmp_path / "out")
    write_scores(root)
    return root


def write_scores(root, change=lambda scores: scores, caution=""):
    """Scores from the ids alone: what `taskpaint score` writes, without a model."""
    sidecar, shards = Sidecar(root), DatasetFolder(root).manifest()["shards"]
    for shard in shards:
        rows = pq.read_table(DatasetFolder(root).shard_file(shard["name"]), columns=["id", "task"])
        draws = [np.random.default_rng(list(row.encode())) for row in rows["id"].to_pylist()]
        scores = {"source_beauty": [draw.normal(5, 1) for draw in draws]}
        scores["target_beauty"] = [
            s + draw.normal(0, 1) for s, draw in zip(scores["source_beauty"], draws, strict=True)
        ]
        scores["beauty_gap"] = [t - s for s, t in zip(scores["source_beauty"], scores["target_beauty"], strict=True)]
        scores["duplicate_rank"] = [float(draw.random() < 0.2) for draw in draws]
        scores = change(scores)
        columns = {name: pa.array(values, pa.float64()) for name, values in scores.items()}
        sidecar.write(shard["name"], pa.table({"id": rows["id"], "task": rows["task"], **columns}))
    record = ScorerRecord({"made": "up"}, caution, COLUMNS)
    sidecar.describe({"beauty": record}, {shard["name"]: shard["sha256"] for shard in shards})


def rules(*texts):
    return given_rules(texts, "--keep")


def rows_of(root):
    return [row for file in DatasetFolder(root).shards() for row in pq.read_table(file).to_pylist()]


def scores_of(root):
    shards = [shard["name"] for shard in DatasetFolder(root).manifest()["shards"]]
    return [row for shard in shards for row in Sidecar(root).read(shard).to_pylist()]


def test_what_stays_is_what_it_was(dataset, tmp_path):
    report = cut(dataset, tmp_path / "cut", rules(BEAUTY, "duplicate_rank == 0"), PLAIN)
    scores = scores_of(dataset)
    limit = np.quantile([row["target_beauty"] for row in scores if row["task"] == "inpainting"], 0.3)
    stay = [
        row["duplicate_rank"] == 0 and (row["task"] == "segmentation" or row["target_beauty"] >= limit)
        for row in scores
    ]
    assert 0 < sum(stay) < len(stay)
    expected = [row for row, stays in zip(rows_of(dataset), stay, strict=True) if stays]
    assert rows_of(tmp_path / "cut") == expected
    assert scores_of(tmp_path / "cut") == [row for row, stays in zip(scores, stay, strict=True) if stays]
    assert sum(counts["kept"] for counts in report.splits.values()) == len(expected)
    assert verify(tmp_path / "cut", 1).problem_count == 0


def test_a_cut_that_drops_nothing_gives_the_same_shards(dataset, tmp_path):
    before = {shard["name"]: shard["sha256"] for shard in DatasetFolder(dataset).manifest()["shards"]}
    cut(dataset, tmp_path / "cut", rules("*: target_beauty > -1000"), PLAIN)
    assert {shard["name"]: shard["sha256"] for shard in DatasetFolder(tmp_path / "cut").manifest()["shards"]} == before


def test_numbers_have_no_gaps_and_shards_are_alike(dataset, tmp_path):
    cut(
        dataset, tmp_path / "cut", rules("*: target_beauty >= q60"), CutOptions(workers=1, pictures=0, rows_per_shard=5)
    )
    for split in ("train", "validation"):
        files = sorted((tmp_path / "cut" / "data").glob(f"{split}-*"))
        total = len(files)
        assert [file.stem for file in files] == [f"{split}-{n:05d}-of-{total:05d}" for n in range(total)]
        sizes = [pq.read_metadata(file).num_rows for file in files]
        assert max(sizes) - min(sizes) <= 1
        assert max(sizes) <= 5
    assert pq.read_metadata(files[0]).row_group(0).num_rows == 3  # of the recipe


def test_bytes_do_not_depend_on_the_number_of_workers_nor_on_where_the_folders_lie(dataset, tmp_path):
    found = []
    moved = shutil.copytree(dataset, tmp_path / "elsewhere" / "d")
    for place, workers in ((dataset, 1), (moved, 2), (dataset, 4)):
        out = tmp_path / f"cut{workers}"
        cut(place, out, rules(BEAUTY, "abs(beauty_gap) <= 1"), CutOptions(workers=workers, pictures=2))
        found.append(contents(out))
    assert found[0] == found[1] == found[2]
    assert {"dropped.parquet", "filter-report.html", "README.md", "manifest.json"} <= found[0].keys()


def test_a_killed_cut_goes_on_where_it_stopped(dataset, tmp_path):
    cut(dataset, tmp_path / "whole", rules(BEAUTY), PLAIN)
    script = f"""
        import os, signal
        from pathlib import Path
        from taskpaint.engines.cut import CutOptions, cut
        from taskpaint.filters.rule_set import given_rules
        done = []
        def stop(rows, total):
            done.append(rows)
            if len(done) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        cut(Path({str(dataset)!r}), Path({str(tmp_path / "cut")!r}), given_rules([{BEAUTY!r}], "--keep"),
            CutOptions(workers=1, pictures=0), stop)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "cut" / "manifest.json").exists()
    told = []
    report = cut(dataset, tmp_path / "cut", rules(BEAUTY), PLAIN, lambda done, total: told.append((done, total)))
    assert report.resumed_shards == 2
    assert len(told) == report.shards - 2
    assert told[-1][0] == told[-1][1] == sum(counts["kept"] for counts in report.splits.values())
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert cut(dataset, tmp_path / "cut", rules(BEAUTY), PLAIN).resumed_shards == report.shards
    next((tmp_path / "cut" / "scores").glob("train-*")).unlink()  # a shard without its scores is cut again
    assert cut(dataset, tmp_path / "cut", rules(BEAUTY), PLAIN).resumed_shards == report.shards - 1
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_going_on_with_other_rules_or_scores_is_an_error(dataset, tmp_path):
    cut(dataset, tmp_path / "cut", rules(BEAUTY), PLAIN)
    with pytest.raises(ResumeError, match=r'begun with rules.0 = "target_beauty >= q30", this run has "source_beauty'):
        cut(dataset, tmp_path / "cut", rules("source_beauty >= 5"), PLAIN)
    write_scores(dataset, lambda scores: {name: [-value for value in values] for name, values in scores.items()})
    with pytest.raises(ResumeError, match="decisions"):
        cut(dataset, tmp_path / "cut", rules(BEAUTY), PLAIN)
    report = cut(dataset, tmp_path / "cut", rules(BEAUTY), CutOptions(workers=1, pictures=0, overwrite=True))
    assert report.resumed_shards == 0


def test_dropped_rows_are_listed_with_their_rule_and_scores(dataset, tmp_path):
    texts = ("inpainting: target_beauty >= 5", "duplicate_rank == 0")
    cut(dataset, tmp_path / "cut", rules(*texts), PLAIN)
    dropped = pq.read_table(tmp_path / "cut" / "dropped.parquet").to_pylist()
    expected = []
    for row, split in zip(scores_of(dataset), splits_of(dataset), strict=True):
        broken = [row["task"] == "inpainting" and row["target_beauty"] < 5, row["duplicate_rank"] != 0]
        if any(broken):
            expected.append({**row, "split": split, "rule": texts[broken.index(True)]})
    assert dropped == expected
    assert list(dropped[0])[:4] == ["id", "task", "split", "rule"]
    assert len(dropped) + len(rows_of(tmp_path / "cut")) == len(rows_of(dataset))


def splits_of(root):
    return [
        shard["name"].partition("-")[0]
        for shard in DatasetFolder(root).manifest()["shards"]
        for _ in range(shard["rows"])
    ]


def test_the_manifest_knows_where_it_comes_from(dataset, tmp_path):
    digest = hashlib.sha256((dataset / "manifest.json").read_bytes()).hexdigest()
    cut(dataset, tmp_path / "one", rules(BEAUTY), PLAIN)
    cut(tmp_path / "one", tmp_path / "two", rules("duplicate_rank == 0"), PLAIN)
    one, two = (DatasetFolder(tmp_path / name).manifest() for name in ("one", "two"))
    assert [entry["rules"] for entry in two["cuts"]] == [[BEAUTY], ["duplicate_rank == 0"]]
    assert one["cuts"][0]["parent"] == {"manifest_sha256": digest, "rows": 36}
    assert two["cuts"][1]["parent"]["rows"] == sum(one["splits"].values()) == 36 - one["cuts"][0]["dropped"]
    assert two["cuts"][1]["scorers"] == {"beauty": {"made": "up"}}
    assert two["recipe"] == DatasetFolder(dataset).manifest()["recipe"]
    assert two["cuts"][1]["rows_per_shard"] == 8  # shards do not shrink from cut to cut
    card = (tmp_path / "two" / "README.md").read_text()
    assert f"- `{BEAUTY}`" in card
    assert "- `duplicate_rank == 0`" in card
    assert (tmp_path / "two" / "rejects.jsonl").read_bytes() == (dataset / "rejects.jsonl").read_bytes()


def test_datasets_reads_the_cut(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    from datasets import load_dataset

    cut(dataset, tmp_path / "cut", rules(BEAUTY), PLAIN)
    found = load_dataset(str(tmp_path / "cut"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in found.items()} == DatasetFolder(tmp_path / "cut").manifest()["splits"]
    assert found["train"][0]["edited_image"].mode == "RGB"
    streamed = load_dataset(str(tmp_path / "cut"), split="train", streaming=True)
    assert next(iter(streamed))["id"] == rows_of(tmp_path / "cut")[0]["id"]


def test_a_picture_that_does_not_open_is_carried_as_it_is(dataset, tmp_path):
    """No image is decoded: what is broken before is broken after, and the report says so."""
    folder = DatasetFolder(dataset)
    name = folder.manifest()["shards"][0]["name"]
    table = pq.read_table(folder.shard_file(name))
    rows = table.to_pylist()
    rows[0]["edited_image"]["bytes"] = b"\xff\xd8\xff not a picture"
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder.shard_file(name))
    manifest = folder.manifest()
    data = folder.shard_file(name).read_bytes()
    manifest["shards"][0] |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    folder.manifest_file.write_text(json.dumps(manifest))
    write_scores(dataset)
    cut(dataset, tmp_path / "cut", rules("*: target_beauty > -1000"), CutOptions(workers=1, pictures=200))
    assert rows_of(tmp_path / "cut")[0]["edited_image"]["bytes"] == b"\xff\xd8\xff not a picture"
    assert "target does not open: " in (tmp_path / "cut" / "filter-report.html").read_text()


def test_a_split_that_is_emptied_has_no_shard(dataset, tmp_path):
    held_out = {
        row["id"] for row, split in zip(rows_of(dataset), splits_of(dataset), strict=True) if split == "validation"
    }
    write_scores(dataset)
    for shard in DatasetFolder(dataset).manifest()["shards"]:
        table = Sidecar(dataset).read(shard["name"])
        beauty = [0.0 if row in held_out else 9.0 for row in table["id"].to_pylist()]
        column = table.schema.get_field_index("target_beauty")
        Sidecar(dataset).write(shard["name"], table.set_column(column, "target_beauty", pa.array(beauty)))
    report = cut(dataset, tmp_path / "cut", rules("*: target_beauty > 5"), PLAIN)
    assert report.splits["validation"] == {"rows": len(held_out), "kept": 0}
    assert not list((tmp_path / "cut" / "data").glob("validation-*"))
    assert verify(tmp_path / "cut", 1).problem_count == 0
    assert "validation-*" not in (tmp_path / "cut" / "README.md").read_text()


def test_rules_that_drop_everything_write_nothing(dataset, tmp_path):
    with pytest.raises(OutputError, match="the rules drop all 36 rows"):
        cut(dataset, tmp_path / "cut", rules("*: target_beauty > 1000"), PLAIN)
    assert not (tmp_path / "cut").exists()


def test_a_survey_writes_nothing_but_the_report(dataset, tmp_path):
    before = contents(dataset)
    found = survey_with_report(dataset, rules(BEAUTY), CutOptions())
    assert contents(dataset) == before
    survey_with_report(dataset, rules(BEAUTY), CutOptions(report=tmp_path / "r" / "report.html"))
    assert "target_beauty" in (tmp_path / "r" / "report.html").read_text()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "r"]
    report = cut(dataset, tmp_path / "cut", rules(BEAUTY), PLAIN)
    assert report.survey == found.as_json()


def test_a_score_with_a_caution_is_cut_by_only_when_forced(dataset, tmp_path):
    write_scores(dataset, caution="the head's weights are random")
    with pytest.raises(UsageError, match=r"means little: the head's weights are random; --force"):
        cut(dataset, tmp_path / "cut", rules(BEAUTY), PLAIN)
    assert not (tmp_path / "cut").exists()
    forced = CutOptions(SurveyOptions(force=True), workers=1, pictures=0)
    report = cut(dataset, tmp_path / "cut", rules(BEAUTY), forced)
    expected = {BEAUTY: "the head's weights are random"}
    assert report.survey["forced"] == expected
    assert DatasetFolder(tmp_path / "cut").manifest()["cuts"][0]["forced"] == expected
    assert "weights are random" in (tmp_path / "cut" / "README.md").read_text()
    assert "weights are random" in (tmp_path / "cut" / "filter-report.html").read_text()


def judged(dataset, *texts, **options):
    return survey_with_report(dataset, rules(*texts), CutOptions(SurveyOptions(**options)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("target_beuty >= 5", r"no score 'target_beuty'; did you mean 'target_beauty'\?"),
        ("target_giqa >= q20", r"taskpaint score .* --scores giqa makes it, --missing-scores skip"),
        ("direction_similarity >= 0.2", r"no score 'direction_similarity' \(it has source_beauty, target_beauty"),
        ("source_text_similarity >= 0.2", r"--scores clip_similarity makes it"),
        ("wow >= 5", r"no scorer of taskpaint makes it, --missing-scores skip leaves"),
        ("inpaintin: target_beauty >= 5", r"names task 'inpaintin', which does not exist; did you mean 'inpainting'\?"),
    ],
)
def test_rules_that_do_not_fit_the_dataset(dataset, text, said):
    with pytest.raises(UsageError, match=said):
        judged(dataset, text)


def test_a_rule_whose_score_is_missing_can_be_left_out(dataset):
    found = judged(dataset, BEAUTY, "direction_similarity >= 0.2", missing_scores="skip")
    assert found.skipped == ["direction_similarity >= 0.2"]
    assert [str(rule) for rule in found.survival.rules] == [BEAUTY]
    with pytest.raises(UsageError, match="none of the scores that the rules ask for"):
        judged(dataset, "direction_similarity >= 0.2", missing_scores="skip")
    with pytest.raises(UsageError, match=r"preset ultraedit, rule 1: .*image_similarity"):
        survey_with_report(dataset, load_preset("ultraedit"), CutOptions())


def test_no_rules_at_all(dataset):
    with pytest.raises(UsageError, match="--keep, --rules or --preset"):
        judged(dataset)


def test_a_rule_for_a_task_that_the_dataset_does_not_have_is_told(dataset):
    assert judged(dataset, BEAUTY, "edit: target_beauty >= 5").notes == [
        "rule 'edit: target_beauty >= 5' applies to no row of this dataset"
    ]


def test_a_task_that_loses_every_row_is_told(dataset):
    assert judged(dataset, "segmentation: target_beauty > 1000").notes == [
        "not one of the 12 segmentation rows is left"
    ]


def test_rows_without_a_score(dataset):
    nan = float("nan")
    write_scores(dataset, lambda scores: {**scores, "target_beauty": [nan, *scores["target_beauty"][1:]]})
    shards = len(DatasetFolder(dataset).manifest()["shards"])  # the first row of each has none
    kept, dropped = (judged(dataset, "*: target_beauty > -1000", missing=policy) for policy in (None, "drop"))
    assert kept.as_json()["kept"] == 36
    assert dropped.as_json()["kept"] == 36 - shards
    assert sum(cell.missing for cell in kept.survival.cells) == shards
    assert any("have no target_beauty" in note for note in kept.notes)
    with pytest.raises(UsageError, match="--missing keep or --missing drop"):
        judged(dataset, "*: target_beauty > -1000", missing="error")


def test_scores_that_are_not_of_this_data(dataset):
    sidecar, shards = Sidecar(dataset), DatasetFolder(dataset).manifest()["shards"]
    first = shards[0]["name"]
    good = sidecar.read(first)
    sidecar.write(first, good.take(list(range(len(good)))[::-1]))
    with pytest.raises(DatasetFolderError, match=rf"scores of {first} are of other rows, or in another order"):
        judged(dataset, BEAUTY)
    sidecar.write(first, good.slice(1))
    with pytest.raises(DatasetFolderError, match="of other rows"):
        judged(dataset, BEAUTY)
    sidecar.file(first).unlink()
    with pytest.raises(DatasetFolderError, match=rf"{first}.parquet cannot be read"):
        judged(dataset, BEAUTY)
    sidecar.write(first, good)
    sidecar.describe(sidecar.records(), {s["name"]: "0" * 64 if s["name"] == first else s["sha256"] for s in shards})
    with pytest.raises(DatasetFolderError, match=rf"{first} was scored .*; run taskpaint score"):
        judged(dataset, BEAUTY)
    sidecar.describe(sidecar.records(), {s["name"]: s["sha256"] for s in shards[1:]})
    with pytest.raises(DatasetFolderError, match=f"{first} has no scores"):
        judged(dataset, BEAUTY)
    shutil.rmtree(sidecar.folder)
    with pytest.raises(DatasetFolderError, match="has no scores; run taskpaint score"):
        judged(dataset, BEAUTY)


def test_a_dataset_that_is_unfinished_or_changed(dataset, tmp_path):
    shard = DatasetFolder(dataset).shards()[0]
    shard.write_bytes(shard.read_bytes() + b"x")
    with pytest.raises(DatasetFolderError, match=r"is not the shard that manifest.json lists; taskpaint verify"):
        judged(dataset, BEAUTY)
    shard.unlink()
    with pytest.raises(DatasetFolderError, match="is not the shard that manifest"):
        judged(dataset, BEAUTY)
    (dataset / "manifest.json").unlink()
    with pytest.raises(DatasetFolderError, match=r"manifest\.json is missing"):
        judged(dataset, BEAUTY)
    with pytest.raises(DatasetFolderError):
        judged(tmp_path / "nowhere", BEAUTY)


def test_the_output_folder(dataset, tmp_path):
    for out in (dataset, dataset / "cut", tmp_path):
        with pytest.raises(UsageError, match="lie in each other"):
            cut(dataset, out, rules(BEAUTY), CutOptions(overwrite=True))
    assert verify(dataset, 1).problem_count == 0
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    with pytest.raises(ResumeError, match="is not empty and no taskpaint build"):
        cut(dataset, tmp_path / "full", rules(BEAUTY), PLAIN)
    with pytest.raises(OutputError, match="cannot be written"):
        cut(dataset, tmp_path / "full" / "thesis.tex" / "cut", rules(BEAUTY), PLAIN)


def test_a_full_disk_leaves_a_cut_that_can_go_on(dataset, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Sidecar, "write", full)
    with pytest.raises(OutputError, match="the disk is full; free some space and run the same command again"):
        cut(dataset, tmp_path / "cut", rules(BEAUTY), PLAIN)
    monkeypatch.undo()
    cut(dataset, tmp_path / "cut", rules(BEAUTY), PLAIN)
    assert verify(tmp_path / "cut", 1).problem_count == 0


def test_a_plugin_task_can_be_named_and_said_to_be_pictures(dataset, monkeypatch):
    monkeypatch.setattr("taskpaint.engines.survey.task_names", lambda: ["edit"])  # nothing of the dataset is installed
    assert judged(dataset, "segmentation: target_beauty >= 5").survival.cells[0].task == "segmentation"


@given(
    st.lists(
        st.tuples(st.sampled_from(["train", "test"]), st.lists(st.booleans(), max_size=20)), min_size=1, max_size=6
    ),
    st.integers(1, 9),
)
def test_the_plan_holds_every_survivor_once_in_order(parts, size):
    names = [f"{split}-{number:05d}-of-00006" for number, (split, _) in enumerate(sorted(parts, key=lambda p: p[0]))]
    keeps = [keep for _, keep in sorted(parts, key=lambda p: p[0])]
    starts = np.cumsum([0, *map(len, keeps)])
    kept = np.array([stays for keep in keeps for stays in keep], bool)
    rows = ScoredRows(tuple(names), starts, ("edit",), np.zeros(len(kept), np.int32), {})
    shards = plan_cut(rows, kept, size)
    planned = [(piece.shard, int(row)) for shard in shards for piece in shard.pieces for row in piece.rows]
    assert planned == [(name, row) for name, keep in zip(names, keeps, strict=True) for row in np.flatnonzero(keep)]
    assert all(0 < len(shard) <= size for shard in shards)
    for split in ("train", "test"):
        mine = [shard.name for shard in shards if shard.name.startswith(split)]
        assert mine == [f"{split}-{number:05d}-of-{len(mine):05d}" for number in range(len(mine))]
        assert all(piece.shard.startswith(split) for s in shards if s.name.startswith(split) for piece in s.pieces)


def filtered(*arguments):
    command = [sys.executable, "-m", "taskpaint.cli", "filter", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command(dataset, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("rules: ['target_beauty >= q30']\n")
    dry = filtered(dataset, "--rules", file, "--dry-run", "--json")
    assert dry.returncode == 0, dry.stderr
    found = json.loads(dry.stdout)
    done = filtered(dataset, "-o", tmp_path / "cut", "--rules", file, "--pictures", 1, "-w", 1)
    assert done.returncode == 0, done.stderr
    assert "target_beauty >= q30" in done.stdout
    assert f"{found['splits']['train']['kept']} of {found['splits']['train']['rows']} train" in done.stderr
    assert (tmp_path / "cut" / cutting.REPORT).exists()
    nothing = filtered(dataset, "-o", tmp_path / "none", "--keep", "*: target_beauty > 1000")
    assert nothing.returncode == 1
    assert nothing.stderr.count("\n") == 1
    wrong = filtered(dataset, "--keep", "target_beauty => 5", "--dry-run")
    assert wrong.returncode == 2
    assert "cannot be read at character 15" in wrong.stderr
