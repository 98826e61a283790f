"""InstructPix2Pix: the excerpt, the same pairs as zip shards, id lists, and what is broken."""

from __future__ import annotations

import io
import json
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature, Sample
from taskpaint.builders.sources.instructpix2pix import InstructPix2Pix, InstructPix2PixOptions
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import decode_rgb


def _jpeg(seed: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)).save(out, "JPEG")
    return out.getvalue()


def _files(seeds: list[int], **prompt: str) -> dict[str, bytes]:
    pictures = {f"{seed}_{half}.jpg": _jpeg(seed + half) for seed in seeds for half in (0, 1)}
    return {"prompt.json": json.dumps(prompt).encode(), **pictures}


_PROMPTS = {
    "shard-00/0000001": ([10, 20], _files([10, 20], edit="make it red", input="a house", output="a red house")),
    "shard-00/0000002": ([30], _files([30], edit="add snow")),
    "shard-01/0000003": ([10], _files([10], edit="as a  painting &amp; old", input="")),
}


def _write_seeds(root: Path) -> None:
    root.mkdir(exist_ok=True)
    lines = [[name, [str(seed) for seed in seeds]] for name, (seeds, _) in _PROMPTS.items()]
    (root / "seeds.json").write_text(json.dumps(lines))


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    root = tmp_path / "folders"
    _write_seeds(root)
    for name, (_, files) in _PROMPTS.items():
        (root / name).mkdir(parents=True)
        for file, data in files.items():
            (root / name / file).write_bytes(data)
    return root


@pytest.fixture(params=["with the shard", "without it"])
def zipped(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    root = tmp_path / "zipped"
    _write_seeds(root)
    for name, (_, files) in _PROMPTS.items():
        shard, _, prompt = name.partition("/")
        with zipfile.ZipFile(root / f"{shard}.zip", "a") as archive:
            for file, data in files.items():
                archive.writestr(f"{name if request.param == 'with the shard' else prompt}/{file}", data)
    return root


def _shown(sample: Sample) -> tuple[str, bytes, bytes, tuple[str, ...], tuple[str, ...]]:
    assert sample.pair is not None and sample.pair.kind == "edit"
    return sample.id, sample.image.read(), sample.pair.image.read(), sample.pair.instructions, sample.captions


_EXPECTED = [
    ("shard-00-0000001-10", _jpeg(10), _jpeg(11), ("make it red",), ("a house",)),
    ("shard-00-0000001-20", _jpeg(20), _jpeg(21), ("make it red",), ("a house",)),
    ("shard-00-0000002-30", _jpeg(30), _jpeg(31), ("add snow",), ()),
    ("shard-01-0000003-10", _jpeg(10), _jpeg(11), ("as a painting & old",), ()),
]


def test_the_twin_has_its_own_caption(folders: Path):
    index = open_index(InstructPix2Pix(folders))
    samples = [index.sample(row) for row in range(4)]
    assert [sample.pair and sample.pair.caption for sample in samples] == ["a red house", "a red house", "", ""]


def test_the_excerpt(shared_data: Path):
    folder = shared_data / "instructpix2pix/clip-filtered-dataset"
    index = open_index(InstructPix2Pix(folder))
    assert list(index.ids()) == ["shard-00-0000132-127380018", "shard-00-0000132-1818564940"]
    assert set(index.image_keys()) == {"instructpix2pix/0000132"} and index.rejects() == []
    assert set(index.features().tolist()) == {Feature.EDIT}  # the excerpt's prompt has no `input`
    for row, seed in enumerate(("127380018", "1818564940")):
        _, source, edited, instructions, _ = _shown(index.sample(row))
        for data, half in ((source, 0), (edited, 1)):
            with Image.open(folder / f"shard-00/0000132/{seed}_{half}.jpg") as image:
                difference = decode_rgb(data).astype(int) - np.asarray(image.convert("RGB")).astype(int)
            assert np.abs(difference).mean() < 1
        assert instructions == ("Make it look like a painting",)


def test_folders(folders: Path):
    index = open_index(InstructPix2Pix(folders))
    assert [_shown(index.sample(row)) for row in range(len(index))] == _EXPECTED
    assert index.features().tolist() == [Feature.EDIT | Feature.CAPTIONS] * 2 + [Feature.EDIT] * 2
    assert list(index.image_keys())[1:3] == ["instructpix2pix/0000001", "instructpix2pix/0000002"]


def test_zip_shards_are_read_without_unpacking(zipped: Path):
    before = sorted(zipped.rglob("*"))
    index = open_index(InstructPix2Pix(zipped))
    assert [_shown(index.sample(row)) for row in range(len(index))] == _EXPECTED and index.rejects() == []
    assert _shown(pickle.loads(pickle.dumps(index.sample(2)))) == _EXPECTED[2]
    assert sorted(zipped.rglob("*")) == before


def test_flat_folders_as_the_authors_make_them(tmp_path: Path):
    """Written in the documented layout: dataset_creation/prepare_dataset.py names the folders without shards."""
    for file, data in _files([7], edit="add fog").items():
        (tmp_path / "0000009").mkdir(exist_ok=True)
        (tmp_path / "0000009" / file).write_bytes(data)
    (tmp_path / "seeds.json").write_text('[["0000009", ["7"]]]')
    assert list(open_index(InstructPix2Pix(tmp_path)).ids()) == ["0000009-7"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["shard-00/0000001/20", "shard-01/0000003/10"]', [1, 3]),
        ('["shard-00/0000001"]', [0, 1]),
        ('[["shard-00/0000001", ["10", "99"]], ["0000002", "30"]]', [0, 2]),
        ("0000003\n\n  shard-00/0000001/10 \n", [0, 3]),
        ("\ufeff0000002", [2]),
    ],
)
def test_id_lists(folders: Path, tmp_path: Path, text: str, expected: list[int]):
    (tmp_path / "ids.txt").write_text(text, encoding="utf-8")
    index = open_index(InstructPix2Pix(folders, "", InstructPix2PixOptions(ids=str(tmp_path / "ids.txt"))))
    assert [_shown(index.sample(row)) for row in range(len(index))] == [_EXPECTED[at] for at in expected]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, r"id list .*ids\.json is missing; correct the option `ids`"),
        (b"[1, 2]", "'1' is neither NAME, NAME/SEED nor"),
        (b"[", "is no complete JSON file"),
        (b"\xff\xfe\x00", "is no text file"),
        (b'["nowhere"]', "holds no images"),
    ],
)
def test_id_lists_that_do_not_hold(folders: Path, data: bytes | None, says: str):
    if data is not None:
        (folders / "ids.json").write_bytes(data)
    with pytest.raises(SourceLayoutError, match=says):
        open_index(InstructPix2Pix(folders, "", InstructPix2PixOptions(ids="ids.json")))


