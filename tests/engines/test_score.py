"""Scoring a dataset: what is scored, what is kept, what goes wrong, and what a kill leaves."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from taskpaint.engines.score import ScoreOptions, score
from taskpaint.engines.scoring import choose as choosing
from taskpaint.engines.scoring.catalogue import captions_of, key_of
from taskpaint.engines.scoring.fit import FittedModel, fitting_size
from taskpaint.engines.scoring.store import EmbeddingStore
from taskpaint.filters.embedders.nss import NaturalSceneStatistics
from taskpaint.filters.measures.change import Change
from taskpaint.filters.measures.ssim import Ssim
from taskpaint.filters.scorer import Column, Embedder, EmbeddingScorer
from taskpaint.filters.sidecar import Sidecar
from taskpaint.manifests.errors import (
    BuildError,
    DatasetFolderError,
    FolderBusyError,
    OutputError,
    PluginError,
    UsageError,
)
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.images import decode_rgb
from taskpaint.manifests.triplet import Triplet, triplet_schema
from taskpaint.writers.codecs import encode_jpeg
from taskpaint.writers.shards import write_shard

ROWS = 9
PHOTOGRAPHS = 4
SHARDS = ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001")


def picture(number, size=(72, 56)):
    """A smooth picture with fine noise."""
    draw = np.random.default_rng(number)
    coarse = Image.fromarray(draw.integers(0, 256, (4, 5, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    pixels = np.asarray(coarse).astype(int) + draw.integers(-9, 10, (size[1], size[0], 3))
    return encode_jpeg(np.clip(pixels, 0, 255).astype(np.uint8), 95)


def triplet(shard, row, **changes):
    number = SHARDS.index(shard) * ROWS + row
    given = Triplet(
        id=f"t-{number:04d}",
        input_image=picture(number % PHOTOGRAPHS),
        edited_image=picture(1000 + number),
        edit_prompt=f"Make it {number}.",
        task="edit" if row % 2 else "restoration",
        template_id="t",
        params="{}",
        annotation="{}",
        source_dataset="made-up",
        source_split="all",
        source_id=str(number % PHOTOGRAPHS),
        image_key=f"made-up/{number % PHOTOGRAPHS}",
        license="CC0",
        width=72,
        height=56,
    )
    return replace(given, **changes)


def write_dataset(root, shards):
    """shards: name -> triplets."""
    folder = DatasetFolder(root)
    folder.data.mkdir(parents=True)
    folder.state.mkdir()
    written = {name: write_shard(folder.shard_file(name), rows, 4) for name, rows in shards.items()}
    splits = {}
    for name, file in written.items():
        splits[name.partition("-")[0]] = splits.get(name.partition("-")[0], 0) + file.rows
    listed = [{"name": n, "rows": f.rows, "bytes": f.bytes, "sha256": f.sha256} for n, f in written.items()]
    folder.manifest_file.write_text(json.dumps({"splits": splits, "shards": listed}))
    return root


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "out", {name: [triplet(name, row) for row in range(ROWS)] for name in SHARDS})


def damage(root, shard, edit):
    """Rewrite a shard with its rows edited."""
    file = DatasetFolder(root).shard_file(shard)
    rows = pq.read_table(file).to_pylist()
    edit(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=triplet_schema()), file, row_group_size=4)
    manifest = json.loads(DatasetFolder(root).manifest_file.read_text())
    manifest["shards"] = [entry for entry in manifest["shards"] if entry["name"] != shard]
    DatasetFolder(root).manifest_file.write_text(json.dumps(manifest))


class Quiet:
    """Takes note of what it is told."""

    def __init__(self):
        self.stages, self.advanced, self.said = {}, {}, []

    def stage(self, what, total, unit):
        self.what = what
        self.stages[what] = self.stages.get(what, 0) + total

    def advance(self, count):
        self.advanced[self.what] = self.advanced.get(self.what, 0) + count

    def say(self, text):
        self.said.append(text)


def run(root, *scores, watch=None, **options):
    return score(root, ScoreOptions(scores, workers=options.pop("workers", 1), **options), watch or Quiet())


def rows_of(root):
    """All stored scores by id."""
    sidecar = Sidecar(root)
    return {row["id"]: row for shard in sidecar.shards() for row in sidecar.read(shard).to_pylist()}


def data_rows(root):
    return [row for shard in SHARDS for row in pq.read_table(DatasetFolder(root).shard_file(shard)).to_pylist()]


class Colours(Embedder):
    """Test double for a model: mean colour of a picture, length of a text. Runs anywhere, and counts what it does."""

    dim, has_text = 3, True

    def __init__(self, log=None, name="colours", stop_after=None, faulty=None):
        self.name, self.log, self.stop_after, self.faulty = name, log, stop_after, faulty
        self.identity = {"name": name}

    def prepare(self, image):
        return image.reshape(-1, 3).mean(axis=0).astype(np.float32)

    def open(self, device):
        def embed(prepared):
            if self.log is not None:
                with Path(self.log).open("a") as opened:
                    opened.write(f"{device} {len(prepared)}\n")
            found = np.array(prepared)
            if self.faulty is not None:
                found[np.abs(found - self.faulty).max(axis=1) < 1e-3] = np.nan
            return found

        return embed

    def open_text(self, device):
        return lambda texts: np.array([[len(text), 1, 0] for text in texts], np.float32)


@dataclass
class Means(EmbeddingScorer):
    """A scorer whose scores say whose vectors it got."""

    version: int = 1
    name = "means"
    needs_captions = True

    def __post_init__(self):
        self.identity = {"version": self.version}

    @property
    def columns(self):
        return (
            Column("source_red", "source", "higher", "red"),
            Column("target_red", "target", "higher", "red"),
            Column("caption_length", "pair", "", "characters"),
        )

    def score(self, pairs):
        captions = pairs.target_caption
        nothing = np.full(len(pairs.source), np.nan)
        assert all(len(key) == 16 for key in [*pairs.source_key, *pairs.target_key])
        return {
            "source_red": pairs.source[:, 0].astype(float),
            "target_red": pairs.target[:, 0].astype(float),
            "caption_length": nothing if captions is None else captions[:, 0].astype(float),
        }


@pytest.fixture
def plug_in(monkeypatch):
    """Makes "means" a scorer, of the embedder given."""

    def plugged(embedder=None, scorer=Means):
        embedder = embedder or Colours()
        real = choosing.make_scorer
        monkeypatch.setattr(choosing, "make_embedder", lambda name, *_, **__: embedder)
        monkeypatch.setattr(
            choosing, "make_scorer", lambda name, options: scorer(**options) if name == "means" else real(name, options)
        )
        monkeypatch.setattr(choosing, "expand", list)

    return plugged


def red(data):
    return float(decode_rgb(data)[:, :, 0].mean())


def test_everything_that_needs_no_weights(dataset, monkeypatch):
    monkeypatch.setattr(
        choosing, "make_embedder", lambda name, *_, **__: _no_weights() if name != "nss" else NaturalSceneStatistics()
    )
    watch = Quiet()
    report = run(dataset, watch=watch)
    assert any("scores that need CLIP were left out: no weights here" in said for said in watch.said)
    assert report.rows == {"train": 18, "validation": 9} and report.rejects == 0
    assert {"ssim", "change", "nss_distance", "duplicates", "perceptual_hash"} <= set(report.scorers)
    assert all(entry["scored"] == 3 and not entry["caution"] for entry in report.scorers.values())
    found = rows_of(dataset)
    embedder = NaturalSceneStatistics()
    for row in data_rows(dataset):
        source, target = (decode_rgb(row[name]["bytes"]) for name in ("input_image", "edited_image"))
        scores = found[row["id"]]
        assert scores["task"] == row["task"]
        for measure in (Ssim(), Change()):
            for name, value in measure.measure(source, target).items():
                assert scores[name] == value
        distance = np.linalg.norm(embedder.prepare(target).astype(float) - embedder.prepare(source))
        assert scores["nss_distance"] == pytest.approx(distance, rel=1e-6)
        assert scores["source_twins"] == 0  # every photograph is in every split, none looks like another
        assert scores["leak"] == float(row["id"] < "t-0018")
    for shard in SHARDS:
        assert Sidecar(dataset).read(shard).column("id").to_pylist() == [
            row["id"] for row in pq.read_table(DatasetFolder(dataset).shard_file(shard)).to_pylist()
        ]


def _no_weights():
    raise UsageError("no weights here")


def test_a_picture_is_embedded_once(dataset, plug_in, tmp_path):
    plug_in(Colours(tmp_path / "log"))
    watch = Quiet()
    report = run(dataset, "means", watch=watch, batch_size=5)
    assert report.embedded == {"colours": PHOTOGRAPHS + 3 * ROWS}
    assert watch.stages["embedding by colours"] == watch.advanced["embedding by colours"] == 31
    assert (tmp_path / "log").read_text().split() == ["cpu", "5"] * 6 + ["cpu", "1"]
    found = rows_of(dataset)
    for row in data_rows(dataset):
        assert found[row["id"]]["source_red"] == pytest.approx(red(row["input_image"]["bytes"]), abs=1e-4)
        assert found[row["id"]]["target_red"] == pytest.approx(red(row["edited_image"]["bytes"]), abs=1e-4)


def files_of(root):
    return {file.name: file.read_bytes() for file in (root / "scores").iterdir() if file.is_file()}


@pytest.mark.parametrize("options", [{"workers": 2}, {"devices": ("cpu", "cpu")}, {"batch_size": 1}])
def test_the_same_bytes_whatever_does_the_work(dataset, plug_in, tmp_path, options):
    plug_in()
    shutil.copytree(dataset, tmp_path / "again")
    run(dataset, "means", "ssim")
    run(tmp_path / "again", "means", "ssim", **options)
    assert files_of(dataset) == files_of(tmp_path / "again")


def test_a_second_run_makes_nothing(dataset, plug_in):
    plug_in()
    run(dataset, "means", "ssim")
    before = {file: file.stat().st_mtime_ns for file in (dataset / "scores").glob("*.parquet")}
    report = run(dataset, "means", "ssim")
    assert report.embedded == {} and all(entry["scored"] == 0 for entry in report.scorers.values())
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert not (dataset / ".taskpaint/scores").exists()


def test_another_scorer_is_added_to_those_that_are_there(dataset, plug_in):
    plug_in()
    run(dataset, "ssim")
    alone = rows_of(dataset)
    report = run(dataset, "means")
    assert {key: (entry["scored"], entry["kept"]) for key, entry in report.scorers.items()} == {
        "ssim": (0, 3),
        "means": (3, 0),
    }
    for name, row in rows_of(dataset).items():
        assert {key: row[key] for key in alone[name]} == alone[name] and "source_red" in row


def test_scores_without_bookkeeping_are_kept(dataset, plug_in):
    """A dataset that was copied, or made by a cut, has scores but nothing under .taskpaint."""
    plug_in()
    run(dataset, "ssim", "means")
    before = rows_of(dataset)
    shutil.rmtree(dataset / ".taskpaint")
    report = run(dataset, "change")
    assert {key: entry["scored"] for key, entry in report.scorers.items()} == {"ssim": 0, "means": 0, "change": 3}
    for name, row in rows_of(dataset).items():
        assert {key: row[key] for key in before[name]} == pytest.approx(before[name], nan_ok=True)


def test_a_scorer_of_another_identity_replaces_its_scores(dataset, plug_in):
    plug_in()
    run(dataset, "means", "ssim")
    plug_in(scorer=lambda: Means(version=2))
    report = run(dataset, "means")
    assert report.scorers["means"]["scored"] == 3 and report.embedded == {}
    assert Sidecar(dataset).scorers()["means"] == {"version": 2, "embedder": {"name": "colours"}}


def test_a_shard_that_changed_is_scored_again_and_only_that(dataset, plug_in):
    plug_in()
    run(dataset, "means", "ssim")
    before = rows_of(dataset)
    new = picture(777)

    def edit(rows):
        rows[2]["edited_image"]["bytes"] = new

    damage(dataset, SHARDS[1], edit)
    report = run(dataset, "means")
    assert report.scorers["means"] == {**report.scorers["means"], "scored": 1, "kept": 2}
    assert report.embedded == {"colours": 1}
    assert report.outdated == ["ssim"]
    found = rows_of(dataset)
    assert found["t-0011"]["target_red"] == pytest.approx(red(new), abs=1e-4)
    assert all("ssim" not in row for row in found.values())
    same = [name for name in found if name != "t-0011"]
    assert [found[name]["target_red"] for name in same] == [before[name]["target_red"] for name in same]
    assert run(dataset, "ssim").scorers["ssim"]["scored"] == 3


def test_a_corrupt_picture_is_one_row(dataset, plug_in):
    plug_in()
    bad = [picture(5)[:900], None, b"no picture"]

    def edit(rows):
        rows[1]["edited_image"]["bytes"], rows[4]["edited_image"]["bytes"], rows[7]["input_image"]["bytes"] = bad

    damage(dataset, SHARDS[0], edit)
    report = run(dataset, "means", "ssim", workers=2)
    found = rows_of(dataset)
    assert len(found) == 3 * ROWS
    lines = [json.loads(line) for line in report.rejects_file.read_text().splitlines()]
    assert [(line["id"], line["row"], line["side"], line["scorers"]) for line in lines] == [
        ("t-0001", 1, "target", ["means", "ssim"]),
        ("t-0004", 4, "target", ["means", "ssim"]),
        ("t-0007", 7, "source", ["means", "ssim"]),
    ]
    assert report.rejects == 3
    assert "truncated" in lines[0]["reason"] and "empty" in lines[1]["reason"] and "not an image" in lines[2]["reason"]
    for name, row in found.items():
        missing = {key for key in ("ssim", "source_red", "target_red") if np.isnan(row[key])}
        broken = {"t-0001": {"ssim", "target_red"}, "t-0004": {"ssim", "target_red"}, "t-0007": {"ssim", "source_red"}}
        assert missing == broken.get(name, set())
    again = run(dataset, "change")
    kept = [json.loads(line) for line in again.rejects_file.read_text().splitlines()]
    assert [line["scorers"] for line in kept] == [["change", "means", "ssim"]] * 3


def test_an_embedding_that_is_not_finite(dataset, plug_in):
    mean = decode_rgb(picture(1)).reshape(-1, 3).mean(axis=0).astype(np.float32)
    plug_in(Colours(faulty=mean))
    report = run(dataset, "means")
    bad = [row["id"] for row in data_rows(dataset) if row["source_id"] == "1"]
    lines = [json.loads(line) for line in report.rejects_file.read_text().splitlines()]
    assert [line["id"] for line in lines] == bad
    assert {(line["side"], line["reason"]) for line in lines} == {("source", "the embedding is not finite")}
    found = rows_of(dataset)
    assert [name for name, row in found.items() if np.isnan(row["source_red"])] == bad
    assert not any(np.isnan(row["target_red"]) for row in found.values())


def test_captions_of_the_rows(tmp_path, plug_in):
    plug_in()
    texts = ['{"source_caption": "a", "target_caption": "a red house"}', "{}", '{"target_caption": "four"}']
    rows = [triplet(SHARDS[0], n, annotation=text) for n, text in enumerate(texts)]
    root = write_dataset(tmp_path / "out", {SHARDS[0]: rows, SHARDS[2]: []})
    run(root, "means")
    np.testing.assert_equal([row["caption_length"] for row in rows_of(root).values()], [11, np.nan, 4])


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ('{"source_caption": "a", "target_caption": "b"}', ("a", "b")),
        ('{"target_caption": "b", "source_caption": " "}', (None, "b")),
        ('{"target_caption": 3}', (None, None)),
        ('["target_caption"]', (None, None)),
        ('{"target_caption": "b"', (None, None)),
        ("{}", (None, None)),
        (None, (None, None)),
    ],
)
def test_captions_of_an_annotation(annotation, expected):
    assert captions_of(annotation) == expected


def test_empty_shards_and_an_empty_split(tmp_path, plug_in):
    plug_in()
    root = write_dataset(tmp_path / "out", {SHARDS[0]: [], SHARDS[2]: []})
    report = run(root, "means", "ssim", "duplicates", keep_embeddings="float16")
    assert report.rows == {"train": 0, "validation": 0} and report.rejects == 0
    assert Sidecar(root).read(SHARDS[0]).num_rows == 0
    assert Sidecar(root).read(SHARDS[0]).column_names[:4] == ["id", "task", "ssim", "source_phash_high"]


class _Stop(Quiet):
    """Presses Ctrl-C at the given stage, after so many advances."""

    def __init__(self, what, after):
        super().__init__()
        self.where, self.left = what, after

    def advance(self, count):
        super().advance(count)
        if self.what == self.where:
            self.left -= 1
            if self.left <= 0:
                raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("stage", "after", "embedded"),
    [("embedding by colours", 2, 27), ("measuring", 2, 31), ("scoring by colours", 1, 0)],
)
def test_stopped_and_resumed(dataset, plug_in, tmp_path, stage, after, embedded):
    plug_in()
    shutil.copytree(dataset, tmp_path / "whole")
    run(tmp_path / "whole", "means", "ssim")
    with pytest.raises(KeyboardInterrupt):
        run(dataset, "means", "ssim", batch_size=2, watch=_Stop(stage, after))
    assert not Sidecar(dataset).exists
    report = run(dataset, "means", "ssim", batch_size=2)
    assert report.embedded.get("colours", 0) == embedded
    assert files_of(dataset) == files_of(tmp_path / "whole")


@pytest.mark.parametrize("steps", range(1, 9))
def test_killed_while_joining(dataset, plug_in, monkeypatch, steps):
    """At every file that the join writes: what can be read is true, and a second run ends it."""
    plug_in()
    run(dataset, "means", "ssim")
    before = rows_of(dataset)
    plug_in(Colours(name="other"), lambda: Means(version=2))
    left = steps
    real = os.fsync

    def fsync(handle):
        nonlocal left
        if (dataset / ".taskpaint/scores/means" / f"{SHARDS[2]}.parquet").exists():
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(KeyboardInterrupt):
        run(dataset, "means")
        raise KeyboardInterrupt  # it was done before
    monkeypatch.setattr(os, "fsync", real)
    sidecar = Sidecar(dataset)
    if "means" in sidecar.records() and sidecar.scorers()["means"]["version"] == 1:
        assert rows_of(dataset) == pytest.approx(before)
    assert [row["ssim"] for row in rows_of(dataset).values()] == [row["ssim"] for row in before.values()]
    run(dataset, "means")
    assert sidecar.folder.joinpath("scores.json").is_file()
    assert Sidecar(dataset).scorers()["means"]["version"] == 2
    assert len(rows_of(dataset)) == 3 * ROWS


def test_killed_for_good_and_resumed(dataset, tmp_path):
    """kill -9 from outside, in the middle of the work of the real command."""
    shutil.copytree(dataset, tmp_path / "whole")
    command = [sys.executable, "-m", "taskpaint.cli", "score", "-q", "--scores", "pixels,nss_distance", "-w", "2"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, timeout=240)
    running = subprocess.Popen([*command, str(dataset)])
    parts = dataset / ".taskpaint/scores"
    deadline = time.monotonic() + 120
    while not list(parts.glob("*/*.parquet")) and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait(30)
    subprocess.run([*command, str(dataset)], check=True, timeout=240)
    assert files_of(dataset) == files_of(tmp_path / "whole")


@pytest.mark.parametrize("step", range(8))
def test_a_full_disk_at_any_step(dataset, plug_in, monkeypatch, step):
    plug_in()
    real, left = os.fsync, step

    def fsync(handle):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OutputError, match="the disk is full; free some space"):
        run(dataset, "means", "ssim")
    monkeypatch.setattr(os, "fsync", real)
    run(dataset, "means", "ssim")
    assert len(rows_of(dataset)) == 3 * ROWS
    assert not list(dataset.rglob("*.part"))


def test_memory_that_runs_out_halves_the_batch():
    """A test double of a model on an accelerator with room for 5 pictures; it raises torch's own error."""
    torch = pytest.importorskip("torch")
    seen = []

    def small_memory(stack):
        seen.append(len(stack))
        if len(stack) > 5:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return np.asarray(stack, np.float32) * 2

    model = FittedModel(small_memory, "cpu", 16)
    stack = np.arange(36, dtype=np.float32).reshape(18, 2)
    np.testing.assert_array_equal(model(stack), stack * 2)
    assert seen == [16, 8, 4, 4, 4, 4, 2]
    seen.clear()
    np.testing.assert_array_equal(model(stack[:9]), stack[:9] * 2)
    assert seen == [4, 4, 1]


