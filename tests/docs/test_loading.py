"""The examples of docs/loading.md, run as they are written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from taskpaint.engines.build import BuildOptions, build
from taskpaint.manifests.recipe_file import parse_recipe

PAGE = Path(__file__).parents[2] / "docs" / "loading.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Segmentation of the drawn COCO."""
    from taskpaint.builders.world import write_world
    from taskpaint.manifests.extras import declare_torchvision_ops

    declare_torchvision_ops()  # whichever example comes first in this process
    folder = tmp_path_factory.mktemp("loading")
    write_world(folder / "world", scenes=12, seed=1)
    recipe = {
        "name": "loading",
        "sources": [{"source": "coco", "path": "coco", "split": "train2017"}],
        "tasks": [{"task": "segmentation"}, {"task": "keypoints"}],
        "output": {"row_group_rows": 4},
        "splits": {"validation": 0},
    }
    build([parse_recipe(json.dumps(recipe))], folder / "out", BuildOptions(root=folder / "world", workers=1))
    return folder / "out"


class TestTokenizer:
    """Stands for a base model's tokenizer, which would come from a hub; answers as transformers' do."""

    __test__ = False
    model_max_length = 77

    def __call__(self, texts, **_):
        import torch

        return type("Tokens", (), {"input_ids": torch.zeros(len(texts), 77, dtype=torch.int64)})


def _models():
    from taskpaint.manifests.extras import load_extra

    vae = load_extra("diffusers", "train").AutoencoderKL(
        block_out_channels=(4, 4), layers_per_block=1, norm_num_groups=2, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    return {"tokenizer": TestTokenizer(), "vae": vae}


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(out, number, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = EXAMPLES[number]
    names = {"OUT": out, "__name__": "example", **(_models() if "vae." in text else {})}
    exec(compile(text, f"docs/loading.md, example {number + 1}", "exec"), names)
    if number == 0:
        assert names["source"].shape[1:] == (3, 256, 256) and len(names["instructions"]) == len(names["target"])
    if number == 1:
        assert not set(names["first"]["id"]) & set(names["second"]["id"])
    if "noisy" in names:
        assert names["noisy"].shape == (2, 8, 32, 32)
    if "trainer" in names:
        assert names["trainer"].global_step > 0