@pytest.mark.parametrize(
    ("file", "data", "name", "says"),
    [
        ("0000001/prompt.json", None, "shard-00/0000001", r"prompt\.json is missing"),
        ("0000001/prompt.json", b"[broken", "shard-00/0000001", r"prompt\.json is no JSON"),
        ("0000001/prompt.json", b'{"input": "a"}', "shard-00/0000001", "has no text under `edit`"),
        ("0000001/prompt.json", b'{"edit": NaN}', "shard-00/0000001", "has no text under `edit`"),
        ("0000001/20_0.jpg", None, "shard-00/0000001/20", r"20_0\.jpg is missing"),
        ("0000001/10_1.jpg", None, "shard-00/0000001/10", r"10_1\.jpg is missing"),
    ],
)
def test_what_is_missing_or_broken_is_rejected(folders: Path, file: str, data: bytes | None, name: str, says: str):
    if data is None:
        (folders / "shard-00" / file).unlink()
    else:
        (folders / "shard-00" / file).write_bytes(data)
    index = open_index(InstructPix2Pix(folders))
    (reject,) = index.rejects()
    assert reject.id == name and len(index) == (3 if "jpg" in file else 2)
    assert re.search(says, reject.reason)


def test_shards_that_are_missing_or_cut_off(zipped: Path):
    whole = (zipped / "shard-00.zip").read_bytes()
    (zipped / "shard-00.zip").write_bytes(whole[: len(whole) // 2])
    index = open_index(InstructPix2Pix(zipped))
    assert list(index.ids()) == ["shard-01-0000003-10"]
    assert [reject.id for reject in index.rejects()] == ["shard-00/0000001", "shard-00/0000002"]
    assert "shard-00.zip is no whole zip file" in index.rejects()[0].reason
    (zipped / "shard-00.zip").unlink()
    index = open_index(InstructPix2Pix(zipped))  # another listing, another index
    assert index.rejects()[0].reason == "shard-00.zip is missing"


def test_a_shard_that_changes_makes_a_new_index(zipped: Path):
    first = open_index(InstructPix2Pix(zipped))
    with zipfile.ZipFile(zipped / "shard-01.zip", "a") as archive:
        archive.writestr("more", b"")
    assert open_index(InstructPix2Pix(zipped)).digest != first.digest


def test_a_damaged_picture_is_a_bad_item(zipped: Path):
    index = open_index(InstructPix2Pix(zipped))
    (zipped / "shard-01.zip").write_bytes(b"PK")
    with pytest.raises(BadItem, match=r"10_0\.jpg in shard-01\.zip"):
        index.sample(3).image.read()


@pytest.mark.parametrize(
    "item",
    [
        '["../0000001", ["10"]]',
        '["/etc/passwd", ["10"]]',
        '["shard-00/a/../../b", ["1"]]',
        '["shard-00/0000001", ["../10"]]',
        '["shard-00/0000001", []]',
        '["shard-00/0000001"]',
        "null",
        '[1, ["10"]]',
        '["shard-00/\\u0000", ["1"]]',
    ],
)
def test_lines_of_the_seed_list_that_do_not_hold(folders: Path, item: str):
    (folders / "seeds.json").write_text(f'[{item}, ["shard-00/0000002", [30]]]')
    index = open_index(InstructPix2Pix(folders))
    assert list(index.ids()) == ["shard-00-0000002-30"]
    assert "no prompt name with a list of seeds" in index.rejects()[0].reason


def test_wrong_and_empty_folders(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=r"seeds\.json is missing") as caught:
        open_index(InstructPix2Pix(tmp_path))
    assert "shard-00/0000132/127380018_0.jpg" in str(caught.value)
    (tmp_path / "seeds.json").write_text("[]")
    with pytest.raises(SourceLayoutError, match="lists no prompt"):
        open_index(InstructPix2Pix(tmp_path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mangled_seed_lists(folders: Path, data: st.DataObject):
    content = bytearray(json.dumps([[name, seeds] for name, (seeds, _) in _PROMPTS.items()]).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "insert", "cut"])):
            case "flip":
                content[at] = data.draw(st.integers(0, 255))
            case "insert":
                content[at:at] = data.draw(st.binary(max_size=3))
            case "cut":
                del content[at : at + 4]
    (folders / "seeds.json").write_bytes(bytes(content))
    try:
        entries = list(InstructPix2Pix(folders).scan(lambda name, reason: None))
    except SourceLayoutError:
        return
    known = {name.rpartition("/")[2] for name in _PROMPTS}
    assert all(entry.image_key.rpartition("/")[2] in known for entry in entries)
