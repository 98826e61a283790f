"""Publishing against a server that speaks the Hub's protocol, by the real client, in this process."""

from __future__ import annotations

import io
import json
import re

import pyarrow.parquet as pq
import pytest
import yaml
from hub_server import TOKEN, Fault
from published import publish
from taskpaint.engines.push import PushOptions, dry_push, push
from taskpaint.manifests.errors import DatasetFolderError, HubError, LicenseError, UsageError

REPO = "me/small"

# The client passes files to its HTTP library in a way that the library is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


class Watch:
    def __init__(self):
        self.said, self.total, self.done = [], 0, 0

    def begin(self, total_bytes):
        self.total, self.done = total_bytes, 0

    def advance(self, count):
        self.done += count

    def say(self, text):
        self.said.append(text)


def _push(root, **changes):
    return push(root, PushOptions(REPO, **changes), Watch())


def _reader_sees(hub, commit):
    """Shard name -> content that a reader of this commit gets, by the card's patterns; None for none."""
    files = hub.repos[REPO].commits[commit]
    if "README.md" not in files:
        return {path for path in files if path.endswith(".parquet")} or None
    head = yaml.safe_load(hub.content(REPO, "README.md", commit).split(b"---\n")[1])
    found = {}
    for one in head["configs"][0]["data_files"]:
        pattern = re.compile(re.escape(one["path"]).replace(r"\*", "[^/]*"))
        found |= {path.rsplit("/", 1)[1]: one.sha256 for path, one in files.items() if pattern.fullmatch(path)}
    return found or None


def _shards(root):
    manifest = json.loads((root / "manifest.json").read_text())
    return {f"{shard['name']}.parquet": shard["sha256"] for shard in manifest["shards"]}


def _check_history(hub, *versions):
    """At every commit a reader gets nothing or one whole version, and versions come in order."""
    seen = [_reader_sees(hub, commit) for commit in hub.repos[REPO].history()]
    order = [None, *versions]
    places = [order.index(one) for one in seen]
    assert places == sorted(places)
    assert seen[-1] == versions[-1]


def test_a_small_dataset_goes_up_in_one_commit_and_comes_back_whole(on_hub, tmp_path):
    import datasets

    root = publish(tmp_path / "out", {"train": 3, "validation": 1})
    found = _push(root)
    assert (found.private, found.commits, found.row) == (True, 1, "row-0000")
    repo = on_hub.repos[REPO]
    assert repo.private
    assert set(repo.commits[found.commit]) == {
        ".gitattributes",
        "README.md",
        "LICENSE.md",
        "manifest.json",
        "card/depth.jpg",
        "card/segmentation.jpg",
        *(f"data/{name}" for name in _shards(root)),
    }
    for name in ("manifest.json", *(f"data/{name}" for name in _shards(root))):
        assert on_hub.content(REPO, name, found.commit) == (root / name).read_bytes()
    for streaming in (False, True):
        loaded = datasets.load_dataset(REPO, streaming=streaming)
        here = pq.read_table(root / "data").to_pylist()
        rows = [row for split in ("train", "validation") for row in loaded[split]]
        assert [row["id"] for row in rows] == [row["id"] for row in here]
        for row, expected in zip(rows, here, strict=True):
            assert row["edit_prompt"] == expected["edit_prompt"]
            with datasets.Image().decode_example(expected["edited_image"]) as image:
                assert row["edited_image"].tobytes() == image.convert("RGB").tobytes()


def test_a_large_one_goes_up_in_parts_and_no_reader_sees_a_gap(on_hub, tmp_path):
    root = publish(tmp_path / "out", {"train": 9, "validation": 2})
    found = _push(root, files_per_commit=4)
    repo = on_hub.repos[REPO]
    assert max(repo.changes[commit] for commit in repo.history()) <= 4
    assert found.commits == 5  # announcement; 11 shards and 2 pictures in 3 parts of 4, the rest with the card
    _check_history(on_hub, _shards(root))
    assert set(on_hub.uploads.values()) == {1}


def test_a_reader_in_the_middle_of_a_first_push_finds_nothing_rather_than_a_part(on_hub, tmp_path):
    import datasets

    root = publish(tmp_path / "out", {"train": 9})
    _push(root, files_per_commit=4)
    for commit in on_hub.repos[REPO].history()[1:-1]:
        with pytest.raises((FileNotFoundError, datasets.exceptions.DatasetsError)):
            datasets.load_dataset(REPO, streaming=True, revision=commit)


