"""URLs on the command line: every command that takes them, and the sentence of every one that does not."""

import contextlib
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from taskpaint.cli import main
from taskpaint.cli.app import app
from taskpaint.manifests.storage.store import Store


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def run(*words, cwd):
    """A command as users start it, in this process: starting one for each takes most of the time."""
    argv, out, err, code = ["taskpaint", *map(str, words)], io.StringIO(), io.StringIO(), 0
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "argv", argv)
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture
def url(tiny_coco, bucket, tmp_path):
    """A small dataset, built into the store by the command."""
    url = f"s3://{bucket}/mine"
    quick = ["--source", f"coco={tiny_coco}", "--task", "segmentation", "--set", "output.rows_per_shard=6"]
    done = run("build", *quick, "-w", "1", "-o", url, cwd=tmp_path)
    assert done.returncode == 0 and f": {url}" in done.stderr
    return url


def test_commands_that_read_and_write_a_url(url, tmp_path):
    def good(*words):
        done = run(*words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done

    assert json.loads(good("status", url, "--json").stdout)["state"] == "finished"
    assert json.loads(good("verify", url, "--json", "-w", "1").stdout)["problem_count"] == 0
    assert "segmentation" in good("stats", url).stdout
    good("score", url, "--scores", "pixels", "-w", "1", "-q")
    assert {"scores/scores.json", "scores/train-00000-of-00002.parquet"} <= Store(url).find("scores").keys()
    good("card", url)
    assert b"sharpness" in Store(url).read("README.md")
    cut, words, tars = f"{url}-cut", f"{url}-reworded", f"{url}-tars"
    found = json.loads(good("filter", url, "-o", cut, "--keep", "shortest_side >= 10", "-w", "1", "--json").stdout)
    assert found["root"] == cut and found["report"] == f"{cut}/filter-report.html"
    assert json.loads(good("verify", cut, "--json", "-w", "1").stdout)["rows"] == {"train": 12}
    assert json.loads(good("reword", url, "-o", words, "-w", "1", "--json").stdout)["root"] == words
    assert json.loads(good("verify", words, "--json", "-w", "1").stdout)["problem_count"] == 0
    good("export", url, "--to", "webdataset", "-o", tars, "-w", "1", "-q")
    assert any(name.endswith(".tar") for name in Store(tars).find()) and Store(tars).read("export.json")
    good("finish", url)
    assert not [file for file in (tmp_path / "cache/outgoing").rglob("*") if file.suffix != ".lock"]
    assert not list(tmp_path.glob("s3:*"))


def test_a_score_that_was_stopped_before_it_was_sent_is_sent_by_the_next(url, tmp_path):
    assert run("score", url, "--scores", "resolution", "-w", "1", "-q", cwd=tmp_path).returncode == 0
    expected = {name: Store(url).read(name) for name in Store(url).find("scores")}
    Store(url).remove_all(expected)  # the cache has them still, as after a run that was killed while it sent them
    assert run("score", url, "--scores", "resolution", "-w", "1", "-q", cwd=tmp_path).returncode == 0
    again = {name: Store(url).read(name) for name in Store(url).find("scores")}
    assert again.keys() == expected.keys() and len(again) >= 3


REFUSED = [
    ("demo", "s3://b/x"),
    ("preview", "local", "--to", "s3://b/x"),
    ("train", "local", "-o", "s3://b/x"),
    ("filter", "local", "--dry-run", "--report", "s3://b/x.html"),
    ("build", "quickstart", "-o", "s3://b/x", "--spool", "s3://b/y"),
]


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: words[0])
def test_commands_that_take_paths_only_say_so(words, tmp_path):
    (tmp_path / "local").mkdir()
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("taskpaint: s3://b/")
    assert "takes a local path for" in done.stderr and len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("s3:*"))


def test_every_path_of_every_command_is_guarded():
    """No command escapes the guard: it is put on the whole tree, so that a new command has it too."""
    from taskpaint.cli.places import refuse_urls
    from taskpaint.manifests.errors import UsageError

    root = typer.main.get_command(app)
    refuse_urls(root)
    leaves, todo = [], [root]
    while todo:
        command = todo.pop()
        inner = list(getattr(command, "commands", {}).values())
        todo += inner
        leaves += [] if inner else [command]
    assert len(leaves) > 25
    for command in leaves:
        for parameter in command.params:
            context = type("Context", (), {"params": {parameter.name: [Path("s3://b/x")]}, "command_path": "x"})()
            with pytest.raises(UsageError, match="s3://b/x: x takes a local path for"):
                command.invoke(context)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("verify", "s3://user:hidden@b/x"), "may not carry a user's name or password"),
        (("stats", "wat://b/x"), "nothing is known of wat://"),
        (("build", "quickstart", "-o", "s3://b/x", "--engine", "ray"), "name it with --spool, or run ranks"),
        (
            ("score", "s3://b/x", "--engine", "slurm", "--world-size", "2"),
            "--engine slurm: needs folders that all nodes",
        ),
        (("export", "x", "--to", "mds", "-o", "s3://b/x", "--rank", "0", "--world-size", "2"), "--rank: needs folders"),
        (("build", "quickstart", "-o", "out", "--path", "coco=s3://u:hidden@b"), "may not carry"),
    ],
)
def test_mistakes_are_one_sentence_without_secrets(words, complaint, tmp_path):
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2 and complaint in " ".join(done.stderr.split()) and "hidden" not in done.stderr
