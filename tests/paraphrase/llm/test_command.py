"""`taskpaint paraphrase` as a user meets it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from chat_server import KEY, error
from growing import two_each
from taskpaint.cli import app
from taskpaint.cli.growth import growth_line
from taskpaint.paraphrase.llm.tally import Tally


def taskpaint(*arguments, **environment):
    command = [sys.executable, "-m", "taskpaint.cli", "paraphrase", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.fixture
def run(capfd, monkeypatch):
    """The command in this process, where the tokenizer is loaded already."""

    def run_here(*arguments):
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "argv", ["taskpaint", "paraphrase", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            app.run()
        said = capfd.readouterr()
        return caught.value.code or 0, said.out, said.err

    return run_here


def asked(server, bank, *more):
    return ("--task", "counting", "--per-task", 20, "--per-request", 2, "--bank", bank, "--model", "writer",
            "--base-url", server.base_url, *more)  # fmt: skip


def test_a_run_says_what_it_did(run, serve, bank):
    code, out, err = run(*asked(serve(two_each), bank, "--price-in", 2, "--price-out", 8))
    assert code == 0
    assert "duplicate" in out
    assert "10 accepted, 10 refused; 10 calls, 0 from the cache, 1,500 tokens, $0.0060" in err
    assert KEY not in out + err


def test_json_is_all_that_stands_on_stdout(run, serve, bank):
    code, out, err = run(*asked(serve(two_each), bank, "--json"))
    found = json.loads(out)
    assert (code, found["accepted"], found["dollars"], err) == (0, 10, None, "")


def test_quiet_says_nothing(run, serve, bank):
    assert run(*asked(serve(two_each), bank, "-q")) == (0, "", "")


def test_failed_calls_fail_the_run(run, serve, bank):
    server = serve(lambda seen: error(500, "oops") if "This is request 3 " in seen.asked else two_each(seen))
    code, _, err = run(*asked(server, bank, "--retries", 0))
    assert code == 1
    assert "1 calls failed (1 × status 500: oops, tried 1 times); run the same command again" in err


def test_a_dry_run_asks_nothing_and_needs_no_model(run, bank):
    code, out, _ = run("--bank", bank, "--per-task", 10, "--dry-run", "--price-in", 1, "--price-out", 1)
    assert code == 0
    assert re.match(r"\d+ calls, about [\d,]+ tokens read and [\d,]+ to [\d,]+ written at four characters", out)
    assert re.search(r", \$\d+\.\d\d to \$\d+\.\d\d; nothing was asked$", out.strip())
    _, out, _ = run("--bank", bank, "--dry-run", "--json")
    assert json.loads(out)["dollars"] is None
    assert not bank.parent.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--task", "counting"], 2, "--model"),
        (["--model", "m", "--task", "nothing"], 2, "nothing"),
        (["--model", "m", "--mood", "angry"], 2, "there is no mood 'angry'"),
        (["--model", "m", "--base-url", "nowhere"], 2, "is no address"),
        (["--model", "m", "--task", "counting", "--key-env", "UNSET_KEY"], 2, "there is no key; set UNSET_KEY"),
    ],
)
def test_mistakes_are_one_sentence(run, bank, arguments, code, words):
    found, out, err = run(*arguments, "--bank", bank)
    assert (found, out) == (code, "")
    assert words in err


def test_a_wrong_key_is_one_sentence_without_the_key(serve, tmp_path):
    server = serve(two_each)
    done = taskpaint(*asked(server, tmp_path / "b.jsonl"), OPENAI_API_KEY="sk-wrong-but-secret-0123456789")
    assert done.returncode == 1
    assert done.stderr == f"taskpaint: {server.base_url} refused the key in OPENAI_API_KEY (401)\n"
    assert not any(b"sk-wrong" in file.read_bytes() for file in tmp_path.iterdir())


def test_the_line_of_progress():
    tally = Tally(requests=100, finished=60, prompt_tokens=1000, completion_tokens=234, dollars=0.5)
    tally.outcome.accepted = 400
    tally.outcome.refused.update(["meaning"] * 9)
    assert growth_line(tally, 20.0, 20) == (
        "paraphrasing: 60 of 100 requests, 400 accepted, 9 refused, 1,234 tokens, $0.5000, 20.0 s left"
    )