@pytest.mark.parametrize("fault", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_memory_that_holds_not_even_one(fault):
    def no_memory(stack):
        raise fault

    with pytest.raises(BuildError, match="cpu has too little memory for this embedder, even one picture"):
        FittedModel(no_memory, "cpu", 4)(np.zeros((4, 2)))


def test_other_errors_are_not_taken_for_memory():
    def broken(stack):
        raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        FittedModel(broken, "cpu", 4)(np.zeros((4, 2)))


def test_memory_that_runs_out_loses_nothing(dataset, plug_in, monkeypatch):
    class Narrow(Colours):
        def open(self, device):
            def embed(prepared):
                if len(prepared) > 3:
                    raise MemoryError
                return np.array(prepared)

            return embed

    plug_in(Narrow())
    assert run(dataset, "means", batch_size=16).embedded == {"colours": 31}
    found = rows_of(dataset)
    for row in data_rows(dataset):
        assert found[row["id"]]["target_red"] == pytest.approx(red(row["edited_image"]["bytes"]), abs=1e-4)


def test_a_size_on_a_cpu():
    assert fitting_size(lambda stack: stack, np.zeros(3), "cpu") == 16


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_embeddings_beside_the_scores(dataset, plug_in, dtype):
    plug_in()
    run(dataset, "means", keep_embeddings=dtype)
    folder = next((dataset / "scores/embeddings").iterdir())
    assert folder.name.startswith("colours-")
    for shard in SHARDS:
        table = pq.read_table(folder / f"{shard}.parquet")
        assert table.schema.field("embedding").type == pa.list_(getattr(pa, dtype)(), 3)
        stored = dict(zip(table.column("key").to_pylist(), table.column("embedding").to_pylist(), strict=True))
        rows = pq.read_table(DatasetFolder(dataset).shard_file(shard)).to_pylist()
        data = [row[name]["bytes"] for row in rows for name in ("input_image", "edited_image")]
        assert set(stored) == {key_of(one) for one in data}
        for one in data:
            assert stored[key_of(one)][0] == pytest.approx(red(one), rel=1e-3 if dtype == "float16" else 1e-6)


def test_embeddings_that_float16_cannot_hold(dataset, plug_in):
    class Far(Colours):
        def open(self, device):
            return lambda prepared: np.array(prepared) * 1e6

    plug_in(Far())
    with pytest.raises(OutputError, match="float16 cannot hold the embeddings of train-00000"):
        run(dataset, "means", keep_embeddings="float16")


def test_near_duplicates_by_embedding(tmp_path, plug_in):
    """Two photographs of one colour in one split, one of them in the other split as well."""
    plug_in()
    look, other = picture(3), picture(1)
    rows = [triplet(SHARDS[0], n, input_image=look, image_key=f"p/{n}") for n in range(2)]
    rows.append(triplet(SHARDS[0], 2, input_image=other, image_key="p/2"))
    root = write_dataset(
        tmp_path / "out",
        {SHARDS[0]: rows, SHARDS[2]: [triplet(SHARDS[2], 0, input_image=look, image_key="p/1")]},
    )
    run(root, "embedding_duplicates", settings={"embedding_duplicates": {"cosine": "0.9999"}})
    found = rows_of(root)
    assert [row["source_embedding_twins"] for row in found.values()] == [1, 1, 0, 0]
    assert [row["cross_split_embedding_twins"] for row in found.values()] == [1, 1, 0, 2]
    assert [row["leak_by_embedding"] for row in found.values()] == [1, 1, 0, 0]


@dataclass
class _Wrong(Means):
    kind: str = ""

    def score(self, pairs):
        found = super().score(pairs)
        if self.kind == "names":
            found["red"] = found.pop("source_red")
        else:
            found["source_red"] = found["source_red"][:-1]
        return found


@pytest.mark.parametrize(("kind", "message"), [("names", "scorer means gave .*red"), ("lengths", "of shape")])
def test_a_scorer_that_does_not_keep_its_word(dataset, plug_in, kind, message):
    plug_in(scorer=lambda: _Wrong(kind=kind))
    with pytest.raises(PluginError, match=message):
        run(dataset, "means")


class _Ssim(Means):
    @property
    def columns(self):
        return (Column("ssim", "pair", "", "not the real one"),)


def test_two_scorers_with_one_column(dataset, plug_in):
    plug_in(scorer=_Ssim)
    with pytest.raises(UsageError, match="ssim and means both make a column 'ssim'; give one of them a label"):
        run(dataset, "ssim", "means")
    run(dataset, "ssim")
    with pytest.raises(UsageError, match="ssim and means both make a column 'ssim'"):
        run(dataset, "means")


def test_no_dataset(tmp_path):
    with pytest.raises(DatasetFolderError, match="holds no data"):
        run(tmp_path, "ssim")


def test_a_shard_that_cannot_be_read(dataset):
    DatasetFolder(dataset).shard_file(SHARDS[1]).write_bytes(b"PAR1 but no more")
    with pytest.raises(DatasetFolderError, match=r"train-00001-of-00002\.parquet cannot be read .*; build the dataset"):
        run(dataset, "ssim")


def test_a_folder_that_another_run_holds(dataset):
    with DatasetFolder(dataset).lock(), pytest.raises(FolderBusyError, match="another taskpaint run"):
        run(dataset, "ssim")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scores": ("ssimm",)}, "no scorer is called 'ssimm'; did you mean 'ssim'"),
        ({"scores": ("aesthetics",)}, "scorer aesthetics needs head"),
        ({"scores": ("ssim",), "settings": {"giqa": {"k": "3"}}}, "options were given for giqa, which is not among"),
        ({"scores": ("ssim",), "settings": {"ssim": {"k": "3"}}}, "scorer ssim has no option 'k'; it takes none"),
        ({"scores": ("duplicates",), "settings": {"duplicates": {"distance": "x"}}}, "duplicates.distance is 'x'"),
        ({"scores": ("nss_distance:a",)}, "has no option 'label'"),
        ({"devices": ("cuda:77",)}, "there is no device 'cuda:77'; there are: auto, cpu"),
        ({"embedder": "nonsense/none", "scores": ("clip_similarity",)}, "is neither 'nss' nor MODEL/PRETRAINED"),
    ],
)
def test_wrong_options(dataset, options, message):
    with pytest.raises(UsageError, match=message):
        score(dataset, ScoreOptions(workers=1, **options), Quiet())
    assert not (dataset / "scores").exists()


