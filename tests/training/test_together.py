"""Several processes that train together, for real: two on the CPU."""

from __future__ import annotations

import csv

import pytest
from taskpaint.manifests.errors import ResumeError, TrainingError, UsageError
from taskpaint.training.together import train_together
from taskpaint.training.train import train


def losses_of(run):
    with (run / "losses.csv").open(newline="") as opened:
        return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(opened)]


def test_two_processes_are_one_that_accumulates_and_go_on_exactly(settings_for, tmp_path, capfd):
    """Two processes share a step's batches; one process that adds up two batches a step shows the same rows with the
    same noise. So no row is shown by both, none is left out, and a run that goes on is the unbroken run.
    """
    alone = train(settings_for(tmp_path / "alone", steps=4, accumulate=2))
    first = train_together(settings_for(tmp_path / "two", steps=2), 2, quiet=True)
    assert (first.steps, first.first_step) == (2, 0)
    with pytest.raises(ResumeError, match="was begun with 2 processes and now has 1; go on with as many"):
        train(settings_for(tmp_path / "two", steps=4))
    then = train_together(settings_for(tmp_path / "two", steps=4), 2)
    assert (then.steps, then.first_step) == (4, 2)
    assert then.last_loss == pytest.approx(alone.last_loss, rel=1e-4)
    for mine, theirs in zip(losses_of(tmp_path / "alone"), losses_of(tmp_path / "two"), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)
    told = capfd.readouterr().err
    assert "learn, on 2 x cpu" in told
    assert told.count("step 4 of 4") == 1


def test_what_a_process_dies_of_is_told_in_a_sentence(settings_for, tmp_path):
    with pytest.raises(TrainingError, match=r"^process \d of 2: the loss of step \d is nan, with the rows \S+, "):
        train_together(settings_for(tmp_path / "run", learning_rate=1e30, warmup_steps=0, steps=9), 2, quiet=True)


def test_a_foreign_folder_is_told_before_any_process_starts(settings_for, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty and no training run"):
        train_together(settings_for(tmp_path / "run"), 2)
