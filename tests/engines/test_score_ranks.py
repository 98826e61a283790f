"""Ranks score their shares of one dataset; joined, the scores are those of one run."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from engine_tests import PIXEL_SCORES, Deaf, contents
from taskpaint.engines.score import ScoreOptions, score
from taskpaint.engines.score_ranks import join_scores, score_share
from taskpaint.engines.scoring import prepare
from taskpaint.engines.scoring.agreed import Agreed
from taskpaint.engines.scoring.store import EmbeddingStore
from taskpaint.engines.status import status
from taskpaint.filters.sidecar import Sidecar
from taskpaint.manifests.errors import BuildError, DatasetFolderError, FolderBusyError, ResumeError, UsageError
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.heartbeats import heartbeat
from taskpaint.manifests.share import Share, shared

HOW = ScoreOptions(PIXEL_SCORES, workers=1)


@pytest.fixture
def dataset(six_shards):
    return six_shards


def names_of(root):
    return [shard["name"] for shard in DatasetFolder(root).manifest()["shards"]]


def vectors(root):
    """How many times each picture was embedded."""
    keys = [np.load(file) for file in (root / ".taskpaint/embeddings").glob("*/pictures/*.keys.npy")]
    return np.unique(np.concatenate(keys), return_counts=True)[1]


@pytest.mark.parametrize("ranks", [1, 3, 9])
def test_joined_ranks_are_what_one_run_writes(dataset, scored, ranks):
    for rank in random.Random(ranks).sample(range(ranks), ranks):
        report = score_share(dataset, HOW, Share(rank, ranks), Deaf())
        assert report.shards == len(range(rank, 6, ranks)) and report.resumed_shards == 0
        assert not (dataset / "scores").exists()
    assert report.missing_shards == 0
    found = status(dataset)
    assert (found.stage, found.state, found.shards["done"]) == ("score", "complete", 6)
    assert (vectors(dataset) == 1).all() and len(vectors(dataset)) == 36
    joined = join_scores(dataset, Deaf())
    assert contents(dataset) == contents(scored)
    assert {key: entry["scored"] for key, entry in joined.scorers.items()} == dict.fromkeys(joined.scorers, 6)
    assert joined.rows == {"train": 24} and status(dataset).stage == "build" and status(dataset).state == "finished"
    assert not (dataset / ".taskpaint" / "scoring").exists() and not (dataset / ".taskpaint" / "scores").exists()
    again = score(dataset, HOW, Deaf())
    assert again.embedded == {} and all(entry["scored"] == 0 for entry in again.scorers.values())


def test_joining_needs_the_folder_alone(dataset, scored, tmp_path):
    for rank in range(2):
        score_share(dataset, HOW, Share(rank, 2), Deaf())
    shutil.copytree(dataset, tmp_path / "moved", copy_function=shutil.copy2)
    join_scores(tmp_path / "moved", Deaf())
    assert contents(tmp_path / "moved") == contents(scored)


def test_what_is_missing_is_named_with_the_command(dataset, scored):
    names, command = names_of(dataset), "taskpaint score out --scores resolution"
    for rank in (0, 2):
        report = score_share(dataset, HOW, Share(rank, 4), Deaf(), command)
    assert report.missing_shards == 3  # of six shards, 1 and 5 are of rank 1, 3 of rank 3
    found = status(dataset)
    assert (found.stage, found.state) == ("score", "stopped")
    assert found.shards == {"planned": 6, "done": 3, "running": 0, "failed": 0, "lost": 0, "waiting": 3}
    assert found.units == {"planned": 24, "done": 12} and found.rows == 12
    with heartbeat(DatasetFolder(dataset), "rank-1", 2):
        begun = status(dataset)
        assert (begun.state, begun.shards["running"], begun.shards["waiting"]) == ("running", 2, 1)
        assert [(one.name, one.pid) for one in begun.running] == [("rank-1", os.getpid())]
        assert status(dataset, time.time() + 300).shards["lost"] == 2
    (dataset / ".taskpaint/running/rank-1.json").unlink()
    said = rf"^3 of 6 shards are missing: {names[1]}, {names[3]}, {names[5]}; run ranks 1, 3 of 4 again: {command} "
    with pytest.raises(BuildError, match=rf"{said}--rank 1 --world-size 4$"):
        join_scores(dataset, Deaf())
    score_share(dataset, HOW, Share(1, 4), Deaf(), command)
    with pytest.raises(BuildError, match=rf"1 of 6 .*: {names[3]}; run rank 3 of 4 again: {command} --rank 3 --world"):
        join_scores(dataset, Deaf())
    assert not (dataset / "scores").exists()
    score_share(dataset, HOW, Share(3, 4), Deaf(), command)
    (dataset / ".taskpaint/scores/resolution" / f"{names[2]}.parquet").unlink()
    with pytest.raises(BuildError, match=rf"^1 of 6 shards are missing: {names[2]}; run rank 2 of 4 again"):
        join_scores(dataset, Deaf())
    assert score_share(dataset, HOW, Share(2, 4), Deaf()).resumed_shards == 0
    join_scores(dataset, Deaf())
    assert contents(dataset) == contents(scored)


def test_one_run_goes_on_where_ranks_stopped_and_other_ranks_where_it_stopped(dataset, scored):
    score_share(dataset, HOW, Share(1, 3), Deaf())
    assert score_share(dataset, HOW, Share(0, 2), Deaf()).resumed_shards == 1  # of 0, 2, 4 was 4 done
    report = score(dataset, HOW, Deaf())
    assert report.scorers["nss_distance"]["scored"] == 2  # 3 and 5
    assert contents(dataset) == contents(scored)
    assert not (dataset / ".taskpaint" / "scoring").exists()
    with pytest.raises(DatasetFolderError, match=r"run.json cannot be read"):
        join_scores(dataset, Deaf())
    score_share(dataset, HOW, Share(0, 2), Deaf())
    report = score_share(dataset, HOW, Share(1, 2), Deaf())
    assert report.resumed_shards == report.shards == 3 and report.missing_shards == 0
    join_scores(dataset, Deaf())
    assert contents(dataset) == contents(scored)


def test_a_scorer_is_added_to_those_of_an_earlier_run(dataset, scored):
    score(dataset, replace(HOW, scores=("ssim",)), Deaf())
    before = {shard: Sidecar(dataset).read(shard)["ssim"] for shard in names_of(dataset)}
    for rank in (1, 0):
        score_share(dataset, HOW, Share(rank, 2), Deaf())
    joined = join_scores(dataset, Deaf())
    assert (joined.scorers["ssim"]["kept"], joined.scorers["resolution"]["kept"]) == (6, 0)
    for shard, column in before.items():
        assert Sidecar(dataset).read(shard)["ssim"] == column
        theirs = Sidecar(scored).read(shard)
        assert Sidecar(dataset).read(shard).select(theirs.column_names) == theirs


def test_ranks_that_do_not_agree_are_refused(dataset):
    score_share(dataset, HOW, Share(0, 2), Deaf())
    with pytest.raises(ResumeError, match=r"distance = 4, this run has 6; score as the other ranks do; to begin anew"):
        score_share(dataset, replace(HOW, settings={"duplicates": {"distance": "6"}}), Share(1, 2), Deaf())
    with pytest.raises(ResumeError, match=r"was begun with shards\.nss_distance = .*, this run has null"):
        score_share(dataset, replace(HOW, scores=PIXEL_SCORES[:2]), Share(1, 2), Deaf())
    with shared(DatasetFolder(dataset), Share(0, 2)):
        with pytest.raises(FolderBusyError, match=r"^rank 0 of .* is at work already; wait for it"):
            score_share(dataset, HOW, Share(0, 2), Deaf())
        with pytest.raises(FolderBusyError, match=r"^ranks of --world-size 2 are at work in .*, this run has 3; wait"):
            score_share(dataset, HOW, Share(1, 3), Deaf())
        for alone in (join_scores, lambda root, watch: score(root, HOW, watch)):
            with pytest.raises(FolderBusyError, match="another taskpaint run is writing"):
                alone(dataset, Deaf())
    with pytest.raises(UsageError, match="ranks run from 0"):
        Share(2, 2)


def test_two_scorers_with_one_column_are_refused_before_anything_is_agreed_on(dataset):
    score(dataset, replace(HOW, scores=("ssim",)), Deaf())
    file = dataset / "scores" / "scores.json"
    file.write_text(file.read_text().replace('"ssim": {', '"others": {', 1))  # of another package, say
    with pytest.raises(UsageError, match=r"others and ssim both make a column 'ssim'; give one of them a label"):
        score_share(dataset, replace(HOW, scores=("ssim",)), Share(0, 1), Deaf())
    assert not Agreed.is_begun(DatasetFolder(dataset))
    score_share(dataset, HOW, Share(0, 1), Deaf())


def test_an_unfinished_dataset_and_files_that_nobody_lists(dataset):
    names, data = names_of(dataset), dataset / "data"
    shutil.copy(data / f"{names[0]}.parquet", data / "extra-00000-of-00001.parquet")
    with pytest.raises(DatasetFolderError, match=r"^extra-00000-of-00001 of .* lies in data/, but the"):
        score_share(dataset, HOW, Share(0, 2), Deaf())
    (data / "extra-00000-of-00001.parquet").unlink()
    (data / f"{names[3]}.parquet").unlink()
    with pytest.raises(DatasetFolderError, match=rf"^{names[3]} of .* is listed, but not there; taskpaint verify"):
        score_share(dataset, HOW, Share(0, 2), Deaf())
    (dataset / "manifest.json").unlink()
    with pytest.raises(DatasetFolderError, match=r"manifest.json is missing; the build is unfinished"):
        score_share(dataset, HOW, Share(0, 2), Deaf())
    with pytest.raises(DatasetFolderError, match=r"there is no folder"):
        score_share(dataset / "none", HOW, Share(0, 2), Deaf())
    assert not (dataset / "none").exists()


def test_a_shard_that_changed_after_its_rank(dataset, scored):
    for rank in range(2):
        score_share(dataset, HOW, Share(rank, 2), Deaf())
    file = DatasetFolder(dataset).shard_file(names_of(dataset)[1])
    file.write_bytes(file.read_bytes())  # a new time: nobody knows that nothing changed
    with pytest.raises(BuildError, match=rf"^1 of 6 shards are missing: {file.stem}; run rank 1 of 2 again$"):
        join_scores(dataset, Deaf())
    assert score_share(dataset, HOW, Share(1, 2), Deaf()).resumed_shards == 3
    join_scores(dataset, Deaf())
    assert contents(dataset) == contents(scored)


@pytest.mark.parametrize("text", ["", "[]", '{"dataset": "", "shards": {"a": 1}, "whole": {}}'])
def test_an_agreement_that_is_broken_is_one_sentence(dataset, scored, text):
    score_share(dataset, HOW, Share(0, 1), Deaf())
    (dataset / ".taskpaint/scoring/run.json").write_text(text)
    with pytest.raises(DatasetFolderError, match=r"run.json cannot be read .* remove it and run the ranks again"):
        join_scores(dataset, Deaf())
    with pytest.raises((DatasetFolderError, ResumeError)):
        score_share(dataset, HOW, Share(0, 1), Deaf())
    (dataset / ".taskpaint/scoring/run.json").unlink()
    assert score_share(dataset, HOW, Share(0, 1), Deaf()).resumed_shards == 6
    join_scores(dataset, Deaf())
    assert contents(dataset) == contents(scored)


def test_duplicates_by_embedding_and_embeddings_that_are_kept(dataset, tmp_path):
    whole = shutil.copytree(dataset, tmp_path / "whole")
    how = ScoreOptions(
        ("embedding_duplicates",),
        {"embedding_duplicates": {"cosine": "0.9"}},
        embedder="nss",
        workers=1,
        keep_embeddings="float32",
    )
    score(whole, how, Deaf())
    for rank in (2, 0, 1):
        report = score_share(dataset, how, Share(rank, 3), Deaf())
        assert report.missing_shards == {2: 4, 0: 2, 1: 0}[rank]
    assert status(dataset).scored == {} and status(dataset).state == "complete"
    store = dataset / ".taskpaint/embeddings"
    store.rename(tmp_path / "store")
    with pytest.raises(BuildError, match=r"^6 of 6 shards are missing: .* run ranks 0, 1, 2 of 3 again$"):
        join_scores(dataset, Deaf())
    for rank in (2, 0, 1):
        score_share(dataset, how, Share(rank, 3), Deaf())
    join_scores(dataset, Deaf())
    assert contents(dataset) == contents(whole)
    assert len(list((dataset / "scores/embeddings").rglob("*.parquet"))) == 6


def test_pictures_that_others_have_embedded_are_left_out_as_it_goes_on(dataset, scored, monkeypatch, tmp_path):
    """Rank 1 does all of its work after rank 0 has looked what there is and before it begins."""
    monkeypatch.setattr(prepare, "_LOOK_SECONDS", 0.0)
    begun = prepare.MissingPictures.__iter__

    def late(self):
        monkeypatch.setattr(prepare.MissingPictures, "__iter__", begun)
        score_share(dataset, HOW, Share(1, 2), Deaf())
        yield from begun(self)

    monkeypatch.setattr(prepare.MissingPictures, "__iter__", late)
    score_share(dataset, HOW, Share(0, 2), Deaf())
    assert len(vectors(dataset)) == 36 and (vectors(dataset) == 1).all()
    join_scores(dataset, Deaf())
    assert contents(dataset) == contents(scored)


def test_a_model_in_ranks(dataset, tmp_path):
    """A small real architecture with random weights; in float32 a vector hardly depends on its batch."""
    pytest.importorskip("torch")
    shutil.copytree(dataset, tmp_path / "here")
    options = ScoreOptions(("clip_similarity",), embedder="ViT-S-32-alt/random:0", batch_size=5, devices=("cpu",))
    score(tmp_path / "here", options, Deaf())
    for rank in (1, 0):
        score_share(dataset, replace(options, batch_size=7), Share(rank, 2), Deaf())
    join_scores(dataset, Deaf())
    assert Sidecar(dataset).scorers() == Sidecar(tmp_path / "here").scorers()
    for shard in Sidecar(dataset).shards():
        here, there = (Sidecar(root).read(shard).to_pandas() for root in (tmp_path / "here", dataset))
        assert list(here["id"]) == list(there["id"])
        np.testing.assert_allclose(here["image_similarity"], there["image_similarity"], atol=1e-4)
        assert there["image_similarity"].notna().all()


def test_writers_of_one_store_do_not_meet(tmp_path):
    keys = np.array([bytes([number]) * 16 for number in range(9)])
    stores = {name: EmbeddingStore(tmp_path, 2, name, keys[:6]) for name in ("rank-1", "rank-11", "")}
    for place, store in enumerate(stores.values()):
        for number in (2 * place, 2 * place + 1):
            store.add([bytes([number]) * 16], np.full((1, 2), number, np.float32))
            store.flush()
    names = sorted(file.name for file in tmp_path.glob("*.keys.npy"))
    assert names == [f"{name}{number:06d}.keys.npy" for name in ("", "rank-1-", "rank-11-") for number in (0, 1)]
    for store in stores.values():
        store.look_again()
        np.testing.assert_array_equal(store.gather(keys[:6])[:, 0], range(6))
        assert list(store.missing(keys)) == [False] * 6 + [True] * 3
    half = tmp_path / ".rank-11-000002.npy.part"
    half.write_bytes(b"half")
    EmbeddingStore(tmp_path, 2, "rank-1")
    assert half.exists()
    EmbeddingStore(tmp_path, 2, "rank-11")
    assert not half.exists()


def test_keys_that_are_not_wanted_are_not_held(tmp_path):
    keys = np.array([bytes([number]) * 16 for number in range(1, 7)])
    one = EmbeddingStore(tmp_path, 1)
    one.add([bytes(key) for key in keys], np.arange(6, dtype=np.float32)[:, None])
    one.flush()
    other = EmbeddingStore(tmp_path, 1, "rank-0", keys[[4, 1]])
    np.testing.assert_array_equal(other.known(), keys[[1, 4]])
    np.testing.assert_array_equal(other.gather(keys[[4, 1]])[:, 0], [4, 1])


def test_ranks_at_once_killed_and_started_again_in_any_order(dataset, scored, kill_ranks):
    def command(*more):
        words = ["score", dataset, "--scores", ",".join(PIXEL_SCORES), "-w", 1, "-q", *more]
        return [sys.executable, "-m", "taskpaint.cli", *map(str, words)]

    def parts():
        return len(list((dataset / ".taskpaint").glob("scores/*/[!.]*.parquet")))

    kill_ranks(lambda rank: command("--rank", rank, "--world-size", 3), parts, seed=4)
    finish = [sys.executable, "-m", "taskpaint.cli", "finish", str(dataset)]
    done = subprocess.run(finish, capture_output=True, text=True)
    assert done.returncode == 1 and "shards are missing: " in done.stderr, done.stderr
    assert f"again: taskpaint score {dataset} --scores {','.join(PIXEL_SCORES)} --rank " in done.stderr
    for rank in (2, 0, 1):
        subprocess.run(command("--rank", rank, "--world-size", 3), check=True)
    done = subprocess.run([*finish, "--json"], check=True, capture_output=True)
    assert json.loads(done.stdout)["rows"] == {"train": 24}
    assert contents(dataset) == contents(scored)


@pytest.mark.parametrize("steps", range(1, 14))
def test_joining_killed_at_any_file_is_done_again(dataset, scored, monkeypatch, steps):
    for rank in range(2):
        score_share(dataset, HOW, Share(rank, 2), Deaf())
    real, left = os.fsync, steps

    def fsync(handle):
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(KeyboardInterrupt):
        join_scores(dataset, Deaf())
    monkeypatch.setattr(os, "fsync", real)
    join_scores(dataset, Deaf())
    assert contents(dataset) == contents(scored)


def test_the_script_for_slurm_scores_and_joins(dataset, scored, tmp_path, submit):
    script = tmp_path / "score.sh"
    command = [sys.executable, "-m", "taskpaint.cli", "score", "out", "--scores", ",".join(PIXEL_SCORES), "-w", 1]
    more = ["--engine", "slurm", "--world-size", 3, "--gpus-per-task", 2, "--script", script, "--sbatch=--account=a"]
    subprocess.run(list(map(str, [*command, *more])), check=True, cwd=tmp_path)
    text = script.read_text()
    assert text.startswith(f"#!/bin/bash\n# Scores {dataset} with an array of 3 jobs")
    assert text.count("--gres=gpu:2") == 1 and "shared=(--account=a)" in text
    done = submit(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("submitted: score 1, finish 2; look with: ")
    assert contents(dataset) == contents(scored)
    logs = sorted(file.name for file in (dataset / ".taskpaint" / "logs").iterdir())
    assert logs == ["finish-2.log", "score-1-0.log", "score-1-1.log", "score-1-2.log"]
    again = submit(script)
    assert again.returncode == 0 and contents(dataset) == contents(scored)


def test_the_script_asks_for_no_gpu_unless_told(dataset, tmp_path):
    command = [sys.executable, "-m", "taskpaint.cli", "score", dataset, "--engine", "slurm", "--world-size", 2]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    assert "gpu" not in done.stdout and "exec " in done.stdout and not (dataset / ".taskpaint" / "logs").exists()


def test_joining_twice_a_dataset_that_no_build_made(dataset, scored):
    (dataset / ".taskpaint" / "run.json").write_text('{"parent": "of a filter, say"}')
    score_share(dataset, HOW, Share(0, 1), Deaf())
    finish = [sys.executable, "-m", "taskpaint.cli", "finish", str(dataset), "-q"]
    assert subprocess.run(finish, capture_output=True, text=True).returncode == 0
    assert contents(dataset) == contents(scored)
    done = subprocess.run(finish, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        1,
        f"taskpaint: {dataset} is finished, nothing waits there to be joined\n",
    )


def test_finish_knows_what_was_begun(dataset, scored, tmp_path):
    """Scores while ranks score, else the build; shares of rejects are of builds."""
    score_share(dataset, HOW, Share(0, 1), Deaf())
    finish = [sys.executable, "-m", "taskpaint.cli", "finish", str(dataset)]
    done = subprocess.run([*finish, "--max-rejects", "0.5"], capture_output=True, text=True)
    assert done.returncode == 2 and "waits for scores to be joined" in " ".join(done.stderr.replace("│", "").split())
    done = subprocess.run(finish, capture_output=True, text=True, check=True)
    assert "24 triplets scored" in done.stderr and "nss_distance" in done.stdout
    done = subprocess.run(finish, capture_output=True, text=True, check=True)
    assert "24 train triplets in 6 shards" in done.stderr
    assert contents(dataset) == contents(scored)
