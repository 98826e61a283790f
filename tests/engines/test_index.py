"""Making references: every kind of input, kills and resumes, merging, and what goes wrong."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from taskpaint.engines.index import IndexOptions, Progress, index, measure, merge
from taskpaint.filters.reference import inputs
from taskpaint.filters.reference.measure import Demand
from taskpaint.filters.reference.reference import Reference
from taskpaint.filters.reference.vectors import picture_keys
from taskpaint.filters.scorer import Embedder
from taskpaint.manifests.errors import (
    BuildError,
    OutputError,
    ResumeError,
    TooManyRejectsError,
    UsageError,
)


class MeanColours(Embedder):
    """A tiny embedder, without weights: mean colour of the picture's four quarters, (12,)."""

    name, dim = "mean-colours", 12

    def __init__(self, version=1):
        self.identity = {"name": self.name, "version": version}

    def prepare(self, image):
        top, left = image.shape[0] // 2, image.shape[1] // 2
        quarters = (image[:top, :left], image[:top, left:], image[top:, :left], image[top:, left:])
        return np.concatenate([quarter.reshape(-1, 3).mean(axis=0) for quarter in quarters]).astype(np.float32)

    def open(self, device):
        return lambda stack: np.where(stack[:, :1] > 254.9, np.nan, stack)  # pure white has no embedding


def picture(seed, kind="PNG"):
    """Bytes of a small picture of noise."""
    noise = np.random.default_rng(seed).integers(0, 250, (2, 2, 3)).astype(np.uint8)
    opened = io.BytesIO()
    Image.fromarray(noise).resize((24, 16), Image.Resampling.NEAREST).save(opened, kind)
    return opened.getvalue()


def write_photos(folder, count, first=0):
    folder.mkdir(parents=True)
    for seed in range(first, first + count):
        (folder / f"{seed:04d}.png").write_bytes(picture(seed))
    return folder


def embeddings(count, dim=16, seed=0, kind=np.float16):
    draw = np.random.default_rng(seed)
    middles = np.random.default_rng(99).normal(size=(20, dim))
    return (middles[draw.integers(0, 20, count)] + 0.3 * draw.normal(size=(count, dim))).astype(kind)


def options(**values):
    return IndexOptions(**{"embedder": MeanColours(), "wanted": [("paper", 2)], **values})


READY = {"embedder": "ViT-L-14-quickgelu/openai", "demand": Demand(sample=100)}


def vectors_of(root):
    """All stored vectors, in order."""
    return np.concatenate([np.load(file) for file in sorted((root / "vectors").glob("*.npy"))])


def test_a_folder_of_pictures(tmp_path):
    photos = write_photos(tmp_path / "photos", 9)
    (photos / "notes.txt").write_text("not a picture")
    about = index([photos], tmp_path / "ref", options())
    expected = [MeanColours().prepare(np.asarray(Image.open(file))) for file in sorted(photos.glob("*.png"))]
    np.testing.assert_allclose(vectors_of(tmp_path / "ref"), expected, rtol=1e-3)
    assert about == json.loads((tmp_path / "ref" / "reference.json").read_text())
    assert about["embedder"]["name"] == "mean-colours"
    assert (about["vectors"]["count"], about["index"]["factory"], about["normalize"]) == (9, "Flat", "none")
    assert about["measured"][0]["recall"] == 1
    assert about["vectors"]["norms"]["root_mean_square"] == pytest.approx(
        np.sqrt(np.mean(np.sum(np.square(expected), axis=1)))
    )
    assert about["floor"] == pytest.approx(1e-3 * about["vectors"]["norms"]["root_mean_square"])


