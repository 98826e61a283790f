"""Training: what a run leaves, exact resume, and everything that can go wrong in it."""

from __future__ import annotations

import csv
import errno
import json
import math
import re
import resource
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from PIL import Image
from taskpaint.engines.regroup import RegroupOptions, regroup
from taskpaint.engines.regrouping.operations import Sample
from taskpaint.manifests.errors import FolderBusyError, OutputError, ResumeError, TrainingError, UsageError
from taskpaint.manifests.locks import held
from taskpaint.training.checkpoints import checkpoint_files, load_checkpoint
from taskpaint.training.curves import draw_metrics, read_metrics
from taskpaint.training.model import load_parts
from taskpaint.training.settings import read_settings, shipped
from taskpaint.training.train import editing_loss, learning_rate, step_generator, train


def losses_of(run: Path) -> list[list[str]]:
    with (run / "losses.csv").open(newline="") as opened:
        return list(csv.reader(opened))


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(
        run, safety_checker=None, requires_safety_checker=False
    )
    return pipeline.unet.state_dict()


def size_of(file: Path) -> tuple[int, int]:
    with Image.open(file) as picture:
        return picture.size


def ids_of(dataset: Path) -> set[str]:
    return {one for file in (dataset / "data").glob("*.parquet") for one in pq.read_table(file)["id"].to_pylist()}


def test_the_folder_of_a_run_is_a_model_that_plain_diffusers_loads(run):
    pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(
        run, safety_checker=None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.unet.config.in_channels == 2 * pipeline.vae.config.latent_channels
    picture = Image.fromarray(np.full((32, 32, 3), 90, np.uint8))
    drawn = pipeline("paint it red", image=picture, num_inference_steps=2, guidance_scale=3, image_guidance_scale=1.5)
    assert drawn.images[0].size == (32, 32)


def test_a_run_leaves_curves_samples_and_its_settings(run, dataset):
    rows = losses_of(run)
    assert rows[0] == ["step", "loss", "learning_rate", "gradient_norm"]
    assert [int(row[0]) for row in rows[1:]] == [1, 2, 3, 4]
    assert all(math.isfinite(float(cell)) for row in rows[1:] for cell in row)
    with (run / "metrics.csv").open(newline="") as opened:
        metrics = list(csv.DictReader(opened))
    assert metrics
    assert {row["step"] for row in metrics} == {"4"}
    assert size_of(run / "loss.png") == (900, 480)
    assert size_of(run / "metrics.png")[0] == 900
    assert size_of(run / "samples" / "step-00000004.png") == (3 * 192, 4 * (192 + 34))
    assert json.loads((run / "settings.json").read_text())["dataset"] == str(dataset)
    assert [file.name for file in checkpoint_files(run)] == ["step-00000002.pt", "step-00000004.pt"]


def test_charts_show_the_first_metric_of_each_task(tmp_path):
    lines = [
        "step,task,metric,value",
        "2,depth,rmse_m,4.0",
        "2,depth,delta1,0.1",
        "2,edges,f1,nan",
        "4,depth,rmse_m,2.0",
    ]
    (tmp_path / "metrics.csv").write_text("\n".join(lines))
    curves = read_metrics(tmp_path / "metrics.csv")
    assert curves.keys() == {"depth rmse_m", "edges f1"}
    assert curves["depth rmse_m"] == [(2, 4.0), (4, 2.0)]
    chart = np.asarray(draw_metrics(curves)).astype(int)
    assert chart.shape == (180, 900, 3)
    blue = np.argwhere((chart[..., 2] > 150) & (chart[..., 0] < 60))  # 4 m is the top of the chart, 2 m its middle
    left, right = blue[blue[:, 1].argmin()], blue[blue[:, 1].argmax()]
    assert left[0] == pytest.approx(30, abs=3)
    assert right[0] == pytest.approx(30 + 120 / 2, abs=3)
    assert blue[:, 1].max() < 300  # a value that is no number leaves its chart empty


def test_what_has_no_right_answer_is_drawn_all_the_same(run, settings_for, own_dataset, tmp_path):
    for file in sorted((own_dataset / "data").glob("validation-*.parquet")):
        table = pq.read_table(file)
        told = {
            "task": pa.array(["adaptation"] * len(table)),
            "params": pa.array(['{"text_to_image": true}'] * len(table)),
        }
        for name, column in told.items():
            position = table.schema.get_field_index(name)
            table = table.set_column(
                position, table.schema.field(position), column.cast(table.schema.field(position).type)
            )
        pq.write_table(table, file)
    out = tmp_path / "run"
    report = train(settings_for(out, dataset=own_dataset, steps=2, validate_every=2))
    assert report.metrics == {}
    assert size_of(out / "samples" / "step-00000002.png") == (3 * 192, 4 * (192 + 34))
    assert not (out / "metrics.png").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"validation_split": "none"}, "no samples are drawn while it trains: .* has no split 'none'"),
        (
            {"split": "validation", "validation_split": "train", "tasks": ("keypoints",)},
            "split train has no row of keypoi",
        ),
    ],
)
def test_who_gets_no_samples_is_told_so(settings_for, own_dataset, tmp_path, changes, told):
    for file in sorted((own_dataset / "data").glob("train-*.parquet")):
        table = pq.read_table(file)
        pq.write_table(table.filter(pc.field("task") != "keypoints"), file)
    lines: list[str] = []
    train(settings_for(tmp_path / "run", dataset=own_dataset, steps=1, validate_every=1, **changes), lines.append)
    assert re.search(told, "\n".join(lines))
    assert not (tmp_path / "run" / "samples").exists()


