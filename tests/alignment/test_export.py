"""From choices to a dataset and to pairs; choosing by scores; the report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
from taskpaint.alignment.choices import Choices
from taskpaint.alignment.journal import read_events
from taskpaint.alignment.pictures import store_pixels
from taskpaint.alignment.report import report
from taskpaint.alignment.run import Run, RunFolder
from taskpaint.alignment.scores import ScoreColumn, read_scores, write_scores
from taskpaint.alignment.selection import Thresholds
from taskpaint.engines.align.auto import AutoRule
from taskpaint.engines.align.export import ExportOptions, export
from taskpaint.engines.verify import verify
from taskpaint.filters.rules import parse_rule
from taskpaint.manifests.errors import DatasetFolderError, ResumeError, UsageError
from taskpaint.manifests.images import decode_rgb
from taskpaint.manifests.triplet import Triplet

Events = Callable[..., dict[str, Any]]


def choose(run: Run, events: list[dict[str, Any]]) -> None:
    run.choices_file.write_text("".join(json.dumps(event) + "\n" for event in events))


@pytest.fixture
def judged(run: Run, make_event: Events) -> Run:
    """Three people on item-0 and item-1; one on item-2, who flags item-3."""
    picks = {"p-a": ([0, 1], [4]), "p-b": ([0], [4]), "p-c": ([0, 2], [])}
    events = [
        make_event(person, f"item-{number}", f"{person}{number}", chosen)
        for person, both in picks.items()
        for number, chosen in enumerate(both)
    ]
    events += [make_event("p-a", "item-2", "x1", [3]), make_event("p-a", "item-3", "x2", kind="flag")]
    choose(run, events)
    return run


def test_the_chosen_edits_become_a_dataset(judged: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = export(judged.root, out, ExportOptions(Thresholds(people=2, agreement=0.6)))
    assert (found.rows, found.items, found.of_items, found.rejects) == ({"train": 2}, 2, 4, 0)
    assert verify(out, workers=1).problem_count == 0
    rows = {row["id"]: Triplet.from_row(row) for row in pq.read_table(out / "data").to_pylist()}
    assert set(rows) == {"item-0-c00", "item-1-c04"}
    row = rows["item-1-c04"]
    item = judged.items[1]
    assert row.edited_image == (judged.root / item.candidates[4].image).read_bytes()
    assert row.input_image == (judged.root / item.source).read_bytes()
    assert (row.edit_prompt, row.task) == ("Do thing 1", "edit")
    assert json.loads(row.params)["alignment"] == {
        "run": "small run",
        "item": "item-1",
        "candidate": 4,
        "text_guidance": 7.0,
        "image_guidance": 1.5,
        "seed": 4,
        "steps": 20,
        "chosen_by": ["p-a", "p-b"],
        "people": 3,
        "agreement": 0.6667,
    }
    about = json.loads((out / "manifest.json").read_text())["alignment"]
    assert about["people"] == {"p-a": 3, "p-b": 2, "p-c": 2}
    loaded = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded[0]["edited_image"].size == (24, 16)


def test_the_same_choices_give_the_same_bytes(judged: Run, tmp_path: Path) -> None:
    digests = []
    for name in ("first", "second"):
        export(judged.root, tmp_path / name, ExportOptions(shard_rows=2))
        files = sorted((tmp_path / name).rglob("*.parquet"))
        digests.append([(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files])
    assert digests[0] == digests[1]
    assert [name for name, _ in digests[0][:2]] == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]


def test_other_choices_do_not_go_into_an_old_export(judged: Run, tmp_path: Path, make_event: Events) -> None:
    out = tmp_path / "out"
    export(judged.root, out, ExportOptions())
    export(judged.root, out, ExportOptions())
    choose(judged, [*map(dict, read_events(judged.choices_file)), make_event("p-z", "item-0", "new", [3])])
    with pytest.raises(ResumeError, match="answers"):
        export(judged.root, out, ExportOptions())
    export(judged.root, out, ExportOptions(overwrite=True))


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_pairs_for_training_by_preference(judged: Run, tmp_path: Path, form: Any) -> None:
    out = tmp_path / "out"
    options = ExportOptions(Thresholds(people=2), preferences=form, margin=0.6, pairs=99)
    assert export(judged.root, out, options).pairs == 8
    folder = out / "preferences"
    if form == "parquet":
        rows = pq.read_table(folder).to_pylist()
        loaded = datasets.load_dataset("parquet", data_files=str(folder / "*.parquet"), cache_dir=str(tmp_path / "c"))
        assert loaded["train"][0]["chosen"].size == (24, 16)
    else:
        rows = [json.loads(line) for line in (folder / "preferences.jsonl").read_text().split("\n")[:-1]]
        rows = [
            {**row, **{name: {"bytes": (folder / row[name]).read_bytes()} for name in ("chosen", "rejected")}}
            for row in rows
        ]
    pictures = [
        {(judged.root / one.image).read_bytes(): place for place, one in enumerate(item.candidates)}
        for item in judged.items
    ]
    pairs = {
        (row["edit_prompt"], pictures[int(row["edit_prompt"][-1])][row["chosen"]["bytes"]],
         pictures[int(row["edit_prompt"][-1])][row["rejected"]["bytes"]])
        for row in rows
    }  # fmt: skip
    # item-0: 3, 1, 1, 0, 0 of three picked; item-1: 2 of three picked the last, nobody another.
    expected = {("Do thing 0", 0, worse) for worse in (1, 2, 3, 4)} | {("Do thing 1", 4, worse) for worse in range(4)}
    assert pairs == expected


def test_an_edit_of_other_size(judged: Run, tmp_path: Path) -> None:
    """A little rounding is made up for; another section of the picture is not."""
    lines = (judged.root / "items.jsonl").read_text().split("\n")
    larger = store_pixels(judged.root, np.zeros((32, 48, 3), np.uint8))
    square = store_pixels(judged.root, np.zeros((16, 16, 3), np.uint8))
    for number, place, image in ((0, 0, larger), (1, 4, square)):
        item = json.loads(lines[number])
        item["candidates"][place]["image"] = image
        lines[number] = json.dumps(item)
    (judged.root / "items.jsonl").write_text("\n".join(lines))
    out = tmp_path / "out"
    found = export(judged.root, out, ExportOptions(Thresholds(people=2, agreement=0.6)))
    assert (found.rows, found.rejects) == ({"train": 1}, 1)
    (row,) = (Triplet.from_row(row) for row in pq.read_table(out / "data").to_pylist())
    assert decode_rgb(row.input_image).shape == (32, 48, 3)
    (reject,) = [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]
    assert "24x16, its edit 16x16" in reject["reason"]
    assert verify(out, workers=1).problem_count == 0


def test_splits_are_kept(make_run: Callable[..., Run], make_event: Events, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", split="validation")
    choose(run, [make_event("p", "item-0", "1", [0])])
    assert export(run.root, tmp_path / "out", ExportOptions()).rows == {"validation": 1}


def test_nothing_to_export(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no edit of .* reaches --people 1"):
        export(run.root, tmp_path / "out", ExportOptions())
    assert not (tmp_path / "out").exists()
    with pytest.raises(DatasetFolderError, match="no finished run"):
        export(tmp_path, tmp_path / "out", ExportOptions())


def scored(run: Run, better: str = "higher") -> None:
    """beauty: 0, 1, 2, 1, NaN in each item; sharp: the place, and 10 more for each item."""
    values = {
        item.id: {
            "beauty": np.array([0.0, 1.0, 2.0, 1.0, np.nan]),
            "sharp": np.arange(5) + 10.0 * number,
        }
        for number, item in enumerate(run.items)
    }
    columns = [ScoreColumn("beauty", better, "of pictures"), ScoreColumn("sharp", "", "of edges", "random weights")]
    write_scores(RunFolder(run.root), columns, values)


@pytest.mark.parametrize(
    ("rule", "places"),
    [
        (AutoRule("beauty"), [2]),
        (AutoRule("beauty", picks=3), [2, 1, 3]),
        (AutoRule("beauty", lower=True), [0]),
        (AutoRule("sharp", lower=False), [4]),
        (AutoRule("sharp", lower=False, keep=[parse_rule("beauty <= 1")]), [3]),
        (AutoRule("beauty", picks=9), [2, 1, 3, 0]),  # the last one has no such score
        (AutoRule("text_guidance", lower=True), [0]),
    ],
)
def test_choosing_by_scores(run: Run, tmp_path: Path, rule: AutoRule, places: list[int]) -> None:
    scored(run)
    out = tmp_path / "out"
    found = export(run.root, out, ExportOptions(auto=rule))
    assert found.pairs == 0
    rows = [json.loads(row["params"])["alignment"] for row in pq.read_table(out / "data").to_pylist()]
    assert [row["candidate"] for row in rows if row["item"] == "item-1"] == places
    assert rows[0]["chosen_by"] == [f"auto: {rule}"]


def test_a_quantile_is_of_all_edits(run: Run, tmp_path: Path) -> None:
    scored(run)
    rule = AutoRule("sharp", lower=True, keep=[parse_rule("sharp >= q50")])
    # sharp: 0..4, 10..14, 20..24, 30..34; the median is (14 + 20) / 2 = 17.
    found = export(run.root, tmp_path / "out", ExportOptions(auto=rule))
    rows = [json.loads(row["params"])["alignment"] for row in pq.read_table(found.root / "data").to_pylist()]
    assert [(row["item"], row["candidate"]) for row in rows] == [("item-2", 0), ("item-3", 0)]


def test_rules_that_cannot_choose(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no score 'beauty'; it has image_guidance, steps, text_guidance"):
        export(run.root, tmp_path / "out", ExportOptions(auto=AutoRule("beauty")))
    scored(run, better="")
    with pytest.raises(UsageError, match="beauty:higher or :lower"):
        export(run.root, tmp_path / "out", ExportOptions(auto=AutoRule("beauty")))
    rule = AutoRule("beauty", lower=True, keep=[parse_rule("beauty > 5")])
    with pytest.raises(UsageError, match="loosen them"):
        export(run.root, tmp_path / "out", ExportOptions(auto=rule))


def test_the_report(judged: Run) -> None:
    scored(judged)
    found = report(judged, Choices.of(judged.items, read_events(judged.choices_file)), read_scores(judged))
    assert found.answered == {0: 1, 1: 1, 3: 2}
    assert found.people["p-a"] == {
        "answers": 3, "picks": 4, "none": 0, "skipped": 0, "flagged": 1, "median_s": 2.0,
    }  # fmt: skip
    assert (found.kappa_items, found.unanimous, dict(found.flagged)) == (2, 0, {"item-3": 1})
    # Ten candidates by three people; picked: 3 1 1 0 0 and 0 0 0 0 2, that is 7 of 30.
    # Agreement of a candidate: 1, 1/3, 1/3, 1, 1, 1, 1, 1, 1, 1/3; their mean is 0.8.
    chance = (7 / 30) ** 2 + (23 / 30) ** 2
    assert found.kappa == pytest.approx((0.8 - chance) / (1 - chance))
    # beauty 0 1 2 1 -: item-0 [0, 1]: 0 loses to both, 1 loses to 2 and ties with 1: 1/2 of 4; [0]: 0 of 3;
    # [0, 2]: 0 loses twice, 2 wins twice: 2 of 4.
    # item-1: the last has no score. item-2 [3]: 1 beats 0, ties with 1, loses to 2: 3/2 of 3.
    assert found.scores["beauty"]["value"] == pytest.approx(4 / 14)
    assert found.scores["beauty"]["pairs"] == 14
    assert found.scores["sharp"]["caution"] == "random weights"
    assert found.scores["text_guidance"]["value"] == found.scores["sharp"]["value"]  # both rise with the place
    assert found.scores["steps"]["value"] == 0.5  # all the same
    assert "scores" not in found.without_scores()


def test_scores_of_another_run(run: Run) -> None:
    scored(run)
    file = run.root / "scores.json"
    value = json.loads(file.read_text())
    value["items"]["item-0"]["beauty"] = [1]
    file.write_text(json.dumps(value))
    with pytest.raises(DatasetFolderError, match="run taskpaint align score"):
        read_scores(run)
