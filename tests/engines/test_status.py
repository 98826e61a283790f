"""How a build stands, from its folder alone."""

import json
import os

import pytest
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.export import ExportOptions, export
from taskpaint.engines.score import ScoreOptions, score
from taskpaint.engines.status import Begun, status, units_a_second
from taskpaint.manifests.errors import DatasetFolderError
from taskpaint.manifests.folder import DatasetFolder, ShardRecord
from taskpaint.manifests.heartbeats import heartbeat, heartbeat_file
from taskpaint.manifests.recipe_file import parse_recipe

RECIPE = """
sources: [{source: coco, path: coco, split: train2017}]
tasks: [segmentation, detection]
output: {rows_per_shard: 4}
"""


def test_a_finished_build(tiny_coco, tmp_path):
    out = tmp_path / "out"
    report = build([parse_recipe(RECIPE)], out, BuildOptions(root=tmp_path, workers=1))
    found = status(out)
    assert found.state == "finished"
    assert found.shards == {
        "planned": report.shards, "done": report.shards, "running": 0, "failed": 0, "lost": 0, "waiting": 0
    }  # fmt: skip
    assert found.units == {"planned": 24, "done": 24}
    assert found.rows == sum(report.rows.values())
    assert found.bytes == report.bytes == sum(file.stat().st_size for file in DatasetFolder(out).shards())
    assert found.rate > 0
    assert found.eta_seconds is None
    assert [(writer.name, writer.shards, writer.rows) for writer in found.writers] == [
        ("local", report.shards, found.rows)
    ]
    (out / "manifest.json").unlink()
    assert status(out).state == "complete"


def test_a_finished_dataset_without_its_bookkeeping(tiny_coco, tmp_path):
    out = tmp_path / "out"
    report = build([parse_recipe(RECIPE)], out, BuildOptions(root=tmp_path, workers=1))
    (out / ".taskpaint").rename(tmp_path / "elsewhere")
    found = status(out)
    assert (found.state, found.rows, found.bytes) == ("finished", sum(report.rows.values()), report.bytes)
    assert found.units == {"planned": 24, "done": 24}


@pytest.fixture
def begun(tmp_path):
    """A build of 100 triplets in ten shards, of which none is done."""
    folder = DatasetFolder(tmp_path / "out")
    folder.begin({"planned": {"train": 100}, "recipe": {"output": {"rows_per_shard": 10}}})
    return folder


def _name(number):
    return f"train-{number:05d}-of-00010"


def _done(folder, number, at, seconds, writer="local"):
    name = _name(number)
    folder.shard_file(name).write_bytes(b"12345")
    record = {"name": name, "rows": 9, "bytes": 5, "sha256": "", "counts": {}, "seconds": seconds, "at": at}
    with (folder.state / f"ledger-{writer}.jsonl").open("a") as ledger:
        ledger.write(json.dumps(record) + "\n")


def test_what_runs_what_is_lost_and_what_failed(begun):
    for number, writer in enumerate(("rank-0", "rank-0", "rank-1")):
        _done(begun, number, at=1000 + 10 * number, seconds=10, writer=writer)
    with heartbeat(begun, _name(3), 10), heartbeat(begun, _name(4), 10):
        os.utime(heartbeat_file(begun, _name(4)), (500, 500))
        os.utime(heartbeat_file(begun, _name(3)), (1015, 1015))
    with pytest.raises(OSError, match="disk"), heartbeat(begun, _name(5), 10):
        raise OSError("disk is on fire")
    with heartbeat(begun, _name(0), 10):
        pass  # its line is in the ledger already; the heartbeat is old news
    found = status(begun.root, now=1020)
    assert found.state == "running"
    assert found.shards == {"planned": 10, "done": 3, "running": 1, "failed": 1, "lost": 1, "waiting": 4}
    assert (found.rows, found.bytes, found.units) == (27, 15, {"planned": 100, "done": 30})
    assert found.rate == pytest.approx(30 / 30)
    assert found.eta_seconds == 70
    assert [one.name for one in found.running] == [_name(3)]
    assert (found.lost[0].name, found.lost[0].quiet_seconds) == (_name(4), 520)
    assert [(one.name, one.reason) for one in found.failed] == [(_name(5), "disk is on fire")]
    assert [(one.name, one.shards, one.last) for one in found.writers] == [("rank-0", 2, 1010), ("rank-1", 1, 1020)]


def test_nothing_runs(begun):
    found = status(begun.root)
    assert (found.state, found.rate, found.eta_seconds) == ("stopped", None, None)
    _done(begun, 0, at=1000, seconds=10)
    found = status(begun.root, now=2000)
    assert (found.state, found.rate, found.eta_seconds) == ("stopped", 1.0, None)