def test_parquet_and_tars_give_what_the_folder_gives(tmp_path):
    data = [picture(seed) for seed in range(7)]
    rows = [{"bytes": one, "path": "../../etc/passwd"} for one in data]
    pq.write_table(pa.table({"image": rows[:4], "n": range(4)}), tmp_path / "a.parquet", row_group_size=3)
    pq.write_table(pa.table({"raw": data[4:]}), tmp_path / "b.parquet")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for place, one in enumerate(data):
            for name, content in ((f"../../{place}.png", one), (f"/etc/{place}.json", b"{}")):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    before = sorted(tmp_path.rglob("*"))
    for name, sources in (("p", ["a.parquet", "b.parquet"]), ("t", ["a.tar"])):
        index([tmp_path / source for source in sources], tmp_path / name, options())
        np.testing.assert_allclose(
            vectors_of(tmp_path / name),
            [MeanColours().prepare(np.asarray(Image.open(io.BytesIO(one)))) for one in data],
            rtol=1e-3,
        )
        keys = np.concatenate([np.load(file) for file in sorted((tmp_path / name / "keys").glob("*.npy"))])
        assert (keys == picture_keys([hashlib.sha256(one).digest() for one in data])).all()
    outside = [file for file in sorted(tmp_path.rglob("*")) if file.relative_to(tmp_path).parts[0] not in ("p", "t")]
    assert outside == before  # names in archives are never paths
    assert not Path("/etc/0.json").exists()


def test_parts_cut_a_row_group_in_the_middle(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "PICTURES_A_PART", 4)
    data = [picture(seed) for seed in range(11)]
    pq.write_table(pa.table({"image": data}), tmp_path / "a.parquet", row_group_size=5)
    about = index([tmp_path / "a.parquet"], tmp_path / "ref", options())
    assert [part["rows"] for part in about["parts"]] == [4, 4, 3]
    expected = [MeanColours().prepare(np.asarray(Image.open(io.BytesIO(one)))) for one in data]
    np.testing.assert_allclose(vectors_of(tmp_path / "ref"), expected, rtol=1e-3)


def test_corrupt_pictures_are_counted_and_listed(tmp_path):
    photos = write_photos(tmp_path / "photos", 8)
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    (photos / "empty.jpg").write_bytes(b"")
    Image.new("RGB", (24, 16), "white").save(photos / "nan.png")
    about = index([photos], tmp_path / "ref", options())
    assert (about["rejects"], about["vectors"]["count"]) == (3, 8)
    rejects = [json.loads(line) for line in (tmp_path / "ref" / "rejects.jsonl").read_text().splitlines()]
    assert [Path(reject["where"]).name for reject in rejects] == ["broken.png", "empty.jpg", "nan.png"]
    assert rejects[1]["reason"] == "image file is empty"
    assert rejects[2]["reason"] == "the vector holds NaN or infinity"
    with pytest.raises(TooManyRejectsError, match=r"3 of 11 items gave no vector, more than --max-rejects 0.2"):
        index([photos], tmp_path / "ref2", options(max_rejects=0.2))
    # keys stand beside their own vectors, not beside those of rejects
    kept = [file.read_bytes() for file in sorted(photos.glob("0*.png"))]
    digests = [hashlib.sha256(one).digest() for one in kept]
    assert (np.load(tmp_path / "ref/keys/part-00000.npy") == picture_keys(digests)).all()


@pytest.mark.parametrize(
    ("kept", "pictures", "reason"), [(5 * 1024 + 300, 5, "no end mark"), (4 * 1024 + 600, 4, "lost")]
)
def test_a_cut_off_tar_and_rows_without_bytes(tmp_path, kept, pictures, reason):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for seed in range(6):  # each a header and a block of 512 bytes
            member = tarfile.TarInfo(f"{seed}.png")
            member.size = len(picture(seed))
            tar.addfile(member, io.BytesIO(picture(seed)))
    whole = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[:kept])
    rows = [{"bytes": picture(9), "path": None}, {"bytes": None, "path": "/etc/passwd"}, None]
    pq.write_table(pa.table({"image": rows}), tmp_path / "a.parquet")
    about = index([tmp_path / "a.tar", tmp_path / "a.parquet"], tmp_path / "ref", options())
    reasons = [json.loads(line)["reason"] for line in (tmp_path / "ref" / "rejects.jsonl").read_text().splitlines()]
    assert about["vectors"]["count"] == pictures + 1
    assert "the tar is cut off" in reasons[0]
    assert reason in reasons[0]
    assert reasons[1:] == ["the row holds no bytes (a path alone is not followed)"] * 2


