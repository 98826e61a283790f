"""The preset `tiny`: a Stable Diffusion of small parts, made from nothing and from the instructions of a dataset."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Final

import torch

from ..manifests.extras import load_extra

_CHANNELS: Final = 3
_MERGES: Final = 1500
_TOKENS: Final = 77
_WIDTH: Final = 96
_WALL: Final = 1000.0
"""Of the two constant channels that fix what group normalisation divides by; see `identity_autoencoder`."""
_SCALE: Final = 0.25
"""Of the latents against the noise; see `tiny_parts`."""
_SPECIAL: Final = ("<|startoftext|>", "<|endoftext|>")


def tiny_parts(instructions: Iterable[str], seed: int) -> dict[str, Any]:
    """Tokenizer, text encoder, autoencoder, denoiser and scheduler, as Stable Diffusion has them.

    The denoiser has the three channels of a text-to-image model; the trainer widens it as it widens a large one.

    Flat targets show through noise: the mean over many pixels tells their colours, and a denoiser that sees them has no
    reason to look at the source or the words. So the latents are scaled down, which is the same as more noise at every
    step (Hoogeboom et al. 2023, "simple diffusion", shift the schedule for the same reason), the schedule ends in pure
    noise (Lin et al. 2024), and the target itself is predicted, which weighs the noisiest steps most.
    """
    diffusers, transformers = load_extra("diffusers", "train"), load_extra("transformers", "train")
    tokenizer = word_tokenizer(instructions)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        text_encoder = transformers.CLIPTextModel(
            transformers.CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=_WIDTH,
                intermediate_size=2 * _WIDTH,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=_TOKENS,
                projection_dim=_WIDTH,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
        unet = diffusers.UNet2DConditionModel(
            sample_size=64,
            in_channels=_CHANNELS,
            out_channels=_CHANNELS,
            block_out_channels=(16, 32, 96),
            down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=_WIDTH,
            attention_head_dim=4,
            norm_num_groups=8,
        )
    scheduler = diffusers.DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        prediction_type="sample",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    vae = identity_autoencoder()
    return {"tokenizer": tokenizer, "text_encoder": text_encoder, "vae": vae, "unet": unet, "scheduler": scheduler}


def word_tokenizer(instructions: Iterable[str]) -> Any:
    """A CLIP tokenizer whose pieces are learned from the instructions; any other text falls back to letters.

    The library's own learner breaks ties by chance, and two runs of one seed would differ.
    """
    tokenizers, transformers = load_extra("tokenizers", "train"), load_extra("transformers", "train")
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    words = Counter(word for text in instructions for word in re.findall(r"[a-z]{2,}", text.lower()))
    merges = byte_pairs(words, _MERGES)
    endings = [f"{letter}</w>" for letter in letters]
    pieces = dict.fromkeys([*letters, *endings, *("".join(pair) for pair in merges), *_SPECIAL])
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=_TOKENS)


def byte_pairs(words: Mapping[str, int], most: int) -> list[tuple[str, str]]:
    """Pairs of pieces to be joined, in order: each time the commonest pair, of equals the first by alphabet.

    Args:
        words: and how often each occurs.
        most: pairs.

    Source: Sennrich et al. 2016, algorithm 1; the last letter carries `</w>`.
    """
    pieces = {word: [*word[:-1], f"{word[-1]}</w>"] for word in words}
    counts: Counter[tuple[str, str]] = Counter()
    found_in: dict[tuple[str, str], set[str]] = {}
    for word, parts in pieces.items():
        for pair in pairwise(parts):
            counts[pair] += words[word]
            found_in.setdefault(pair, set()).add(word)
    merges: list[tuple[str, str]] = []
    while counts and len(merges) < most:
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        for word in found_in.pop(best):
            for pair in pairwise(pieces[word]):
                counts[pair] -= words[word]
            pieces[word] = _joined(pieces[word], best)
            for pair in pairwise(pieces[word]):
                counts[pair] += words[word]
                found_in.setdefault(pair, set()).add(word)
        counts = +counts  # without the pairs that are no more
    return merges


def _joined(parts: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for part in parts:
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def identity_autoencoder() -> Any:
    """An `AutoencoderKL` that hands pictures through: its latents are the pixels, bit for bit after rounding to 8 bits.

    A small autoencoder trained for minutes blurs edges and colours, and what is decoded from a picture would then
    measure the autoencoder. This one needs no training. Its eight channels carry the picture x, its negative, and two
    constants +w and -w. Their mean is 0 and, w being large, their deviation is w/2 whatever x is, so that group
    normalisation is a division by w/2, which its weight takes back. The activation then drops out, since
    silu(x) - silu(-x) = x. The residual blocks add nothing: their last convolution is zero.
    """
    diffusers = load_extra("diffusers", "train")
    width = 2 * _CHANNELS + 2
    vae = diffusers.AutoencoderKL(
        block_out_channels=(width,),
        latent_channels=_CHANNELS,
        norm_num_groups=1,
        sample_size=64,
        scaling_factor=_SCALE,
        mid_block_add_attention=False,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    with torch.no_grad():
        for name, weight in vae.named_parameters():
            if "resnets" in name and ".conv2." in name:
                weight.zero_()
        for half in (vae.encoder, vae.decoder):
            _carry_pixels(half)
    return vae.eval()


def _carry_pixels(half: Any) -> None:
    """Set the first convolution, the last normalisation and the last convolution of an encoder or decoder."""
    for convolution in (half.conv_in, half.conv_out):
        convolution.weight.zero_()
        convolution.bias.zero_()
    for channel in range(_CHANNELS):
        for place, sign in ((channel, 1.0), (channel + _CHANNELS, -1.0)):
            half.conv_in.weight[place, channel, 1, 1] = sign
            half.conv_out.weight[channel, place, 1, 1] = sign
    half.conv_in.bias[-2], half.conv_in.bias[-1] = _WALL, -_WALL
    half.conv_norm_out.weight.fill_(_WALL / 2)
    half.conv_norm_out.bias.zero_()
    half.conv_out.bias[_CHANNELS:] = -30.0  # an encoder's second half: the logarithm of next to no variance
