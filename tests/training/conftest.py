"""A small built dataset and a small trained run, shared by the tests of this room."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from taskpaint.manifests.extras import declare_torchvision_ops  # noqa: E402 - after the skips

declare_torchvision_ops()  # before any test module imports diffusers' pipelines

from taskpaint.engines.build import BuildOptions, build  # noqa: E402
from taskpaint.manifests.recipe_file import parse_recipe  # noqa: E402
from taskpaint.training.settings import Settings, read_settings  # noqa: E402
from taskpaint.training.train import train  # noqa: E402

RECIPE = """
sources: [{source: coco, path: coco, split: train2017}]
tasks:
  - {task: segmentation, options: {style: mask, absent: 0.2, count: [1, 2]}}
  - {task: classification, options: {style: fill}}
  - {task: keypoints, options: {style: disc, min_person: 32, radius: 0.08}}
  - {task: detection, options: {style: outline}}
splits: {validation: 0.3}
output: {rows_per_shard: 16}
"""


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """More threads than free cores make small models slow."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tasks from sixteen drawn photographs of 96x80; splits train and validation. Not to be written to."""
    spec = importlib.util.spec_from_file_location("shared_fixtures", Path(__file__).parents[1] / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    shared = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shared)
    folder = tmp_path_factory.mktemp("training")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TASKPAINT_CACHE", str(folder / "cache"))
        shared.write_tiny_coco(folder / "coco", 16)
        build([parse_recipe(RECIPE, "training")], folder / "data", BuildOptions(root=folder, workers=1))
    return folder / "data"


@pytest.fixture
def own_dataset(dataset: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(dataset, tmp_path / "own"))


@pytest.fixture(scope="session")
def settings_for(dataset: Path) -> Callable[..., Settings]:
    """Settings of the tiny preset at 16 pixels, changed by keywords."""

    def make(out: Path, **changes: Any) -> Settings:
        small: dict[str, Any] = {
            "dataset": dataset,
            "out": out,
            "preset": "" if "base" in changes else "tiny",
            "resolution": 16,
            "batch_size": 2,
            "steps": 4,
            "schedule": "constant",
            "warmup_steps": 2,
            "train_text_encoder": "base" not in changes,
            "workers": 0,
            "log_every": 1,
            "checkpoint_every": 2,
            "validate_every": 0,
            "validation_rows": 4,
            "sampling_steps": 2,
            "guidance": 1.0,
            "image_guidance": 1.0,
            "aspect": "square",
        }
        return read_settings({**small, **changes})

    return make


@pytest.fixture(scope="session")
def run(settings_for: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps, validated after the last. Not to be written to."""
    out = tmp_path_factory.mktemp("runs") / "run"
    train(settings_for(out, validate_every=4))
    return out
