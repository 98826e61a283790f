"""taskpaint.load: every row once, to whom it belongs, in the promised form, and on from where it stopped."""

from __future__ import annotations

import io
import json
from collections import Counter

import numpy as np
import pytest
import taskpaint
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.loaders.catalogue import Catalogue
from taskpaint.loaders.order import Order
from taskpaint.loaders.pixels import is_flat, resize
from taskpaint.manifests.errors import DatasetFolderError, UsageError
from taskpaint.manifests.triplet import Triplet
from taskpaint.writers.codecs import encode_palette_png, encode_png
from taskpaint.writers.shards import write_shard
from torch.utils.data import DataLoader

TASKS = ("depth", "edit", "segmentation")
ROWS = 60


def _triplet(number, target=None):
    photo = encode_png(np.full((8, 12, 3), number, np.uint8))
    return Triplet(
        id=f"row-{number:03d}",
        input_image=photo,
        edited_image=target or photo,
        edit_prompt="Do it.",
        task=TASKS[number % 3],
        template_id="t",
        params="{}",
        annotation="{}",
        source_dataset="made-up",
        source_split="train",
        source_id=str(number),
        image_key=f"made-up/{number}",
        license="CC0",
        width=12,
        height=8,
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """60 rows in 3 shards of 20, row groups of 4; row n is a picture of grey n; a third of each task."""
    folder = tmp_path_factory.mktemp("dataset")
    (folder / "data").mkdir()
    for shard in range(3):
        rows = [_triplet(number) for number in range(shard * 20, shard * 20 + 20)]
        write_shard(folder / "data" / f"train-0000{shard}-of-00003.parquet", rows, row_group_rows=4)
    write_shard(folder / "data" / "validation-00000-of-00001.parquet", [_triplet(70)], row_group_rows=4)
    return folder


def _ids(rows):
    return [row["id"] for row in rows]


def test_in_order_without_shuffling(root):
    rows = list(taskpaint.load(root, shuffle=False))
    assert _ids(rows) == [f"row-{number:03d}" for number in range(ROWS)]
    assert _ids(taskpaint.load(root, "validation")) == ["row-070"]
    assert {key: rows[5][key] for key in ("task", "edit_prompt", "width", "height", "source_id")} == {
        "task": "segmentation", "edit_prompt": "Do it.", "width": 12, "height": 8, "source_id": "5",
    }  # fmt: skip


def test_every_epoch_shows_every_row_once_in_an_order_of_its_own(root):
    stream = taskpaint.load(root, seed=3)
    first, second = _ids(stream), _ids(stream)
    assert Counter(first) == Counter(second) == Counter(f"row-{number:03d}" for number in range(ROWS))
    assert first != second != sorted(second) and stream.epoch == 2
    again = taskpaint.load(root, seed=3)
    assert _ids(again) == first
    again.set_epoch(1)
    assert _ids(again) == second
    assert _ids(taskpaint.load(root, seed=4)) != first


def test_forms(root):
    tensor = next(iter(taskpaint.load(root, shuffle=False, tasks=["segmentation"])))["input_image"]
    assert tensor.shape == (3, 8, 12) and tensor.dtype == torch.float32
    assert torch.allclose(tensor, torch.full((3, 8, 12), 2 / 127.5 - 1))
    form = {"shuffle": False, "size": (6, 4)}
    array = next(iter(taskpaint.load(root, images="numpy", **form)))["edited_image"]
    assert array.shape == (4, 6, 3) and array.dtype == np.uint8 and not array.any()
    picture = next(iter(taskpaint.load(root, images="pil", **form)))["input_image"]
    assert (picture.size, picture.mode) == ((6, 4), "RGB")
    stored = next(iter(taskpaint.load(root, images="bytes", **form)))["input_image"]
    assert Image.open(io.BytesIO(stored)).size == (12, 8)
    prompts = taskpaint.load(root, transform=lambda row: row["edit_prompt"])
    assert set(prompts) == {"Do it."}


def test_rows_by_number(root):
    rows = taskpaint.load(root, stream=False, tasks=["edit"], images="numpy")
    assert len(rows) == 20
    assert [rows[position]["id"] for position in (0, 19, 7, 0)] == ["row-001", "row-058", "row-022", "row-001"]
    assert rows[7]["input_image"][0, 0].tolist() == [22, 22, 22]
    with pytest.raises(IndexError):
        rows[20]


def test_weights_are_shares_of_rows(root):
    stream = taskpaint.load(root, weights={"edit": 2, "depth": 0.25, "segmentation": 1.5})
    counts = Counter(_ids(stream))
    by_task = Counter()
    for name, count in counts.items():
        by_task[TASKS[int(name[4:]) % 3]] += count
    assert by_task == {"edit": 40, "depth": 5, "segmentation": 30}
    assert all(counts[f"row-{number:03d}"] == 2 for number in range(1, ROWS, 3))
    other = {name for name in _ids(stream) if int(name[4:]) % 3 == 0}
    assert len(other) == 5 and other != {name for name in counts if int(name[4:]) % 3 == 0}  # another draw next time


@pytest.mark.parametrize("world", [1, 2, 4, 7])
@pytest.mark.parametrize("workers", [1, 3])
def test_ranks_and_workers_share_the_rows(root, world, workers):
    catalogue, order = Catalogue.open(root, "train"), Order(1, True, None, {"edit": 1.5})
    epoch = order.epoch(catalogue, 0)
    shown = []
    for rank in range(world):
        mine = [
            (catalogue.groups[visit.group].first + row)
            for worker in range(workers)
            for visit in epoch.visits(rank, world, worker, workers, most=10**9)
            for row in visit.rows.tolist()
        ]
        assert len(mine) == epoch.rows_of(rank, world)
        shown += mine
    assert Counter(shown) == Counter(np.repeat(np.arange(ROWS), epoch.counts).tolist())


def test_every_rank_gets_as_many(root, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")  # 15 row groups of 4 rows: 16, 16, 16 and 12 rows
    lengths, shown = [], []
    for rank in range(4):
        monkeypatch.setenv("RANK", str(rank))
        stream = taskpaint.load(root, shuffle=False)
        assert len(stream) == 12
        rows = _ids(stream)
        lengths.append(len(rows))
        shown += rows
    assert lengths == [12] * 4 and len(set(shown)) == 48
    monkeypatch.setenv("RANK", "0")
    assert len(_ids(taskpaint.load(root, even=False))) == 16
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(UsageError, match="RANK 4"):
        len(stream)


def test_with_dataloader_workers(root):
    stream = taskpaint.load(root, size=8)
    seen = []
    for epoch in range(2):
        stream.set_epoch(epoch)
        batches = list(DataLoader(stream, batch_size=4, num_workers=2))
        assert all(batch["input_image"].shape[1:] == (3, 8, 8) for batch in batches)
        seen.append([name for batch in batches for name in batch["id"]])
    assert sorted(seen[0]) == sorted(seen[1]) == [f"row-{number:03d}" for number in range(ROWS)]
    assert seen[0] != seen[1]


@given(stop=st.integers(0, ROWS), seed=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_it_goes_on_where_it_stopped(root, stop, seed):
    whole = _ids(taskpaint.load(root, seed=seed, images="bytes"))
    stream = taskpaint.load(root, seed=seed, images="bytes")
    rows = iter(stream)
    before = [next(rows)["id"] for _ in range(stop)]
    state = json.loads(json.dumps(stream.state_dict()))
    later = taskpaint.load(root, seed=seed, images="bytes")
    later.load_state_dict(state)
    assert before + _ids(later) == whole
    assert later.state_dict() == {"epoch": 1, "shown": 0}


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")  # torchdata calls it
def test_torchdata_keeps_the_state_of_workers(root):
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader

    def loader():
        return stateful(taskpaint.load(root, seed=2, images="bytes", transform=lambda row: row["id"]),
                        batch_size=4, num_workers=2, multiprocessing_context="fork")  # fmt: skip

    whole = [name for batch in loader() for name in batch]
    first = loader()
    batches = iter(first)
    before = [name for _ in range(6) for name in next(batches)]
    state = first.state_dict()
    later = loader()
    later.load_state_dict(state)
    assert before + [name for batch in later for name in batch] == whole


def test_maps_are_not_blended():
    index = np.zeros((40, 60), np.uint8)
    index[:, 30:] = 1
    data = encode_palette_png(index, np.array([[0, 0, 0], [255, 0, 0]], np.uint8))
    pixels = np.array([[0, 0, 0], [255, 0, 0]], np.uint8)[index]
    assert is_flat(data) and not is_flat(encode_png(pixels))
    for fit in ("crop", "stretch", "pad"):
        found = resize(pixels, (17, 17), fit, flat=True)
        assert found.shape == (17, 17, 3)
        assert {tuple(color) for color in found.reshape(-1, 3).tolist()} == {(0, 0, 0), (255, 0, 0)}


def test_fits_by_hand():
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:, :10] = 200
    assert resize(pixels, (5, 5), "crop", flat=True)[0, :, 0].tolist() == [200, 200, 0, 0, 0] or resize(
        pixels, (5, 5), "crop", flat=True
    )[0, :, 0].tolist() == [200, 200, 200, 0, 0]
    padded = resize(pixels, (20, 20), "pad", flat=True)
    assert padded[:5].max() == 0 and padded[15:].max() == 0 and padded[5:15, :10].min() == 200
    assert resize(pixels, (4, 10), "stretch", flat=True)[0, :, 0].tolist() == [200, 200, 0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "test"}, "no split 'test'; it has train, validation"),
        ({"tasks": ["flow"]}, "no task 'flow'"),
        ({"weights": {"flow": 1}}, "no task 'flow'"),
        ({"weights": {"edit": 0}}, "must be above 0"),
        ({"images": "jpeg"}, "images 'jpeg' is none of"),
        ({"fit": "squeeze"}, "fit 'squeeze' is none of"),
        ({"size": 0}, "at least 1 pixel"),
    ],
)
def test_mistakes_are_told_at_once(root, options, message):
    with pytest.raises(UsageError, match=message):
        taskpaint.load(root, **options)


def test_broken_folders(tmp_path, root):
    with pytest.raises(DatasetFolderError, match="holds no data"):
        taskpaint.load(tmp_path)
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "train-00000-of-00001.parquet"
    file.write_bytes(b"PAR1 not really")
    with pytest.raises(DatasetFolderError, match="cannot be read"):
        taskpaint.load(tmp_path)
    bad = _triplet(1, target=b"\x89PNG\r\n\x1a\n" + bytes(40))
    write_shard(file, [bad], row_group_rows=4)
    with pytest.raises(DatasetFolderError, match="edited_image of row row-001 does not open"):
        list(taskpaint.load(tmp_path))