def test_nothing_usable(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(UsageError, match=r"photos holds no pictures, .parquet, .tar or .npy files"):
        index([tmp_path / "photos"], tmp_path / "ref", options())
    (tmp_path / "photos" / "a.png").write_bytes(b"no")
    with pytest.raises(BuildError, match=r"not one of 1 items gave a vector; the reasons are in .*rejects.jsonl"):
        index([tmp_path / "photos"], tmp_path / "ref", options())
    with pytest.raises(UsageError, match="does not exist"):
        index([tmp_path / "nowhere"], tmp_path / "ref", options())
    with pytest.raises(UsageError, match="is no picture"):
        (tmp_path / "a.txt").write_text("")
        index([tmp_path / "a.txt"], tmp_path / "ref", options())


def test_ready_embeddings_lose_nan_rows_and_are_normalised(tmp_path):
    (tmp_path / "laion" / "img_emb").mkdir(parents=True)
    (tmp_path / "laion" / "text_emb").mkdir()
    parts = [embeddings(60, seed=seed) for seed in range(11)]
    parts[2][5] = np.nan
    parts[2][7] = 0
    for number, part in enumerate(parts):
        np.save(tmp_path / "laion" / "img_emb" / f"img_emb_{number}.npy", part)
        np.save(tmp_path / "laion" / "text_emb" / f"text_emb_{number}.npy", part)
    about = index([tmp_path / "laion"], tmp_path / "ref", options(**READY))
    expected = np.concatenate(parts)  # in the order of their numbers, 9 before 10
    expected = np.delete(expected, [2 * 60 + 5, 2 * 60 + 7], axis=0)
    assert (vectors_of(tmp_path / "ref") == expected).all()
    assert (about["normalize"], about["identical"], about["rejects"]) == ("l2", "drop", 2)
    reasons = [json.loads(line) for line in (tmp_path / "ref" / "rejects.jsonl").read_text().splitlines()]
    assert [reason["reason"] for reason in reasons] == ["the vector holds NaN or infinity", "the vector is all zeros"]
    assert reasons[0]["where"].endswith("img_emb_2.npy, row 5")


def test_linked_embeddings_are_not_copied_unless_a_row_is_broken(tmp_path):
    parts = [embeddings(300, seed=seed) for seed in range(2)]
    parts[1][5, 3] = np.inf
    for number, part in enumerate(parts):
        np.save(tmp_path / f"img_emb_{number}.npy", part)
    files = [tmp_path / "img_emb_0.npy", tmp_path / "img_emb_1.npy"]
    linked = index(files, tmp_path / "linked", options(**READY, link=True))
    copied = index(files, tmp_path / "copied", options(**READY))
    assert (tmp_path / "linked/vectors/part-00000.npy").is_symlink()
    assert not (tmp_path / "linked/vectors/part-00001.npy").is_symlink()
    assert (vectors_of(tmp_path / "linked") == vectors_of(tmp_path / "copied")).all()
    assert linked["digest"] == copied["digest"]
    with pytest.raises(UsageError, match="--link leaves ready embeddings where they are"):
        index([write_photos(tmp_path / "photos", 3)], tmp_path / "ref", options(link=True))


def test_embeddings_that_do_not_go_together(tmp_path):
    np.save(tmp_path / "a.npy", embeddings(10, 16))
    np.save(tmp_path / "b.npy", embeddings(10, 8))
    with pytest.raises(UsageError, match=r"a.npy holds vectors of length 16, .*b.npy of 8; they do not go together"):
        index([tmp_path / "a.npy", tmp_path / "b.npy"], tmp_path / "ref", options(**READY))
    with pytest.raises(UsageError, match="mean-colours makes vectors of length 12, the files hold 16"):
        index([tmp_path / "a.npy"], tmp_path / "ref", options())
    with pytest.raises(UsageError, match="ready embeddings and pictures cannot be mixed"):
        index([tmp_path / "a.npy", write_photos(tmp_path / "photos", 2)], tmp_path / "ref", options())
    (tmp_path / "photos" / "c.npy").write_bytes((tmp_path / "a.npy").read_bytes())
    with pytest.raises(UsageError, match=r"holds files of several kinds \(1 embeddings, 2 pictures\)"):
        index([tmp_path / "photos"], tmp_path / "ref", options())
    with pytest.raises(UsageError, match="K = 10 is too many for a reference of 10 pictures"):
        index([tmp_path / "a.npy"], tmp_path / "ref", options(**{**READY, "wanted": [("paper", 10)]}))
    np.save(tmp_path / "big.npy", np.full((20, 4), 1e5, np.float32))
    with pytest.raises(UsageError, match=r"float16 cannot hold these vectors .* use float32"):
        index([tmp_path / "big.npy"], tmp_path / "ref3", options(**READY))


def test_which_column(tmp_path):
    pictures = [picture(seed) for seed in range(3)]
    table = pa.table({"a": pictures, "b": [{"bytes": one, "path": ""} for one in pictures], "n": [1, 2, 3]})
    pq.write_table(table, tmp_path / "a.parquet")
    file = tmp_path / "a.parquet"
    with pytest.raises(UsageError, match=r"has 2 columns of picture bytes \(a, b\); name one with --column"):
        index([file], tmp_path / "ref", options())
    with pytest.raises(UsageError, match=r"has no column 'n' of picture bytes; such are: a, b"):
        index([file], tmp_path / "ref", options(column="n"))
    index([file], tmp_path / "ref", options(column="b"))
    assert len(vectors_of(tmp_path / "ref")) == 3
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match=r"bad.parquet is no whole Parquet file"):
        index([tmp_path / "bad.parquet"], tmp_path / "ref2", options())
    with pytest.raises(UsageError, match="--column names a column of Parquet files"):
        index([write_photos(tmp_path / "photos", 3)], tmp_path / "ref2", options(column="a"))