def test_a_resumed_run_is_the_unbroken_run_bit_for_bit(settings_for, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    weights = {"segmentation": 1.5, "detection": 0.5}
    changes = {"steps": 6, "accumulate": 2, "weights": weights, "aspect": "buckets"}
    train(settings_for(whole, **changes))

    def pull_the_plug(line: str) -> None:
        if line.startswith("step 5 "):  # two steps after the last checkpoint but one, one after the last
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings_for(broken, **changes), pull_the_plug)
    assert len(losses_of(broken)) == 1 + 5
    report = train(settings_for(broken, **changes))
    assert report.first_step == 4
    assert losses_of(broken) == losses_of(whole)
    first, second = weights_of(whole), weights_of(broken)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_finished_run_can_be_prolonged_and_only_that(settings_for, tmp_path):
    train(settings_for(tmp_path / "run", steps=2))
    assert train(settings_for(tmp_path / "run", steps=3)).first_step == 2
    assert len(losses_of(tmp_path / "run")) == 1 + 3
    with pytest.raises(ResumeError, match=r"learning_rate = 0\.002, this run has 0\.5"):
        train(settings_for(tmp_path / "run", steps=4, learning_rate=0.5))
    report = train(settings_for(tmp_path / "run", steps=1, learning_rate=0.5), overwrite=True)
    assert (report.first_step, len(losses_of(tmp_path / "run"))) == (0, 1 + 1)


