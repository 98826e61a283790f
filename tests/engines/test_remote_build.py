"""Building to a real S3 server: the bytes of a local build, whatever happens on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.local import run_local
from taskpaint.engines.ranks import build_share, join
from taskpaint.engines.status import status
from taskpaint.engines.verify import verify
from taskpaint.manifests.errors import (
    BuildError,
    DatasetFolderError,
    FolderBusyError,
    ResumeError,
    StorageError,
    UsageError,
)
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.manifests.share import Share
from taskpaint.manifests.storage import claim, store
from taskpaint.manifests.storage.store import Store

TEXT = """
sources: [{source: coco, path: coco, split: train2017}]
tasks: [{task: segmentation}, {task: detection}, {task: keypoints}]
output: {rows_per_shard: 4}
"""


def options(tmp_path, workers=1, **more):
    return BuildOptions(root=tmp_path, workers=workers, **more)


def files_of(folder):
    """What readers see of a local dataset: its files without the bookkeeping."""
    found = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return {name: data for name, data in found.items() if not name.startswith(".taskpaint/")}


def objects_of(url):
    """The same of one in a store."""
    there = Store(url)
    return there.read_many(name for name in there.find() if not name.startswith(".taskpaint/"))


@pytest.fixture
def local(tiny_coco, tmp_path):
    """The same recipe built into a folder: what the store must hold."""
    build([parse_recipe(TEXT)], tmp_path / "local", options(tmp_path))
    return files_of(tmp_path / "local")


def test_the_store_holds_what_a_folder_holds(local, bucket, tmp_path):
    url = f"s3://{bucket}/sets/mine"
    report = build([parse_recipe(TEXT)], url, options(tmp_path, workers=2))
    assert objects_of(url) == local
    assert (report.root, report.resumed_shards) == (url, 0)
    assert report.rows == {"train": 24} and report.shards == 9  # 12 pictures, 3 tasks, of which one skips them all
    spools = [file for file in (tmp_path / "cache/spool").rglob("*") if file.is_file()]
    assert {file.name for file in spools} == {"lock"}
    ledger = Store(url).find(".taskpaint/ledger")
    assert len(ledger) == report.shards
    assert Store(url).find(".taskpaint/claims") == {}


def test_a_second_run_builds_nothing(local, bucket, tmp_path):
    url = f"s3://{bucket}/mine"
    build([parse_recipe(TEXT)], url, options(tmp_path))
    before = Store(url).find("data")
    shutil.rmtree(tmp_path / "cache")
    report = build([parse_recipe(TEXT)], url, options(tmp_path))
    assert report.resumed_shards == report.shards
    assert Store(url).find("data") == before and objects_of(url) == local


def test_a_local_disk_of_a_few_shards_is_enough(local, bucket, tmp_path):
    url, most = f"s3://{bucket}/mine", 0

    def watching(job, items, workers):
        nonlocal most
        for done in run_local(job, items, workers):
            yield done
            most = max(most, len(list((tmp_path / "cache/spool").rglob("*.parquet"))))

    build([parse_recipe(TEXT.replace("shard: 4", "shard: 1"))], url, options(tmp_path), engine=watching)
    assert len(Store(url).find("data")) == 36 and most <= 10


def _kill_in_the_middle(arguments, url, environment):
    """Start a build in a process group of its own and kill it as soon as something has arrived."""
    process = subprocess.Popen(
        [sys.executable, "-m", "taskpaint.cli", "build", *arguments, "-o", url, "-q"],
        env=environment, start_new_session=True,
    )  # fmt: skip
    there = Store(url)
    give_up = time.monotonic() + 120
    while not there.find(".taskpaint/ledger"):
        assert process.poll() is None and time.monotonic() < give_up
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_killed_build_goes_on_here_and_elsewhere(tiny_coco, bucket, tmp_path, monkeypatch):
    text = TEXT.replace("shard: 4", "shard: 1")
    build([parse_recipe(text)], tmp_path / "local", options(tmp_path, workers=2))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    url = f"s3://{bucket}/mine"
    _kill_in_the_middle([str(recipe), "--data", str(tmp_path), "-w", "2"], url, dict(os.environ))
    there = Store(url)
    done = {Path(name).stem for name in there.find(".taskpaint/ledger")}
    assert 0 < len(done) < 36 and there.read("manifest.json") is None
    for name in done:  # never a line of the ledger without its shard, and no half shard
        assert there.read(f"data/{name}.parquet") == (tmp_path / f"local/data/{name}.parquet").read_bytes()
    assert status(url).state in ("running", "stopped") and status(url).shards["done"] == len(done)
    with pytest.raises(DatasetFolderError, match=r"manifest\.json is missing"):
        verify(url, workers=1)

    monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / "another-machine"))
    with pytest.raises(FolderBusyError, match="its last sign of life came"):
        build([parse_recipe(text)], url, options(tmp_path))
    monkeypatch.setattr(claim, "DEAD_SECONDS", 0.0)
    time.sleep(1.1)  # S3 counts in seconds
    written = there.find("data")
    report = build([parse_recipe(text)], url, options(tmp_path, workers=2))
    assert report.resumed_shards == len(done)
    assert objects_of(url) == files_of(tmp_path / "local")
    after = there.find("data")
    assert all(after[f"data/{name}.parquet"] == written[f"data/{name}.parquet"] for name in done)


def test_the_same_machine_goes_on_at_once(tiny_coco, bucket, tmp_path):
    text = TEXT.replace("shard: 4", "shard: 1")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    url = f"s3://{bucket}/mine"
    _kill_in_the_middle([str(recipe), "--data", str(tmp_path), "-w", "1"], url, dict(os.environ))
    assert Store(url).find(".taskpaint/claims")
    report = build([parse_recipe(text)], url, options(tmp_path))
    build([parse_recipe(text)], tmp_path / "local", options(tmp_path))
    assert report.resumed_shards > 0 and objects_of(url) == files_of(tmp_path / "local")


def test_the_server_goes_away_and_comes_back(local, bucket, tmp_path, store_server):
    url, stopped = f"s3://{bucket}/mine", []

    def interrupted(job, items, workers):
        for number, done in enumerate(run_local(job, items, workers)):
            if number == 3:
                store_server.stop()
                stopped.append(time.monotonic())
            if number == 6:
                time.sleep(1.0)
                store_server.start()
            yield done

    build([parse_recipe(TEXT)], url, options(tmp_path), engine=interrupted)
    assert stopped and objects_of(url) == local


def test_the_server_stays_away_and_the_next_run_goes_on(local, bucket, tmp_path, store_server, monkeypatch):
    url = f"s3://{bucket}/mine"
    monkeypatch.setattr(store.Store.__init__, "__defaults__", (0.5,))

    def cut_off(job, items, workers):
        for number, done in enumerate(run_local(job, items, workers)):
            if number == 5:
                store_server.stop()
            yield done

    with pytest.raises(StorageError, match=f"^{url} cannot be reached: .*run the same command again"):
        build([parse_recipe(TEXT)], url, options(tmp_path), engine=cut_off)
    store_server.start()
    monkeypatch.undo()
    for name, value in {"AWS_ENDPOINT_URL": store_server.url, "TASKPAINT_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    report = build([parse_recipe(TEXT)], url, options(tmp_path))
    assert report.resumed_shards < report.shards and objects_of(url) == local


def test_a_removed_object_is_built_again_and_noticed_by_verify(local, bucket, tmp_path):
    url = f"s3://{bucket}/mine"
    build([parse_recipe(TEXT)], url, options(tmp_path))
    assert verify(url, workers=2).problem_count == 0
    first, second = sorted(Store(url).find("data"))[:2]
    Store(url).remove(first)
    data = Store(url).read(second)
    Store(url).write(second, data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])
    problems = {problem["where"]: problem["problem"] for problem in verify(url, workers=1).problems}
    assert "its file is missing" in problems[Path(first).stem]
    assert "sha256 is not the manifest's" in problems[Path(second).stem]
    Store(url).write(second, data[:-1])  # another size: the ledger does not believe it any more
    report = build([parse_recipe(TEXT)], url, options(tmp_path))
    assert report.shards - report.resumed_shards == 2 and objects_of(url) == local
    assert verify(url, workers=1).problem_count == 0


def test_an_object_that_goes_during_the_build_is_one_sentence(local, bucket, tmp_path):
    url, removed = f"s3://{bucket}/mine", []

    def losing(job, items, workers):
        for number, done in enumerate(run_local(job, items, workers)):
            yield done
            while number == 6 and not removed:  # uploads run beside the build
                removed.extend(sorted(Store(url).find("data"))[:1])
                Store(url).remove_all(removed)

    with pytest.raises(BuildError, match=f"^{url}: 1 finished shards have gone or changed, train-"):
        build([parse_recipe(TEXT)], url, options(tmp_path), engine=losing)
    assert Store(url).read("manifest.json") is None
    build([parse_recipe(TEXT)], url, options(tmp_path))
    assert objects_of(url) == local


def test_another_recipe_or_foreign_objects_are_refused(tiny_coco, bucket, tmp_path):
    url = f"s3://{bucket}/mine"
    Store(url).write("holiday.jpg", b"x")
    with pytest.raises(ResumeError, match=r"is not empty \(holiday.jpg …\) and no taskpaint build"):
        build([parse_recipe(TEXT)], url, options(tmp_path))
    with pytest.raises(ResumeError, match="is not empty"):
        build([parse_recipe(TEXT)], url, options(tmp_path, overwrite=True))
    Store(url).remove("holiday.jpg")
    build([parse_recipe(TEXT)], url, options(tmp_path))
    other = parse_recipe(TEXT + "seed: 5\n")
    with pytest.raises(ResumeError, match=f"{url} was begun with recipe.seed = 0, this run has 5"):
        build([other], url, options(tmp_path))
    Store(url).write("notes.txt", b"mine")
    build([other], url, options(tmp_path, overwrite=True))
    build([other], tmp_path / "other", options(tmp_path))
    assert objects_of(url) == files_of(tmp_path / "other") | {"notes.txt": b"mine"}


def test_what_was_written_below_the_card_is_kept(tiny_coco, bucket, tmp_path):
    url = f"s3://{bucket}/mine"
    build([parse_recipe(TEXT)], url, options(tmp_path))
    card = Store(url).read("README.md")
    Store(url).write("README.md", card + b"My own words.\n")
    build([parse_recipe(TEXT)], url, options(tmp_path))
    assert Store(url).read("README.md") == card + b"My own words.\n"


def test_ranks_need_no_shared_folder(local, bucket, tmp_path, monkeypatch):
    url = f"s3://{bucket}/mine"
    for rank in (1, 0):
        monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / f"machine-{rank}"))
        report = build_share([parse_recipe(TEXT)], url, options(tmp_path), Share(rank, 2))
        assert report.root == url
        if rank == 1:
            assert report.missing_shards > 0 and status(url).state == "stopped"
            with pytest.raises(BuildError, match="shards are missing"):
                join(url)
    assert status(url).state == "complete" and {writer.name for writer in status(url).writers} == {"rank-0", "rank-1"}
    monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / "third-machine"))
    assert join(url).root == url
    assert objects_of(url) == local
    with pytest.raises(ResumeError, match=r"recipe\.seed"):
        build_share([parse_recipe(TEXT + "seed: 5\n")], url, options(tmp_path), Share(0, 2))


def test_the_script_for_slurm_builds_into_a_store(local, bucket, tmp_path, submit):
    url, script = f"s3://{bucket}/mine", tmp_path / "build.sh"
    (tmp_path / "r.yaml").write_text(TEXT)
    words = ["build", "r.yaml", "-o", url, "--engine", "slurm", "--world-size", 2, "-w", 1, "--script", script]
    command = [sys.executable, "-m", "taskpaint.cli", *map(str, words)]
    subprocess.run(command, check=True, cwd=tmp_path)
    assert not Store(url).find() and f"# Builds {url} with an array of 2 jobs" in script.read_text()
    done = submit(script)
    assert done.returncode == 0, done.stderr
    assert objects_of(url) == local
    assert len(list((tmp_path / "taskpaint-logs").iterdir())) == 3


def test_status_tells_what_runs_elsewhere(tiny_coco, bucket, tmp_path, monkeypatch):
    url, seen = f"s3://{bucket}/mine", []
    monkeypatch.setattr(claim, "BEAT_SECONDS", 0.05)

    def looking(job, items, workers):
        for number, done in enumerate(run_local(job, items, workers)):
            yield done
            if number == 4:
                folder = tmp_path / "cache/spool"
                (mark_folder,) = folder.glob("*/.taskpaint/running")
                mark = {"name": "train-00008-of-00009", "host": "h", "pid": 1, "started": time.time(), "units": 4}
                (mark_folder / "train-00008-of-00009.json").write_text(json.dumps(mark))
                time.sleep(1.0)
                seen.append(status(url))

    report = build([parse_recipe(TEXT)], url, options(tmp_path), engine=looking)
    (found,) = seen
    assert (found.state, found.root, found.shards["planned"]) == ("running", url, 9)
    assert 1 <= found.shards["done"] <= 5
    assert ("train-00008-of-00009", "h") in [(begun.name, begun.host) for begun in found.running]
    assert status(url).state == "finished" and status(url).rows == sum(report.rows.values())


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry["record"].update(name="../../escaped"),
        lambda entry: entry.pop("rejects"),
        lambda entry: entry.update(rows=[["one", 2]]),
        lambda entry: entry.update(record=7),
        lambda entry: entry.clear(),
    ],
)
def test_a_line_of_the_ledger_that_does_not_hold_is_one_sentence(tiny_coco, bucket, tmp_path, change):
    url = f"s3://{bucket}/mine"
    text = TEXT.replace("shard: 4", "shard: 36")
    build([parse_recipe(text)], url, options(tmp_path))
    (name,) = Store(url).find(".taskpaint/ledger")
    entry = json.loads(Store(url).read(name))
    change(entry)
    Store(url).write(name, json.dumps(entry).encode())
    with pytest.raises(DatasetFolderError, match=f"^{url}/{name} is no line of a ledger: "):
        build([parse_recipe(text)], url, options(tmp_path))
    assert not list(tmp_path.rglob("escaped*"))


def test_marks_of_strangers_make_no_files_elsewhere(tiny_coco, bucket, tmp_path):
    url = f"s3://{bucket}/mine"
    build([parse_recipe(TEXT)], url, options(tmp_path))
    marks = [{"name": "../../../escaped", "quiet": 0}, {"name": 3, "quiet": "x"}, {}]
    content = {"host": "h", "pid": 1, "token": "t", "spool": "s", "marks": marks}
    Store(url).write(".taskpaint/claims/local-000001.json", json.dumps(content).encode())
    assert status(url).state == "finished" and not list(tmp_path.rglob("escaped*"))
    Store(url).write(".taskpaint/claims/local-000001.json", json.dumps(content | {"marks": [7]}).encode())
    assert status(url).state == "finished"


def test_places_that_cannot_be_written(tiny_coco, bucket, tmp_path):
    with pytest.raises(StorageError, match="there is no such bucket"):
        build([parse_recipe(TEXT)], "s3://no-such-bucket/x", options(tmp_path))
    with pytest.raises(UsageError, match="https can only be read"):
        build([parse_recipe(TEXT)], "https://localhost/x", options(tmp_path))
    with pytest.raises(UsageError, match="give the URL as text"):
        build([parse_recipe(TEXT)], Path(f"s3://{bucket}/x"), options(tmp_path))
    with pytest.raises(UsageError, match="--spool is for output to a URL"):
        build([parse_recipe(TEXT)], tmp_path / "out", options(tmp_path, spool=tmp_path / "spool"))
    assert not list(Path.cwd().glob("s3:*"))


def test_a_file_url_is_a_folder(local, tmp_path):
    build([parse_recipe(TEXT)], (tmp_path / "by-url").as_uri(), options(tmp_path))
    assert files_of(tmp_path / "by-url") == local


def test_a_source_in_the_store_gives_the_same_bytes(local, bucket, tmp_path, monkeypatch):
    there = Store(f"s3://{bucket}/sources")
    for file in (tmp_path / "coco").rglob("*"):
        if file.is_file():
            there.upload(file, f"coco/{file.relative_to(tmp_path / 'coco').as_posix()}")
    shutil.move(tmp_path / "coco", tmp_path / "hidden")
    report = build([parse_recipe(TEXT)], f"s3://{bucket}/mine", BuildOptions(root=f"s3://{bucket}/sources", workers=2))
    assert report.bad == 0 and objects_of(f"s3://{bucket}/mine") == local
    pictures = [file for file in (tmp_path / "cache/sources").rglob("*.jpg") if file.stat().st_size]
    assert len(pictures) == 12
    paths = {"coco": f"s3://{bucket}/sources/coco"}
    build([parse_recipe(TEXT)], tmp_path / "again", BuildOptions(root=tmp_path, paths=paths, workers=1))
    assert files_of(tmp_path / "again") == local
    recipe = parse_recipe(TEXT.replace("path: coco", f"path: s3://{bucket}/nothing"))
    with pytest.raises(UsageError, match=f"s3://{bucket}/nothing holds nothing"):
        build([recipe], tmp_path / "never", BuildOptions(root=tmp_path))
