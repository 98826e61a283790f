"""Figures of drawn edits against NumPy, on a real architecture with seeded random weights and LAION's real head."""

from __future__ import annotations

import json

import numpy as np
import pytest
from taskpaint.filters.edit_figures import EditFigures
from taskpaint.manifests.errors import UsageError
from taskpaint.manifests.extras import load_extra

torch = pytest.importorskip("torch")
load_extra("open_clip", "score")

from taskpaint.filters.embedders.clip import ClipEmbedder  # noqa: E402 - after the cure of torchvision

CAPTIONS = {"source_caption": "a dog on a beach", "target_caption": "a cat on a beach"}


def picture(seed):
    draw = np.random.default_rng(seed)
    return np.kron(draw.integers(0, 256, (6, 8, 3)), np.ones((20, 20, 1))).astype(np.uint8)


def row(identity="a", **annotation):
    return {"id": identity, "annotation": json.dumps({"instruction": "make it a cat", **annotation})}


def unit(vectors):
    return vectors / np.linalg.norm(vectors.astype(np.float64), axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def small():
    return ClipEmbedder("ViT-S-32-alt/random:3")


def test_figures_are_the_papers_cosines(small):
    source, target, drawn = (picture(seed) for seed in range(3))
    found = EditFigures(small)(row(**CAPTIONS), source, target, drawn)
    embed = small.open("cpu")
    s, t, d = (unit(embed(small.prepare(one)[None])[0]) for one in (source, target, drawn))
    before, after = unit(small.open_text("cpu")(list(CAPTIONS.values())))
    expected = {
        "clip_source": d @ s,
        "clip_target": d @ t,
        "clip_text": d @ after,
        "clip_direction": unit(d - s) @ unit(after - before),
    }
    assert found == pytest.approx(expected, abs=1e-4)


def test_what_cannot_be_told_is_left_out(small):
    judge = EditFigures(small)
    source = picture(0)
    assert judge(row(), source, picture(1), picture(2)).keys() == {"clip_source", "clip_target"}
    same = judge(row("b", **CAPTIONS), source, picture(1), source)
    assert same["clip_source"] == pytest.approx(1.0)
    assert "clip_direction" not in same  # nothing changed: no direction


def test_beauty_is_what_the_head_makes_of_the_drawing(shared_data):
    """LAION's linear head of ViT-B/32, by hand; the backbone's weights are random, as no others can be had here."""
    head = next((shared_data / "aesthetics").rglob("sa_0_4_vit_b_32_linear.pth"))
    embedder = ClipEmbedder("ViT-B-32-quickgelu/random:1")
    drawn = picture(5)
    found = EditFigures(embedder, head)(row(), picture(0), picture(1), drawn)["aesthetics"]
    weights = torch.load(head, map_location="cpu", weights_only=True)
    vector = unit(embedder.open("cpu")(embedder.prepare(drawn)[None])[0])
    expected = float(weights["weight"].numpy()[0] @ vector + weights["bias"].numpy()[0])
    assert found == pytest.approx(expected, abs=1e-3)


def test_a_head_for_other_vectors_is_refused(small, shared_data):
    head = next((shared_data / "aesthetics").rglob("sa_0_4_vit_l_14_linear.pth"))
    with pytest.raises(UsageError, match="takes vectors of length 768"):
        EditFigures(small, head)
