"""What diffusers' examples/instruct_pix2pix/train_instruct_pix2pix.py does with a dataset, done with its classes.

The script is no part of the package, so its steps are taken here one by one: how it opens the data, its defaults,
both pictures through one transform, the denoiser widened to eight channels, the loss, the saved pipeline.
"""

from __future__ import annotations

import io
import math

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import transformers
from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionInstructPix2PixPipeline, UNet2DConditionModel
from PIL import Image
from taskpaint.engines.export import ExportOptions, export
from taskpaint.training.tiny import word_tokenizer
from torch.nn import functional
from torchvision import transforms

RESOLUTION = 32
COLUMNS = ("input_image", "edit_prompt", "edited_image")  # the script's defaults
WIDTH = 32


def built_folder(dataset, tmp_path):
    """--dataset_name OUT"""
    return datasets.load_dataset(str(dataset), cache_dir=str(tmp_path / "cache"))


def exported_parquet(dataset, tmp_path):
    """--dataset_name DEST"""
    export(dataset, tmp_path / "dest", ExportOptions("diffusers", workers=1))
    return datasets.load_dataset(str(tmp_path / "dest"), cache_dir=str(tmp_path / "cache"))


def exported_pictures(dataset, tmp_path):
    """--train_data_dir DEST/train"""
    export(dataset, tmp_path / "dest", ExportOptions("imagefolder", workers=1))
    files = {"train": str(tmp_path / "dest" / "train" / "**")}
    return datasets.load_dataset("imagefolder", data_files=files, cache_dir=str(tmp_path / "cache"))


