"""LPIPS against torchvision's AlexNet, with weights drawn by lot, since the real ones cannot be fetched here."""

from __future__ import annotations

import hashlib
import importlib.util
import math

import numpy as np
import pytest
import torch
from taskpaint.manifests.errors import UsageError
from taskpaint.training.metrics.perceptual import BACKBONE_FILE, HEADS_FILE, Lpips, find_weights

WIDTHS = (64, 192, 384, 256, 256)


@pytest.fixture(scope="module")
def alexnet():
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    return models.alexnet(weights=None).features.eval()


@pytest.fixture(scope="module")
def weights(alexnet, tmp_path_factory):
    """Files in the form of torchvision and lpips."""
    folder = tmp_path_factory.mktemp("weights")
    torch.save({f"features.{name}": value for name, value in alexnet.state_dict().items()}, folder / "backbone")
    digest = hashlib.sha256((folder / "backbone").read_bytes()).hexdigest()
    backbone = (folder / "backbone").rename(folder / f"alexnet-owt-{digest[:8]}.pth")
    draw = torch.Generator().manual_seed(1)
    heads = {f"lin{n}.model.1.weight": torch.rand((1, width, 1, 1), generator=draw) for n, width in enumerate(WIDTHS)}
    torch.save(heads, folder / HEADS_FILE)
    return backbone, folder / HEADS_FILE


def pictures(side=64):
    draw = np.random.default_rng(0)
    first = draw.integers(0, 256, (side, side + 7, 3)).astype(np.uint8)
    return first, np.clip(first + draw.normal(0, 30, first.shape), 0, 255).astype(np.uint8)


def by_formula(alexnet, heads, first, second):
    """Zhang et al. 2018, equation 1, in NumPy from torchvision's activations after each ReLU."""
    found = []
    for picture in (first, second):
        scaled = picture.transpose(2, 0, 1)[None] / 127.5 - 1
        scaled = (scaled - np.array([-0.030, -0.088, -0.188])[:, None, None]) / np.array([0.458, 0.448, 0.450])[
            :, None, None
        ]
        kept, values = [], torch.from_numpy(scaled).float()
        with torch.no_grad():
            for layer in alexnet:
                values = layer(values)
                if isinstance(layer, torch.nn.ReLU):
                    kept.append(values[0].numpy().astype(np.float64))
        found.append(kept)
    total = 0.0
    for number, (one, other) in enumerate(zip(*found, strict=True)):
        weight = torch.load(heads, weights_only=True)[f"lin{number}.model.1.weight"].numpy().ravel()
        one, other = (side / np.linalg.norm(side, axis=0) for side in (one, other))
        total += np.einsum("c,chw->hw", weight, (one - other) ** 2).mean()
    return total


def test_lpips_is_the_paper_s_formula(alexnet, weights):
    first, second = pictures()
    found = Lpips(*weights)({}, first, second, first)["lpips"]
    assert found == pytest.approx(by_formula(alexnet, weights[1], first, second), rel=1e-4)
    assert found > 0.01
    assert Lpips(*weights)({}, first, first, first) == {"lpips": 0.0}
    assert math.isnan(Lpips(*weights)({}, first[:16], second[:16], first[:16])["lpips"])


@pytest.mark.filterwarnings("ignore:The parameter 'pretrained'", "ignore:Arguments other than a weight enum")
@pytest.mark.skipif(importlib.util.find_spec("lpips") is None, reason="the package lpips is not installed")
def test_lpips_is_the_package_s(weights):
    import lpips

    judge = lpips.LPIPS(pnet_rand=True, model_path=str(weights[1]), verbose=False)
    state = torch.load(weights[0], weights_only=True)
    for name in ("slice1.0", "slice2.3", "slice3.6", "slice4.8", "slice5.10"):
        number = name.rpartition(".")[2]
        part = judge.net.get_submodule(name)
        part.load_state_dict({kind: state[f"features.{number}.{kind}"] for kind in ("weight", "bias")})
    first, second = pictures()
    tensors = [torch.from_numpy(one).permute(2, 0, 1)[None].float() / 127.5 - 1 for one in (second, first)]
    with torch.no_grad():
        assert Lpips(*weights)({}, first, first, second)["lpips"] == pytest.approx(judge(*tensors).item(), rel=1e-5)


def test_damaged_or_missing_weights_are_named(weights, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=rf"lacks {BACKBONE_FILE}; LPIPS needs"):
        find_weights(tmp_path)
    (tmp_path / BACKBONE_FILE).write_bytes(weights[0].read_bytes())
    (tmp_path / HEADS_FILE).write_bytes(weights[1].read_bytes())
    assert find_weights(tmp_path) == (tmp_path / BACKBONE_FILE, tmp_path / HEADS_FILE)
    with pytest.raises(UsageError, match="is damaged: its SHA-256 begins with"):
        Lpips(*find_weights(tmp_path))
    torch.save({"lin0.model.1.weight": torch.zeros(1, 3, 1, 1)}, tmp_path / HEADS_FILE)
    with pytest.raises(UsageError, match="are no weights of LPIPS with AlexNet"):
        Lpips(weights[0], tmp_path / HEADS_FILE)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nothing"))
    assert find_weights(None) is None
