"""Faults by hand: full disks, files that go away, half-written files, clocks that jump. Each can be gone on from."""

import random
import shutil
import subprocess
import time

import pytest
from engine_tests import contents
from taskpaint.engines.build import BuildOptions, Progress, build
from taskpaint.engines.cut import CutOptions, cut
from taskpaint.engines.export import ExportOptions, export
from taskpaint.engines.ranks import build_share, join
from taskpaint.engines.score import ScoreOptions, score
from taskpaint.engines.status import status
from taskpaint.engines.verify import verify
from taskpaint.filters.rule_set import given_rules
from taskpaint.manifests.errors import DatasetFolderError, FolderBusyError, OutputError
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.manifests.share import Share

RECIPE = """
sources: [{source: coco, path: coco, split: train2017}]
tasks: [{task: segmentation, weight: 2}, detection]
splits: {by: hash, validation: 0.2}
output: {rows_per_shard: 5, row_group_rows: 3}
"""
_made = {}


class Quiet:
    def stage(self, what, total, unit):
        pass

    def advance(self, count):
        pass

    def say(self, text):
        pass


@pytest.fixture
def home(write_coco, tmp_path, tmp_path_factory):
    """coco/, a dataset out/ built from it, and scored/, the same with scores; made once, copied for each test."""
    if not _made:
        _made["home"] = tmp_path_factory.mktemp("made")
        write_coco(_made["home"] / "coco")
        whole(_made["home"])
        shutil.copytree(_made["home"] / "out", _made["home"] / "scored")
        scores(_made["home"] / "scored")
    return shutil.copytree(_made["home"], tmp_path, dirs_exist_ok=True)


def whole(home, out="out", **options):
    return build([parse_recipe(RECIPE)], home / out, BuildOptions(root=home, workers=1), **options)


def scores(root):
    return score(root, ScoreOptions(("resolution", "sharpness", "nss_distance"), workers=1), Quiet())


def keep(home, out):
    options = CutOptions(workers=1, pictures=0)
    return cut(home / "scored", out, given_rules(["target_sharpness >= q20"], "--keep"), options)


def exported(home, out, form="webdataset", **more):
    return export(home / "scored", out, ExportOptions(form, workers=1, rows_per_shard=5, location="/there"), **more)


@pytest.mark.parametrize("stage", [keep, exported])
def test_a_disk_that_is_really_full(home, small_disk, stage):
    with pytest.raises(OutputError, match="the disk is full; free some space and run the same command again"):
        stage(home, small_disk / "x")
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    stage(home, small_disk / "x")
    stage(home, home / "x")
    assert contents(small_disk / "x") == contents(home / "x")
    assert not list((small_disk / "x").rglob(".*.part"))


def test_a_disk_that_is_full_while_scoring(home, small_disk):
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    out = shutil.copytree(home / "out", small_disk / "out")
    ballast = small_disk / "ballast"
    free = shutil.disk_usage(small_disk).free
    ballast.write_bytes(bytes(free - 24 * 1024))
    with pytest.raises(OutputError, match="the disk is full; free some space and run the same command again"):
        scores(out)
    ballast.unlink()
    scores(out)
    assert contents(out) == contents(home / "scored")
    assert not list(out.rglob(".*.part"))


class Removes(Progress):
    """Removes a finished shard's file when the third is done."""

    def __init__(self, folder):
        self.folder, self.names = folder, []

    def shard(self, shard, record):
        self.names.append(record.name)
        if len(self.names) == 3:
            self.folder.shard_file(self.names[0]).unlink()


def test_a_shard_removed_while_building(home):
    folder = DatasetFolder(home / "again")
    with pytest.raises(OutputError, match=r"again: 1 finished shards have gone or changed, train-0"):
        whole(home, "again", progress=Removes(folder))
    assert not folder.manifest_file.exists()
    report = whole(home, "again")
    assert report.resumed_shards == report.shards - 1
    assert contents(folder.root) == contents(home / "out")