class Stopped(Exception):
    """Stands for a kill."""


class StopsAt(Progress):
    """Breaks off a run after so many items, or when a stage begins."""

    def __init__(self, items=10**9, stage=""):
        self.left, self.at = items, stage
        self.seen = 0

    def stage(self, what, total):
        if what == self.at:
            raise Stopped

    def advance(self, count):
        self.seen += count
        if self.seen > self.left:
            raise Stopped


@pytest.mark.parametrize(
    "at",
    [{"items": 700}, *({"stage": stage} for stage in ("training", "finding lists", "filling the index", "measuring"))],
    ids=str,
)
def test_a_broken_off_run_goes_on_at_its_part(tmp_path, monkeypatch, at):
    monkeypatch.setattr(inputs, "VECTORS_A_PART", 500)
    np.save(tmp_path / "a.npy", embeddings(2000))
    how = options(**READY, factory="IVF16,SQ8")
    whole = index([tmp_path / "a.npy"], tmp_path / "whole", how)
    with pytest.raises(Stopped):
        index([tmp_path / "a.npy"], tmp_path / "ref", how, StopsAt(**at))
    assert not (tmp_path / "ref" / "reference.json").exists()
    with pytest.raises(UsageError, match="is no finished reference"):
        Reference.open(tmp_path / "ref")
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "ref").rglob("part-*.npy")}
    resumed = index([tmp_path / "a.npy"], tmp_path / "ref", how)
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    assert resumed["digest"] == whole["digest"]
    assert resumed["measured"] == whole["measured"]
    for name in ("index/whole.faiss", "index/trained.faiss", "quantiles.json"):
        assert (tmp_path / "ref" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_killed_process_goes_on(tmp_path):
    photos = write_photos(tmp_path / "photos", 600)
    script = (
        "import sys, time; from pathlib import Path; from taskpaint.filters.reference import inputs;"
        "inputs.PICTURES_A_PART = 50; from taskpaint.cli import main;"
        f"sys.argv = ['taskpaint', 'index', {str(photos)!r}, '-o', {str(tmp_path / 'ref')!r}, '--embedder', 'nss',"
        " '--k', '3', '-q']; main()"
    )
    running = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    records = tmp_path / "ref" / ".taskpaint" / "parts"
    deadline = time.monotonic() + 60
    while len(list(records.glob("*[0-9].json"))) < 2 and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    done = {file: file.stat().st_mtime_ns for file in records.glob("*[0-9].json")}
    assert 2 <= len(done) < 12
    assert not (tmp_path / "ref" / "reference.json").exists()
    again = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert {file: file.stat().st_mtime_ns for file in done} == done
    assert Reference.open(tmp_path / "ref").about["vectors"]["count"] == 600


def test_a_finished_reference_is_left_as_it_is(tmp_path):
    photos = write_photos(tmp_path / "photos", 9)
    first = index([photos], tmp_path / "ref", options())
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "ref").rglob("*.npy")}
    assert index([photos], tmp_path / "ref", options()) == first
    # other demands on the index keep the vectors
    other = index([photos], tmp_path / "ref", options(normalize="l2"))
    assert (other["normalize"], other["digest"] == first["digest"]) == ("l2", False)
    vectors = tmp_path / "ref" / "vectors" / "part-00000.npy"
    assert vectors.stat().st_mtime_ns == times[vectors]