def test_a_real_model_end_to_end(dataset, tmp_path):
    """A small real architecture with random weights, a head, a caution, and similarity of a picture with itself."""
    torch = pytest.importorskip("torch")
    head = tmp_path / "head.pth"
    torch.save({"weight": torch.ones(1, 256), "bias": torch.zeros(1)}, head)

    def edit(rows):
        rows[3]["edited_image"] = rows[3]["input_image"]

    damage(dataset, SHARDS[0], edit)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    report = run(
        dataset,
        "aesthetics",
        "clip_similarity",
        settings={"aesthetics": {"head": head}},
        embedder="ViT-S-32-alt/random:0",
        devices=("cpu",),
    )
    torch.set_num_threads(before)
    assert "random weights" in report.scorers["aesthetics"]["caution"]
    assert set(Sidecar(dataset).cautions()) == set(Sidecar(dataset).read(SHARDS[0]).column_names[2:])
    found = rows_of(dataset)
    assert found["t-0003"]["image_similarity"] == pytest.approx(1, abs=1e-6)
    assert found["t-0003"]["aesthetics_gap"] == 0
    assert all(-1 <= row["image_similarity"] < 1 for name, row in found.items() if name != "t-0003")


def keys_of(*numbers):
    return np.array([key_of(bytes([number])) for number in numbers], "S16")