def test_nothing_changed_nothing_done(on_hub, tmp_path):
    root = publish(tmp_path / "out", {"train": 2})
    first = _push(root)
    on_hub.log.clear()
    again = _push(root)
    assert (again.commits, again.bytes, again.commit) == (0, 0, first.commit)
    assert not [line for line in on_hub.log if line.startswith("PUT")]


def test_only_the_changed_shard_is_uploaded(on_hub, tmp_path):
    root = publish(tmp_path / "out", {"train": 3})
    _push(root)
    before = set(on_hub.uploads)
    other = publish(tmp_path / "other", {"train": 3}, seed=1)
    name = "train-00001-of-00003"
    (root / "data" / f"{name}.parquet").write_bytes((other / "data" / f"{name}.parquet").read_bytes())
    manifest = json.loads((root / "manifest.json").read_text())
    changed = json.loads((other / "manifest.json").read_text())["shards"][1]
    manifest["shards"][1] = changed
    (root / "manifest.json").write_text(json.dumps(manifest))
    _push(root)
    assert {digest for digest in set(on_hub.uploads) - before if len(on_hub.blobs[digest]) > 4000} == {
        changed["sha256"]
    }


@pytest.mark.parametrize("shards", [{"train": 9}, {"train": 8}, {"train": 3, "validation": 2}])
def test_a_new_version_takes_the_place_of_the_old_one_at_once(on_hub, tmp_path, shards):
    old = publish(tmp_path / "old", {"train": 9})
    new = publish(tmp_path / "new", shards, seed=1)
    _push(old, files_per_commit=4)
    _push(new, files_per_commit=4)
    _check_history(on_hub, _shards(old), _shards(new))
    repo = on_hub.repos[REPO]
    left = {path for path in repo.commits[repo.branches["main"]] if path.startswith(("data/", "staging"))}
    assert left == {f"data/{name}" for name in _shards(new)}
    assert set(on_hub.uploads.values()) == {1}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(r"PUT /upload", 500, times=2),
        Fault(r"PUT /upload", "drop", skip=1),
        Fault(r"POST .*/lfs/objects/batch", 503),
        Fault(r"POST .*/lfs/objects/batch", 429),
        Fault(r"POST .*/commit/", 500),
        Fault(r"POST .*/commit/", "drop", skip=1),
        Fault(r"POST .*/commit/", "lose", skip=2),
        Fault(r"POST .*/commit/", 409, skip=1),
        Fault(r"POST .*/preupload/", "drop", skip=1),
        Fault(r"GET .*/tree/", 500),
        Fault(r"PUT /upload", "lose", skip=2),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.pattern.rpartition('/')[2] or 'commit'}",
)
def test_a_fault_on_the_way_is_got_over(on_hub, tmp_path, fault):
    root = publish(tmp_path / "out", {"train": 9})
    on_hub.faults.append(fault)
    found = _push(root, files_per_commit=4)
    assert fault.times == 0
    _check_history(on_hub, _shards(root))
    assert found.commit == on_hub.repos[REPO].branches["main"]
    assert max(on_hub.uploads.values()) <= (2 if (fault.pattern, fault.kind) == (r"PUT /upload", "lose") else 1)


def test_a_lost_answer_to_a_commit_makes_no_second_one(on_hub, tmp_path):
    root = publish(tmp_path / "out", {"train": 9})
    on_hub.faults.append(Fault(r"POST .*/commit/", "lose", skip=2))
    _push(root, files_per_commit=4)
    assert len(on_hub.repos[REPO].history()) == 6  # the empty one, and the five of a push without a fault


def test_a_hub_that_stays_down_ends_the_push_and_the_next_one_goes_on(on_hub, tmp_path):
    root = publish(tmp_path / "out", {"train": 9})
    down = Fault(r"POST .*/commit/", 500, times=1000, skip=2)
    on_hub.faults.append(down)
    with pytest.raises(HubError, match=r"answered 500.*run the same command again"):
        _push(root, files_per_commit=4)
    down.times = 0
    _push(root, files_per_commit=4)
    _check_history(on_hub, _shards(root))
    assert set(on_hub.uploads.values()) == {1}


def test_somebody_else_commits_in_between(on_hub, tmp_path):
    root = publish(tmp_path / "out", {"train": 9})

    def meddle(number):
        if number >= 6:
            on_hub.before_upload = lambda number: None
            with on_hub.lock:
                on_hub.commit(REPO, "main", "theirs", {"notes.txt": on_hub.store(b"mine", lfs=False)}, [])

    on_hub.before_upload = meddle
    _push(root, files_per_commit=4)
    _check_history(on_hub, _shards(root))
    repo = on_hub.repos[REPO]
    assert "notes.txt" in repo.commits[repo.branches["main"]]


