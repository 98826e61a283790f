"""Drawing edits: which settings, resumed runs, the included models."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from taskpaint.alignment.draws import Draw, Span, make_draws, parse_span
from taskpaint.alignment.run import RunFolder
from taskpaint.engines.align.dataset import Row, write_dataset
from taskpaint.engines.align.generate import Edit, GenerateOptions, generate
from taskpaint.engines.align.score import score_run
from taskpaint.engines.score import ScoreOptions
from taskpaint.manifests.errors import DatasetFolderError, ResumeError, UsageError
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.images import RGB, decode_rgb

DRAWS = (Draw(3.0, 1.5, 20, 0), Draw(7.5, 1.5, 20, 1), Draw(7.5, 2.0, 10, 2))


class Arithmetic:
    """A stand-in for a model: adds numbers that follow from the settings to the picture's pixels."""

    def __init__(self, stop_after: int = 10**9, name: str = "arithmetic") -> None:
        self.identity = {"model": name}
        self.calls: list[tuple[tuple[str, ...], Draw]] = []
        self._stop_after = stop_after

    def edit(self, edits: Sequence[Edit], draw: Draw) -> list[RGB]:
        if len(self.calls) == self._stop_after:
            raise KeyboardInterrupt
        self.calls.append((tuple(edit.key for edit in edits), draw))
        added = int(draw.text_guidance * 2 + draw.image_guidance * 10 + draw.steps + draw.seed)
        return [(edit.picture.astype(int) + added).clip(0, 255).astype(np.uint8) for edit in edits]


class Silent:
    """Progress that nobody looks at, but counts."""

    def __init__(self) -> None:
        self.total = self.done = 0

    def stage(self, what: str, total: int, unit: str) -> None:
        self.total = total

    def advance(self, count: int) -> None:
        self.done += count

    def say(self, text: str) -> None:
        pass


@pytest.fixture
def dataset(make_run: Callable[..., Any], tmp_path: Path) -> Path:
    """Seventy rows, more than are drawn at a time, with captions."""
    run = make_run(
        tmp_path / "first", items=70, candidates=2, source_caption="before", target_caption="after", license="CC0"
    )
    folder = DatasetFolder(tmp_path / "out")
    folder.begin({"test": True})
    rows = [Row(item.id, item, 0, {}) for item in run.items]
    with folder.lock():
        write_dataset(run.root, folder, rows, {"name": "x", "description": "", "seed": 0}, shard_rows=50)
    return folder.root


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(root)): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file() and ".taskpaint" not in file.parts
    }


def test_every_row_gets_every_draw(dataset: Path, tmp_path: Path) -> None:
    editor, watch = Arithmetic(), Silent()
    made = generate(dataset, tmp_path / "run", editor, GenerateOptions(DRAWS, name="new", seed=3), watch)
    assert (made.items, made.candidates, made.drawn) == (70, 210, 210)
    assert (watch.total, watch.done) == (210, 210)
    assert [len(keys) for keys, _ in editor.calls] == [64, 64, 64, 6, 6, 6]
    run = RunFolder(tmp_path / "run").read()
    assert (run.name, run.seed) == ("new", 3)
    item = run.items[0]
    assert (item.instruction, item.license, item.target_caption) == ("Do thing 0", "CC0", "after")
    assert [one.text_guidance for one in item.candidates] == [3.0, 7.5, 7.5]
    source = decode_rgb((run.root / item.source).read_bytes()).astype(int)
    drawn = decode_rgb((run.root / item.candidates[1].image).read_bytes())
    np.testing.assert_array_equal(drawn, (source + 51).clip(0, 255))  # 15 + 15 + 20 + 1


@pytest.mark.parametrize("stop_after", [0, 1, 4])
def test_a_stopped_run_goes_on_and_comes_to_the_same(dataset: Path, tmp_path: Path, stop_after: int) -> None:
    options = GenerateOptions(DRAWS, name="x")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    generate(dataset, whole, Arithmetic(), options, Silent())
    with pytest.raises(KeyboardInterrupt):
        generate(dataset, parts, Arithmetic(stop_after), options, Silent())
    with pytest.raises(DatasetFolderError, match="no finished run"):
        RunFolder(parts).read()
    with (parts / ".taskpaint" / "drawn.jsonl").open("a") as opened:
        opened.write('{"first": 64, "dra')  # as a killed process leaves it
    editor = Arithmetic()
    made = generate(dataset, parts, editor, options, Silent())
    assert len(editor.calls) == 6 - stop_after
    assert made.items == 70
    assert contents(parts) == contents(whole)
    again = Arithmetic()
    assert generate(dataset, parts, again, options, Silent()).drawn == 0
    assert again.calls == []


def test_a_resume_with_other_options_says_which(dataset: Path, tmp_path: Path) -> None:
    generate(dataset, tmp_path / "run", Arithmetic(), GenerateOptions(DRAWS), Silent())
    with pytest.raises(ResumeError, match=r"draws\.0\.steps = 20, this run has 30"):
        other = (Draw(3.0, 1.5, 30, 0), *DRAWS[1:])
        generate(dataset, tmp_path / "run", Arithmetic(), GenerateOptions(other), Silent())
    with pytest.raises(ResumeError, match=r"editor\.model"):
        generate(dataset, tmp_path / "run", Arithmetic(name="other"), GenerateOptions(DRAWS), Silent())
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "file").touch()
    with pytest.raises(ResumeError, match="not empty"):
        generate(dataset, tmp_path / "foreign", Arithmetic(), GenerateOptions(DRAWS), Silent())


