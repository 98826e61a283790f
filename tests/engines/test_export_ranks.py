"""Ranks export their shares of one dataset; joined, they are what one run writes."""

import json
import random
import subprocess
import sys
from dataclasses import replace

import pytest
from engine_tests import contents
from taskpaint.engines.export import ExportOptions, export, export_share
from taskpaint.engines.export_finish import join_export
from taskpaint.engines.score import ScoreOptions, score
from taskpaint.engines.status import status
from taskpaint.filters.sidecar import Sidecar
from taskpaint.manifests.errors import (
    BuildError,
    DatasetFolderError,
    FolderBusyError,
    OutputError,
    ResumeError,
)
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.share import Share, shared
from taskpaint.writers.export import Part, export_names

HOW = ExportOptions("webdataset", workers=1, rows_per_shard=3, location="/data/there")


@pytest.fixture
def dataset(two_splits):
    return two_splits


@pytest.mark.parametrize("form", export_names())
def test_joined_ranks_are_what_one_run_writes(dataset, tmp_path, form):
    how, out = replace(HOW, format=form), tmp_path / "out"
    whole = export(dataset, tmp_path / "whole", how)
    order = random.Random(form).sample(range(3), 3)
    for rank in order:
        report = export_share(dataset, out, how, Share(rank, 3))
        assert report.resumed_shards == 0 and report.shards in (whole.shards // 3, whole.shards // 3 + 1)
    assert report.missing_shards == 0 and status(out).state == "complete"
    dataset.rename(tmp_path / "unplugged")
    joined = join_export(out)
    assert contents(out) == contents(tmp_path / "whole")
    assert not any(".part" in name for name in contents(out))
    assert (joined.shards, joined.resumed_shards, joined.files) == (whole.shards, whole.shards, whole.files)
    assert (joined.splits, joined.left_out, joined.configs) == (whole.splits, whole.left_out, whole.configs)
    assert status(out).state == "finished" and join_export(out).rows == whole.rows


def test_what_is_missing_is_named_with_the_command(dataset, tmp_path):
    out, command = tmp_path / "out", "taskpaint export dataset --to webdataset -o out"
    for rank in (0, 2):
        export_share(dataset, out, HOW, Share(rank, 4), command=command)
    names = list(json.loads((out / ".taskpaint" / "planned.json").read_text()))
    mine = [name for number, name in enumerate(names) if number % 4 in (1, 3)]
    found = status(out)
    assert (found.stage, found.state) == ("export", "stopped")
    assert found.shards["done"] == len(names) - len(mine) and found.shards["waiting"] == len(mine)
    said = (
        rf"^{len(mine)} of {len(names)} shards are missing: {mine[0]}, .*; run ranks 1, 3 of 4 again: "
        rf"{command} --rank 1 --world-size 4$"
    )
    with pytest.raises(BuildError, match=said):
        join_export(out)
    assert not (out / "export.json").exists()
    export_share(dataset, out, HOW, Share(1, 4), command=command)
    with pytest.raises(BuildError, match=rf"run rank 3 of 4 again: {command} --rank 3 --world-size 4$"):
        join_export(out)
    export_share(dataset, out, HOW, Share(3, 4), command=command)
    first = Part.of(names[0], 3)
    (out / first.split / f"{first.split}-000000.tar").unlink()
    with pytest.raises(BuildError, match=rf"^1 of {len(names)} shards are missing: {names[0]}; run rank 0 of 4 again"):
        join_export(out)
    export_share(dataset, out, HOW, Share(0, 4))
    join_export(out)


def test_one_run_goes_on_where_ranks_stopped_and_other_ranks_where_it_stopped(dataset, tmp_path):
    whole, out = export(dataset, tmp_path / "whole", HOW), tmp_path / "out"
    export_share(dataset, out, HOW, Share(1, 3))
    report = export_share(dataset, out, HOW, Share(0, 2))
    assert 0 < report.resumed_shards < report.shards
    assert whole.shards > export(dataset, out, HOW).resumed_shards > report.shards
    assert contents(out) == contents(tmp_path / "whole")


def test_ranks_that_do_not_agree_are_refused(dataset, tmp_path):
    out = tmp_path / "out"
    export_share(dataset, out, HOW, Share(0, 2))
    with pytest.raises(ResumeError, match=r"begun with limit = null, this run has 4; export as before, or to another"):
        export_share(dataset, out, replace(HOW, limit=4), Share(1, 2))
    with pytest.raises(ResumeError, match=r'begun with format = "webdataset", this run has "mds"'):
        export_share(dataset, out, replace(HOW, format="mds"), Share(1, 2))
    with shared(DatasetFolder(out), Share(0, 2)):
        with pytest.raises(FolderBusyError, match=r"^rank 0 of .* is at work already; wait for it"):
            export_share(dataset, out, HOW, Share(0, 2))
        with pytest.raises(FolderBusyError, match=r"^ranks of --world-size 2 are at work in .*, this run has 3; wait"):
            export_share(dataset, out, HOW, Share(1, 3))
        for alone in (lambda: join_export(out), lambda: export(dataset, out, HOW)):
            with pytest.raises(FolderBusyError, match="another taskpaint run is writing"):
                alone()


def test_rows_chosen_by_scores_that_changed_are_noticed(dataset, tmp_path):
    """The same number of rows, but others: shards of ranks would not fit together."""
    score(dataset, ScoreOptions(("resolution",), workers=1), _Deaf())
    how = replace(HOW, where=("shortest_side >= 90",))
    sidecar, shards = Sidecar(dataset), Sidecar(dataset).shards()
    tables = {shard: sidecar.read(shard) for shard in shards}
    place = tables[next(iter(shards))].schema.get_field_index("shortest_side")

    def give(high):
        """So that rows of each shard on even or odd places are wanted."""
        for shard, table in tables.items():
            values = [99.0 if row % 2 == high else 1.0 for row in range(len(table))]
            sidecar.write(shard, table.set_column(place, "shortest_side", [values]))

    give(0)
    export_share(dataset, tmp_path / "out", how, Share(0, 2))
    give(1)
    with pytest.raises(ResumeError, match=r"begun with other files behind rows than there are now"):
        export_share(dataset, tmp_path / "out", how, Share(1, 2))
    give(0)
    export_share(dataset, tmp_path / "out", how, Share(1, 2))
    join_export(tmp_path / "out")


class _Deaf:
    def stage(self, what, total, unit): ...

    def advance(self, count): ...

    def say(self, text): ...


def test_more_ranks_than_shards(dataset, tmp_path):
    out, how = tmp_path / "out", replace(HOW, limit=2, splits=("train",))
    assert [export_share(dataset, out, how, Share(rank, 3)).shards for rank in range(3)] == [1, 0, 0]
    assert join_export(out).rows == 2


@pytest.mark.parametrize("name", ["head.json", "planned.json"])
@pytest.mark.parametrize("text", [None, "", "[1]", '{"a": "b"}'])
def test_bookkeeping_that_is_broken_is_one_sentence(dataset, tmp_path, name, text):
    out = tmp_path / "out"
    export_share(dataset, out, HOW, Share(0, 1))
    file = out / ".taskpaint" / name
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises(DatasetFolderError, match="export again"):
        join_export(out)
    export(dataset, out, HOW)


def test_joining_nothing_is_one_sentence(tmp_path):
    with pytest.raises(DatasetFolderError, match=r"planned.json cannot be read"):
        join_export(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_nothing_wanted_is_said_by_the_first_rank(dataset, tmp_path):
    with pytest.raises(OutputError, match="not one row"):
        export_share(dataset, tmp_path / "out", replace(HOW, where=("width > 9999",)), Share(0, 2))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["webdataset", "imagefolder"])
def test_ranks_at_once_killed_and_started_again_in_any_order(dataset, tmp_path, form, kill_ranks):
    whole, broken = tmp_path / "whole", tmp_path / "broken"

    def command(out, *more):
        words = ["export", dataset, "--to", form, "-o", out, "--location", "/data", "--shard-size", 2, "-w", 1, "-q"]
        return [sys.executable, "-m", "taskpaint.cli", *map(str, [*words, *more])]

    def done():
        return len(list((broken / ".taskpaint" / "done").glob("[!.]*.json")))

    subprocess.run(command(whole), check=True)
    kill_ranks(lambda rank: command(broken, "--rank", rank, "--world-size", 3), done, seed=3)
    for rank in (2, 0, 1):
        subprocess.run(command(broken, "--rank", rank, "--world-size", 3), check=True)
    subprocess.run([sys.executable, "-m", "taskpaint.cli", "finish", str(broken), "-q"], check=True)
    assert contents(whole) == contents(broken)


def test_the_script_for_slurm_exports_and_joins(dataset, tmp_path, submit):
    script, out = tmp_path / "export.sh", tmp_path / "tars here"
    words = ["export", "dataset", "--to", "mds", "-o", "tars here", "--where", "width >= 10", "--shard-size", 3]
    more = ["--location", "/data/there", "--engine", "slurm", "--world-size", 2, "-w", 1, "--script", script]
    subprocess.run([sys.executable, "-m", "taskpaint.cli", *map(str, [*words, *more])], check=True, cwd=tmp_path)
    assert not out.exists() and f"# Exports to {out} with an array of 2 jobs" in script.read_text()
    done = submit(script)
    assert done.returncode == 0, done.stderr
    export(dataset, tmp_path / "whole", replace(HOW, format="mds", where=("width >= 10",)))
    assert contents(out) == contents(tmp_path / "whole")
    assert len(list((out / ".taskpaint" / "logs").iterdir())) == 3