def test_a_token_that_expires_on_the_way(on_hub, tmp_path, monkeypatch):
    root = publish(tmp_path / "out", {"train": 9})

    def expire(number):
        if number >= 5:
            on_hub.token = "hf_another"

    on_hub.before_upload = expire
    with pytest.raises(HubError, match=r"refused the token.*run the same command again") as refused:
        _push(root, files_per_commit=4)
    assert TOKEN not in str(refused.value)
    on_hub.before_upload = lambda number: None
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    _push(root, files_per_commit=4)
    _check_history(on_hub, _shards(root))
    assert set(on_hub.uploads.values()) == {1}


def test_refusals_are_one_sentence_with_a_remedy(on_hub, tmp_path, monkeypatch):
    root = publish(tmp_path / "out", {"train": 1})
    on_hub.may_write = False
    with pytest.raises(HubError, match=r"may not write to me/small \(403\)"):
        _push(root)
    on_hub.may_write = True
    on_hub.faults.append(Fault(r"POST .*/commit/", 404))
    with pytest.raises(HubError, match=r"does not exist on the Hub.*\(404\)"):
        _push(root)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="refused the token"):
        _push(root)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    with pytest.raises(HubError, match="no token for the Hub: set HF_TOKEN"):
        _push(root)


def test_a_message_from_outside_is_cleared_of_the_token(on_hub, tmp_path):
    root = publish(tmp_path / "out", {"train": 1})
    on_hub.token_echo = True
    on_hub.faults.append(Fault(r"POST .*/commit/", 418))
    with pytest.raises(HubError) as refused:
        _push(root)
    assert "418" in str(refused.value)
    assert TOKEN not in str(refused.value)
    assert "***" in str(refused.value)


def test_visibility(on_hub, tmp_path):
    root = publish(tmp_path / "out", {"train": 1})
    assert not _push(root, private=False).private
    assert not on_hub.repos[REPO].private
    assert not _push(root).private
    with pytest.raises(HubError, match="exists and is public, and private was asked for"):
        _push(root, private=True)


def test_a_branch_of_its_own(on_hub, tmp_path):
    root = publish(tmp_path / "out", {"train": 2})
    found = _push(root, revision="v2")
    repo = on_hub.repos[REPO]
    assert repo.branches["v2"] == found.commit
    assert set(repo.commits[repo.branches["main"]]) == {".gitattributes"}
    assert _push(root, revision="v2").commits == 0


def test_a_licence_that_forbids_it(on_hub, tmp_path):
    ade = {"source_dataset": "ade20k", "license": "ADE20K terms: research and education only"}
    root = publish(tmp_path / "out", {"train": 1})
    from published import triplet
    from taskpaint.writers.shards import write_shard

    name = "train-00000-of-00001"
    written = write_shard(root / "data" / f"{name}.parquet", [triplet(0, **ade), triplet(1)], 8)
    manifest = json.loads((root / "manifest.json").read_text())
    manifest["shards"] = [{"name": name, "rows": 2, "bytes": written.bytes, "sha256": written.sha256}]
    (root / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(LicenseError, match=r"ade20k do not allow.*--allow-licenses"):
        _push(root)
    assert on_hub.repos == {} and on_hub.log == []
    assert _push(root, allow_licenses=True).commits == 1
    card = on_hub.content(REPO, "README.md", on_hub.repos[REPO].branches["main"]).decode()
    assert "The terms of ade20k do not allow copies to be handed on" in card


def test_scores_and_rejects_when_asked_for(on_hub, tmp_path):
    root = publish(tmp_path / "out", {"train": 1})
    with pytest.raises(DatasetFolderError, match=r"rejects\.jsonl is missing, and --include rejects asks for it"):
        _push(root, extras=("rejects",))
    (root / "rejects.jsonl").write_text('{"kind": "bad"}\n')
    found = _push(root, extras=("rejects",))
    assert on_hub.content(REPO, "rejects.jsonl", found.commit) == (root / "rejects.jsonl").read_bytes()


def _cut_off(root):
    file = root / "data" / "train-00001-of-00003.parquet"
    file.write_bytes(file.read_bytes()[:-1])


def _swap_a_byte(root):
    file = root / "data" / "train-00001-of-00003.parquet"
    data = bytearray(file.read_bytes())
    data[200] ^= 1
    file.write_bytes(bytes(data))


def _edit_manifest(change):
    def edit(root):
        file = root / "manifest.json"
        manifest = json.loads(file.read_text())
        change(manifest)
        file.write_text(json.dumps(manifest))

    return edit


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda root: (root / "manifest.json").unlink(), "the build is unfinished"),
        (lambda root: (root / "data" / "train-00002-of-00003.parquet").unlink(), "is missing"),
        (_cut_off, r"has \d+ bytes, and the manifest lists \d+"),
        (_swap_a_byte, "is not the file that the manifest lists"),
        (_edit_manifest(lambda manifest: manifest["shards"].pop()), "train has 2 of its 3 shards"),
        (_edit_manifest(lambda manifest: manifest["shards"][0].update(name="../x")), "is missing"),
        (lambda root: (root / "data" / "train-00003-of-00003.parquet").touch(), "is not in the manifest"),
    ],
)
def test_a_folder_that_is_not_whole_is_not_published(on_hub, tmp_path, harm, message):
    root = publish(tmp_path / "out", {"train": 3})
    harm(root)
    with pytest.raises(DatasetFolderError, match=message):
        _push(root)
    assert not on_hub.uploads