def test_changed_options_are_shown(tmp_path):
    photos = write_photos(tmp_path / "photos", 5)
    index([photos], tmp_path / "ref", options())
    with pytest.raises(ResumeError, match=r"begun with dtype = \"float16\", this run has \"float32\""):
        index([photos], tmp_path / "ref", options(dtype="float32"))
    with pytest.raises(ResumeError, match=r"embedder.identity.version = 1, this run has 2"):
        index([photos], tmp_path / "ref", options(embedder=MeanColours(2)))
    (photos / "more.png").write_bytes(picture(77))
    with pytest.raises(ResumeError, match=r"inputs.0.files = 5, this run has 6"):
        index([photos], tmp_path / "ref", options())
    assert index([photos], tmp_path / "ref", options(overwrite=True))["vectors"]["count"] == 6
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(ResumeError, match="is not empty and no taskpaint reference"):
        index([photos], tmp_path / "mine", options(overwrite=True))
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_a_full_disk_is_one_sentence_and_resumes(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", embeddings(2000))
    how = options(**READY, factory="IVF16,Flat")
    true_fsync, left = os.fsync, [0]

    def fsync(handle):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        true_fsync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    failures = 0
    while not (tmp_path / "ref" / "reference.json").exists():
        left[0] = 3  # files a run; the least that a part takes
        try:
            index([tmp_path / "a.npy"], tmp_path / "ref", how)
        except OutputError as fault:
            failures += 1
            assert "the disk is full; free some space and run the same command again" in str(fault)
        assert failures <= 8
    assert failures >= 4
    assert Reference.open(tmp_path / "ref").about["vectors"]["count"] == 2000
    assert not list((tmp_path / "ref").rglob("*.part"))


def test_a_disk_that_fills_while_faiss_writes(tmp_path):
    """The real thing: /dev/full takes nothing."""
    from taskpaint.filters.reference.training import faiss

    flat = faiss().IndexFlatL2(4)
    flat.add(np.ones((5000, 4), np.float32))
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError, match="No space left"):  # noqa: PTH123
        faiss().write_index(flat, faiss().PyCallbackIOWriter(full.write))