def test_another_folder_s_files_are_left_alone(settings_for, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty and no training run"):
        train(settings_for(tmp_path / "run"))


def test_two_runs_do_not_write_to_one_folder(settings_for, tmp_path):
    out = tmp_path / "run"
    train(settings_for(out, steps=2))
    told = losses_of(out)
    with held(out / ".lock", ""):
        for overwrite in (False, True):
            with pytest.raises(FolderBusyError, match=r"another taskpaint train is writing to \S+run; wait for it"):
                train(settings_for(out, steps=3), overwrite=overwrite)
    assert losses_of(out) == told
    assert train(settings_for(out, steps=3)).first_step == 2


def test_the_loss_falls_on_few_rows(settings_for, tmp_path):
    report = train(settings_for(tmp_path / "run", steps=20, batch_size=4, checkpoint_every=20, learning_rate=3e-3))
    assert report.last_loss < 0.8 * report.first_loss


def test_adapters_leave_all_but_attention_and_the_first_convolution_alone(run, settings_for, tmp_path):
    train(settings_for(tmp_path / "lora", base=str(run), lora=2, learning_rate=1e-2, steps=2))
    before, after = weights_of(run), weights_of(tmp_path / "lora")
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert "conv_in.weight" in changed
    allowed = re.compile(r"conv_in\.|\.attn\d\.to_(q|k|v|out\.0)\.|attentions\.0\.to_(q|k|v|out\.0)\.")
    assert any(".to_q." in name for name in changed)
    assert [name for name in changed if not allowed.search(name)] == []


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_draws_while_it_trains_and_saves_every_weight_as_it_was(run, settings_for, tmp_path, precision):
    out = tmp_path / "mixed"
    train(settings_for(out, base=str(run), precision=precision, validate_every=2, steps=2))
    assert size_of(out / "samples" / "step-00000002.png") == (3 * 192, 4 * (192 + 34))
    first, second = (load_parts(settings_for(tmp_path / "x", base=str(one)), []) for one in (run, out))
    for name, weight in first.vae.state_dict().items():  # frozen: not even rounded
        assert torch.equal(weight, second.vae.state_dict()[name])
    assert {weight.dtype for weight in second.editor.parameters()} == {torch.float32}


def test_a_frozen_text_encoder_does_not_change(run, settings_for, tmp_path):
    parts = load_parts(settings_for(tmp_path / "x", base=str(run)), [])
    assert {name.partition(".")[0] for name in parts.editor.learning()} == {"unet"}


def test_a_loss_that_is_no_number_stops_with_the_ids_of_the_batch(settings_for, dataset, tmp_path):
    with pytest.raises(TrainingError, match="with the rows") as caught:
        train(settings_for(tmp_path / "run", learning_rate=1e30, warmup_steps=0, steps=20))
    named = re.search(r"with the rows ([^;]+);", str(caught.value))
    assert named is not None
    assert set(named[1].split(", ")) <= ids_of(dataset)
    assert not (tmp_path / "run" / "model_index.json").exists()
    assert "the same command would come to the same: lower learning_rate" in str(caught.value)


def test_a_run_goes_on_with_its_own_rows_wherever_they_lie(settings_for, own_dataset, tmp_path):
    """The preset's words come from the dataset, so other rows would be read with another vocabulary."""
    train(settings_for(tmp_path / "run", dataset=own_dataset, steps=2, checkpoint_every=2))
    moved = own_dataset.rename(tmp_path / "moved")
    assert train(settings_for(tmp_path / "run", dataset=moved, steps=3, checkpoint_every=3)).first_step == 2
    regroup([moved], tmp_path / "half", Sample(None, 0.5, None, 0), RegroupOptions(workers=1))
    with pytest.raises(ResumeError, match=r"was begun with other rows than its dataset has now; name the dataset"):
        train(settings_for(tmp_path / "run", dataset=tmp_path / "half", steps=4))


def test_a_picture_that_does_not_open_is_replaced_and_counted(settings_for, own_dataset, tmp_path):
    broken = break_pictures(own_dataset, 4)
    report = train(settings_for(tmp_path / "run", dataset=own_dataset, steps=8, batch_size=6))
    assert report.skipped >= 1
    noted = (tmp_path / "run" / "skipped.txt").read_text().splitlines()
    assert len(noted) == report.skipped
    assert {line.partition(": ")[0] for line in noted} <= broken


def test_a_full_disk_at_a_checkpoint_leaves_the_one_before_whole(settings_for, tmp_path, monkeypatch):
    save, out = torch.save, tmp_path / "run"

    def full(state: object, file: object) -> None:
        if state["step"] == 4:  # type: ignore[index]
            file.write(b"half")  # type: ignore[attr-defined]
            raise OSError(errno.ENOSPC, "No space left on device")
        save(state, file)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match=r"step-00000004\.pt cannot be written: .*No space left"):
        train(settings_for(out))
    monkeypatch.undo()
    assert [file.name for file in (out / "checkpoints").iterdir()] == ["step-00000002.pt"]
    assert load_checkpoint(checkpoint_files(out)[0])["step"] == 2
    assert train(settings_for(out)).first_step == 2


