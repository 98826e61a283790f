"""Targets that a model has drawn imperfectly are still read: noise, blur, JPEG and lost detail, each with its floor."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image
from taskpaint.builders.world import write_world
from taskpaint.engines.build import BuildOptions, build
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.training.evaluate import baselines, evaluate, questions_of

RECIPE = """
sources:
  - {source: coco, path: coco, split: train2017}
  - {source: nyu_depth_v2, path: nyu, split: train}
image: {size: 384}
tasks:
  - {task: segmentation, limit: 6}
  - {task: segmentation, name: masks, limit: 4, options: {style: mask}}
  - {task: semantic, limit: 4}
  - {task: instances, limit: 4}
  - {task: detection, limit: 6, options: {style: filled}}
  - {task: oriented_boxes, limit: 4, options: {style: filled}}
  - {task: keypoints, limit: 6, options: {min_person: 64}}
  - {task: counting, limit: 4}
  - {task: edges, limit: 4, options: {width: [3, 3]}}
  - {task: classification, limit: 6}
  - {task: depth_order, limit: 4}
  - {task: depth, name: gray, limit: 3}
  - {task: depth, name: turbo, limit: 3, options: {style: colormap, colormap: turbo}}
  - {task: depth, name: metric, limit: 3, options: {style: metric}}
  - {task: normals, limit: 3}
"""


def noisy(pixels, sigma=8):
    draw = np.random.default_rng(int(pixels.sum()))
    return np.clip(pixels + draw.normal(0, sigma, pixels.shape), 0, 255).round().astype(np.uint8)


def very_noisy(pixels):
    return noisy(pixels, 20)


def blurred(pixels):
    return cv2.GaussianBlur(pixels, (0, 0), 1.0)


def as_jpeg(pixels):
    """Quality 75 with halved chroma, as most programs write it."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file).convert("RGB"))


def halved(pixels):
    """Drawn at half the size and scaled up."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


HARM = {"noise": noisy, "strong noise": very_noisy, "blur": blurred, "jpeg": as_jpeg, "half": halved}
FLOORS = {
    ("segmentation", "miou"): 0.9,
    ("semantic", "miou"): 0.9,
    ("instances", "ap50"): 0.9,
    ("detection", "ap50"): 0.9,
    ("oriented_boxes", "ap50"): 0.9,
    ("keypoints", "pck@0.05"): 0.95,
    ("keypoints", "precision"): 0.8,
    ("counting", "exact"): 0.9,
    ("edges", "ods_f1"): 0.9,
    ("classification", "accuracy"): 1.0,
    ("depth_order", "accuracy"): 1.0,
    ("depth", "delta1"): 0.9,
    ("normals", "within_30"): 0.9,
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("robust")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TASKPAINT_CACHE", str(folder / "cache"))
        write_world(folder / "world", scenes=6, seed=1)
        build([parse_recipe(RECIPE, "robust")], folder / "out", BuildOptions(root=folder / "world", workers=1))

    def harmed(how):
        return lambda questions: ((question, how(question.target)) for question in questions)

    predictors = {name: harmed(how) for name, how in HARM.items()}
    return evaluate(*questions_of(folder / "out", "train"), {**predictors, "copy": baselines()["copy"]}).metrics


@pytest.mark.parametrize("harm", HARM)
def test_imperfect_pictures_are_read(judged, harm):
    assert {task for task, _ in FLOORS} == set(judged)
    low = {key: judged[key[0]][harm][key[1]] for key, floor in FLOORS.items() if judged[key[0]][harm][key[1]] < floor}
    assert low == {}


def test_the_floors_are_out_of_reach_for_who_draws_nothing(judged):
    for (task, metric), floor in FLOORS.items():
        assert judged[task]["copy"].get(metric, 0) < floor, (task, metric)
