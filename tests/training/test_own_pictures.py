"""Pictures that a user brings: which are taken, what is passed over, and that none is lost."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from taskpaint.manifests.errors import UsageError
from taskpaint.training.edit import Artist, EditOptions, Request
from taskpaint.training.own_pictures import find_work, read_pictures, some_at_a_time, write_picture

SCENE = np.full((20, 30, 3), (200, 40, 40), np.uint8)
SCENE[:, 15:] = (30, 60, 220)


def encoded(pixels, form="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    return encoded(SCENE, "JPEG", exif=exif, quality=95)


def test_every_form_that_opens_is_taken_upright_and_in_eight_bits(tmp_path):
    gray = SCENE.mean(axis=2).astype(np.uint8)
    Image.fromarray(SCENE).convert("RGBA").save(tmp_path / "alpha.png")
    Image.fromarray(gray.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    Image.fromarray(SCENE).convert("P").save(tmp_path / "palette.gif")
    Image.fromarray(SCENE).convert("CMYK").save(tmp_path / "print.tiff")
    Image.fromarray(SCENE).save(tmp_path / "LOUD.BMP")
    (tmp_path / "turned.jpg").write_bytes(turned())
    work = find_work(tmp_path, tmp_path / "out")
    assert (len(work.pictures), work.passed_over) == (6, ())
    found = {one.key: one.picture for one in read_pictures(work.pictures, "paint", pytest.fail)}
    assert found.pop("turned").shape == (30, 20, 3)
    assert {picture.shape for picture in found.values()} == {(20, 30, 3)}
    assert {picture.dtype for picture in found.values()} == {np.dtype(np.uint8)}
    assert np.abs(found["deep"][..., 0].astype(int) - gray).max() <= 1
    assert np.array_equal(found["alpha"], SCENE)


def test_files_that_do_not_open_are_told_and_passed_over(tmp_path):
    whole = encoded(SCENE)
    for name, data in {
        "a.png": whole,
        "b.png": whole[:60],
        "c.jpg": b"",
        "d.txt": b"notes",
        ".hidden.png": b"",
    }.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "deeper.png").mkdir()
    work = find_work(tmp_path, tmp_path / "out")
    assert [file.name for file in work.passed_over] == ["d.txt"]
    told: list[str] = []
    assert [one.key for one in read_pictures(work.pictures, "paint", told.append)] == ["a"]
    assert [line.split(" does not open: ")[0] for line in told] == [str(tmp_path / name) for name in ("b.png", "c.jpg")]


def test_a_drawing_never_replaces_its_picture(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(SCENE))
    for out in (tmp_path / "a.png", tmp_path, tmp_path / "sub" / ".." / "a.png"):
        (tmp_path / "sub").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match="is the picture itself; name another --out"):
            find_work(tmp_path / "a.png", out)
    with pytest.raises(UsageError, match="which their drawings would replace"):
        find_work(tmp_path, tmp_path / "sub" / "..")


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("drawn", "is no folder that is there, and no name of a picture"),
        ("drawn.psd", r"no name of a picture \(\.png, \.jpg, \.jpeg, \.webp\)"),
    ],
)
def test_a_name_that_is_no_picture_is_refused_before_anything_is_drawn(tmp_path, out, message):
    (tmp_path / "a.png").write_bytes(encoded(SCENE))
    with pytest.raises(UsageError, match=message):
        find_work(tmp_path / "a.png", tmp_path / out)


def test_wrong_places_are_named(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"there is no picture .*gone\.png"):
        find_work(tmp_path / "gone.png", tmp_path / "x.png")
    with pytest.raises(UsageError, match="holds no picture"):
        find_work(tmp_path / "in", tmp_path / "out")
    (tmp_path / "in" / "a.png").write_bytes(encoded(SCENE))
    with pytest.raises(UsageError, match="is a file; several drawings need a folder"):
        find_work(tmp_path / "in", tmp_path / "file")
    (tmp_path / "in" / "a.jpg").write_bytes(turned())
    with pytest.raises(UsageError, match="two pictures called a"):
        find_work(tmp_path / "in", tmp_path / "out")


def test_one_picture_goes_into_a_folder_that_is_there(tmp_path):
    (tmp_path / "a.jpg").write_bytes(turned())
    (tmp_path / "out").mkdir()
    assert find_work(tmp_path / "a.jpg", tmp_path / "out").out("a") == tmp_path / "out" / "a.png"


def test_the_colors_of_a_jpeg_do_not_run_into_one_another(tmp_path):
    """Red dots of a pixel on blue: at Pillow's usual settings, which halve the colors' resolution, they are gone."""
    dots = np.full((32, 32, 3), (0, 0, 255), np.uint8)
    dots[::2, ::2] = (255, 0, 0)
    with Image.open(write_picture(tmp_path / "deep" / "dots.jpg", dots)) as image:
        error = np.abs(np.asarray(image).astype(int) - dots)
    assert error.max() < 40
    with Image.open(write_picture(tmp_path / "dots.webp", dots)) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), dots)


def test_large_pictures_are_held_a_few_at_a_time():
    small, large = np.zeros((10, 10, 3), np.uint8), np.zeros((5000, 5000, 3), np.uint8)
    requests = [Request(str(number), small, "") for number in range(65)] + [Request("big", large, "")] * 3
    assert [len(some) for some in some_at_a_time(requests)] == [64, 3, 1]


def test_tiny_and_odd_pictures_keep_their_size(run):
    artist = Artist.load(str(run), "cpu")
    sizes = {"dot": (1, 1), "line": (1, 97), "odd": (37, 53)}
    requests = [Request(key, np.zeros((*size, 3), np.uint8), "paint it") for key, size in sizes.items()]
    drawn = {one.key: picture for one, picture in artist.draw(requests, EditOptions(steps=1, guidance=1))}
    assert {key: picture.shape[:2] for key, picture in drawn.items()} == sizes
    assert {picture.dtype for picture in drawn.values()} == {np.dtype(np.uint8)}


def test_a_device_that_is_not_there_is_told(run):
    with pytest.raises(UsageError, match=r"there is no device 'cuda:99'; there are: auto, cpu"):
        Artist.load(str(run), "cuda:99")


def test_a_model_that_is_none_is_told(run, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "settings.json").write_text("{}")
    for name, reason in {
        "gone": "there is no such folder",
        "empty": "it holds no model_index.json",
        "unfinished": "its training has not come to an end",
    }.items():
        with pytest.raises(UsageError, match=f"cannot be loaded: {reason}"):
            Artist.load(str(tmp_path / name))


def test_what_is_drawn_from_words_shows_the_model_no_picture(run):
    """As in training, where the source's latents are zero: whatever stands in the row, the drawing is the same."""
    artist = Artist.load(str(run), "cpu")
    scene, other = SCENE, 255 - SCENE
    for from_words in (True, False):
        requests = [Request("same", picture, "a red ball", from_words) for picture in (scene, other)]
        first, second = (next(iter(artist.draw([one], EditOptions(steps=1, guidance=1))))[1] for one in requests)
        assert np.array_equal(first, second) == from_words


def test_a_stable_diffusion_is_given_latents_of_zero(run):
    class FourChannels:
        vae_scale_factor = 8
        vae = type("Vae", (), {"config": type("Config", (), {"latent_channels": 4})})

    latents = Artist(FourChannels(), 512, "buckets")._nothing(3, (640, 384))
    assert latents.shape == (3, 4, 48, 80)
    assert not latents.any()


def test_rows_say_themselves_whether_they_are_drawn_from_words():
    row = {"id": "a", "edit_prompt": "a dog", "params": '{"text_to_image": true}'}
    assert Request.of_row(row, SCENE).from_words
    assert not Request.of_row({**row, "params": "{}"}, SCENE).from_words
