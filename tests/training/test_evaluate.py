"""Drawing with a trained model, and judging drawings."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from taskpaint.manifests.errors import DatasetFolderError, UsageError
from taskpaint.training.edit import Artist, EditOptions, Request
from taskpaint.training.evaluate import baselines, evaluate, questions_of, read_questions, write_scores
from taskpaint.training.extremes import Extremes
from taskpaint.training.groups import classes_of, labels_by, trained_on
from taskpaint.training.predictors import FromFolder, FromModel

QUICK = EditOptions(steps=2, guidance=1.0, image_guidance=1.0, seed=3, batch_size=4)


@pytest.fixture(scope="module")
def artist(run):
    return Artist.load(str(run), "cpu")


@pytest.fixture(scope="module")
def asked(dataset):
    return questions_of(dataset, "validation")


def test_the_stored_targets_reach_everything_and_the_sources_do_not(asked):
    found = evaluate(*asked, baselines())
    assert set(found.rows) == {"segmentation", "classification", "keypoints", "detection"}
    for by_name in found.metrics.values():
        assert all(value >= 0.98 for value in by_name["oracle"].values())
    copied = {task: by_name["copy"] for task, by_name in found.metrics.items()}
    assert copied["segmentation"]["ciou"] < 0.5
    assert copied["detection"]["ap"] == 0.0
    assert copied["keypoints"]["pck@0.2"] == 0.0
    assert 0 < copied["classification"]["accuracy"] < 1


def test_the_same_seed_draws_the_same_whatever_else_is_drawn(artist, asked):
    questions = list(read_questions(asked[0], asked[1][:3]))
    requests = [Request(one.row["id"], one.source, one.row["edit_prompt"]) for one in questions]
    together = {request.key: drawn for request, drawn in artist.draw(requests, QUICK)}
    again = {request.key: drawn for request, drawn in artist.draw(requests, QUICK)}
    assert all(np.array_equal(together[key], again[key]) for key in together)
    ((_, alone),) = artist.draw(requests[1:2], QUICK)
    difference = np.abs(alone.astype(int) - together[requests[1].key])
    assert difference.max() <= 2  # a batch of another size may round otherwise
    assert alone.shape == questions[1].source.shape
    ((_, other),) = artist.draw(requests[1:2], EditOptions(2, 1.0, 1.0, seed=4))
    assert np.abs(other.astype(int) - alone).max() > 20


def test_a_run_s_own_way_of_drawing_is_the_default(artist):
    assert artist.usual == EditOptions(steps=2, guidance=1.0, image_guidance=1.0)
    assert (artist.resolution, artist.aspect) == (16, "square")
    assert artist.options(guidance=3.0, steps=None) == EditOptions(steps=2, guidance=3.0, image_guidance=1.0)


def test_guidance_changes_the_drawing(artist):
    request = [Request("x", np.full((20, 24, 3), 80, np.uint8), "Paint the dog red.")]
    ((_, plain),) = artist.draw(request, QUICK)
    ((_, guided),) = artist.draw(request, EditOptions(2, 4.0, 2.0, seed=3))
    assert not np.array_equal(plain, guided)


def test_a_folder_of_drawings_is_judged_like_the_model_that_drew_them(artist, asked, tmp_path):
    catalogue, rows = asked
    requests = [Request(one.row["id"], one.source, one.row["edit_prompt"]) for one in read_questions(catalogue, rows)]
    for request, drawn in artist.draw(requests, QUICK):
        Image.fromarray(drawn).save(tmp_path / f"{request.key}.png")
    judged = evaluate(catalogue, rows, {"model": FromModel(artist, QUICK), "folder": FromFolder(tmp_path)})
    for by_name in judged.metrics.values():
        assert by_name["model"] == pytest.approx(by_name["folder"], abs=0.02)


def test_missing_drawings_are_told_before_any_is_judged(asked, tmp_path):
    catalogue, rows = asked
    with pytest.raises(UsageError, match=rf"lacks {len(rows)} of {len(rows)} pictures, the first \S+\.png"):
        evaluate(catalogue, rows, {"model": FromFolder(tmp_path)})


def test_drawings_of_other_sizes_and_forms_are_judged(asked, tmp_path):
    """Square, as many models draw; scaled back, a drawing is blurred a little."""
    catalogue, rows = asked
    for one in read_questions(catalogue, rows):
        square = Image.fromarray(one.target).resize((192, 192), Image.Resampling.BICUBIC)
        square.convert("RGBA").save(tmp_path / f"{one.row['id']}.PNG")
    found = evaluate(catalogue, rows, {"folder": FromFolder(tmp_path)}).metrics
    assert found["segmentation"]["folder"]["miou"] > 0.9
    assert found["classification"]["folder"]["accuracy"] == 1


def test_broken_and_double_drawings_are_told_before_any_is_judged(asked, tmp_path):
    catalogue, rows = asked
    with pytest.raises(UsageError, match=r"there is no folder \S+nowhere"):
        evaluate(catalogue, rows, {"model": FromFolder(tmp_path / "nowhere")})
    for one in read_questions(catalogue, rows):
        Image.fromarray(one.target).save(tmp_path / f"{one.row['id']}.png")
    (tmp_path / "notes.txt").write_text("not asked for")
    first, second, *_ = sorted(tmp_path.glob("*.png"))
    first.write_bytes(first.read_bytes()[:90])
    second.write_bytes(b"")
    with pytest.raises(UsageError, match=rf"2 of {len(rows)} pictures are broken, the first .* does not open: "):
        evaluate(catalogue, rows, {"model": FromFolder(tmp_path)})
    Image.new("RGB", (8, 8)).save(first.with_suffix(".webp"))
    with pytest.raises(UsageError, match=rf"holds {first.name} and {first.stem}\.webp; keep one of them"):
        evaluate(catalogue, rows, {"model": FromFolder(tmp_path)})


def test_every_row_s_figures_are_written(asked, tmp_path):
    found = evaluate(*asked, baselines(), labels_by("template_id"))
    write_scores(found.scores, tmp_path / "scores.parquet")
    table = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    assert len(table) == 2 * len(asked[1])
    oracle = [row["iou"] for row in table if row["predictor"] == "oracle" and row["task"] == "segmentation"]
    assert oracle
    assert min(oracle) >= 0.98
    assert all(row["iou"] is None for row in table if row["task"] == "detection")
    groups = {group for group in found.rows if group.startswith("segmentation / segmentation.mask")}
    assert sum(found.rows[group] for group in groups) == found.rows["segmentation"]


def test_a_row_is_counted_with_every_class_it_asks_for(asked):
    catalogue, rows = asked
    found = evaluate(catalogue, rows, {"copy": baselines()["copy"]}, labels_by("class"))
    there = [
        (question.row["task"], name)
        for question in read_questions(catalogue, rows)
        for name in classes_of(question.row["params"])
    ]
    assert {group: count for group, count in found.rows.items() if "/" in group} == {
        f"{task} / {name}": there.count((task, name)) for task, name in there
    }
    assert "segmentation / dog" in found.rows


def test_what_the_model_never_saw_is_told(dataset, run, tmp_path):
    seen = trained_on(str(run), None)  # the run's folder says what it learned from
    assert seen is not None
    assert seen.root == dataset
    labels = labels_by("novelty", seen)
    known = next(read_questions(seen, [0])).row
    assert list(labels(known)) == ["nothing new"]
    assert list(labels({**known, "template_id": "never"})) == ["new instruction"]
    strange = json.dumps({"targets": [{"name": "unicorn"}]})
    assert list(labels({**known, "source_dataset": "ade20k", "params": strange})) == ["new dataset", "new class"]
    assert trained_on(str(tmp_path), None) is None
    with pytest.raises(UsageError, match="give --trained-on DATASET"):
        labels_by("novelty")


class Redness:
    """A further figure: how red the drawing is."""

    tasks = frozenset(["segmentation"])

    def __call__(self, row, source, target, drawn):
        return {"red": float(drawn[..., 0].mean())}


def test_further_figures_are_means_over_the_rows_of_their_tasks(asked):
    catalogue, rows = asked
    found = evaluate(catalogue, rows, baselines(), extras=[Redness()])
    reds = [
        question.source[..., 0].mean()
        for question in read_questions(catalogue, rows)
        if question.row["task"] == "segmentation"
    ]
    assert found.metrics["segmentation"]["copy"]["red"] == pytest.approx(np.mean(reds))
    assert {task for task, by in found.metrics.items() if "red" in by["copy"]} == {"segmentation"}
    assert sum("red" in score.figures for score in found.scores) == 2 * len(reds)


def test_the_worst_and_the_best_are_drawn(asked, tmp_path):
    extremes = Extremes("copy")
    evaluate(*asked, baselines(), on_drawn=extremes.note)
    names = {file.name for file in extremes.write(tmp_path / "extremes")}
    assert {"segmentation-worst.png", "segmentation-best.png", "detection-worst.png"} <= names


def test_rows_are_spread_over_the_split(asked, dataset):
    catalogue, rows = asked
    assert questions_of(dataset, "validation", None, 2)[1] == [rows[0], rows[-1]]
    kept = questions_of(dataset, "validation", ["detection"])[1]
    assert {catalogue.tasks[catalogue.task_of[row]] for row in kept} == {"detection"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("test",), "has no split 'test'"),
        (("validation", ["depth"]), "has no task 'depth'"),
        (("validation", ["adaptation"]), "no task of split validation can be judged: adaptation"),
    ],
)
def test_what_does_not_exist_is_named(arguments, message, dataset):
    with pytest.raises(UsageError, match=message):
        questions_of(dataset, *arguments)


def test_an_unknown_grouping_is_named():
    with pytest.raises(UsageError, match="cannot be grouped by 'color'; by source_dataset"):
        labels_by("color")


def test_a_row_that_does_not_open_is_named(own_dataset):
    file = sorted((own_dataset / "data").glob("validation-*.parquet"))[0]
    table = pq.read_table(file)
    column = table["input_image"].to_pylist()
    column[0]["bytes"] = column[0]["bytes"][:60]
    position = table.schema.get_field_index("input_image")
    pq.write_table(table.set_column(position, table.schema.field(position), [column]), file)
    catalogue, rows = questions_of(own_dataset, "validation")
    with pytest.raises(DatasetFolderError, match=rf"row {table['id'][0]} of .* cannot be judged"):
        evaluate(catalogue, rows, baselines())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("/no/where",), "model '/no/where' cannot be loaded: there is no such folder"),
        (("/nowhere", "cpu", "int4"), "precision 'int4' is none of"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_named(arguments, message):
    with pytest.raises(UsageError, match=message):
        Artist.load(*(arguments if len(arguments) > 1 else (*arguments, "cpu")))


def test_no_figure_is_not_a_number_in_the_table(asked):
    found = evaluate(*asked, baselines())
    values = [value for by in found.metrics.values() for one in by.values() for value in one.values()]
    assert not any(math.isnan(value) for value in values)
