"""Publishing through Xet: the real client and hf_xet against a store on loopback that takes xorbs and shards apart."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time

import pyarrow.parquet as pq
import pytest
from hub_server import TOKEN, XET_TOKEN, Fault
from published import publish
from taskpaint.engines.push import PushOptions, push
from taskpaint.manifests.errors import HubError

pytest.importorskip("hf_xet")

REPO = "me/small"
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


class Silent:
    """Nobody watches."""

    def begin(self, total_bytes):
        """Nothing."""

    def advance(self, count):
        """Nothing."""

    def say(self, text):
        """Nothing."""


def _push(root, **changes):
    return push(root, PushOptions(REPO, **changes), Silent())


def _names(root):
    return [f"data/{shard['name']}.parquet" for shard in json.loads((root / "manifest.json").read_text())["shards"]]


def _check_content(hub, root):
    """What a reader downloads is what lies on disk."""
    head = hub.repos[REPO].branches["main"]
    for name in ("manifest.json", *_names(root)):
        assert hub.content(REPO, name, head) == (root / name).read_bytes()


@pytest.fixture
def xet_environment(hub_environment):
    """Environment of a process that may use Xet."""
    return {name: value for name, value in hub_environment.items() if name != "HF_HUB_DISABLE_XET"}


@pytest.fixture
def on_xet(on_hub, tmp_path, monkeypatch):
    """The server, with Xet; its client keeps nothing between tests and hardly waits between tries."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _xet

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    monkeypatch.setenv("HF_XET_CACHE", str(tmp_path / "xet"))
    monkeypatch.setenv("HF_XET_CLIENT_RETRY_BASE_DELAY", "10ms")
    _xet.abort_xet_session()  # an earlier one has the environment of an earlier test
    yield on_hub
    _xet.abort_xet_session()


def test_files_go_up_as_xorbs_and_come_back_whole(on_xet, tmp_path):
    import datasets

    root = publish(tmp_path / "out", {"train": 3, "validation": 1})
    assert _push(root).commits == 1
    assert {digest for name in _names(root) for digest in [_sha256(root, name)]} <= set(on_xet.xet.files)
    assert not [line for line in on_xet.log if "lfs/objects" in line or line.startswith("PUT /upload")]
    _check_content(on_xet, root)
    loaded = datasets.load_dataset(REPO)
    here = pq.read_table(root / "data").to_pylist()
    rows = [row for split in ("train", "validation") for row in loaded[split]]
    assert [(row["id"], row["edit_prompt"]) for row in rows] == [(row["id"], row["edit_prompt"]) for row in here]
    for row, expected in zip(rows, here, strict=True):
        with datasets.Image().decode_example(expected["edited_image"]) as image:
            assert row["edited_image"].tobytes() == image.convert("RGB").tobytes()


def _sha256(root, name):
    shards = json.loads((root / "manifest.json").read_text())["shards"]
    return next(shard["sha256"] for shard in shards if name.endswith(f"{shard['name']}.parquet"))


def test_a_shard_that_did_not_change_is_not_sent_again(on_xet, tmp_path):
    _push(publish(tmp_path / "out", {"train": 4}))
    before = dict(on_xet.uploads)
    other = publish(tmp_path / "other", {"train": 4}, seed=1)
    for name in _names(other)[1:]:
        (other / name).write_bytes((tmp_path / "out" / name).read_bytes())
    manifest = json.loads((other / "manifest.json").read_text())
    first = json.loads((tmp_path / "out" / "manifest.json").read_text())["shards"]
    manifest["shards"][1:] = first[1:]
    (other / "manifest.json").write_text(json.dumps(manifest))
    _push(other)
    new = {digest for digest, count in on_xet.uploads.items() if before.get(digest) != count}
    shards = {shard["sha256"] for shard in manifest["shards"]}
    assert new & shards == {manifest["shards"][0]["sha256"]}
    _check_content(on_xet, other)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(r"POST /xet/v1/xorbs", 500, times=2),
        Fault(r"POST /xet/v1/xorbs", "drop"),
        Fault(r"POST /xet/v1/shards", 503),
        Fault(r"POST /xet/v1/shards", "lose"),
        Fault(r"GET .*/xet-write-token/", 500),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.pattern.strip('/').rpartition('/')[2]}",
)
def test_a_fault_of_the_storage_is_got_over(on_xet, tmp_path, fault):
    root = publish(tmp_path / "out", {"train": 5})
    on_xet.faults.append(fault)
    _push(root, files_per_commit=3)
    assert fault.times == 0
    _check_content(on_xet, root)


def test_a_token_that_expires_on_the_way(on_xet, tmp_path, monkeypatch):
    root = publish(tmp_path / "out", {"train": 5})

    def expire(number):
        if number >= 1:
            on_xet.token = "hf_another"

    on_xet.before_upload = expire
    with pytest.raises(HubError, match=r"refused the token.*run the same command again") as refused:
        _push(root, files_per_commit=2)
    assert TOKEN not in str(refused.value) and XET_TOKEN not in str(refused.value)
    on_xet.before_upload = lambda number: None
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    _push(root, files_per_commit=2)
    _check_content(on_xet, root)


def test_an_endpoint_without_xet_is_told_with_the_way_round(on_xet, tmp_path, monkeypatch):
    from huggingface_hub import constants

    root = publish(tmp_path / "out", {"train": 1})
    missing = Fault(r"GET .*/xet-write-token/", 404, times=1000)
    on_xet.faults.append(missing)
    with pytest.raises(HubError, match="HF_HUB_DISABLE_XET=1"):
        _push(root)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    _push(root)
    _check_content(on_xet, root)


def test_killed_in_the_middle_and_run_again(hub, xet_environment, tmp_path):
    root = publish(tmp_path / "out", {"train": 8}, rows=1)
    reached, go_on = threading.Event(), threading.Event()

    def wait(number):
        if number >= 2:
            reached.set()
            go_on.wait(60)

    hub.before_upload = wait
    command = [sys.executable, "-m", "taskpaint.cli", "push", str(root), REPO, "--files-per-commit", "3"]
    first = subprocess.Popen(command, env=xet_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert reached.wait(120)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    go_on.set()
    deadline = time.monotonic() + 60
    while hub.busy and time.monotonic() < deadline:
        time.sleep(0.01)
    hub.before_upload = lambda number: None
    stopped_at = hub.repos[REPO].history()
    assert len(stopped_at) > 1

    done = subprocess.run(command, env=xet_environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert hub.repos[REPO].history()[: len(stopped_at)] == stopped_at
    assert {hub.uploads[_sha256(root, name)] for name in _names(root)} == {1}
    _check_content(hub, root)
    assert XET_TOKEN not in done.stderr and TOKEN not in done.stderr