def test_a_shard_whose_file_went_missing_is_not_done(begun):
    _done(begun, 0, at=1000, seconds=10)
    begun.shard_file(_name(0)).unlink()
    assert status(begun.root).shards["done"] == 0


def test_a_clock_that_is_behind_gives_no_negative_times(begun):
    with heartbeat(begun, _name(3), 10):
        found = status(begun.root, now=1.0)
    assert isinstance(found.running[0], Begun)
    assert (found.running[0].seconds, found.running[0].quiet_seconds) == (0, 0)


@pytest.mark.parametrize(
    ("spans", "rate"),
    [
        ([], None),
        ([(0, 10)], 1.0),
        ([(0, 10), (10, 20)], 1.0),
        ([(0, 10), (0, 10)], 2.0),
        ([(0, 10), (5, 15)], 20 / 15),
        ([(0, 10), (1000, 1010)], 10 / 10),  # the first is too long ago
        ([(0, 10), (500, 510)], 20 / 20),  # a pause between two runs does not count
        ([(0, 1000), (990, 1000)], (10 * 0.9 + 10) / 900),  # of the first, nine tenths lie in the window
        ([(10, 10)], None),
    ],
)
def test_the_rate_by_hand(spans, rate):
    records = [(ShardRecord("a", 10, 1, "", {}, stop - start, at=stop + 1e6), 10) for start, stop in spans]
    found = units_a_second(records)
    assert found == (None if rate is None else pytest.approx(rate))


def test_lines_without_a_time_give_no_rate():
    assert units_a_second([(ShardRecord("a", 10, 1, "", {}, 3.0), 10)]) is None


def test_no_build_is_one_sentence(tmp_path):
    with pytest.raises(DatasetFolderError, match="was taskpaint build begun"):
        status(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"planned": 3}', '{"planned": {"train": 3}, "recipe": null}'])
def test_another_stages_folder_is_one_sentence(tmp_path, text):
    (tmp_path / ".taskpaint").mkdir()
    (tmp_path / ".taskpaint" / "run.json").write_text(text)
    with pytest.raises(DatasetFolderError, match="is not of a taskpaint build"):
        status(tmp_path)
    (tmp_path / ".taskpaint" / "run.json").unlink()
    (tmp_path / "manifest.json").write_text('{"shards": [1]}')
    with pytest.raises(DatasetFolderError, match="is not of a taskpaint build"):
        status(tmp_path)


def test_an_export_in_the_middle_and_at_its_end(tiny_coco, tmp_path):
    build([parse_recipe(RECIPE)], tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    tars, seen = tmp_path / "tars", []
    how = ExportOptions("webdataset", workers=1, rows_per_shard=4)

    def look(done, total):
        seen.append(status(tars))
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(tmp_path / "out", tars, how, look)
    found = seen[1]
    assert (found.stage, found.state) == ("export", "stopped")
    assert found.shards == {"planned": 6, "done": 2, "running": 0, "failed": 0, "lost": 0, "waiting": 4}
    assert found.units == {"planned": 24, "done": 8} and found.rows == 8
    assert found.bytes == sum(file.stat().st_size for file in tars.rglob("*.tar"))
    assert found.rate > 0 and found.writers == []
    with heartbeat(DatasetFolder(tars), "train-00004-of-00006", 4):
        begun = status(tars)
        assert (begun.state, begun.shards["running"], begun.running[0].pid) == ("running", 1, os.getpid())
        assert begun.eta_seconds == pytest.approx(16 / begun.rate, abs=0.1)
    export(tmp_path / "out", tars, how)
    assert status(tars).state == "finished" and status(tars).units == {"planned": 24, "done": 24}
    (tars / ".taskpaint" / "planned.json").write_text("[]")
    with pytest.raises(DatasetFolderError, match=r"planned.json cannot be read"):
        status(tars)


def test_scores_in_the_middle_and_at_their_end(tiny_coco, tmp_path):
    out = tmp_path / "out"
    build([parse_recipe(RECIPE)], out, BuildOptions(root=tmp_path, workers=1))
    assert status(out).scored == status(out).embedded == {}

    class Watch:
        def __init__(self, left):
            self.left = left

        def stage(self, what, total, unit):
            self.what = what

        def advance(self, count):
            if self.what == "measuring":
                self.left -= 1
                if not self.left:
                    raise KeyboardInterrupt

        def say(self, text):
            pass

    names = ("resolution", "nss_distance")
    with pytest.raises(KeyboardInterrupt):
        score(out, ScoreOptions(names, workers=1), Watch(3))
    assert status(out).scored == {"resolution": 3}
    score(out, ScoreOptions(names, workers=1), Watch(100))
    found = status(out)
    assert found.state == "finished" and found.scored == {"resolution": 6, "nss_distance": 6}
    ((name, count),) = found.embedded.items()
    assert name.startswith("nss-") and count == 36  # of twelve photographs two targets each
