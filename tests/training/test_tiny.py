"""The preset's own parts: an autoencoder that is the identity, a tokenizer made from the instructions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from taskpaint.manifests.errors import UsageError
from taskpaint.training.model import RunningMean, load_parts, widen
from taskpaint.training.pictures import is_flat, resized, to_tensor
from taskpaint.training.tiny import byte_pairs, identity_autoencoder, tiny_parts, word_tokenizer


@pytest.mark.parametrize("ends", [(0, 256), (0, 2), (254, 256)])
def test_the_autoencoder_hands_pictures_through_to_the_level(ends):
    pixels = np.random.default_rng(0).integers(*ends, (24, 20, 3)).astype(np.uint8)
    vae = identity_autoencoder()
    with torch.no_grad():
        latents = vae.encode(to_tensor(pixels)[None]).latent_dist
        decoded = vae.decode(latents.sample(torch.Generator().manual_seed(0))).sample
    assert torch.allclose(latents.mode(), to_tensor(pixels)[None], atol=1e-4)
    back = torch.round((decoded[0].permute(1, 2, 0) + 1) * 127.5).numpy()
    assert np.array_equal(back, pixels)


def test_byte_pairs_are_joined_by_count_then_alphabet():
    """By hand; the last letter of a word is marked."""
    words = {"low": 5, "lower": 2}
    # l o w</w> (5), l o w e r</w> (2): (l, o) 7; then (lo, w</w>) 5; then of the twos (e, r</w>) before (lo, w)
    assert byte_pairs(words, 3) == [("l", "o"), ("lo", "w</w>"), ("e", "r</w>")]
    assert byte_pairs(words, 99)[3:] == [("lo", "w"), ("low", "er</w>")]
    assert byte_pairs({}, 5) == []


def test_words_of_the_instructions_are_one_token_and_others_are_letters():
    tokenizer = word_tokenizer(["Paint the dog red.", "paint the cat blue"])
    assert tokenizer.tokenize("Paint the dog") == ["paint</w>", "the</w>", "dog</w>"]
    assert tokenizer.tokenize("dq") == ["d", "q</w>"]
    ids = tokenizer("red", max_length=77, padding="max_length", truncation=True).input_ids
    assert (len(ids), ids[0], ids[2]) == (77, tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert len(tokenizer("ü 水").input_ids) > 3


def test_the_preset_is_the_same_for_the_same_seed():
    first, second, other = (tiny_parts(["paint the dog red"], seed)["unet"].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["conv_in.weight"], other["conv_in.weight"])


def test_new_channels_begin_without_effect():
    unet = tiny_parts(["x"], 0)["unet"].eval()
    noisy, words = torch.randn(1, 3, 8, 8), torch.randn(1, 5, unet.config.cross_attention_dim)
    with torch.no_grad():
        before = unet(noisy, 10, words).sample
        widen(unet, 6)
        after = unet(torch.cat([noisy, torch.randn(1, 3, 8, 8)], dim=1), 10, words).sample
    assert unet.config.in_channels == 6
    assert torch.count_nonzero(unet.conv_in.weight[:, 3:]) == 0
    assert torch.allclose(before, after, atol=1e-6)
    with pytest.raises(UsageError, match="takes 6 channels; 4 or 8 will do"):
        widen(unet, 8)


def test_the_running_mean_by_hand(settings_for, tmp_path):
    editor = load_parts(settings_for(tmp_path), ["x"]).editor
    mean = RunningMean(editor, 0.5)
    name, weight = next(iter(editor.learning().items()))
    start = weight.detach().clone()
    with torch.no_grad():
        weight.add_(1)
    mean.update(editor)  # decay min(0.5, 2 / 11)
    assert torch.allclose(mean.weights[name], start + 9 / 11, atol=1e-6)
    mean.update(editor)  # decay min(0.5, 3 / 12)
    assert torch.allclose(mean.weights[name], start + 1 - 2 / 11 * 3 / 12, atol=1e-6)
    with mean.shown_by(editor):
        assert torch.equal(weight.detach(), mean.weights[name])
    assert torch.equal(weight.detach(), start + 1)


def test_flat_pictures_are_not_blended():
    stripes = np.zeros((8, 8, 3), np.uint8)
    stripes[:, ::2] = 255
    assert set(np.unique(resized(stripes, (4, 4), flat=True))) <= {0, 255}
    assert np.unique(resized(stripes, (4, 4), flat=False)).tolist() == [128]
    assert resized(stripes, (8, 8), flat=True) is stripes


def test_palette_pictures_are_flat(dataset):
    import pyarrow.parquet as pq

    table = pq.read_table(sorted((dataset / "data").glob("train-*"))[0]).to_pylist()
    for row in table:
        expected = row["task"] in ("segmentation", "classification")
        assert is_flat(row["edited_image"]["bytes"]) == expected
        assert not is_flat(row["input_image"]["bytes"])


def test_byte_pairs_spell_every_word():
    words = Counter(["segment", "segmentation", "mask", "masks"])
    pairs = byte_pairs(words, 100)
    assert {"segment</w>", "segmentation</w>", "mask</w>", "masks</w>"} <= {"".join(pair) for pair in pairs}
