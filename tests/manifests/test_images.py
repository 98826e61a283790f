"""Image files as they come: turned, grey, see-through, four inks, cut off, forged."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from taskpaint.manifests.errors import BadItem
from taskpaint.manifests.images import ImageHeader, decode_rgb, map_size, read_header, read_map, upright

PIXELS = np.random.default_rng(3).integers(0, 256, (9, 13, 3), dtype=np.uint8)


def _encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width, height, depth, color, rows, *extra):
    """A PNG from its parts; rows: filter byte and packed samples of each row."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    parts = [_chunk(b"IHDR", header), *extra, _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _reference(data):
    """Pillow's own way: turn by EXIF, lay over white, convert."""
    with Image.open(io.BytesIO(data)) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    ("name", "header", "passes"),
    [
        ("exif_landscape_6.jpg", ("JPEG", "RGB", 6), False),
        ("exif_portrait_8.jpg", ("JPEG", "RGB", 8), False),
        ("grayscale.jpg", ("JPEG", "L", 1), True),
        ("gray_alpha.png", ("PNG", "LA", 1), False),
        ("cmyk.jpg", ("JPEG", "CMYK", 1), False),
    ],
)
def test_real_oddities(shared_data, name, header, passes):
    data = (shared_data / "image_quirks" / name).read_bytes()
    read = read_header(data)
    expected = _reference(data)
    assert (read.format, read.mode, read.orientation) == header
    assert (read.height, read.width) == expected.shape[:2]
    assert read.passable is passes
    pixels = decode_rgb(data)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_orientation(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = _encoded(Image.fromarray(PIXELS), kind, exif=exif, **options)
    expected = _reference(data)
    header = read_header(data)
    assert (header.height, header.width) == expected.shape[:2] == ((9, 13) if orientation < 5 else (13, 9))
    assert np.array_equal(decode_rgb(data), expected)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_a_senseless_orientation_is_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    header = read_header(_encoded(Image.fromarray(PIXELS), "JPEG", exif=exif))
    assert (header.orientation, header.width, header.height) == (1, 13, 9)


def test_broken_exif_does_not_cost_the_picture():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = _encoded(Image.fromarray(PIXELS), "JPEG", exif=exif)
    start = data.index(b"Exif\x00\x00") + 6
    for broken in (b"\xff" * 8, b"MM\x00*\xff\xff\xff\xff", b"II*\x00\x08\x00\x00\x00"):
        forged = data[:start] + broken + data[start + 8 :]
        assert read_header(forged).orientation in (1, 6)
        assert decode_rgb(forged).shape in ((9, 13, 3), (13, 9, 3))


def test_upright_by_hand():
    stored = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    turned = {1: [[1, 2, 3], [4, 5, 6]], 3: [[6, 5, 4], [3, 2, 1]], 6: [[4, 1], [5, 2], [6, 3]]}
    turned[8] = [[3, 6], [2, 5], [1, 4]]
    for orientation, expected in turned.items():
        assert upright(stored, orientation).tolist() == expected


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty"),
        (b"This is a letter, not a photograph.\n", "not an image: the file begins with b'This is '"),
        (b"\xff\xd8\xff", "broken or cut off"),
        (b"\xff\xd8\xff\xd9", "broken or cut off"),
        (b"\x89PNG\r\n\x1a\n", "not an image|broken"),
        (b"\xff\xd8\xff\xda\x00\x02\xff\xd9", "no frame header"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not an image"),
    ],
)
def test_what_is_no_image(data, complaint):
    for read in (read_header, decode_rgb, read_map):
        with pytest.raises(BadItem, match=complaint):
            read(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_cut_off_file_is_seen_without_decoding(kind):
    data = _encoded(Image.fromarray(PIXELS), kind)
    for length in range(1, len(data) - (2 if kind == "JPEG" else 8)):
        with pytest.raises(BadItem):
            read_header(data[:length])


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_a_cut_off_file_of_another_kind_is_seen_when_decoded(kind):
    data = _encoded(Image.fromarray(PIXELS), kind)
    with pytest.raises(BadItem):
        decode_rgb(data[: len(data) // 2])


def test_a_jpeg_whose_only_end_marker_is_its_thumbnails():
    thumbnail = _encoded(Image.fromarray(PIXELS), "JPEG")
    whole = _encoded(Image.fromarray(PIXELS), "JPEG")
    comment = b"\xff\xfe" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    assert read_header(whole[:2] + comment + whole[2:]).width == 13
    with pytest.raises(BadItem, match="truncated"):
        read_header(whole[:2] + comment + whole[2:-2])


def _enormous(kind):
    if kind == "PNG":
        return _png(50_000, 50_000, 8, 0, b"\x00" * 9)
    small = _encoded(Image.fromarray(PIXELS).convert("L"), kind)
    sides = {"JPEG": ">HH", "GIF": "<HH"}[kind]
    start = {"JPEG": small.find(b"\xff\xc0") + 5, "GIF": 6}[kind]
    return small[:start] + struct.pack(sides, 50_000, 50_000) + small[start + struct.calcsize(sides) :]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_a_claim_of_2500_megapixels_is_refused_unread(kind):
    for read in (read_header, decode_rgb, read_map):
        with pytest.raises(BadItem, match=r"50000x50000, over the limit|too large to be opened safely"):
            read(_enormous(kind))


def test_no_pixels_at_all():
    with pytest.raises(BadItem):
        read_header(_png(0, 5, 8, 0, b""))
    jpeg = _encoded(Image.fromarray(PIXELS), "JPEG")
    start = jpeg.find(b"\xff\xc0") + 5
    with pytest.raises(BadItem, match="image is 0x9"):
        read_header(jpeg[: start + 2] + b"\x00\x00" + jpeg[start + 4 :])


def test_16_bit_grey_becomes_8_bits():
    data = _encoded(Image.fromarray(np.array([[0, 255, 256, 32768, 65535]], np.uint16)), "PNG")
    assert decode_rgb(data)[0, :, 0].tolist() == [0, 0, 1, 128, 255]
    assert read_map(data).tolist() == [[0, 255, 256, 32768, 65535]]
    assert not read_header(data).passable
    dark = _encoded(Image.fromarray(np.array([[0, 200]], np.uint16)), "PNG")
    assert decode_rgb(dark)[0, :, 0].tolist() == [0, 0]


def test_transparent_palette_over_white():
    palette = _chunk(b"PLTE", bytes([255, 0, 0, 0, 0, 255, 0, 255, 0]))
    data = _png(3, 1, 8, 3, b"\x00\x00\x01\x02", palette, _chunk(b"tRNS", b"\x00\xff"))
    assert decode_rgb(data).tolist() == [[[255, 255, 255], [0, 0, 255], [0, 255, 0]]]
    assert read_map(data).tolist() == [[0, 1, 2]]
    assert not read_header(data).passable


def test_half_transparent_rgba_over_white():
    rgba = np.array([[[100, 0, 200, 0], [100, 0, 200, 255], [0, 0, 0, 51]]], np.uint8)
    data = _encoded(Image.fromarray(rgba), "PNG")
    assert decode_rgb(data).tolist() == [[[255] * 3, [100, 0, 200], [204] * 3]]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("color", [0, 3])
def test_a_map_of_few_bits_keeps_its_values(depth, color):
    values = list(range(min(2**depth, 8)))
    bits = "".join(f"{value:0{depth}b}" for value in values)
    packed = int(bits.ljust(-len(bits) // 8 * -8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    extra = [_chunk(b"PLTE", bytes(3 * 2**depth))] if color == 3 else []
    found = read_map(_png(len(values), 1, depth, color, b"\x00" + packed, *extra))
    assert found.dtype == np.uint8
    assert found.tolist() == [values]


def test_few_bits_of_grey_spread_over_all_levels_as_a_picture():
    assert decode_rgb(_png(4, 1, 2, 0, b"\x00\x1b"))[0, :, 0].tolist() == [0, 85, 170, 255]
    assert decode_rgb(_png(2, 1, 1, 0, b"\x00\x40"))[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (_png(2, 1, 8, 2, b"\x00" + bytes(range(1, 7))), [[[1, 2, 3], [4, 5, 6]]]),
        (_png(2, 1, 8, 2, b"\x00" + bytes(range(1, 7)), _chunk(b"tRNS", b"\x00\x01" * 3)), [[[1, 2, 3], [4, 5, 6]]]),
        (_png(2, 1, 8, 4, b"\x00" + bytes([7, 0, 9, 255])), [[7, 9]]),
        (_png(1, 1, 8, 6, b"\x00" + bytes([7, 8, 9, 0])), [[[7, 8, 9]]]),
        (_png(1, 1, 16, 2, b"\x00" + bytes([0, 7, 1, 0, 0, 9])), [[[7, 256, 9]]]),
    ],
    ids=["rgb", "rgb and a transparent colour", "grey alpha", "rgba", "16-bit rgb"],
)
def test_a_map_in_colour_keeps_its_values(data, expected):
    assert read_map(data).tolist() == expected


def test_a_16_bit_tiff_map_has_native_byte_order():
    values = np.array([[1, 2, 60000]], np.uint16)
    for order in ("<u2", ">u2"):
        found = read_map(_encoded(Image.fromarray(values.astype(order)), "TIFF"))
        assert found.dtype == np.uint16
        assert found.tolist() == values.tolist()


def test_a_map_of_real_numbers_is_refused():
    with pytest.raises(BadItem, match="real numbers"):
        read_map(_encoded(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"))


def test_a_damaged_map_is_refused_not_guessed():
    data = _encoded(Image.fromarray(PIXELS[:, :, 0]), "PNG")
    start = data.index(b"IDAT") + 6
    for place in range(start, len(data) - 20, 3):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with pytest.raises(BadItem):
            read_map(bytes(damaged))


def test_what_passes_through():
    assert ImageHeader("JPEG", "RGB", 1, 1).passable
    assert ImageHeader("WEBP", "RGB", 1, 1).passable
    assert not ImageHeader("JPEG", "RGB", 1, 1, orientation=3).passable
    assert not ImageHeader("PNG", "RGBA", 1, 1).passable
    assert not ImageHeader("GIF", "RGB", 1, 1).passable
    assert not ImageHeader("JPEG", "CMYK", 1, 1).passable


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
def test_tiny_pictures(kind, size):
    data = _encoded(Image.new("RGB", size, (255, 255, 255)), kind)
    assert decode_rgb(data).shape == (size[1], size[0], 3)
    assert (decode_rgb(data) >= 253).all()


def _turned(quality):
    exif = Image.Exif()
    exif[0x0112] = 6
    return _encoded(Image.fromarray(PIXELS), "JPEG", exif=exif, quality=quality)


_SEEDS = [
    _turned(80),
    _encoded(Image.fromarray(PIXELS), "JPEG", progressive=True),
    _encoded(Image.fromarray(PIXELS), "PNG"),
    _encoded(Image.fromarray(PIXELS).quantize(9), "PNG", transparency=3),
    _encoded(Image.fromarray(PIXELS).convert("1"), "PNG"),
    _encoded(Image.fromarray(PIXELS), "TIFF", compression="tiff_lzw"),
    _encoded(Image.fromarray(PIXELS), "GIF"),
]


@st.composite
def _damaged(draw):
    data = bytearray(draw(st.sampled_from(_SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.sampled_from([0, 1, 255]) | st.integers(0, 255))
    return bytes(data[: draw(st.just(len(data)) | st.integers(0, len(data)))])


@settings(max_examples=250, deadline=None)
@given(_damaged())
def test_damaged_files_read_sanely_or_are_bad_items(data):
    try:
        header = read_header(data)
    except BadItem:
        for read in (decode_rgb, read_map):
            with pytest.raises(BadItem):
                read(data)
        return
    assert header.width * header.height <= 120_000_000
    assert 1 <= header.orientation <= 8
    if header.width * header.height > 1_000_000:
        return  # a forged size within the limit: only slow
    try:
        pixels = decode_rgb(data)
        assert (pixels.shape, pixels.dtype) == ((header.height, header.width, 3), np.uint8)
    except BadItem:
        pass
    try:
        values = read_map(data)
        assert values.dtype in (np.uint8, np.uint16, np.int32)
        assert values.ndim == 2 or (values.ndim, values.shape[2]) == (3, 3)
    except BadItem:
        pass


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(1, 20), st.sampled_from(["RGB", "L"]), st.booleans())
def test_plain_png_equals_pillow(seed, height, width, mode, smooth):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = Image.fromarray(np.cumsum(noise // 64, axis=1).astype(np.uint8) if smooth else noise).convert(mode)
    data = _encoded(picture, "PNG", compress_level=seed % 10)
    assert np.array_equal(decode_rgb(data), _reference(data))
    assert map_size(data) == (width, height)
    if mode == "RGB":
        assert np.array_equal(read_map(data, "BGR"), read_map(data)[..., ::-1])


def test_a_png_with_a_transparent_color_is_laid_over_white():
    data = _png(2, 1, 8, 2, b"\x00\x01\x02\x03\x09\x09\x09", _chunk(b"tRNS", b"\x00\x01\x00\x02\x00\x03"))
    assert decode_rgb(data).tolist() == [[[255, 255, 255], [9, 9, 9]]]


def test_a_png_with_a_wrong_checksum_is_left_to_pillow():
    data = _png(1, 2, 8, 2, b"\x00\x01\x02\x03\x00\x09\x08\x07")
    wrong = data.index(b"IEND") - 5
    damaged = data[:wrong] + bytes([data[wrong] ^ 1]) + data[wrong + 1 :]
    assert decode_rgb(damaged).tolist() == [[[1, 2, 3]], [[9, 8, 7]]]
    with pytest.raises(BadItem, match="checksum of its IDAT chunk"):
        read_map(damaged)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (_encoded(Image.fromarray(PIXELS), "TIFF"), (13, 9)),
        (_encoded(Image.fromarray(PIXELS).quantize(9), "PNG"), (13, 9)),
    ],
)
def test_sizes_of_other_maps(data, size):
    assert map_size(data) == size


@pytest.mark.parametrize("read", [map_size, read_map])
def test_plain_png_of_senseless_sizes(read):
    with pytest.raises(BadItem, match="over the limit"):
        read(_png(50_000, 50_000, 8, 0, b"\x00" * 9))
    with pytest.raises(BadItem):
        read(_png(0, 5, 8, 0, b""))
    with pytest.raises(BadItem, match="no end chunk"):
        read(_png(1, 1, 8, 0, b"\x00\x07")[:-8])
