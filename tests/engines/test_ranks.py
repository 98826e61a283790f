"""Ranks build their shares of one dataset; joined, they are what one run writes."""

import multiprocessing
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engine_tests import contents
from taskpaint.builders import index as index_module
from taskpaint.builders.sources.coco import Coco
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.ranks import build_share, join
from taskpaint.engines.slurm import slurm_script
from taskpaint.engines.status import status
from taskpaint.manifests.errors import (
    BuildError,
    DatasetFolderError,
    FolderBusyError,
    ResumeError,
    TooManyRejectsError,
    UsageError,
)
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.manifests.share import Share

TEXT = """
sources: [{source: coco, path: coco, split: train2017}]
tasks:
  - {task: segmentation, weight: 3, options: {count: [1, 2]}}
  - {task: keypoints, weight: 2}
  - {task: detection}
output: {rows_per_shard: 6}
"""


def recipe(text=TEXT):
    return [parse_recipe(text)]


@pytest.fixture
def whole(tiny_coco, tmp_path):
    """What one run writes, with rejects of both kinds."""
    (tiny_coco / "train2017" / "000000000003.jpg").write_bytes(b"this is text, not a picture")
    out = tmp_path / "whole"
    build(recipe(), out, BuildOptions(root=tmp_path, workers=1))
    found = contents(out)
    assert b'"kind": "bad"' in found["rejects.jsonl"]
    assert b'"kind": "skipped"' in found["rejects.jsonl"] or len(found) > 10
    return found


@pytest.mark.parametrize("ranks", [1, 3, 40])
def test_joined_ranks_are_what_one_run_writes(whole, tmp_path, ranks):
    out = tmp_path / "out"
    order = list(range(ranks))
    random.Random(ranks).shuffle(order)
    for rank in order:
        report = build_share(recipe(), out, BuildOptions(root=tmp_path, workers=1), Share(rank, ranks))
        assert report.resumed_shards == 0
    assert report.missing_shards == 0
    assert status(out).state == "complete"
    joined = join(out)
    assert contents(out) == whole
    assert joined.shards == len(list((out / "data").iterdir()))
    again = build(recipe(), out, BuildOptions(root=tmp_path, workers=1))
    assert again.resumed_shards == joined.shards
    assert contents(out) == whole


def test_ranks_with_processes_of_their_own(whole, tmp_path):
    for rank, workers in ((1, 2), (0, 1)):
        build_share(recipe(), tmp_path / "out", BuildOptions(root=tmp_path, workers=workers), Share(rank, 2))
    join(tmp_path / "out")
    assert contents(tmp_path / "out") == whole


def test_joining_needs_the_folder_alone(whole, tiny_coco, tmp_path, monkeypatch):
    build_share(recipe(), tmp_path / "out", BuildOptions(root=tmp_path, workers=1), Share(0, 1))
    tiny_coco.rename(tmp_path / "unplugged")
    monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / "empty"))
    (tmp_path / "out").rename(tmp_path / "moved")
    join(tmp_path / "moved")
    assert contents(tmp_path / "moved") == whole


def test_missing_shards_are_named_with_their_ranks(whole, tmp_path):
    out = tmp_path / "out"
    for rank in (0, 2):
        build_share(recipe(), out, BuildOptions(root=tmp_path, workers=1), Share(rank, 4))
    count = sum(name.startswith("data/") for name in whole)
    mine = sorted(number for number in range(count) if number % 4 in (1, 3))
    with pytest.raises(
        BuildError, match=rf"{len(mine)} of {count} shards are missing: train-00001-of.*ranks 1, 3 of 4"
    ):
        join(out)
    assert not (out / "manifest.json").exists()
    build_share(recipe(), out, BuildOptions(root=tmp_path, workers=1), Share(3, 4))
    with pytest.raises(BuildError, match="run rank 1 of 4 again"):
        join(out)
    build_share(recipe(), out, BuildOptions(root=tmp_path, workers=1), Share(1, 4))
    DatasetFolder(out).shards()[0].unlink()
    with pytest.raises(BuildError, match=f"1 of {count} shards are missing: train-00000-of.*rank 0 of 4"):
        join(out)
    build_share(recipe(), out, BuildOptions(root=tmp_path, workers=1), Share(0, 4))
    join(out)
    assert contents(out) == whole


def test_a_build_in_one_run_goes_on_where_ranks_stopped_and_other_ranks_where_it_stopped(whole, tmp_path):
    out = tmp_path / "out"
    build_share(recipe(), out, BuildOptions(root=tmp_path, workers=1), Share(1, 3))
    report = build_share(recipe(), out, BuildOptions(root=tmp_path, workers=1), Share(0, 2))
    assert 0 < report.resumed_shards < report.shards
    assert build(recipe(), out, BuildOptions(root=tmp_path, workers=1)).resumed_shards > report.shards
    assert contents(out) == whole


def test_ranks_that_do_not_agree_are_refused(tiny_coco, tmp_path):
    out = tmp_path / "out"
    build_share(recipe(), out, BuildOptions(root=tmp_path, workers=1), Share(0, 2))
    with pytest.raises(ResumeError, match=r"recipe\.seed = 0, this run has 4"):
        build_share(recipe(TEXT + "seed: 4\n"), out, BuildOptions(root=tmp_path, workers=1), Share(1, 2))


