"""Pairs in any layout: the excerpts through globs and keys, and options that do not hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.pairs import Pairs, PairsOptions
from taskpaint.manifests.errors import SourceLayoutError


def _pictures(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3), (len(name), 0, 0)).save(root / name)
    return root


def test_derainnet_by_its_numbers(shared_data: Path):
    options = PairsOptions(
        degraded="synthetic/*rain.jpg",
        clean="synthetic/*ground_truth.jpg",
        key=r"/(\d+)[a-z_]+\.jpg$",
        kind="rain",
    )
    index = open_index(Pairs(shared_data / "rain_derainnet", "train", options))
    assert index.rejects() == [] and set(index.features().tolist()) == {Feature.RESTORATION}
    for row, number in enumerate("12"):
        sample = index.sample(row)
        assert index.key_and_id(row) == (f"pairs/train/{number}", f"synthetic/{number}rain")
        assert sample.pair is not None and sample.pair.kind == "rain"
        assert (sample.image.path.name, sample.pair.image.path.name) == (
            f"{number}rain.jpg",
            f"{number}ground_truth.jpg",
        )
        assert sample.image.read() != sample.pair.image.read()


@pytest.mark.parametrize(
    ("folder", "options", "count"),
    [
        ("rain100l", {}, 2),
        ("gopro", {"degraded": "**/blur/*", "clean": "**/sharp/*", "scene": r"/([^/]+)/sharp/"}, 2),
        ("sidd", {"degraded": "**/NOISY*", "clean": "**/GT*", "key": r"Data/(\d+).*_(\d+)\.PNG"}, 1),
        ("polyu_denoise", {"degraded": "*/*_real.JPG", "clean": "*/*_mean.JPG", "key": "/(.*)_"}, 3),
        ("clwd_placeholder", {"degraded": "*/{split}/*ed_image/*", "clean": "*/{split}/*_free_image/*"}, 3),
    ],
)
def test_the_excerpts_of_named_sources_too(shared_data: Path, folder: str, options: dict[str, str], count: int):
    index = open_index(Pairs(shared_data / folder, "test", PairsOptions(**options)))
    assert len(index) == count and index.rejects() == []
    assert len(set(index.image_keys())) == (1 if "scene" in options else count)


def test_many_degraded_of_one_clean(tmp_path: Path):
    names = [f"rainy/im_0002_s{angle}_a{n:02d}.jpg" for angle in (80, 95) for n in (4, 5)]
    _pictures(tmp_path, *names, "rainy/im_0003_s80_a04.jpg", "clean/im_0001.jpg", "clean/im_0002.jpg")
    options = PairsOptions(degraded="rainy/*.jpg", clean="clean/*.jpg", key=r"(im_\d+)", dataset="rain14000")
    index = open_index(Pairs(tmp_path, "train", options))
    assert list(index.ids()) == [name[:-4] for name in sorted(names)]
    assert set(index.image_keys()) == {"rain14000/im_0002"}
    assert {index.sample(row).pair.image.path.name for row in range(4)} == {"im_0002.jpg"}  # type: ignore[union-attr]
    assert [(reject.id, reject.reason) for reject in index.rejects()] == [
        ("rainy/im_0003_s80_a04.jpg", "the degraded image has no clean twin with the key 'im_0003'"),
        ("clean/im_0001.jpg", "the clean image has no degraded twin with the key 'im_0001'"),
    ]


def test_what_cannot_be_matched_is_rejected_by_name(tmp_path: Path):
    _pictures(tmp_path, "a/input/1.png", "a/target/1.png", "b/input/1.png", "b/target/1.png")
    with pytest.raises(SourceLayoutError, match=r"share the key '1'; make the option `key` tell them apart"):
        open_index(Pairs(tmp_path))
    options = PairsOptions(key=r"^(\w+)/\w+/(\d+)")
    _pictures(tmp_path, "a/input/notes.png")
    index = open_index(Pairs(tmp_path, "train", options))
    assert list(index.image_keys()) == ["pairs/train/a/1", "pairs/train/b/1"]
    (reject,) = index.rejects()
    assert reject.id == "a/input/notes.png" and "the option `key`" in reject.reason


def test_the_split_in_the_globs(tmp_path: Path):
    _pictures(tmp_path, *(f"{split}/{side}/1.png" for split in ("train", "test") for side in ("low", "high")))
    options = PairsOptions(degraded="{split}/low/*", clean="{split}/high/*", kind="low light")
    for split in ("train", "test"):
        index = open_index(Pairs(tmp_path, split, options))
        assert list(index.image_keys()) == [f"pairs/{split}/1"]
        sample = index.sample(0)
        assert sample.image.path == tmp_path / split / "low/1.png" and sample.pair is not None
        assert sample.pair.kind == "low light"
    with pytest.raises(SourceLayoutError, match=r"validation/low is missing; correct the glob '\{split\}/low/\*'"):
        open_index(Pairs(tmp_path, "validation", options))


def test_a_degraded_file_is_never_its_own_twin(tmp_path: Path):
    _pictures(tmp_path, "1.png", "1_noisy.png")
    options = PairsOptions(degraded="*_noisy.png", clean="*.png", key=r"(\d+)")
    sample = open_index(Pairs(tmp_path, "train", options)).sample(0)
    assert sample.pair is not None
    assert (sample.image.path.name, sample.pair.image.path.name) == ("1_noisy.png", "1.png")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"degraded": "/etc/*"}, "must be relative"),
        ({"clean": "../other/*"}, "stay in the dataset's folder"),
        ({"clean": ""}, "must be relative"),
        ({"degraded": "a**/x"}, "must stand alone"),
        ({"key": "("}, "is no regular expression"),
        ({"key": r"\d+"}, "has no group"),
        ({"scene": "abc"}, "has no group"),
        ({"kind": ""}, "pattern"),
    ],
)
def test_options_that_do_not_hold(options: dict[str, str], says: str):
    with pytest.raises(ValidationError, match=says):
        PairsOptions(**options)


def test_an_empty_folder(tmp_path: Path):
    (tmp_path / "input").mkdir()
    with pytest.raises(SourceLayoutError, match="holds no images"):
        open_index(Pairs(tmp_path))