def test_which_rows(dataset: Path, tmp_path: Path) -> None:
    ids = []
    for seed in (0, 1):
        options = GenerateOptions(DRAWS[:2], limit=5, seed=seed)
        generate(dataset, tmp_path / f"run{seed}", Arithmetic(), options, Silent())
        ids.append([item.id for item in RunFolder(tmp_path / f"run{seed}").read().items])
    assert len(set(ids[0])) == 5
    assert ids[0] != ids[1]
    with pytest.raises(UsageError, match="no rows in the split 'test'"):
        generate(dataset, tmp_path / "x", Arithmetic(), GenerateOptions(DRAWS, split="test"), Silent())
    with pytest.raises(UsageError, match="no rows of task depth"):
        generate(dataset, tmp_path / "x", Arithmetic(), GenerateOptions(DRAWS, tasks=("depth",)), Silent())
    with pytest.raises(UsageError, match="fewer than two"):
        generate(dataset, tmp_path / "x", Arithmetic(), GenerateOptions(DRAWS[:1]), Silent())


@pytest.mark.parametrize(
    ("text", "span"),
    [("7.5", Span((7.5,))), ("5,7.5,5", Span((5.0, 7.5))), ("12:3", Span((3.0, 12.0), True))],
)
def test_reading_values(text: str, span: Span) -> None:
    assert parse_span(text, "--x") == span


@pytest.mark.parametrize("text", ["", "a", "1:2:3", "0.5", "1,,2", "nan", "inf", "-3:4"])
def test_values_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--x"):
        parse_span(text, "--x")


def test_a_grid_begins_anew_with_other_noise() -> None:
    draws = make_draws(5, Span((5.0, 7.5)), Span((1.2, 2.0)), Span((20.0,)), 10)
    settings = [(draw.text_guidance, draw.image_guidance, draw.seed) for draw in draws]
    assert settings == [(5.0, 1.2, 10), (5.0, 2.0, 10), (7.5, 1.2, 10), (7.5, 2.0, 10), (5.0, 1.2, 11)]


def test_what_is_drawn_between_two_values() -> None:
    draws = make_draws(200, Span((3.0, 12.0), True), Span((1.5,)), Span((10.0, 50.0), True), 4)
    text = np.array([draw.text_guidance for draw in draws])
    assert ((text >= 3) & (text <= 12)).all()
    assert abs(text.mean() - 7.5) < 4 * (9 / 12**0.5) / 200**0.5  # four standard errors of a uniform mean
    assert len({draw.seed for draw in draws}) == 200
    assert draws == make_draws(200, Span((3.0, 12.0), True), Span((1.5,)), Span((10.0, 50.0), True), 4)


def test_scores_of_a_run(make_run: Callable[..., Any], tmp_path: Path) -> None:
    """Measures of pixels, which need no weights; the figure is worked out by hand."""
    from taskpaint.alignment.scores import read_scores

    run = make_run(tmp_path / "run", items=3, candidates=4)
    score_run(run.root, ScoreOptions(scores=("change", "perceptual_hash"), workers=1), Silent())
    scores = read_scores(run)
    item = run.items[1]
    pictures = [decode_rgb((run.root / path).read_bytes()).astype(float) for path in
                (item.source, *(one.image for one in item.candidates))]  # fmt: skip
    expected = [np.abs(pictures[0] - picture).mean() for picture in pictures[1:]]
    np.testing.assert_allclose(scores.of(item, "mean_difference"), expected, rtol=1e-6)
    assert not [name for name in scores.columns if "phash" in name]  # no score, but a picture's name
    before = (run.root / "scores.json").read_bytes()
    score_run(run.root, ScoreOptions(scores=("change", "perceptual_hash"), workers=1), Silent())
    assert (run.root / "scores.json").read_bytes() == before


def test_the_included_models_draw(dataset: Path, tmp_path: Path) -> None:
    """A model of the trainer's own smallest kind, with random weights, in the real pipeline."""
    pytest.importorskip("diffusers")
    pytest.importorskip("transformers")
    from taskpaint.cli.align_editor import ModelEditor
    from taskpaint.training.tiny import tiny_parts

    model = save_tiny(tmp_path / "model", tiny_parts(["Do thing 0"], 0))
    options = GenerateOptions((Draw(3.0, 1.5, 2, 0), Draw(7.0, 1.5, 2, 1)), limit=3)
    runs = []
    for name in ("one", "two"):
        editor = ModelEditor(str(model), "cpu", "float32", 0, 2)
        generate(dataset, tmp_path / name, editor, options, Silent())
        runs.append(contents(tmp_path / name))
    assert {key: value for key, value in runs[0].items() if key != "run.json"} == {
        key: value for key, value in runs[1].items() if key != "run.json"
    }
    item = RunFolder(tmp_path / "one").read().items[0]
    assert len({candidate.image for candidate in item.candidates}) == 2
    assert decode_rgb((tmp_path / "one" / item.candidates[0].image).read_bytes()).shape == (16, 24, 3)
    weights = json.loads((tmp_path / "one" / "run.json").read_text())["made_by"]["editor"]["weights"]
    assert any("unet" in name for name in weights)
    shutil.rmtree(model)


def save_tiny(folder: Path, parts: dict[str, Any]) -> Path:
    from taskpaint.manifests.extras import load_extra
    from taskpaint.training.model import widen

    diffusers = load_extra("diffusers", "train")
    widen(parts["unet"], 2 * parts["vae"].config.latent_channels)
    pipeline = diffusers.StableDiffusionInstructPix2PixPipeline(
        **{name: parts[name] for name in ("unet", "text_encoder", "vae", "tokenizer", "scheduler")},
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return folder