def test_more_shards_than_a_folder_of_the_hub_takes(on_hub, tmp_path, monkeypatch):
    root = publish(tmp_path / "out", {"train": 3})
    monkeypatch.setattr("taskpaint.engines.push_version.MAX_SHARDS", 2)
    with pytest.raises(DatasetFolderError, match=r"has 3 shards and the Hub takes 2 files.*rows_per_shard"):
        _push(root)


@pytest.mark.parametrize("repo", ["small", "a/b/c", "me/sm all", "", "me/..", "me/-x-"])
def test_names_that_are_none(repo, tmp_path):
    with pytest.raises(UsageError, match="USER/NAME"):
        push(tmp_path, PushOptions(repo), Watch())


def test_dry_run_of_a_new_repository_asks_nobody_without_a_token(on_hub, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    root = publish(tmp_path / "out", {"train": 9})
    lines = list(dry_push(root, PushOptions(REPO, files_per_commit=4), Watch()))
    assert lines[0]["state"] == "not asked"
    assert on_hub.log == []
    added = [line for line in lines if line["kind"] == "add"]
    assert all(line["upload"] for line in added)
    assert {line["path"] for line in added} >= {f"data/{name}" for name in _shards(root)}


def test_dry_run_says_what_the_push_then_does(on_hub, tmp_path):
    _push(publish(tmp_path / "old", {"train": 9}), files_per_commit=4)
    root = publish(tmp_path / "new", {"train": 7}, seed=1)
    before = dict(on_hub.uploads)
    lines = list(dry_push(root, PushOptions(REPO, files_per_commit=4), Watch()))
    history = on_hub.repos[REPO].history()
    assert dict(on_hub.uploads) == before and on_hub.repos[REPO].history() == history
    assert lines[0] == {
        "kind": "repository",
        "repo": REPO,
        "revision": "main",
        "state": "found",
        "commit": history[-1],
    }
    _push(root, files_per_commit=4)
    made = on_hub.repos[REPO].history()[len(history) :]
    titles = [f"{line['title']} (taskpaint)" for line in lines if line["kind"] == "commit"]
    assert titles == [on_hub.repos[REPO].titles[commit] for commit in made]
    promised = {line["sha256"] for line in lines if line["kind"] == "add" and line["upload"]}
    assert set(on_hub.uploads) - set(before) <= promised


def test_the_watch_hears_of_every_byte(on_hub, tmp_path):
    watch = Watch()
    found = push(publish(tmp_path / "out", {"train": 9}), PushOptions(REPO, files_per_commit=4), watch)
    assert watch.done == watch.total == found.bytes


def test_a_row_that_is_not_ours_is_noticed(on_hub, tmp_path, monkeypatch):
    root = publish(tmp_path / "out", {"train": 1})
    from taskpaint.writers.hub import Hub

    true_row = Hub.first_row
    monkeypatch.setattr(Hub, "first_row", lambda *asked: {**true_row(*asked), "edit_prompt": "something else"})
    with pytest.raises(HubError, match="has another edit_prompt than row-0000 has here"):
        _push(root)


def test_a_read_only_folder_can_be_published(on_hub, tmp_path, monkeypatch):
    root = publish(tmp_path / "out", {"train": 1})
    before = sorted(root.rglob("*"))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    _push(root)
    assert sorted(root.rglob("*")) == before


def test_images_open(on_hub, tmp_path):
    from PIL import Image

    root = publish(tmp_path / "out", {"train": 1})
    found = _push(root)
    with Image.open(io.BytesIO(on_hub.content(REPO, "card/depth.jpg", found.commit))) as picture:
        assert picture.size == (40 + 4 + 40, 30)