def test_merging_equals_making_at_once(tmp_path):
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", embeddings(700, seed=number))
    files = [tmp_path / f"{number}.npy" for number in range(3)]
    how = options(**READY, wanted=[("paper", 3), ("repo", 1)], factory="IVF16,Flat")
    whole = index(files, tmp_path / "whole", how)
    index(files[:2], tmp_path / "a", how)
    index(files[2:], tmp_path / "b", how)
    both = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "both", how)
    for key in ("digest", "measured", "vectors", "floor", "index"):
        assert both[key] == whole[key]
    with pytest.raises(UsageError, match="is given twice, or copies another"):
        merge([tmp_path / "a", tmp_path / "a"], tmp_path / "c", how)
    with pytest.raises(UsageError, match="takes two references or more"):
        merge([tmp_path / "a"], tmp_path / "c", how)
    np.save(tmp_path / "short.npy", embeddings(50, 8))
    index([tmp_path / "short.npy"], tmp_path / "short", options(**READY))
    with pytest.raises(UsageError, match="do not go together: length of vectors is 16 and 8"):
        merge([tmp_path / "a", tmp_path / "short"], tmp_path / "c", how)


def test_merging_of_what_shares_a_trained_index_trains_nothing(tmp_path, monkeypatch):
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", embeddings(900, seed=number))
    how = options(**READY, factory="IVF16,SQ8")
    first = index([tmp_path / "0.npy"], tmp_path / "a", how)
    second = index([tmp_path / "1.npy"], tmp_path / "b", options(**READY, like=tmp_path / "a"))
    assert first["index"]["trained_sha256"] == second["index"]["trained_sha256"]
    monkeypatch.setattr("taskpaint.engines.index_finish.train", None)  # would be a TypeError
    monkeypatch.setattr("taskpaint.engines.index_finish.Lists", None)
    both = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "both", options(**READY))
    assert both["vectors"]["count"] == 1800
    assert both["index"]["trained_sha256"] == first["index"]["trained_sha256"]
    assert both["measured"][0]["recall"] >= 0.98
    with pytest.raises(UsageError, match="is Flat and has no trained index to share"):
        index([tmp_path / "1.npy"], tmp_path / "flat", options(**READY))
        index([tmp_path / "1.npy"], tmp_path / "c", options(**READY, like=tmp_path / "flat"))


def test_an_index_below_the_floor_is_an_error_and_keeps_vectors(tmp_path):
    np.save(tmp_path / "a.npy", embeddings(4000, 32))
    poor = options(embedder="x", demand=Demand(sample=200, nprobe=1), wanted=[("paper", 100)], factory="IVF64,Flat")
    with pytest.raises(BuildError, match=r"recall 0\.\d+ \(floor 0.98\).*raise --nprobe above 1"):
        index([tmp_path / "a.npy"], tmp_path / "ref", poor)
    assert not (tmp_path / "ref" / "reference.json").exists()
    good = options(embedder="x", demand=Demand(sample=200), factory="IVF64,Flat")
    about = index([tmp_path / "a.npy"], tmp_path / "ref", good)
    assert about["measured"][0]["recall"] >= 0.98


def test_measuring_again_adds_a_form(tmp_path):
    index([write_photos(tmp_path / "photos", 30)], tmp_path / "ref", options())
    about = measure(tmp_path / "ref", options(wanted=[("repo", 1), ("paper", 5)]))
    assert [(one["form"], one["k"]) for one in about["measured"]] == [("paper", 2), ("repo", 1), ("paper", 5)]
    with pytest.raises(UsageError, match="K = 30 is too many for a reference of 30 pictures"):
        measure(tmp_path / "ref", options(wanted=[("paper", 30)]))
    with pytest.raises(UsageError, match="is no finished reference"):
        measure(tmp_path / "photos", options())
