"""The order of commits: whoever reads the branch after any of them sees one whole version, or none."""

from __future__ import annotations

import hashlib
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.writers.hub_plan import (
    ANNOUNCEMENT,
    HubFile,
    Remote,
    Version,
    next_commit,
    plan_push,
    shown_by,
    staging_folder,
)


def _card(names, folder, note=""):
    counts = {name.split("-")[0]: name[-13:-8] for name in names}
    files = [{"split": s, "path": f"{folder}/{s}-*-of-{count}.parquet"} for s, count in counts.items()]
    head = yaml.safe_dump({"configs": [{"config_name": "default", "data_files": files}]})
    return HubFile.of_bytes(f"---\n{head}---\n{note}".encode())


def _version(contents, pictures=1):
    """`contents`: split -> one letter a shard."""
    shards = {}
    for split, letters in contents.items():
        for number, letter in enumerate(letters):
            name = f"{split}-{number:05d}-of-{len(letters):05d}.parquet"
            shards[name] = HubFile.of_bytes(f"{split} {letter} {number}".encode())
    note = repr(sorted((name, file.sha256) for name, file in shards.items()))
    return Version(
        shards,
        _card(shards, "data", note),
        _card(shards, staging_folder(shards), note),
        {"manifest.json": HubFile.of_bytes(note.encode())},
        {f"card/{number}.jpg": HubFile.of_bytes(b"picture %d" % number) for number in range(pictures)},
    )


def _seen(files, blobs):
    """What a reader of the branch gets, by the rules of `datasets`: None for nothing, else name -> content."""
    if "README.md" not in files:
        data = {path for path in files if path.endswith(".parquet")}
        return {path.rsplit("/", 1)[1]: files[path] for path in data} or None
    head = yaml.safe_load(blobs[files["README.md"]].split(b"---\n")[1])
    found = {}
    for one in head["configs"][0]["data_files"]:
        pattern = re.compile(re.escape(one["path"]).replace(r"\*", "[^/]*"))
        found |= {path.rsplit("/", 1)[1]: digest for path, digest in files.items() if pattern.fullmatch(path)}
    return found or None


def _whole(version):
    return {name: file.sha256 for name, file in version.shards.items()} or None


class _Branch:
    """Applies commits independently of `Remote.after`."""

    def __init__(self):
        self.files = {".gitattributes": "0" * 64}
        self.blobs = {}

    def make(self, commit):
        for path in commit.deletes:
            gone = [one for one in self.files if one == path or (path.endswith("/") and one.startswith(path))]
            assert gone, f"{path} is not there"
            for one in gone:
                del self.files[one]
        for path, file in commit.adds.items():
            self.files[path] = file.sha256
            if path == "README.md":
                self.blobs[file.sha256] = file.content

    def remote(self):
        card = self.files.get("README.md")
        return Remote(dict(self.files), shown_by(self.blobs[card]) if card else None)

    def seen(self):
        return _seen(self.files, self.blobs)


_contents = st.fixed_dictionaries({"train": st.text("ab", max_size=9), "validation": st.text("ab", max_size=3)}).filter(
    lambda value: any(value.values())
)


@settings(deadline=None)
@given(st.lists(st.tuples(_contents, st.integers(0, 30)), min_size=1, max_size=4), st.integers(1, 6))
def test_any_sequence_of_pushes_killed_anywhere_shows_whole_versions_only(pushes, limit):
    branch = _Branch()
    shown = None
    for contents, commits in [*pushes, (pushes[-1][0], 1000)]:
        version = _version(contents)
        for _ in range(commits):
            commit = next_commit(version, branch.remote(), limit)
            if commit is None:
                break
            branch.make(commit)
            assert branch.seen() in (shown, _whole(version)), commit.title
            shown = branch.seen()
            assert len(commit.adds) + len(commit.deletes) <= max(limit, 3), commit.title
    assert shown == _whole(version)
    left = {path for path in branch.files if path not in version.files}
    assert left == {".gitattributes"}


def test_a_small_dataset_is_one_commit_with_the_card():
    version = _version({"train": "aaa"})
    (commit,) = plan_push(version, Remote(), 100)
    assert set(commit.adds) == set(version.files)
    assert commit.deletes == ()