def test_overwriting_by_a_rank_is_refused(tiny_coco, tmp_path):
    with pytest.raises(UsageError, match="would remove what other ranks have built"):
        build_share(recipe(), tmp_path / "out", BuildOptions(root=tmp_path, overwrite=True), Share(0, 2))


def test_joining_while_others_write_is_refused(tiny_coco, tmp_path):
    out = tmp_path / "out"
    build_share(recipe(), out, BuildOptions(root=tmp_path, workers=1), Share(0, 1))
    with DatasetFolder(out).lock(), pytest.raises(FolderBusyError):
        join(out)


def test_joining_nothing_is_one_sentence(tmp_path):
    with pytest.raises(DatasetFolderError, match="was taskpaint build begun"):
        join(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_joining_what_lost_a_part_of_its_bookkeeping(tiny_coco, tmp_path):
    out = tmp_path / "out"
    build_share(recipe(), out, BuildOptions(root=tmp_path, workers=1), Share(0, 1))
    (out / ".taskpaint" / "head.json").unlink()
    with pytest.raises(DatasetFolderError, match="is incomplete; run the build command again"):
        join(out)
    assert build_share(recipe(), out, BuildOptions(root=tmp_path, workers=1), Share(0, 1)).missing_shards == 0
    join(out)


def test_too_many_rejects_fail_the_joining(tiny_coco, tmp_path):
    for number in range(1, 7):
        (tiny_coco / "train2017" / f"{number:012d}.jpg").write_bytes(b"junk")
    text = "sources: [{source: coco, path: coco, split: train2017}]\ntasks: [segmentation]"
    build_share(recipe(text), tmp_path / "out", BuildOptions(root=tmp_path, workers=1), Share(0, 1))
    with pytest.raises(TooManyRejectsError, match="6 of 12 items are broken"):
        join(tmp_path / "out", max_rejects=0.25)


def _open_index(root, cache, counted, start):
    os.environ["TASKPAINT_CACHE"] = str(cache)
    scan = Coco.scan

    def scan_slowly(self, reject):
        with counted.get_lock():
            counted.value += 1
        time.sleep(0.3)
        yield from scan(self, reject)

    Coco.scan = scan_slowly
    start.wait()
    index_module.open_index(Coco(root, "train2017"))


def test_the_index_is_built_once_however_many_start(tiny_coco, tmp_path):
    context = multiprocessing.get_context("fork")
    counted, start = context.Value("i", 0), context.Barrier(3)
    arguments = (tiny_coco, tmp_path / "common", counted, start)
    processes = [context.Process(target=_open_index, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert counted.value == 1


def _command(root, out, *more):
    command = [sys.executable, "-m", "taskpaint.cli", "build", str(root / "r.yaml"), "--data", str(root)]
    return [*command, "-o", str(out), "--workers", "1", "-q", *map(str, more)]


def test_ranks_at_once_killed_and_started_again_in_any_order(write_coco, tmp_path, kill_ranks):
    write_coco(tmp_path / "coco", 24)
    (tmp_path / "r.yaml").write_text(TEXT)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(_command(tmp_path, whole), check=True)
    ledgers = broken / ".taskpaint"

    def lines():
        return sum(file.read_text().count("\n") for file in ledgers.glob("ledger-*.jsonl"))

    kill_ranks(lambda rank: _command(tmp_path, broken, "--rank", rank, "--world-size", 3), lines, seed=5)
    finish = [sys.executable, "-m", "taskpaint.cli", "finish", str(broken)]
    done = subprocess.run(finish, capture_output=True, text=True)
    assert (done.returncode, "shards are missing: " in done.stderr) == (1, True), done.stderr
    for rank in (2, 0, 1):
        subprocess.run(_command(tmp_path, broken, "--rank", rank, "--world-size", 3), check=True)
    subprocess.run([*finish, "-q"], check=True)
    assert contents(whole) == contents(broken)


def test_the_script_for_slurm_builds_and_joins(whole, tmp_path, submit):
    (tmp_path / "r.yaml").write_text(TEXT)
    out, script = tmp_path / "out put", tmp_path / "build.sh"
    command = [*_command(Path(tmp_path), out), "--engine", "slurm", "--world-size", "3", "--script", str(script)]
    subprocess.run([*command, "--sbatch=--partition=small jobs"], check=True)
    assert not out.exists()
    assert "shared=('--partition=small jobs')" in script.read_text()
    done = submit(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("submitted: build 1, finish 2; look with: ")
    assert contents(out) == whole
    assert len(list((out / ".taskpaint" / "logs").iterdir())) == 4


def test_the_joining_job_is_not_started_after_a_failure(tiny_coco, tmp_path, submit):
    script = tmp_path / "build.sh"
    finish = ["touch", str(tmp_path / "joined")]
    script.write_text(slurm_script(["false"], finish, ["status"], tmp_path / "out", 2, folder=tmp_path))
    done = submit(script)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "joined").exists()