def test_the_store_finds_what_was_added(tmp_path):
    store = EmbeddingStore(tmp_path / "store", 2)
    assert store.missing(keys_of(1, 2)).tolist() == [True, True]
    store.add([key_of(b"\1"), key_of(b"\2")], np.array([[1, 2], [3, 4]], np.float32))
    store.flush()
    store.add_failed([(key_of(b"\3"), "broken")])
    store.flush()
    for found in (store, EmbeddingStore(tmp_path / "store", 2)):
        assert found.missing(keys_of(1, 4, 3, 2)).tolist() == [False, True, False, False]
        np.testing.assert_array_equal(found.gather(keys_of(3, 2, 1, 2)), [[np.nan] * 2, [3, 4], [1, 2], [3, 4]])
        assert found.reasons == {key_of(b"\3"): "broken"}


def test_keys_that_end_in_zeros(tmp_path):
    """NumPy's strings drop zeros at their end; such a key is as good as any."""
    store = EmbeddingStore(tmp_path / "store", 1)
    keys = [bytes(15) + b"\1", b"\1" + bytes(15), bytes(16)]
    store.add(keys, np.array([[1], [2], [3]], np.float32))
    store.add_failed([(b"\2" + bytes(15), "broken")])
    store.flush()
    np.testing.assert_array_equal(store.gather(np.array(keys, "S16"))[:, 0], [1, 2, 3])
    assert list(EmbeddingStore(tmp_path / "store", 1).reasons) == [b"\2" + bytes(15)]


def test_vectors_whose_keys_were_never_written_do_not_count(tmp_path):
    store = EmbeddingStore(tmp_path / "store", 2)
    store.add([key_of(b"\1")], np.ones((1, 2), np.float32))
    store.flush()
    np.save(tmp_path / "store" / "000001.npy", np.zeros((7, 2), np.float32))
    (tmp_path / "store" / ".000002.npy.part").write_bytes(b"half")
    again = EmbeddingStore(tmp_path / "store", 2)
    assert again.missing(keys_of(1, 2)).tolist() == [False, True]
    again.add([key_of(b"\2")], np.full((1, 2), 5, np.float32))
    again.flush()
    np.testing.assert_array_equal(EmbeddingStore(tmp_path / "store", 2).gather(keys_of(2, 1)), [[5, 5], [1, 1]])
    assert not list((tmp_path / "store").glob(".*"))