def test_a_large_first_push_is_announced_then_comes_in_parts_and_the_card_is_last():
    version = _version({"train": "a" * 9})
    commits = plan_push(version, Remote(), 4)
    assert [sorted(commit.adds)[0] for commit in commits[:1]] == ["README.md"]
    assert commits[0].adds["README.md"].content == ANNOUNCEMENT.encode()
    assert all("README.md" not in commit.adds for commit in commits[1:-1])
    assert commits[-1].adds["README.md"] == version.readme
    assert [len(commit.adds) for commit in commits] == [
        1,
        4,
        4,
        4,
    ]  # 9 shards + 1 picture, then 1 of them with the rest


def test_only_what_changed_is_in_the_plan():
    old, new = _version({"train": "aaab"}), _version({"train": "aaaa"})
    present = Remote({path: file.sha256 for path, file in old.files.items()}, shown_by(old.readme.content))
    (commit,) = plan_push(new, present, 100)
    assert set(commit.adds) == {"data/train-00003-of-00004.parquet", "README.md", "manifest.json"}
    assert plan_push(old, present, 100) == []


def test_fewer_shards_remove_the_stale_ones_in_the_commit_that_brings_the_card():
    old, new = _version({"train": "aaaa"}), _version({"train": "bb"})
    present = Remote({path: file.sha256 for path, file in old.files.items()}, shown_by(old.readme.content))
    (commit,) = plan_push(new, present, 100)
    assert commit.deletes == tuple(sorted(f"data/{name}" for name in old.shards))


def test_the_same_number_of_other_shards_goes_by_way_of_a_staging_folder():
    old, new = _version({"train": "a" * 7}), _version({"train": "b" * 7})
    present = Remote({path: file.sha256 for path, file in old.files.items()}, shown_by(old.readme.content))
    titles = [commit.title for commit in plan_push(new, present, 4)]
    assert titles == [
        *["Stage a part"] * 2,
        "Show the staged version",
        *["Upload a part"] * 2,
        "Upload the dataset",
    ]


def test_a_branch_without_a_card_but_with_data_is_replaced_at_once():
    present = Remote({"data/train-00000-of-00001.parquet": "f" * 64}, None)
    version = _version({"train": "a" * 9})
    (commit,) = plan_push(version, present, 4)
    assert set(commit.adds) == set(version.files)
    assert commit.deletes == ("data/train-00000-of-00001.parquet",)


def test_files_of_others_stay():
    version = _version({"train": "a"})
    present = Remote({"notes.txt": "1" * 64, "data/extra.csv": "2" * 64, "card/diagram.svg": "3" * 64}, ("nothing",))
    (commit,) = plan_push(version, present, 100)
    assert commit.deletes == ()


@pytest.mark.parametrize(
    ("readme", "patterns"),
    [
        ("", None),
        ("# no head", None),
        ("---\nlicense: mit\n---\n", None),
        ("---\n: [\n---\n", None),
        ("---\nconfigs: 3\n---\n", None),
        ("---\nconfigs: []\n---\n", None),
        ("---\nconfigs: [3]\n---\n", None),
        ("---\nconfigs:\n- data_files: a\n- data_dir: b\n---\n", None),
        ("---\nconfigs:\n- data_files: data/*.parquet\n---\n", ("data/*.parquet",)),
        ("---\nconfigs:\n- data_files:\n  - split: train\n    path: [./a, b]\n---\n", ("a", "b")),
        ("---\r\nconfigs:\r\n- data_files:\r\n    train: a\r\n    test: b\r\n---\r\n", ("a", "b")),
    ],
)
def test_what_a_card_shows(readme, patterns):
    assert shown_by(readme.encode()) == patterns


def test_a_git_name_is_that_of_git():
    # `printf 'hello\n' | git hash-object --stdin`
    assert HubFile.of_bytes(b"hello\n").git_sha1 == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_file_on_disk_has_the_same_names_as_its_bytes(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"hello\n")
    on_disk = HubFile(6, hashlib.sha256(b"hello\n").hexdigest(), file)
    assert on_disk.git_sha1 == HubFile.of_bytes(b"hello\n").git_sha1
