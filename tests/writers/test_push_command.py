"""`taskpaint push` and `taskpaint card` as a user runs them, against a Hub on the loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from hub_server import TOKEN, Fault
from published import publish

REPO = "me/small"
_READ = """
import json, sys
from datasets import Image, load_dataset
rows = load_dataset("me/small", split="train", streaming=sys.argv[1] == "stream")
for name in ("input_image", "edited_image"):
    rows = rows.cast_column(name, Image(decode=False))
print(json.dumps([[row["id"], row["edit_prompt"], len(row["edited_image"]["bytes"])] for row in rows]))
"""


def _start(root, environment, *options):
    command = [sys.executable, "-m", "taskpaint.cli", "push", str(root), REPO, *options]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _run(root, environment, *options):
    process = _start(root, environment, *options)
    out, told = process.communicate(timeout=300)
    return process.returncode, out, told


def _read(environment, how):
    done = subprocess.run(
        [sys.executable, "-c", _READ, how], env=environment, capture_output=True, text=True, timeout=300, check=True
    )
    return json.loads(done.stdout)


def _files_with(text, *folders):
    found = []
    for folder in folders:
        found += [file for file in Path(folder).rglob("*") if file.is_file() and text.encode() in file.read_bytes()]
    return found


def test_killed_in_the_middle_and_run_again(hub, hub_environment, tmp_path):
    root = publish(tmp_path / "out", {"train": 20}, rows=1)
    reached, go_on = threading.Event(), threading.Event()

    def wait(number):
        if number >= 9:
            reached.set()
            go_on.wait(60)

    hub.before_upload = wait
    first = _start(root, hub_environment, "--files-per-commit", "6")
    assert reached.wait(120)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    go_on.set()
    deadline = time.monotonic() + 60
    while hub.busy and time.monotonic() < deadline:
        time.sleep(0.01)  # bodies that had arrived when the process died are stored, as they would be anywhere
    assert not hub.busy
    hub.before_upload = lambda number: None
    stopped_at = hub.repos[REPO].history()
    assert 1 < len(stopped_at) < 5

    code, out, told = _run(root, hub_environment, "--files-per-commit", "6", "--json")
    assert code == 0, told
    assert set(hub.uploads.values()) == {1}
    repo = hub.repos[REPO]
    assert json.loads(out)["commit"] == repo.branches["main"]
    assert repo.history()[: len(stopped_at)] == stopped_at
    names = {f"data/train-{number:05d}-of-00020.parquet" for number in range(20)}
    assert {path for path in repo.commits[repo.branches["main"]] if path.startswith("data/")} == names
    for commit in repo.history():
        card = repo.commits[commit].get("README.md")
        if card and b"-of-00020" in hub.content(REPO, "README.md", commit):
            assert names <= set(repo.commits[commit])
    expected = [[f"row-{number:04d}", f"Paint number {number}"] for number in range(20)]
    for how in ("stream", "download"):
        assert [row[:2] for row in _read(hub_environment, how)] == expected


def test_the_token_is_nowhere(hub, hub_environment, tmp_path):
    root = publish(tmp_path / "out", {"train": 2})
    hub.token_echo = True
    hub.faults.append(Fault(r"POST .*/commit/", 418))
    code, out, told = _run(root, hub_environment)
    assert code == 1
    assert told.splitlines()[-1].startswith("taskpaint: the Hub answered 418")
    assert "***" in told and "Traceback" not in told
    worked = _run(root, {**hub_environment, "HF_DEBUG": "0"})
    assert worked[0] == 0
    assert TOKEN not in out + told + worked[1] + worked[2]
    assert _files_with(TOKEN, tmp_path) == []
    assert not any(TOKEN.encode() in blob for blob in hub.blobs.values())


def test_the_login_of_the_hub_serves_too(hub, hub_environment, tmp_path):
    root = publish(tmp_path / "out", {"train": 1})
    environment = {name: value for name, value in hub_environment.items() if name != "HF_TOKEN"}
    code, _, told = _run(root, environment, "-q")
    assert (code, told) == (1, "taskpaint: no token for the Hub: set HF_TOKEN, or log in with `hf auth login`\n")
    home = Path(environment["HF_HOME"])
    home.mkdir(exist_ok=True)
    (home / "token").write_text(TOKEN)
    code, _, told = _run(root, {**environment, "TASKPAINT_PUSH_PRIVATE": "0"}, "-q")
    assert (code, told) == (0, "")
    assert not hub.repos[REPO].private


def test_a_dry_run_prints_json_lines_and_connects_to_nobody(hub, hub_environment, tmp_path):
    root = publish(tmp_path / "out", {"train": 2})
    environment = {name: value for name, value in hub_environment.items() if name != "HF_TOKEN"}
    code, out, told = _run(root, {**environment, "HF_ENDPOINT": "http://127.0.0.1:9"}, "--dry-run")
    assert (code, told) == (0, "")
    kinds = [json.loads(line)["kind"] for line in out.splitlines()]
    assert kinds == ["repository", "commit", *["add"] * 7]  # 2 shards, 2 pictures, card, licences, manifest


def test_wrong_usage(hub, hub_environment, tmp_path):
    root = publish(tmp_path / "out", {"train": 1})
    code, _, told = _run(root, hub_environment, "--include", "everything")
    assert code == 2
    assert "'everything' is none of" in " ".join(told.split())


def test_the_card_is_written_again_and_notes_are_kept(tmp_path):
    root = publish(tmp_path / "out", {"train": 1})
    card = root / "README.md"
    (root / "card" / "gone.jpg").write_bytes(b"stale")
    written = card.read_text()
    card.write_text(written.replace("## Known limits", "## Lost") + "\n## Thanks\n\nTo everyone.\n")
    done = subprocess.run(
        [sys.executable, "-m", "taskpaint.cli", "card", str(root)], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == str(card)
    assert card.read_text() == written + "\n## Thanks\n\nTo everyone.\n"
    assert not (root / "card" / "gone.jpg").exists()