def test_a_first_checkpoint_that_fails_promises_none_before_it(settings_for, tmp_path, monkeypatch):
    def full(state: object, file: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(
        OutputError, match="No space left on device; there is none before it, run the same command again"
    ):
        train(settings_for(tmp_path / "run"))


def test_a_checkpoint_that_the_system_cuts_off_leaves_the_one_before_whole(settings_for, tmp_path):
    """No stand-in: the kernel refuses files above a megabyte from the third step on."""
    limits, out = resource.getrlimit(resource.RLIMIT_FSIZE), tmp_path / "run"

    def shrink(line: str) -> None:
        if line.startswith("step 3 "):
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, limits[1]))

    try:
        with pytest.raises(
            OutputError, match=r"step-00000004\.pt cannot be written: is the disk full\? .*; the one before"
        ):
            train(settings_for(out), shrink)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in (out / "checkpoints").iterdir()] == ["step-00000002.pt"]
    report = train(settings_for(out))
    assert (report.first_step, report.steps) == (2, 4)


def break_pictures(folder: Path, count: int) -> set[str]:
    """Cut off the first targets of a dataset's first shard; their ids."""
    file = sorted((folder / "data").glob("train-*.parquet"))[0]
    table = pq.read_table(file)
    column = table["edited_image"].to_pylist()
    for one in column[:count]:
        one["bytes"] = one["bytes"][:40]
    position = table.schema.get_field_index("edited_image")
    pq.write_table(table.set_column(position, table.schema.field(position), [column]), file)
    return set(table["id"].to_pylist()[:count])


