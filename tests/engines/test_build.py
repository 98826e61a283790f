"""Building end to end: same bytes, resume, rejects, splits."""

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from taskpaint.engines.build import BuildOptions, build
from taskpaint.manifests.errors import (
    FolderBusyError,
    OutputError,
    RecipeError,
    ResumeError,
    SourceLayoutError,
    TooManyRejectsError,
)
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.recipe_file import parse_recipe

ALL_TASKS = """
tasks:
  - {task: segmentation, weight: 3, options: {count: [1, 2]}}
  - {task: segmentation, name: masks, options: {style: mask}}
  - {task: keypoints, weight: 2}
  - {task: detection}
  - {task: classification, options: {style: border}}
"""


def recipe(tasks=ALL_TASKS, more="", rows=8):
    text = "sources: [{source: coco, path: coco, split: train2017}]\n" + tasks + more
    return [parse_recipe(text + f"\noutput: {{rows_per_shard: {rows}}}\n")]


def hashes(out):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in DatasetFolder(out).shards()}


def rows_of(out):
    return [row for file in DatasetFolder(out).shards() for row in pq.read_table(file).to_pylist()]


def test_every_task_is_built_and_the_counts_add_up(tiny_coco, tmp_path):
    report = build(recipe(), tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    planned = {label: counts["planned"] for label, counts in report.counts.items()}
    assert planned == {
        "coco-train2017-segmentation": 36,
        "coco-train2017-masks": 12,
        "coco-train2017-keypoints": 24,
        "coco-train2017-detection": 12,
        "coco-train2017-classification": 12,
    }
    for counts in report.counts.values():
        assert counts["planned"] == counts["built"] + counts["bad"] + counts["skipped"]
    rows = rows_of(tmp_path / "out")
    assert len(rows) == sum(report.rows.values()) == sum(counts["built"] for counts in report.counts.values())
    assert len({row["id"] for row in rows}) == len(rows)


def test_bytes_do_not_depend_on_the_number_of_workers(tiny_coco, tmp_path):
    found = []
    for workers in (1, 2, 4):
        out = tmp_path / f"out{workers}"
        build(recipe(), out, BuildOptions(root=tmp_path, workers=workers))
        found.append(hashes(out))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) > 8


def test_bytes_do_not_depend_on_where_the_source_lies(write_coco, tmp_path):
    for place in ("here", "there"):
        write_coco(tmp_path / place / "coco", 4)
        build(recipe(), tmp_path / f"out-{place}", BuildOptions(root=tmp_path / place, workers=1))
    assert hashes(tmp_path / "out-here") == hashes(tmp_path / "out-there")


def test_another_seed_gives_other_triplets(tiny_coco, tmp_path):
    for seed in (0, 1):
        build(recipe(more=f"seed: {seed}"), tmp_path / str(seed), BuildOptions(root=tmp_path, workers=1))
    first, second = ({row["id"]: row["edit_prompt"] for row in rows_of(tmp_path / seed)} for seed in "01")
    assert first != second


def _command(root, out, workers):
    command = [
        sys.executable,
        "-m",
        "taskpaint.cli",
        "build",
        str(root / "r.yaml"),
        "--data",
        str(root),
        "-o",
        str(out),
    ]
    return [*command, "--workers", str(workers), "-q"]


def _finished_shards(out):
    ledgers = (out / ".taskpaint").glob("ledger-*.jsonl")
    return sum(ledger.read_text().count("\n") for ledger in ledgers)


