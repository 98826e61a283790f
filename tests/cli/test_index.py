"""taskpaint index as a user meets it: real processes, exit codes, messages."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image


def taskpaint(*arguments, **environment):
    command = [sys.executable, "-m", "taskpaint.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(14):
        noise = np.random.default_rng(seed).integers(40, 215, (9, 9, 3)).astype(np.uint8)
        picture = Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC)
        picture.save(folder / f"{seed}.jpg", quality=95)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


@pytest.fixture
def embeddings(tmp_path):
    file = tmp_path / "img_emb_0.npy"
    np.save(file, np.random.default_rng(0).normal(size=(400, 8)).astype(np.float16))
    return file


def test_pictures_become_a_reference(photos, tmp_path):
    done = taskpaint("index", photos, "-o", tmp_path / "ref", "--embedder", "nss", "--k", 3, "--form", "repo")
    assert done.returncode == 0, done.stderr
    assert "repo" in done.stdout
    assert "1.0000" in done.stdout
    assert "14 vectors of 36 float16, Flat" in done.stderr
    assert "1 items gave no vector" in done.stderr


def test_the_long_form_and_json(embeddings, tmp_path):
    done = taskpaint("index", "build", embeddings, "-o", tmp_path / "ref", "--json", "--memory", "1GB")
    assert done.returncode == 0, done.stderr
    about = json.loads(done.stdout)
    assert about["embedder"]["name"] == "ViT-L-14-quickgelu/openai"
    assert [(one["form"], one["k"]) for one in about["measured"]] == [("paper", 10), ("l2", 10), ("repo", 1)]
    assert about == json.loads((tmp_path / "ref" / "reference.json").read_text())


def test_quiet_says_nothing(embeddings, tmp_path):
    done = taskpaint("index", embeddings, "-o", tmp_path / "ref", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_options_come_from_the_environment(embeddings, tmp_path):
    done = taskpaint("index", embeddings, "-o", tmp_path / "ref", "--json", TASKPAINT_INDEX_BUILD_NORMALIZE="none")
    assert json.loads(done.stdout)["normalize"] == "none"


def test_merge_and_measure(embeddings, tmp_path):
    other = tmp_path / "img_emb_1.npy"
    np.save(other, np.random.default_rng(1).normal(size=(300, 8)).astype(np.float16))
    for file, name in ((embeddings, "a"), (other, "b")):
        assert taskpaint("index", file, "-o", tmp_path / name, "-q").returncode == 0
    done = taskpaint("index", "merge", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "c", "--json")
    assert json.loads(done.stdout)["vectors"]["count"] == 700
    done = taskpaint("index", "measure", tmp_path / "c", "--form", "paper", "--k", 25, "--json")
    assert json.loads(done.stdout)["measured"][-1]["k"] == 25


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["index", "nowhere", "-o", "ref"], 2, "nowhere does not exist; give a folder of pictures, or Parquet, tar or"),
        (["index", "img_emb_0.npy"], 2, "Missing option"),
        (["index", "img_emb_0.npy", "-o", "ref", "--memory", "lots"], 2, "'lots' is no size such as 40GB"),
        (["index", "img_emb_0.npy", "-o", "ref", "--form", "l1"], 2, "no form of KNN-GIQA is called 'l1'"),
        (["index", "img_emb_0.npy", "-o", "ref", "--k", "400"], 2, "K = 400 is too many for a reference of 400"),
        (["index", "img_emb_0.npy", "-o", "ref", "--factory", "HNSW32"], 2, "neither Flat nor of the form"),
        (["index", "img_emb_0.npy", "-o", "ref", "--factory", "IVF64,Flat"], 2, "needs 1,920 vectors to train on"),
        (["index", "img_emb_0.npy", "-o", "ref", "--factory", "IVF8,PQ3"], 2, "FAISS does not take 'IVF8,PQ3'"),
        (["index", "img_emb_0.npy", "-o", "ref", "--like", "nowhere"], 2, "nowhere is no finished reference"),
        (["index", "merge", "img_emb_0.npy", "-o", "ref"], 2, "is no finished reference"),
        (["index", "measure", "nowhere"], 2, "nowhere is no finished reference"),
        (["index", "img_emb_0.npy", "-o", "/proc/ref"], 1, "cannot be written"),
        (
            ["index", "img_emb_0.npy", "-o", "ref", "--factory", "IVF8,Flat", "--nprobe", "1", "--k", "50"],
            1,
            "raise --nprobe above 1",
        ),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_mistakes_are_one_sentence(embeddings, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    done = taskpaint(*arguments)
    assert done.returncode == code, done.stderr
    told = " ".join(done.stderr.replace("│", " ").split())
    assert message in told
    assert "Traceback" not in told
    assert not (tmp_path / "ref" / "reference.json").exists()
    assert not (tmp_path / "nowhere").exists()


def test_a_dataset_is_scored_against_its_own_photographs(tiny_coco, tmp_path):
    """From end to end: each source is in the reference and must not be compared with itself."""
    out, ref = tmp_path / "out", tmp_path / "ref"
    source = f"coco:train2017={tiny_coco}"
    done = taskpaint("build", "--source", source, "--task", "segmentation", "-o", out, "-q", "--workers", 1)
    assert done.returncode == 0, done.stderr
    done = taskpaint("index", tiny_coco / "train2017", "-o", ref, "--embedder", "nss", "--k", 2, "-q")
    assert done.returncode == 0, done.stderr
    done = taskpaint("score", out, "--scores", "giqa", "--reference", ref, "-q")
    assert done.returncode == 0, done.stderr
    scores = pd.concat(pd.read_parquet(file) for file in sorted((out / "scores").glob("*.parquet")))
    vectors = np.load(ref / "vectors" / "part-00000.npy").astype(np.float64)
    squares = np.sort(((vectors[:, None] - vectors) ** 2).sum(axis=2), axis=1)[:, 1:3]  # without itself
    expected = np.sort(np.mean(1 / squares, axis=1))
    np.testing.assert_allclose(np.sort(scores["source_giqa"]), expected, rtol=5e-3)  # stored in float16
    assert scores["source_giqa_quantile"].between(0, 1).all()
    wrong = taskpaint("score", out, "--scores", "giqa", "--reference", tmp_path / "nowhere")
    assert wrong.returncode == 2
    assert "nowhere is no finished reference" in wrong.stderr