def test_processes_that_read_ahead_change_nothing(settings_for, own_dataset, tmp_path):
    """Broken pictures, their stand-ins, an interruption and all."""
    broken = break_pictures(own_dataset, 4)
    changes = {"dataset": own_dataset, "steps": 8, "batch_size": 6, "checkpoint_every": 3}
    alone = train(settings_for(tmp_path / "alone", **changes))

    def pull_the_plug(line: str) -> None:
        if line.startswith("step 4 "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(settings_for(tmp_path / "ahead", workers=2, **changes), pull_the_plug)
    report = train(settings_for(tmp_path / "ahead", workers=1, **changes))
    assert report.first_step == 3
    assert losses_of(tmp_path / "ahead") == losses_of(tmp_path / "alone")
    noted = (tmp_path / "alone" / "skipped.txt").read_text().splitlines()
    assert alone.skipped == len(noted) >= 1
    assert {line.partition(": ")[0] for line in noted} <= broken
    assert set(noted) <= set((tmp_path / "ahead" / "skipped.txt").read_text().splitlines())


def test_a_logger_that_is_not_there_is_told_at_once(settings_for, tmp_path):
    with pytest.raises(UsageError, match="tracker 'no-such-logger' is not installed; there are: "):
        train(settings_for(tmp_path / "run", tracker="no-such-logger"))
    assert not (tmp_path / "run").exists()


def test_tensorboard_gets_losses_and_metrics(settings_for, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    out = tmp_path / "run"
    train(settings_for(out, tracker="tensorboard", validate_every=4, weights={"detection": 2.0}))
    events = accumulator.EventAccumulator(str(out / "taskpaint")).Reload()
    told = [(one.step, one.value) for one in events.Scalars("loss")]
    assert told == [(int(step), pytest.approx(float(loss))) for step, loss, *_ in losses_of(out)[1:]]
    with (out / "metrics.csv").open(newline="") as opened:
        tasks = {row["task"] for row in csv.DictReader(opened)}
    assert tasks
    assert {tag.partition("/")[0] for tag in events.Tags()["scalars"] if "/" in tag} == tasks


def test_a_torn_checkpoint_is_named(settings_for, tmp_path):
    train(settings_for(tmp_path / "run", steps=2))
    file = checkpoint_files(tmp_path / "run")[-1]
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(TrainingError, match=r"step-00000002\.pt cannot be read"):
        train(settings_for(tmp_path / "run", steps=3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give either base, a model to begin with, or preset: tiny"),
        ({"base": "x", "lora": 4, "train_text_encoder": True}, "lora adapts the denoiser alone"),
        ({"preset": "tiny", "lora": 4}, "a preset has random weights"),
        ({"preset": "tiny", "steps": 0}, "settings: steps: input should be greater than or equal to 1, not 0"),
        ({"preset": "tiny", "speed": 9}, "speed: unknown key; did you mean 'seed'"),
        ({"preset": "tiny", "weights": {"depth": 0}}, "weight 0 of task depth must be above 0"),
        ({"preset": "huge"}, "preset: input should be '' or 'tiny', not 'huge'"),
    ],
)
def test_wrong_settings_are_told_in_a_sentence(options, message):
    with pytest.raises(UsageError, match=message):
        read_settings({"dataset": "d", "out": "o", **options})


def test_later_settings_win(tmp_path):
    (tmp_path / "own.yaml").write_text("learning_rate: 0.5\nsteps: 7\n")
    common = {"dataset": "d", "out": "o"}
    found = read_settings({**common, "preset": "tiny", "steps": 9}, "alignment", tmp_path / "own.yaml")
    assert (found.resolution, found.warmup_steps, found.learning_rate, found.steps) == (64, 20, 0.5, 9)
    with pytest.raises(UsageError, match="no stage is called 'last'; there are: adaptation, alignment, tasks"):
        read_settings(common, "last")
    (tmp_path / "own.yaml").write_text("- 1")
    with pytest.raises(UsageError, match="must be a mapping"):
        read_settings(common, "", tmp_path / "own.yaml")
    (tmp_path / "own.yaml").write_text("steps: 3\nweights: [")
    with pytest.raises(UsageError, match=r"settings \S+own\.yaml, line 2: not valid YAML: expected the node content"):
        read_settings(common, "", tmp_path / "own.yaml")


def test_a_stage_takes_over_the_shape_of_the_model_that_it_begins_with(run, tmp_path):
    common = {"dataset": "d", "out": "o", "base": str(run)}
    found = read_settings(common, "tasks")
    assert (found.resolution, found.aspect, found.sampling_steps, found.guidance) == (16, "square", 2, 1)
    assert found.steps == 50_000  # the stage's
    (tmp_path / "own.yaml").write_text("resolution: 32\nresolutoin: 64")
    with pytest.raises(UsageError, match=r"own\.yaml: resolutoin: unknown key; did you mean 'resolution'"):
        read_settings(common, "tasks", tmp_path / "own.yaml")
    (tmp_path / "own.yaml").write_text("resolution: 32")
    assert read_settings(common, "tasks", tmp_path / "own.yaml").resolution == 32


@pytest.mark.parametrize("stage", shipped("stages"))
def test_every_stage_takes_a_few_steps(stage, run, settings_for, tmp_path):
    given = settings_for(tmp_path / "run", base=str(run)).model_dump(exclude_defaults=True)
    stage_settings = read_settings({**given, "tasks": None, "steps": 3, "ema": 0.9}, stage)
    assert math.isfinite(train(stage_settings).last_loss)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "test"}, "has no split 'test'; it has train, validation"),
        ({"tasks": ("depth",)}, "has no task 'depth'; it has classification"),
        ({"weights": {"depth": 2.0}}, "weights name 'depth'"),
        ({"base": "/nowhere"}, "base '/nowhere' cannot be loaded"),
    ],
)
def test_what_does_not_exist_is_named_before_any_step(changes, message, settings_for, tmp_path):
    with pytest.raises(UsageError, match=message):
        train(settings_for(tmp_path / "run", **changes))
    assert not (tmp_path / "run").exists()  # so that the corrected command can be run


def test_the_learning_rate_rises_then_stays_or_falls(settings_for, tmp_path):
    constant = settings_for(tmp_path, learning_rate=0.8, warmup_steps=4, steps=8)
    assert [learning_rate(constant, step) for step in (0, 1, 3, 4, 7)] == pytest.approx([0.2, 0.4, 0.8, 0.8, 0.8])
    cosine = settings_for(tmp_path, learning_rate=0.8, warmup_steps=4, steps=8, schedule="cosine")
    assert [learning_rate(cosine, step) for step in (3, 4, 6)] == pytest.approx([0.8, 0.8, 0.4])


