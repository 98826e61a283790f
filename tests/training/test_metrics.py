"""Metrics against hand calculations and the field's own code."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from taskpaint.training.metrics import pictures
from taskpaint.training.metrics.choose import measure_for
from taskpaint.training.metrics.coco import average_precision
from taskpaint.training.metrics.measure import Judged

BLANK = np.zeros((20, 20, 3), np.uint8)


def judged(decoded, annotation, compared=None, params=None, drawn=BLANK, target=BLANK):
    return Judged(decoded, annotation, compared or {}, params or {}, drawn, target, BLANK)


def region(name, left, right, height=10):
    """A band of a 20x20 picture from column `left` to `right`."""
    mask = np.zeros((20, 20), np.uint8)
    mask[:height, left:right] = 1
    rle = coco_mask.encode(np.asfortranarray(mask))
    return {
        "name": name,
        "rle": {"size": [20, 20], "counts": rle["counts"].decode()},
        "area": int(mask.sum()),
        "thing": True,
    }


def test_regions_by_class_in_all_and_one_by_one():
    measure = measure_for("segmentation")
    # cat: 50 of 150 pixels shared, then 100 of 100; dog: nothing of 100; bird: absent and left alone
    pairs = [("cat", (5, 15), (0, 10)), ("cat", (0, 10), (0, 10)), ("dog", (0, 0), (0, 10)), ("bird", (0, 0), (0, 0))]
    rows = [
        measure.add(judged({"regions": [region(name, *found)]}, {"regions": [region(name, *true)]}))
        for name, found, true in pairs
    ]
    assert [row["iou"] for row in rows] == pytest.approx([1 / 3, 1, 0, 1])
    assert measure.result() == pytest.approx(
        {
            "miou": (150 / 250 + 0) / 2,
            "ciou": 150 / 350,
            "giou": (1 / 3 + 1 + 0 + 1) / 4,
            "p@0.5": 2 / 4,
        }
    )


def test_paint_for_an_absent_class_counts_against_everything_at_once():
    measure = measure_for("referring")
    for found, true in (((0, 10), (0, 10)), ((0, 10), (0, 0))):
        measure.add(judged({"regions": [region("x", *found)]}, {"regions": [region("x", *true)]}))
    assert measure.result() == pytest.approx({"miou": 0.5, "ciou": 0.5, "giou": 0.5, "p@0.5": 0.5})


def test_panoptic_quality_is_over_all_rows():
    """One match of IoU 0.8, one missed, one extra: PQ = 0.8 / (1 + 1/2 + 1/2)."""
    measure = measure_for("entities")
    measure.add(judged({"segments": [region(None, 0, 8)]}, {"segments": [region("a", 0, 10)]}))
    measure.add(judged({"segments": [region(None, 0, 4)]}, {"segments": [region("a", 10, 20)]}))
    found = measure.result()
    assert found["pq"] == pytest.approx(0.4)
    assert found["sq"] == pytest.approx(0.8)
    assert found["rq"] == pytest.approx(0.5)
    # at thresholds 0.5 to 0.8 half of the objects are found, a true one first: precision 1 up to recall 0.5
    assert found["ap50"] == pytest.approx(51 / 101)


def test_average_precision_of_boxes():
    true = [[{"name": "cat", "xyxy": [0, 0, 100, 100]}, {"name": "cat", "xyxy": [200, 0, 300, 100]}]]
    half = [[{"name": "cat", "xyxy": [0, 0, 100, 100]}]]
    assert average_precision(true, true, "bbox") == {"ap": 1.0, "ap50": 1.0}
    assert average_precision(half, true, "bbox")["ap"] == pytest.approx(51 / 101)  # recall 0 to 0.5 of 101 points
    shifted = [[{"name": "cat", "xyxy": [0, 0, 100, 72]}]]
    one = [[{"name": "cat", "xyxy": [0, 0, 100, 100]}]]
    assert average_precision(shifted, one, "bbox") == pytest.approx({"ap": 0.5, "ap50": 1.0})  # IoU .72: 5 of 10
    assert average_precision([[]], one, "bbox") == {"ap": 0.0, "ap50": 0.0}
    assert average_precision([[{"name": "dog", "xyxy": [0, 0, 9, 9]}]], [[]], "bbox") == {}


def test_boxes_count_hits_by_row():
    measure = measure_for("detection")
    box = [0.0, 0.0, 50.0, 50.0]
    row = judged(
        {"boxes": [{"name": "cat", "xyxy": [box, [60, 60, 90, 90]]}]},
        {"boxes": [{"name": "cat", "xyxy": [box]}]},
        {"missed": 0.0, "extra": 1.0},
    )
    assert measure.add(row) == {"f1": pytest.approx(2 / 3)}
    nothing = judged(
        {"boxes": [{"name": "x", "xyxy": []}]}, {"boxes": [{"name": "x", "xyxy": []}]}, {"missed": 0, "extra": 0}
    )
    assert measure.add(nothing) == {"f1": 1.0}
    assert measure.result() == pytest.approx({"ap": 1.0, "ap50": 1.0, "recall": 1.0, "precision": 0.5})


def keypoint_row(found, true, joint="nose"):
    params = {"skeleton": "coco", "person_xyxy": [0.0, 0.0, 100.0, 200.0]}
    points = [{"joint": joint, "xy": found}], [{"joint": joint, "xy": true, "visibility": [2] * len(true)}]
    return judged({"points": points[0]}, {"points": points[1], "size": [200, 100]}, params=params)


@pytest.mark.parametrize(
    ("distance", "hits"),
    [(9.9, {"pck@0.05": 1, "pck@0.1": 1, "pck@0.2": 1}), (15, {"pck@0.05": 0, "pck@0.1": 1, "pck@0.2": 1})],
)
def test_pck_is_a_share_of_the_longer_side_of_the_person(distance, hits):
    measure = measure_for("keypoints")
    assert measure.add(keypoint_row([[10 + distance, 10]], [[10, 10]])) == hits
    assert measure.result()["precision"] == hits["pck@0.1"]


def test_oks_of_one_joint():
    """OKS = exp(-d^2 / (2 s^2 k^2)) with s^2 = 0.53 * 100 * 200 and k = 2 * 0.026 of the nose (COCO)."""
    spread = 0.53 * 100 * 200 * (2 * 0.026) ** 2
    distance = math.sqrt(-math.log(0.72) * 2 * spread)
    measure = measure_for("keypoints")
    measure.add(keypoint_row([[10 + distance, 10]], [[10, 10]]))
    found = measure.result()
    assert (found["oks_ap"], found["oks_ap50"]) == pytest.approx((0.5, 1.0))  # 0.50, 0.55 … 0.70 of ten


def test_a_joint_that_was_not_found_is_a_miss_and_unasked_silence_is_right():
    measure = measure_for("keypoints")
    assert measure.add(keypoint_row([], [[10, 10]])) == {"pck@0.05": 0, "pck@0.1": 0, "pck@0.2": 0}
    assert measure.add(keypoint_row([], [])) == {"pck@0.1": 1.0}
    assert measure.add(keypoint_row([[1, 1]], [])) == {"pck@0.1": 0.0}
    found = measure.result()
    assert (found["pck@0.2"], found["oks_ap"], found["precision"]) == (0.0, 0.0, 0.0)


def test_depth_errors_in_metres(dataset):
    from taskpaint.builders.depths.store import to_annotation

    true = np.array([[1000, 2000], [4000, 0]], np.uint16)  # millimetres, 0 is unknown
    annotation = to_annotation(true, 0.001)
    decoded = {"depth_m": np.array([[1.2, 2.0], [8.0, 3.0]], np.float32), "valid": np.ones((2, 2), bool)}
    measure = measure_for("depth")
    measure.add(judged(decoded, annotation))
    # errors 0.2, 0, 4 m; ratios 1.2, 1, 2 against 1.25, 1.5625, 1.953
    assert measure.result() == pytest.approx(
        {
            "rmse_m": math.sqrt((0.04 + 16) / 3),
            "abs_rel": (0.2 + 0 + 1) / 3,
            "delta1": 2 / 3,
            "delta2": 2 / 3,
            "delta3": 2 / 3,
        },
        rel=1e-5,
    )


def test_normals_in_degrees_over_all_pixels(monkeypatch):
    from taskpaint.training.metrics import maps

    true = np.zeros((1, 4, 3), np.float32)
    true[0, :3, 2] = 1  # towards the viewer; the fourth has none
    turned = np.radians([5.0, 20.0])
    found = np.zeros((1, 4, 3), np.float32)
    found[0, :2] = np.stack([np.sin(turned), np.zeros(2), np.cos(turned)], axis=1)
    monkeypatch.setattr(maps, "true_normals", lambda _: true)
    measure = measure_for("normals")
    measure.add(judged({"normals": found, "valid": np.array([[True, True, False, True]])}, {}))
    expected = {"mean_deg": (5 + 20 + 90) / 3, "median_deg": 20, "within_11.25": 1 / 3, "within_22.5": 2 / 3}
    assert measure.result() == pytest.approx({**expected, "within_30": 2 / 3}, abs=0.02)


def test_psnr_and_ssim_are_scikit_image_s():
    draw = np.random.default_rng(0)
    first = draw.integers(0, 256, (40, 50, 3)).astype(np.uint8)
    second = np.clip(first + draw.normal(0, 20, first.shape), 0, 255).astype(np.uint8)
    reference = structural_similarity(
        first, second, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert pictures.ssim(first, second) == pytest.approx(reference, abs=1e-6)
    assert pictures.psnr_db(first, second) == pytest.approx(peak_signal_noise_ratio(first, second, data_range=255))
    assert (pictures.psnr_db(first, first), pictures.ssim(first, first)) == (100.0, pytest.approx(1.0))
    assert math.isnan(pictures.ssim(first[:8], second[:8]))


def test_answers_counts_and_tasks_from_outside():
    answers = measure_for("classification")
    for right in (1.0, 1.0, 0.0, 0.0):
        answers.add(judged({}, {}, {"accuracy": right}))
    assert answers.result() == {"accuracy": 0.5}
    counts = measure_for("counting")
    for error in (0.0, 3.0):
        counts.add(judged({}, {}, {"count_error": error}))
    assert counts.result() == {"mae": 1.5, "exact": 0.5}
    outside = measure_for("somebody-elses")
    outside.add(judged({}, {}, {"likeness": 0.25}))
    outside.add(judged({}, {}, {"likeness": float("nan")}))
    assert outside.result() == {"likeness": 0.25}


@pytest.mark.parametrize("task", ["segmentation", "entities", "detection", "keypoints", "depth", "normals", "semantic"])
def test_nothing_judged_is_nothing_told(task):
    assert measure_for(task).result() == {}