def test_rejects_of_a_shard_that_are_gone_are_made_again(home):
    folder = DatasetFolder(home / "out")
    before, name = contents(folder.root), folder.shards()[1].stem
    folder.rejects_part(name).unlink()
    report = whole(home)
    assert report.resumed_shards == report.shards - 1 and contents(folder.root) == before
    folder.rejects_part(name).unlink()
    for rank in (0, 1):
        build_share([parse_recipe(RECIPE)], folder.root, BuildOptions(root=home, workers=1), Share(rank, 2))
    join(folder.root)
    assert contents(folder.root) == before


def test_a_photograph_removed_while_building_is_a_row_of_rejects(home):
    """Of two shards built before, nothing is lost."""

    class Burns(Progress):
        done = 0

        def shard(self, shard, record):
            self.done += 1
            if self.done == 2:
                for file in (home / "coco" / "train2017").iterdir():
                    file.unlink()

    report = whole(home, "again", progress=Burns())
    before = contents(home / "out")
    rows = report.rows
    assert 0 < sum(rows.values()) <= 10
    same = [name for name, data in contents(home / "again").items() if before.get(name) == data and "data/" in name]
    assert len(same) == 2
    assert ".jpg is missing" in (home / "again" / "rejects.jsonl").read_text()
    assert verify(home / "again", 1).problem_count == 0


@pytest.mark.parametrize("form", ["webdataset", "imagefolder", "diffusers"])
def test_a_shard_removed_while_exporting(home, form):
    """Of the dataset, then of the export."""
    exported(home, home / "whole", form)
    lost = DatasetFolder(home / "scored").shards()[-1]
    aside = lost.rename(home / "aside.parquet")
    with pytest.raises(DatasetFolderError, match="cannot be read"):
        exported(home, home / "x", form)
    aside.rename(lost)

    def remove(done, total):
        if done == total:
            file = next(file for file in sorted((home / "x").rglob("*-0*")) if ".taskpaint" not in file.parts)
            file.unlink()

    if form != "imagefolder":
        with pytest.raises(OutputError, match=r"files of train-.* went away while the run was at work; run the same"):
            exported(home, home / "x", form, on_shard=remove)
    exported(home, home / "x", form)
    assert contents(home / "x") == contents(home / "whole")


def test_half_written_files_of_killed_workers_are_swept(home):
    keep(home, home / "kept")
    exported(home, home / "tars")
    places = [home / "kept" / "scores", home / "kept" / "data", home / "tars" / "train", home / "tars"]
    places.append(home / "tars" / ".taskpaint" / "done")
    for place in places:
        (place / ".train-00000.parquet.node-17.part").write_bytes(b"half")
    for place in (home / "out" / "scores", home / "out" / ".taskpaint" / "catalogue"):
        place.mkdir(exist_ok=True)
        (place / ".train-00000.parquet.node-17.part").write_bytes(b"half")
    keep(home, home / "kept")
    exported(home, home / "tars")
    scores(home / "out")
    assert not list(home.rglob(".*.part"))


@pytest.mark.parametrize("stage", [keep, exported])
def test_two_runs_into_one_folder_are_refused(home, stage):
    with DatasetFolder(home / "x").lock(), pytest.raises(FolderBusyError, match="another taskpaint run is writing"):
        stage(home, home / "x")


def test_clocks_that_jump_change_nothing(home, monkeypatch):
    """Days forward and back between any two looks at the clock, and files from the future."""
    draw = random.Random(3)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + draw.uniform(-1e6, 1e6))

    class Stops(Progress):
        def shard(self, shard, record):
            seen.append(status(home / "x"))
            if len(seen) == 4:
                raise KeyboardInterrupt

    seen = []
    with pytest.raises(KeyboardInterrupt):
        whole(home, "x", progress=Stops())
    for one in seen:
        assert one.rate is None or one.rate > 0
        assert one.eta_seconds is None or one.eta_seconds >= 0
        assert all(begun.seconds >= 0 and begun.quiet_seconds >= 0 for begun in [*one.running, *one.lost])
    assert [one.shards["done"] for one in seen] == [1, 2, 3, 4]
    shutil.copytree(home / "x", home / "later", copy_function=shutil.copy)  # all files are new
    for out in ("x", "later"):
        assert whole(home, out).resumed_shards == 4
        assert contents(home / out) == contents(home / "out")
    scores(home / "x")
    assert contents(home / "x") == contents(home / "scored")