def test_randomness_of_a_step_is_its_own():
    drawn = {torch.rand(1, generator=step_generator(*one)).item() for one in ((0, 1, 0), (0, 0, 1), (1, 0, 0))}
    assert len(drawn) == 3
    assert torch.equal(*(torch.rand(3, generator=step_generator(0, 5, 2)) for _ in range(2)))


class Seen:
    """Stands where the model stands and keeps what it is shown; predicts nothing."""

    def __call__(self, noisy, source, timesteps, tokens):
        self.noisy, self.source, self.timesteps, self.tokens = noisy, source, timesteps, tokens
        return torch.zeros_like(noisy)


@pytest.fixture
def parts(settings_for, tmp_path):
    return load_parts(settings_for(tmp_path / "x"), ["paint the dog red"])


def batch_of(parts, count: int, *, blank: bool = False) -> dict[str, object]:
    draw = torch.Generator().manual_seed(1)
    return {
        "source": torch.rand((count, 3, 4, 4), generator=draw) + 0.001,
        "target": torch.rand((count, 3, 4, 4), generator=draw) * 2 - 1,
        "tokens": parts.tokens(["paint the dog red"] * count),
        "drawn_from_nothing": torch.full((count,), blank),
        "ids": [str(number) for number in range(count)],
    }


def test_text_picture_and_both_are_dropped_five_percent_each(parts):
    seen, count = Seen(), 6000
    editing_loss(seen, parts, batch_of(parts, count), 0.05, 0.0, step_generator(0, 0, 0))
    no_text = (seen.tokens == parts.tokens([""])).all(dim=1)
    no_picture = (seen.source == 0).flatten(1).all(dim=1)
    shares = [(no_text & ~no_picture), (no_text & no_picture), (~no_text & no_picture)]
    assert [share.float().mean().item() for share in shares] == pytest.approx([0.05] * 3, abs=0.01)


def test_rows_drawn_from_nothing_never_show_a_picture(parts):
    seen = Seen()
    editing_loss(seen, parts, batch_of(parts, 50, blank=True), 0.0, 0.0, step_generator(0, 0, 0))
    assert (seen.source == 0).all()


def test_an_offset_is_shared_by_the_pixels_of_a_channel(parts):
    """The mean over 16 pixels of unit noise deviates by 1/4; an offset of 1/2 adds its square."""
    batch, means = batch_of(parts, 3000), {}
    for offset in (0.0, 0.5):
        seen = Seen()
        editing_loss(seen, parts, batch, 0.0, offset, step_generator(0, 0, 0))
        alpha = parts.noise.alphas_cumprod[seen.timesteps].sqrt()[:, None, None, None]
        noise = (seen.noisy - alpha * batch["target"] * parts.vae.config.scaling_factor) / (1 - alpha**2).sqrt()
        means[offset] = noise.mean(dim=(2, 3)).std().item()
    assert means == pytest.approx({0.0: 0.25, 0.5: (1 / 16 + 1 / 4) ** 0.5}, rel=0.03)


@pytest.mark.parametrize("prediction", ["sample", "epsilon", "v_prediction"])
def test_the_model_is_asked_for_what_the_scheduler_predicts(parts, prediction):
    """With noisy = alpha x + sigma e: the velocity is alpha e - sigma x (Salimans and Ho 2022)."""
    parts.noise.register_to_config(prediction_type=prediction)
    seen, batch = Seen(), batch_of(parts, 64)
    loss = editing_loss(seen, parts, batch, 0.0, 0.0, step_generator(0, 0, 0))
    alpha = parts.noise.alphas_cumprod[seen.timesteps].sqrt()[:, None, None, None]
    sigma = (1 - alpha**2).sqrt()
    target = batch["target"] * parts.vae.config.scaling_factor
    noise = (seen.noisy - alpha * target) / sigma
    assert noise.std().item() == pytest.approx(1.0, abs=0.05)
    wanted = {"sample": target, "epsilon": noise, "v_prediction": alpha * noise - sigma * target}[prediction]
    assert loss.item() == pytest.approx(wanted.square().mean().item(), rel=1e-3)
    assert torch.allclose(seen.source, batch["source"], atol=1e-5)  # the identity autoencoder's mode, unscaled