class Parts:
    """A Stable Diffusion with every part of the real one, each of a few thousand weights, drawn at random."""

    def __init__(self, instructions):
        torch.manual_seed(0)
        self.tokenizer = word_tokenizer(instructions)
        self.text_encoder = transformers.CLIPTextModel(
            transformers.CLIPTextConfig(
                vocab_size=len(self.tokenizer),
                hidden_size=WIDTH,
                intermediate_size=2 * WIDTH,
                num_hidden_layers=2,
                num_attention_heads=4,
                bos_token_id=self.tokenizer.bos_token_id,
                eos_token_id=self.tokenizer.eos_token_id,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        ).requires_grad_(False)
        self.vae = AutoencoderKL(
            block_out_channels=(16, 32),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            latent_channels=4,
            norm_num_groups=8,
        ).requires_grad_(False)
        self.unet = UNet2DConditionModel(
            sample_size=RESOLUTION // 2,
            block_out_channels=(16, 32),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=WIDTH,
            attention_head_dim=8,
            norm_num_groups=8,
        )
        self.scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
        self._widen()

    def _widen(self):
        """Four channels more for the source's latents, with weights of zero."""
        old = self.unet.conv_in
        self.unet.conv_in = torch.nn.Conv2d(8, old.out_channels, old.kernel_size, old.stride, old.padding)
        self.unet.register_to_config(in_channels=8)
        with torch.no_grad():
            self.unet.conv_in.weight.zero_()
            self.unet.conv_in.weight[:, :4].copy_(old.weight)

    def tokens(self, captions):
        most = self.tokenizer.model_max_length
        return self.tokenizer(
            captions, max_length=most, padding="max_length", truncation=True, return_tensors="pt"
        ).input_ids


def squashed(picture):
    """(3, R, R) uint8; the script gives up the shape of a picture."""
    return np.array(picture.convert("RGB").resize((RESOLUTION, RESOLUTION))).transpose(2, 0, 1)


def loader_of(train, parts):
    """Batches of four."""
    together = transforms.Compose([transforms.RandomCrop(RESOLUTION), transforms.RandomHorizontalFlip()])

    def preprocess(examples):
        stacked = [np.concatenate([squashed(one) for one in examples[name]]) for name in COLUMNS[::2]]
        pixels = together(2 * (torch.tensor(np.concatenate(stacked)) / 255) - 1)  # one draw for all of the batch
        source, target = (half.reshape(-1, 3, RESOLUTION, RESOLUTION) for half in pixels.chunk(2))
        return {"source": source, "target": target, "tokens": parts.tokens(list(examples[COLUMNS[1]]))}

    def collate(examples):
        return {name: torch.stack([example[name] for example in examples]) for name in ("source", "target", "tokens")}

    draws = torch.Generator().manual_seed(0)
    return torch.utils.data.DataLoader(train.with_transform(preprocess), 4, True, collate_fn=collate, generator=draws)


def loss_of(batch, parts, dropout=0.05):
    """Noise predicted from the noisy target, the source and the instruction; each of these dropped now and then."""
    latents = parts.vae.encode(batch["target"]).latent_dist.sample() * parts.vae.config.scaling_factor
    noise, count = torch.randn_like(latents), len(latents)
    times = torch.randint(0, parts.scheduler.config.num_train_timesteps, (count,))
    noisy = parts.scheduler.add_noise(latents, noise, times)
    words, nothing = parts.text_encoder(batch["tokens"])[0], parts.text_encoder(parts.tokens([""]))[0]
    draw = torch.rand(count)
    words = torch.where((draw < 2 * dropout)[:, None, None], nothing, words)
    source = parts.vae.encode(batch["source"]).latent_dist.mode()
    source = source * ~((draw >= dropout) & (draw < 3 * dropout))[:, None, None, None]
    predicted = parts.unet(torch.cat([noisy, source], dim=1), times, words).sample
    return functional.mse_loss(predicted, noise)


def train_rows(dataset):
    """Rows of the split as Parquet has them."""
    return {row["id"]: row for file in sorted(dataset.glob("data/train-*")) for row in pq.read_table(file).to_pylist()}


def check_examples(train, rows):
    """Every row once, with its instruction and its pixels."""
    assert sorted(train["id"]) == sorted(rows)
    for example in train:
        row = rows[example["id"]]
        assert example["edit_prompt"] == row["edit_prompt"]
        for column in COLUMNS[::2]:
            expected = Image.open(io.BytesIO(row[column]["bytes"])).convert("RGB")
            assert np.array_equal(np.asarray(example[column].convert("RGB")), np.asarray(expected))


@pytest.mark.parametrize("opened", [built_folder, exported_parquet, exported_pictures])
def test_a_few_steps_and_a_picture(dataset, tmp_path, opened):
    found = opened(dataset, tmp_path)
    rows = train_rows(dataset)
    assert set(COLUMNS) <= set(found["train"].column_names)
    check_examples(found["train"], rows)

    parts = Parts([row["edit_prompt"] for row in rows.values()])
    before = {name: weight.clone() for name, weight in parts.unet.state_dict().items()}
    optimizer = torch.optim.AdamW(parts.unet.parameters(), 1e-3, weight_decay=0)
    parts.unet.train()
    losses = []
    for _, batch in zip(range(4), loader_of(found["train"], parts), strict=False):
        loss = loss_of(batch, parts)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parts.unet.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert len(losses) == 4 and all(map(math.isfinite, losses))
    assert all(not torch.equal(weight, before[name]) for name, weight in parts.unet.state_dict().items())
    assert parts.unet.conv_in.weight[:, 4:].abs().max() > 0  # the source has been looked at

    pipeline = StableDiffusionInstructPix2PixPipeline(
        vae=parts.vae,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        unet=parts.unet,
        scheduler=parts.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(tmp_path / "model")
    loaded = StableDiffusionInstructPix2PixPipeline.from_pretrained(tmp_path / "model", safety_checker=None)
    loaded.set_progress_bar_config(disable=True)
    row = found["train"][0]
    drawn = loaded(
        row["edit_prompt"],
        image=row["input_image"].convert("RGB").resize((RESOLUTION, RESOLUTION)),
        num_inference_steps=2,
        guidance_scale=7,
        image_guidance_scale=1.5,
        generator=torch.Generator().manual_seed(0),
    ).images[0]
    assert drawn.size == (RESOLUTION, RESOLUTION)
    assert np.asarray(drawn).std() > 0


def test_both_pictures_of_a_row_are_flipped_together(dataset, tmp_path):
    """A row whose target is its source must stay so after the script's random transforms."""
    found = built_folder(dataset, tmp_path)
    same = found["train"].map(lambda row: {"edited_image": row["input_image"]})
    for batch in loader_of(same, Parts(found["train"]["edit_prompt"])):
        assert torch.equal(batch["source"], batch["target"])
