"""Metrics against hand calculations and the field's own code."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
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


def test_pckh_is_half_a_head_without_pelvis_and_thorax():
    measure = measure_for("keypoints")
    for joint, distance in (("left knee", 9.9), ("left knee", 10.1), ("left hip", 3), ("pelvis", 50)):
        row = keypoint_row([[10 + distance, 10]], [[10, 10]], joint)
        measure.add(Judged(row.decoded, row.annotation, {}, {**row.params, "head_px": 20.0}, BLANK, BLANK, BLANK))
    measure.add(keypoint_row([[10, 10]], [[10, 10]]))  # a head without size
    assert measure.result()["pckh@0.5"] == pytest.approx(2 / 3)


def rectangle(x, y, width, height, degrees):
    """Corners around a rectangle, clockwise on the screen."""
    turn = math.radians(degrees)
    along, down = np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])
    ends = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    return [(np.array([x, y]) + a * width / 2 * along + b * height / 2 * down).tolist() for a, b in ends]


def opencv_iou(first, second):
    """Of two rectangles as x, y, width, height, degrees."""
    shared = cv2.rotatedRectangleIntersection(*((one[:2], one[2:4], one[4]) for one in (first, second)))[1]
    area = 0.0 if shared is None else cv2.contourArea(cv2.convexHull(shared))
    return area / (first[2] * first[3] + second[2] * second[3] - area)


@pytest.mark.parametrize("turned", [0, 4, 8, 12, 20, 35, 60, 90])
def test_average_precision_of_oriented_boxes_follows_opencv_s_overlap(turned):
    """One box a picture: AP is the share of the ten thresholds that its IoU reaches."""
    true, found = (100.0, 80.0, 90.0, 40.0, 30.0), (101.0, 81.0, 88.0, 42.0, 30.0 + turned)
    iou = opencv_iou(true, found)
    sides = [[[{"name": "ship", "corners": rectangle(*one)}]] for one in (found, true)]
    reached = sum(iou >= threshold for threshold in np.linspace(0.5, 0.95, 10))
    assert average_precision(*sides, "rotated") == pytest.approx({"ap": reached / 10, "ap50": float(iou >= 0.5)})


def test_oriented_boxes_of_a_class_are_ranked_over_all_pictures():
    """Two true ones, one found, one false after it: AP50 is 51 of 101 points of recall at precision 1."""
    one, other, far = (rectangle(50, 50, 40, 20, 10), rectangle(150, 50, 40, 20, 80), rectangle(300, 300, 40, 20, 0))
    measure = measure_for("oriented_boxes")
    row = {"boxes": [{"name": "ship", "corners": [one, far]}]}, {"boxes": [{"name": "ship", "corners": [one, other]}]}
    assert measure.add(judged(*row, {"missed": 1.0, "extra": 1.0})) == {"f1": 0.5}
    found = measure.result()
    assert found == pytest.approx({"ap": 51 / 101, "ap50": 51 / 101, "recall": 0.5, "precision": 0.5})


def lane_row(found, true, width=1280, rows=tuple(range(0, 720, 10))):
    sides = [
        {"lanes": [{"color": "red", "x": [None if np.isnan(x) else float(x) for x in line]} for line in lines]}
        for lines in (found, true)
    ]
    return judged(sides[0], {**sides[1], "size": [720 * width // 1280, width], "rows": list(rows)})


def line(x, slope=0.0, first=20, rows=72):
    """A line from row number `first` on, leaning by `slope` pixels a pixel down."""
    places = x + slope * 10 * np.arange(rows)
    return np.where(np.arange(rows) >= first, places, np.nan)


def test_tusimple_s_accuracy_by_hand():
    """Within 20 pixels of an upright line counts, 28.3 of one that leans by 45 degrees."""
    measure = measure_for("lanes")
    assert measure.add(lane_row([line(119)], [line(100)]))["accuracy"] == 1.0
    assert measure.add(lane_row([line(121)], [line(100)]))["accuracy"] == 0.0
    assert measure.add(lane_row([line(127, 1.0)], [line(100, 1.0)]))["accuracy"] == 1.0
    assert measure.add(lane_row([line(100, first=46)], [line(100)]))["accuracy"] == 0.5  # 26 of 52 rows are missing
    found = measure.result()
    assert found["accuracy"] == pytest.approx(2.5 / 4)
    assert found["fp"] == found["fn"] == pytest.approx(2 / 4)  # below 85 % a line is none


def test_tusimple_forgives_one_of_five_and_no_crowd():
    measure = measure_for("lanes")
    five = [line(100 + 200 * number) for number in range(5)]
    measure.add(lane_row(five[:4], five))
    assert measure.result() | {"f1": 0} == pytest.approx(
        {"accuracy": 1.0, "fp": 0.0, "fn": 0.0, "f1": 0, "precision": 1.0, "recall": 0.8}
    )
    crowd = measure_for("lanes")
    crowd.add(lane_row(five[:4], five[:1]))  # three more than there are
    assert {name: crowd.result()[name] for name in ("accuracy", "fp", "fn")} == {"accuracy": 0, "fp": 1, "fn": 1}


@pytest.mark.parametrize(("width", "step"), [(1640, 1.0), (820, 0.5)])
def test_culane_s_f1_by_hand(width, step):
    """Upright bands 30 pixels wide, d apart: IoU (30 - d) / (30 + d), above a half for d under 10."""
    rows = tuple(range(0, 720 * width // 1280, max(1, 10 * width // 1280)))
    upright = [np.full(len(rows), x * step) for x in (100, 300, 500, 700)]
    found = [upright[0] + 8 * step, upright[1] + 12 * step, upright[2]]
    measure = measure_for("lanes")
    measure.add(lane_row(found, upright, width, rows))
    result = measure.result()
    assert (result["precision"], result["recall"], result["f1"]) == pytest.approx((2 / 3, 2 / 4, 4 / 7))


def test_soft_lines_count_at_the_threshold_that_is_best_for_all():
    """A line of 20 pixels drawn at 40 % strength in one picture, at 80 % in another, with 10 far pixels at 60 %."""
    params = {"background": {"rgb": [0, 0, 0]}, "lines": {"rgb": [255, 255, 255]}}
    truth = np.zeros((20, 20), np.uint8)
    truth[4] = 1
    rle = coco_mask.encode(np.asfortranarray(truth))
    measure = measure_for("edges")
    for strength in (0.4, 0.8):
        drawn = np.zeros((20, 20, 3), np.uint8)
        drawn[5] = round(255 * strength)  # a pixel off
        drawn[15, :10] = 153
        told = {"f1": strength, "precision": 0.0, "recall": 0.0}
        measure.add(judged({}, {"rle": rle}, told, params, drawn))
    # up to 0.3: 40 of 60 found are near, all 40 true are reached; at 0.7: 20 of 20, and 20 of 40
    expected = 2 * (40 / 60) * 1 / (40 / 60 + 1)
    assert measure.result() == pytest.approx({"f1": 0.6, "precision": 0, "recall": 0, "ods_f1": expected})


def test_no_line_where_none_is_is_right():
    measure = measure_for("lanes")
    assert measure.add(lane_row([], [])) == {"accuracy": 1.0, "f1": 1.0}
    assert measure.result() == {"accuracy": 1.0, "fp": 0.0, "fn": 0.0}
    assert measure.add(lane_row([line(100)], []))["accuracy"] == 0.0
    assert measure.add(lane_row([], [line(100)])) == {"accuracy": 0.0, "f1": 0.0}


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


@pytest.mark.parametrize(
    ("dataset", "name", "rows", "columns", "cap"),
    [
        ("nyu_depth_v2", "eigen", slice(45, 471), slice(41, 601), 10.0),
        # Garg's rows and columns of 375 x 1242, as in Monodepth's evaluation
        ("kitti_depth", "garg", slice(153, 371), slice(44, 1197), 80.0),
    ],
)
def test_benchmarks_crop_and_cap(dataset, name, rows, columns, cap):
    """Depth is right inside the crop and wrong outside; beyond the cap nothing counts."""
    from taskpaint.builders.depths.store import to_annotation

    shape = (480, 640) if name == "eigen" else (375, 1242)
    found = np.full(shape, cap + 50, np.float32)
    found[rows, columns] = cap / 2
    true = np.full(shape, cap / 2 * 1000, np.float64)
    true[rows.start + 5] = (cap + 1) * 1000
    annotation = to_annotation((true / 2).astype(np.uint16), 0.002)
    row = judged({"depth_m": found, "valid": np.ones(shape, bool)}, annotation)
    measure = measure_for("depth")
    measure.add(replace(row, source_dataset=dataset))
    result = measure.result()
    assert result[f"{name}_delta1"] == 1.0
    assert result[f"{name}_rmse_m"] == pytest.approx(0.0, abs=1e-3)
    assert result["delta1"] < 0.9
    found[:] = cap + 50  # cut to the cap: twice too far
    measure = measure_for("depth")
    measure.add(replace(row, source_dataset=dataset))
    assert measure.result()[f"{name}_abs_rel"] == pytest.approx(1.0, abs=1e-3)


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
