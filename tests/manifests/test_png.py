"""PNG maps, whole and broken: values as stored or a clear complaint, and never a word of libpng on the terminal."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.manifests import png
from taskpaint.manifests.errors import BadItem
from taskpaint.manifests.images import read_map

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY = b"\x00abcd" * 4


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _header(width=4, height=4, depth=8, color=0, compression=0, filtering=0, interlaced=0):
    return struct.pack(">IIBBBBB", width, height, depth, color, compression, filtering, interlaced)


def _png(header, packed, before=b"", after=b""):
    """Header, chunks before the pixels, a zlib stream of them, and chunks after."""
    return b"".join((SIGNATURE, _chunk(b"IHDR", header), before, _chunk(b"IDAT", packed), after, _chunk(b"IEND", b"")))


def _changed(data, place, bits=0x10):
    return data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]


PACKED = zlib.compress(GREY)
WHOLE = _png(_header(), PACKED)
NOISE = np.random.default_rng(7).integers(0, 9, (9, 13, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (_changed(WHOLE, WHOLE.index(b"IDAT") + 8), "checksum of its IDAT chunk is wrong"),
        (WHOLE[: WHOLE.index(b"IDAT") + 9] + _chunk(b"IEND", b""), "cut off"),
        (WHOLE[:-3], "cut off"),
        (_png(_header(), _changed(PACKED, 5)), "cannot be unpacked"),
        (_png(_header(), _changed(PACKED, 0)), "cannot be unpacked"),
        (_png(_header(), _changed(PACKED, len(PACKED) - 1)), "cannot be unpacked"),
        (_png(_header(), PACKED[:-4]), "fewer pixels than its header says"),
        (_png(_header(), PACKED[:-7]), "fewer pixels than its header says"),
        (_png(_header(), zlib.compress(GREY[:-5])), "fewer pixels than its header says"),
        (_png(_header(), b""), "fewer pixels than its header says"),
        (_png(_header(), zlib.compress(b"\x05abcd" * 4)), "unknown filter"),
        (_png(_header(compression=3), PACKED), "compression or filter method"),
        (_png(_header(filtering=1), PACKED), "."),
        (_png(_header(depth=9), PACKED), "."),
        (_png(_header(interlaced=7), PACKED), "."),
        (_changed(WHOLE, 30), "."),
        (_png(_header(), PACKED, after=_chunk(b"FOOO", b"")), "unknown chunk b'FOOO'"),
        (SIGNATURE + _chunk(b"IHDR", _header()) + _chunk(b"IEND", b""), "fewer pixels than its header says"),
    ],
    ids=lambda value: value if isinstance(value, str) else "png",
)
def test_a_broken_map_is_refused_without_a_word_on_the_terminal(data, complaint, capfd):
    with pytest.raises(BadItem, match=complaint):
        read_map(data)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "extra",
    [
        _chunk(b"iCCP", b"ICC\x00\x00abc"),
        _chunk(b"iCCP", b"ICC\x00\x00" + zlib.compress(bytes(200))),
        _chunk(b"sRGB", b"\x09"),
        _chunk(b"PLTE", b"abc"),
        _chunk(b"eXIf", b"\x00\x00\xb1\x8f"),
        _chunk(b"tIME", b"a"),
        _chunk(b"gAMA", b"\x00\x00\xb1\x8f") * 2,
        _changed(_chunk(b"tEXt", b"a\x00b"), 11),
    ],
)
def test_odd_chunks_beside_sound_pixels_do_no_harm(extra, capfd):
    for data in (_png(_header(), PACKED, after=extra), _png(_header(), PACKED, before=extra)):
        try:
            assert read_map(data).tolist() == [list(b"abcd")] * 4
        except BadItem:
            assert extra[4:8] == b"tEXt"  # Pillow refuses a wrong checksum before the pixels
    assert capfd.readouterr() == ("", "")


def test_more_pixels_than_the_header_says_are_left_out(capfd):
    assert read_map(_png(_header(), zlib.compress(GREY * 3))).tolist() == [list(b"abcd")] * 4
    assert capfd.readouterr() == ("", "")


def test_a_stream_of_a_gigabyte_is_not_unpacked_further_than_its_picture():
    packer = zlib.compressobj()
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1024)) + packer.flush()
    assert not read_map(_png(_header(), packed)).any()


def test_an_interlaced_map_and_one_of_a_million_columns(capfd):
    noise = NOISE[:8, :8, 0]
    passes = [noise[top::down, left::across] for top, left, down, across in ADAM7]
    rows = b"".join(b"\x00" + row.tobytes() for one in passes for row in one)
    assert np.array_equal(read_map(_png(_header(8, 8, interlaced=1), zlib.compress(rows))), noise)
    wide = _png(_header(1_000_001, 1), zlib.compress(bytes(1_000_001) + b"\x07"))
    assert read_map(wide)[0, -2:].tolist() == [0, 7]
    assert capfd.readouterr() == ("", "")


ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
"""First row and column, and the steps, of each pass: PNG specification, section 8.2."""


@pytest.mark.parametrize("filtering", range(5))
@pytest.mark.parametrize(("depth", "color"), [(8, 0), (16, 0), (8, 2), (16, 2)])
def test_every_filter_and_depth_survives_unpacking(filtering, depth, color):
    size = (1 + 50 * depth // 8 * (3 if color else 1)) * 40
    rows = np.random.default_rng(depth + color).integers(0, 256, size, dtype=np.uint8).reshape(40, -1)
    rows[:, 0] = filtering
    data = _png(_header(50, 40, depth, color), zlib.compress(rows.tobytes()))
    assert png.is_plain(data)
    unpacked = png.unpack(data)
    if (depth, color) != (16, 2):  # Pillow has no 16-bit RGB
        with Image.open(io.BytesIO(data)) as first, Image.open(io.BytesIO(unpacked)) as second:
            assert np.array_equal(np.array(first), np.array(second))
            assert np.array_equal(read_map(data), np.array(first))
    start = unpacked.index(b"IDAT") + 4
    assert zlib.decompress(unpacked[start:-16]) == rows.tobytes()  # behind it a checksum and the end chunk


def test_pixels_over_several_blocks_and_chunks():
    values = np.random.default_rng(1).integers(0, 65536, (300, 400), dtype=np.uint16)
    rows = np.zeros((300, 801), np.uint8)
    rows[:, 1:] = values.astype(">u2").view(np.uint8)
    packed = zlib.compress(rows.tobytes())
    thirds = [packed[:1000], b"", packed[1000:]]
    data = SIGNATURE + b"".join(
        _chunk(kind, body)
        for kind, body in [(b"IHDR", _header(400, 300, 16)), *((b"IDAT", third) for third in thirds), (b"IEND", b"")]
    )
    assert np.array_equal(read_map(data), values)


def _encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


SEEDS = [
    _encoded(Image.fromarray(NOISE)),
    _encoded(Image.fromarray(NOISE[:, :, 0])),
    _encoded(Image.fromarray(NOISE[:, :, 0].astype(np.uint16) * 999)),
    _encoded(Image.fromarray(NOISE).quantize(9)),
    _encoded(Image.fromarray(NOISE[:, :, 0]), icc_profile=b"no profile"),
]


@st.composite
def _fuzzed(draw):
    """A map with some bytes changed, checksums put right again or not, and perhaps the middle cut out."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 3))):
        data = _changed(data, draw(st.integers(8, len(data) - 1)), draw(st.integers(1, 255)))
    if draw(st.booleans()):
        first = draw(st.integers(8, len(data)))
        data = data[:first] + data[draw(st.integers(first, len(data))) :]
    return _mended(data) if draw(st.booleans()) else data


def _mended(data):
    """Right checksums in as many chunks as are whole."""
    parts, position = [data[:8]], 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if position + 12 + length > len(data):
            break
        parts.append(_chunk(data[position + 4 : position + 8], data[position + 8 : position + 8 + length]))
        position += 12 + length
    return b"".join(parts) + data[position:]


def test_fuzzed_maps_leave_nothing_on_the_terminal(capfd):
    outcomes = {"read": 0, "refused": 0}

    @settings(max_examples=400, deadline=None)
    @given(_fuzzed())
    def check(data):
        try:
            values = read_map(data)
        except BadItem as fault:
            outcomes["refused"] += 1
            assert str(fault)
        else:
            outcomes["read"] += 1
            assert values.ndim == 2 or values.shape[2] == 3

    check()
    assert capfd.readouterr() == ("", "")
    assert min(outcomes.values()) > 0