def _orphans(out):
    """Processes still holding a file below `out`."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            found += [str(link.readlink()) for link in (process / "fd").iterdir()]
        except OSError:
            continue  # not a process, not ours, or gone
    return [name for name in found if name.startswith(str(out / "data"))]


def test_killed_ten_times_and_resumed_gives_the_same_bytes(write_coco, tmp_path, monkeypatch):
    monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / "cache"))
    write_coco(tmp_path / "coco", 40)
    text = "sources: [{source: coco, path: coco, split: train2017}]\n" + ALL_TASKS + "output: {rows_per_shard: 8}\n"
    (tmp_path / "r.yaml").write_text(text)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(_command(tmp_path, whole, 2), check=True)
    draw = random.Random(3)
    kills = 0
    for _ in range(10):
        process = subprocess.Popen(_command(tmp_path, broken, draw.choice((1, 2))), stderr=subprocess.DEVNULL)
        aim = _finished_shards(broken) + draw.randint(0, 4)
        while process.poll() is None and _finished_shards(broken) < aim:
            time.sleep(0.005)
        time.sleep(draw.random() * 0.05)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 5
    deadline = time.monotonic() + 20
    while _orphans(broken) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _orphans(broken)
    subprocess.run(_command(tmp_path, broken, 2), check=True)
    assert hashes(whole) == hashes(broken)
    assert (whole / "manifest.json").read_bytes() == (broken / "manifest.json").read_bytes()
    assert (whole / "rejects.jsonl").read_bytes() == (broken / "rejects.jsonl").read_bytes()
    assert not list((broken / "data").glob(".*"))


def test_a_second_run_does_nothing(tiny_coco, tmp_path):
    out = tmp_path / "out"
    build(recipe(), out, BuildOptions(root=tmp_path, workers=1))
    before = {file: file.stat().st_mtime_ns for file in DatasetFolder(out).shards()}
    report = build(recipe(), out, BuildOptions(root=tmp_path, workers=1))
    assert report.resumed_shards == report.shards
    assert {file: file.stat().st_mtime_ns for file in DatasetFolder(out).shards()} == before


def test_a_shard_that_went_missing_is_built_again(tiny_coco, tmp_path):
    out = tmp_path / "out"
    build(recipe(), out, BuildOptions(root=tmp_path, workers=1))
    before = hashes(out)
    DatasetFolder(out).shards()[1].unlink()
    report = build(recipe(), out, BuildOptions(root=tmp_path, workers=1))
    assert report.resumed_shards == report.shards - 1
    assert hashes(out) == before


def test_resume_with_other_options_shows_both_values(tiny_coco, tmp_path):
    out = tmp_path / "out"
    build(recipe(more="seed: 3"), out, BuildOptions(root=tmp_path, workers=1))
    with pytest.raises(ResumeError, match=r"recipe\.seed = 3, this run has 4"):
        build(recipe(more="seed: 4"), out, BuildOptions(root=tmp_path, workers=1))
    build(recipe(more="seed: 4"), out, BuildOptions(root=tmp_path, workers=1, overwrite=True))
    assert DatasetFolder(out).manifest()["seed"] == 4


def test_changed_annotations_are_noticed(tiny_coco, tmp_path):
    out = tmp_path / "out"
    build(recipe(), out, BuildOptions(root=tmp_path, workers=1))
    file = tiny_coco / "annotations" / "instances_train2017.json"
    file.write_text(file.read_text().replace('"dog"', '"wolf"'))
    with pytest.raises(ResumeError, match=r"begun with other files behind sources\.coco-train2017 than there are now"):
        build(recipe(), out, BuildOptions(root=tmp_path, workers=1))


def test_a_folder_with_foreign_files_is_refused(tiny_coco, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(ResumeError, match="not empty"):
        build(recipe(), tmp_path / "out", BuildOptions(root=tmp_path, workers=1))


def test_two_builds_into_one_folder_are_refused(tiny_coco, tmp_path):
    folder = DatasetFolder(tmp_path / "out")
    with folder.lock(), pytest.raises(FolderBusyError, match="another taskpaint run"):
        build(recipe(), folder.root, BuildOptions(root=tmp_path, workers=1))


def test_limit_keeps_the_mixture(tiny_coco, tmp_path):
    report = build(recipe(), tmp_path / "out", BuildOptions(root=tmp_path, workers=1, limit=20))
    assert sum(report.rows.values()) <= 20
    assert len({row["task"] for row in rows_of(tmp_path / "out")}) >= 3


def test_one_photograph_is_in_one_split_only(write_coco, tmp_path):
    write_coco(tmp_path / "coco", 40)
    build(recipe(more="splits: {validation: 0.3, test: 0.2}"), tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    where = {}
    for file in DatasetFolder(tmp_path / "out").shards():
        for key in pq.read_table(file, columns=["image_key"])["image_key"].to_pylist():
            where.setdefault(key, set()).add(file.name.partition("-")[0])
    assert all(len(splits) == 1 for splits in where.values())
    assert set().union(*where.values()) == {"train", "validation", "test"}


def test_shards_are_numbered_without_gaps_and_mixed(write_coco, tmp_path):
    write_coco(tmp_path / "coco", 40)
    build(recipe(rows=32), tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    names = [file.stem for file in DatasetFolder(tmp_path / "out").shards()]
    for split in ("train", "validation"):
        mine = [name for name in names if name.startswith(split)]
        assert mine == [f"{split}-{number:05d}-of-{len(mine):05d}" for number in range(len(mine))]
    for file in DatasetFolder(tmp_path / "out").shards():
        if file.stem.startswith("train"):
            assert len(set(pq.read_table(file, columns=["task"])["task"].to_pylist())) >= 3


def test_source_bytes_pass_through_untouched(tiny_coco, tmp_path):
    build(recipe(), tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    for row in rows_of(tmp_path / "out"):
        if row["task"] != "keypoints":  # these show one person, cropped
            assert row["input_image"]["bytes"] == (tiny_coco / "train2017" / f"{row['source_id']}.jpg").read_bytes()


def _break(folder, name, data):
    (folder / "train2017" / f"{name:012d}.jpg").write_bytes(data)


def test_broken_images_become_rejects_and_the_rest_is_built(tiny_coco, tmp_path):
    photo = (tiny_coco / "train2017" / "000000000001.jpg").read_bytes()
    _break(tiny_coco, 1, photo[: len(photo) // 2])
    _break(tiny_coco, 2, b"")
    _break(tiny_coco, 3, b"this is text, not a picture\n" * 40)
    start = photo.index(b"\xff\xc0")
    huge = photo[: start + 5] + (50_000).to_bytes(2, "big") * 2 + photo[start + 9 :]
    _break(tiny_coco, 4, huge)
    (tiny_coco / "train2017" / "000000000005.jpg").unlink()
    report = build(recipe("tasks: [segmentation]"), tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    rejects = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()]
    reasons = {int(reject["id"]): reject["reason"] for reject in rejects}
    assert set(reasons) == {1, 2, 3, 4, 5}
    assert "truncated" in reasons[1]
    assert "empty" in reasons[2]
    assert "not an image" in reasons[3]
    assert "limit" in reasons[4] or "annotations are for" in reasons[4]
    assert "missing" in reasons[5]
    assert {reject["kind"] for reject in rejects} == {"bad"}
    assert sum(report.rows.values()) == 7


def test_broken_annotations_become_rejects_and_the_rest_is_built(tiny_coco, tmp_path):
    file = tiny_coco / "annotations" / "instances_train2017.json"
    content = json.loads(file.read_text())
    broken = {
        0: {"segmentation": [[1, 2, 3, 4]]},
        3: {"bbox": [500, 500, 10, 10]},
        6: {"bbox": [5, 5, -3, 10]},
        9: {"bbox": [float("nan"), 5, 3, 10]},
        12: {"category_id": 99},
        15: {"image_id": 4040},
        18: {"segmentation": {"size": [80, 96], "counts": [5, 5]}},
    }
    for position, change in broken.items():
        content["annotations"][position].update(change)
    file.write_text(json.dumps(content))
    report = build(recipe("tasks: [detection]"), tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    lines = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()]
    reasons = " | ".join(line["reason"] for line in lines if line["kind"] == "annotation")
    for words in ("polygon of 4", "outside", "no area", "finite", "category id 99", "image id 4040", "run lengths"):
        assert words in reasons
    assert report.index_rejects == {"coco-train2017": sum(line["kind"] == "annotation" for line in lines)}
    assert sum(report.rows.values()) >= 10


def test_too_many_rejects_fail_the_build(tiny_coco, tmp_path):
    for name in range(1, 7):
        _break(tiny_coco, name, b"junk")
    how = BuildOptions(root=tmp_path, workers=1, max_rejects=0.25)
    with pytest.raises(TooManyRejectsError, match=r"6 of 12 items are broken"):
        build(recipe("tasks: [segmentation]"), tmp_path / "out", how)


def test_nothing_built_is_an_error(tiny_coco, tmp_path):
    for name in range(1, 13):
        _break(tiny_coco, name, b"junk")
    with pytest.raises(OutputError, match="not one triplet"):
        build(recipe("tasks: [segmentation]"), tmp_path / "out", BuildOptions(root=tmp_path, workers=1))


def test_an_output_that_is_a_file_is_refused(tiny_coco, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        build(recipe(), tmp_path / "out", BuildOptions(root=tmp_path, workers=1))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_one_sentence_and_the_build_resumes(tiny_coco, tmp_path, small_disk, workers):
    out = small_disk / "out"
    with pytest.raises(OutputError, match="disk is full"):
        build(recipe(), out, BuildOptions(root=tmp_path, workers=workers))
    assert not list((out / "data").glob(".*part"))
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    report = build(recipe(), out, BuildOptions(root=tmp_path, workers=workers))
    build(recipe(), tmp_path / "whole", BuildOptions(root=tmp_path, workers=1))
    assert report.shards == len(hashes(out))
    assert hashes(out) == hashes(tmp_path / "whole")


def test_impossible_combinations_name_line_and_remedy(tmp_path):
    text = "sources:\n  - source: oxford_pets\n    path: pets\n    tasks:\n      - segmentation\n      - depth\n"
    with pytest.raises(RecipeError, match=r"line 6: task depth needs depth; source oxford_pets has"):
        build([parse_recipe(text, "mine.yaml")], tmp_path / "out", BuildOptions(root=tmp_path))
    assert not (tmp_path / "out").exists()


def test_missing_sources_are_an_error_or_left_out(tiny_coco, tmp_path):
    sources = "[{source: coco, path: coco, split: train2017}, {source: ade20k, path: nowhere}]"
    text = f"sources: {sources}\ntasks: [segmentation]"
    with pytest.raises(SourceLayoutError, match="source ade20k"):
        build([parse_recipe(text)], tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    how = BuildOptions(root=tmp_path, workers=1, skip_missing=True)
    report = build([parse_recipe(text)], tmp_path / "out", how)
    assert report.left_out == ["ade20k"]
    assert set(report.counts) == {"coco-train2017-segmentation"}
    assert (
        "Left out of the recipe because they were not at hand: ade20k." in (tmp_path / "out" / "README.md").read_text()
    )


def test_all_sources_missing_is_an_error_even_then(tmp_path):
    text = "sources: [{source: ade20k, path: nowhere}]\ntasks: [segmentation]"
    with pytest.raises(SourceLayoutError, match="source ade20k"):
        build([parse_recipe(text)], tmp_path / "out", BuildOptions(root=tmp_path, skip_missing=True))
