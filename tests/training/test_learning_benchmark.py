"""The scenes, pictures and scripted chooser of the learning benchmarks; the learning itself takes an hour."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from taskpaint.training.evaluate import questions_of, read_questions

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """The scripts as modules; they import each other by name."""
    names = ("small_scenes", "learn_pictures", "learn", "align_loop")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield {name: __import__(name) for name in names}
        for name in names:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def built(scripts: dict[str, ModuleType], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small world, with fixed instructions and with rephrased ones."""
    work = tmp_path_factory.mktemp("learn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TASKPAINT_CACHE", str(work / "cache"))
        scripts["learn"].write_world(work / "world", 0.005)
        return {mode: scripts["learn"].build_data(work, mode) for mode in ("fixed", "rephrased")}


def test_depth_of_the_floor_is_that_of_a_level_camera(scripts: dict[str, ModuleType]) -> None:
    """At d metres the floor stands focal * height / d below the horizon: 1 / d grows by 1 / (60 * 1.5) a row."""
    for seed in range(5):
        room = scripts["small_scenes"].draw_room(np.random.default_rng(seed))
        taken = np.zeros(room.depth_m.shape, bool)
        for _, mask in room.shapes:
            taken |= mask
            assert np.ptp(room.depth_m[mask]) == 0
        column = np.flatnonzero(~taken[-11:].any(axis=0))[0]
        ascent = np.diff(1 / room.depth_m[-11:, column].astype(float))
        assert ascent == pytest.approx(1 / 90, rel=1e-3)


def test_no_shape_of_a_hall_tells_whether_another_is_there(scripts: dict[str, ModuleType]) -> None:
    """Of 600 halls a fair coin puts each shape into 300, and each pair into 150; 4 standard deviations are 49 and 42.

    A few are hidden behind others.
    """
    scenes = scripts["small_scenes"]
    halls = [{name for name, _ in scenes.draw_hall(np.random.default_rng(seed)).shapes} for seed in range(600)]
    for name in scenes.SHAPES:
        assert abs(sum(name in one for one in halls) - 300) < 60
        for other in set(scenes.SHAPES) - {name}:
            assert abs(sum({name, other} <= one for one in halls) - 150) < 50


@pytest.mark.parametrize("corner", [(0, 0), (63, 63), (5, 40)])
def test_run_lengths_are_those_of_coco(scripts: dict[str, ModuleType], corner: tuple[int, int]) -> None:
    mask = np.zeros((64, 64), bool)
    mask[corner[0] : corner[0] + 9, corner[1] : corner[1] + 4] = True
    found = scripts["small_scenes"]._instance(2, mask)["segmentation"]
    assert sum(found["counts"]) == 64 * 64
    assert (coco_mask.decode(coco_mask.frPyObjects(found, 64, 64)) == mask).all()


def test_who_faces_the_camera_has_the_left_hand_on_the_right(scripts: dict[str, ModuleType]) -> None:
    for seed in range(20):
        rgb, joints = scripts["small_scenes"].draw_figure(np.random.default_rng(seed))
        assert joints["right_wrist"][0] < joints["nose"][0] < joints["left_wrist"][0]
        assert joints["right_ankle"][0] < joints["nose"][0] < joints["left_ankle"][0]
        assert all(0 <= x < 64 and 0 <= y < 64 for x, y in joints.values())
        assert rgb.shape == (64, 64, 3)


def test_both_wordings_show_the_same_pictures_and_are_asked_the_same_unseen_sentences(built: dict[str, Path]) -> None:
    rows = {mode: _rows(folder) for mode, folder in built.items()}
    assert {row["task"] for row in rows["fixed"].values()} == {"segmentation", "keypoints", "depth", "classification"}
    assert rows["fixed"].keys() == rows["rephrased"].keys()
    sentences: dict[str, set[str]] = {"fixed": set(), "rephrased": set()}
    for identity, one in rows["fixed"].items():
        other = rows["rephrased"][identity]
        assert (one["input_image"], one["edited_image"]) == (other["input_image"], other["edited_image"])
        if identity.endswith("-unseen"):
            assert one["edit_prompt"] == other["edit_prompt"]
        else:
            sentences["fixed"].add(f"{one['task']} {one['template_id']}")
            sentences["rephrased"].add(f"{other['task']} {other['template_id']}")
    assert len(sentences["fixed"]) == 4
    assert len(sentences["rephrased"]) > 40


def test_the_chooser_picks_the_edit_that_fits_or_none(scripts: dict[str, ModuleType], built: dict[str, Path]) -> None:
    catalogue, rows = questions_of(built["fixed"], "train", ["segmentation"])
    question = next(read_questions(catalogue, rows))
    right, empty, inverted = question.target, np.zeros_like(question.target), 255 - question.target
    assert scripts["align_loop"].pick_best(question, [_png(empty), _png(right), _png(inverted)]) == [1]
    assert scripts["align_loop"].pick_best(question, [_png(empty), _png(inverted)]) == []


def test_a_metric_is_drawn_at_its_height(scripts: dict[str, ModuleType], tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    file.write_text("step,task,metric,value\n10,depth,delta1,0.5\n10,depth,rmse_m,9\n")
    picture = np.asarray(scripts["learn_pictures"].draw_metrics([file, file], {"depth": "delta1"})).astype(int)
    blue = (picture[..., 2] - picture[..., 0] > 100)[60:]  # below the legend
    ys, xs = np.nonzero(blue)
    assert abs(ys.mean() + 60 - 420 / 2) < 2  # half way between the margins of 60
    assert xs.min() == pytest.approx(60 + 780 / 2, abs=3)
    assert xs.max() == pytest.approx(840, abs=3)


def _rows(folder: Path) -> dict[str, dict[str, object]]:
    tables = [pq.read_table(file) for file in sorted((folder / "data").glob("*.parquet"))]
    return {row["id"]: row for table in tables for row in table.to_pylist()}


def _png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
