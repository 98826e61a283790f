"""Encoders, against decoders of other people."""

from __future__ import annotations

import io
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.manifests.images import read_header
from taskpaint.manifests.recipe import Output
from taskpaint.manifests.target import FileTarget, FlatTarget, PhotoTarget, SameTarget
from taskpaint.writers.codecs import encode_jpeg, encode_palette_png, encode_png, encode_source, encode_target

sizes = st.integers(1, 40)


def _noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def _decoded(data):
    """By Pillow and by OpenCV, which must agree."""
    first = np.asarray(_pillow(data).convert("RGB"))
    second = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    assert np.array_equal(first, second)
    return first


def _chunks(data):
    """Names of a PNG's chunks, their checksums checked."""
    names, position = [], 8
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        body = data[position + 4 : position + 8 + length]
        assert zlib.crc32(body) == int.from_bytes(data[position + 8 + length : position + 12 + length], "big")
        names.append(body[:4])
        position += 12 + length
    return names


@settings(deadline=None)
@given(sizes, sizes, st.integers(0, 99))
@example(1, 1, 0)
@example(1, 40, 0)
@example(40, 1, 0)
def test_png_keeps_every_pixel(height, width, seed):
    rgb = _noise(height, width, seed)
    data = encode_png(rgb)
    assert np.array_equal(_decoded(data), rgb)
    assert _chunks(data) == [b"IHDR", b"IDAT", b"IEND"]
    header = read_header(data)
    assert (header.width, header.height, header.mode, header.passable) == (width, height, "RGB", True)


def test_png_of_a_view_that_is_not_contiguous():
    rgb = _noise(20, 30)
    for view in (rgb[::2, ::3], rgb[:, ::-1], rgb.swapaxes(0, 1), rgb[:, :, ::-1]):
        assert np.array_equal(_decoded(encode_png(view)), view)


@settings(deadline=None)
@given(sizes, sizes, st.sampled_from([1, 2, 3, 4, 5, 16, 17, 255, 256]), st.integers(0, 99))
@example(1, 1, 1, 0)
@example(1, 1, 2, 0)
@example(3, 9, 2, 0)
def test_palette_png_keeps_every_pixel(height, width, colors, seed):
    source = np.random.default_rng(seed)
    palette = source.integers(0, 256, (colors, 3), dtype=np.uint8)
    index = source.integers(0, colors, (height, width), dtype=np.uint8)
    data = encode_palette_png(index, palette)
    assert np.array_equal(_decoded(data), palette[index])
    assert _chunks(data) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    stored = _pillow(data)
    assert stored.mode == "P"
    assert np.array_equal(np.asarray(stored), index)


def test_palette_png_of_a_view_that_is_not_contiguous():
    index = np.random.default_rng(0).integers(0, 3, (20, 30), dtype=np.uint8)
    palette = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 255]], np.uint8)
    for view in (index[::2, ::3], index.T, index[::-1]):
        assert np.array_equal(_decoded(encode_palette_png(view, palette[::-1])), palette[::-1][view])


def test_two_colours_take_a_bit_a_pixel():
    index = np.random.default_rng(0).integers(0, 2, (256, 256), dtype=np.uint8)
    assert len(encode_palette_png(index, np.array([[0, 0, 0], [9, 9, 9]], np.uint8))) < 256 * 256 / 8 * 1.1


@pytest.mark.parametrize("colors", [0, 257])
def test_palettes_that_png_does_not_have(colors):
    with pytest.raises(ValueError, match=f"1 to 256 colours, not {colors}"):
        encode_palette_png(np.zeros((2, 2), np.uint8), np.zeros((colors, 3), np.uint8))


@pytest.mark.parametrize("quality", [70, 95, 100])
def test_jpeg_keeps_chroma_at_full_size(quality):
    image = _pillow(encode_jpeg(_noise(17, 23), quality))
    assert image.size == (23, 17)
    assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3


def test_jpeg_is_near_and_quality_counts():
    rgb = cv2.resize(_noise(6, 8), (160, 120), interpolation=cv2.INTER_CUBIC)
    off = {quality: np.abs(_decoded(encode_jpeg(rgb, quality)).astype(int) - rgb) for quality in (70, 95, 100)}
    assert off[95].max() <= 29
    assert off[100].mean() < off[95].mean() < off[70].mean() < 4


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
def test_tiny_jpegs(size):
    assert np.abs(_decoded(encode_jpeg(np.full((*size, 3), 200, np.uint8), 95)).astype(int) - 200).max() <= 2


def test_the_same_pixels_give_the_same_bytes():
    rgb, index = _noise(50, 60), (_noise(50, 60)[:, :, 0] % 3).astype(np.uint8)
    for encode in (
        lambda: encode_png(rgb),
        lambda: encode_jpeg(rgb, 95),
        lambda: encode_palette_png(index, rgb[0, :3]),
    ):
        assert encode() == encode()


JPEG = encode_jpeg(_noise(5, 6), 90)


@pytest.mark.parametrize(
    ("target", "output", "kind", "exact"),
    [
        (PhotoTarget(_noise(5, 6)), {}, "JPEG", False),
        (PhotoTarget(_noise(5, 6), lossless=True), {}, "PNG", True),
        (PhotoTarget(_noise(5, 6)), {"photo_format": "png"}, "PNG", True),
        (FlatTarget(np.eye(5, 6, dtype=np.uint8), np.array([[1, 2, 3], [4, 5, 6]], np.uint8)), {}, "PNG", True),
    ],
)
def test_each_target_has_its_codec(target, output, kind, exact):
    data = encode_target(target, JPEG, Output(**output))
    assert _pillow(data).format == kind
    assert np.array_equal(_decoded(data), target.pixels()) is exact


def test_the_photograph_itself_keeps_its_bytes():
    for photograph in (JPEG, b"\x89PNG anything"):
        assert encode_target(SameTarget(), photograph, Output(photo_format="png")) is photograph
    assert encode_target(FileTarget(b"another file"), JPEG, Output()) == b"another file"


@pytest.mark.parametrize(
    ("output", "lossless", "kind"),
    [({}, False, "JPEG"), ({}, True, "PNG"), ({"photo_format": "png"}, False, "PNG")],
)
def test_each_source_has_its_codec(output, lossless, kind):
    data = encode_source(_noise(5, 6), Output(**output), lossless=lossless)
    assert _pillow(data).format == kind
