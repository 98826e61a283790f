"""Masks: pixels and run lengths against pycocotools, and broken run lengths refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from taskpaint.builders.masks import regions
from taskpaint.builders.masks.run_lengths import paint_runs, read_counts
from taskpaint.manifests.errors import BadItem


def _random_mask(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed)
    height, width = noise.integers(1, 90, 2)
    share = noise.choice([0.0, 0.02, 0.5, 0.97, 1.0])
    blocks = noise.random((height, width)) < share
    return np.repeat(blocks, noise.integers(1, 30), axis=0).astype(np.uint8)


@pytest.mark.parametrize("seed", range(40))
def test_pixels_are_pycocotools_pixels(seed):
    mask = _random_mask(seed)
    rle = coco_mask.encode(np.asfortranarray(mask))
    decoded = regions.decode(rle)
    assert np.array_equal(decoded, coco_mask.decode(rle))
    assert decoded.flags.c_contiguous
    assert regions.encode(mask) == rle


def test_runs_by_hand():
    # 0 background, 3 set, 1 background, 2 set: the fourth is stored as 2 - 3 = -1, a single digit 31 -> "O"
    assert read_counts(b"031O").tolist() == [0, 3, 1, 2]
    assert paint_runs(np.array([0, 3, 1, 2]), 2, 3).tolist() == [[1, 1], [1, 0], [1, 1]]
    # 100 = 3 * 32 + 4: the digits 4 (and more: 36) and 3 -> "T", "3"
    assert read_counts(b"T3").tolist() == [100]


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (b"", "foreign character, or none"),
        (b"0 3", "foreign character"),
        (b"03\xff", "foreign character"),
        (b"03T", "end inside a number"),
        (b"TTTTTTT3", "too long"),
        (b"03O", "negative"),  # -1, and the third is no difference
        (b"031", "cover 4 pixels, the image has 6"),
    ],
)
def test_broken_counts_are_refused(counts, reason):
    with pytest.raises(ValueError, match=reason):
        regions.decode({"size": [2, 3], "counts": counts})
    with pytest.raises(BadItem, match=reason):
        regions.to_rle({"size": [2, 3], "counts": counts}, 2, 3)


def test_polygons_of_several_objects_are_joined_as_pycocotools_joins_them():
    first, second = [[2.2, 1, 20, 3.7, 9, 15]], [[12, 2, 25, 2, 25, 14.5, 12, 14], [1, 12, 5, 12, 5, 17]]
    each = [coco_mask.merge(coco_mask.frPyObjects(polygons, 20, 30)) for polygons in (first, second)]
    assert regions.rasterise([first, second], 20, 30) == coco_mask.merge(each)
    assert regions.to_rle(second, 20, 30) == each[1]


@pytest.mark.parametrize("counts", [[1.0, 5], [True, 5], [7, -1], "T", None, [1, 2]])
def test_broken_uncompressed_counts_are_refused(counts):
    with pytest.raises(BadItem, match="cannot be rasterised"):
        regions.to_rle({"size": [2, 3], "counts": counts}, 2, 3)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 2, 5, 40, 400]))
def test_all_regions_at_once_are_pycocotools_one_by_one(seed, height, width, count):
    noise = np.random.default_rng(seed)
    blocks = noise.integers(0, count + 1, (height, width))
    labels = np.repeat(np.repeat(blocks, noise.integers(1, 6), axis=0), noise.integers(1, 6), axis=1).astype(np.int32)
    each = [coco_mask.encode(np.asfortranarray((labels == label).astype(np.uint8))) for label in range(1, count + 1)]
    assert regions.encode_each(labels, count) == each
    wanted = noise.permutation(count + 1)[: 1 + count // 2].tolist()
    expected = [coco_mask.encode(np.asfortranarray((labels == value).astype(np.uint8))) for value in wanted]
    assert regions.encode_values(labels, wanted) == expected


def test_regions_of_large_maps_and_of_none():
    labels = np.zeros((2_000, 3_000), np.uint8)
    labels[5:1_990:3, 1_000:] = 2  # counts of several digits, and negative differences
    labels[:, 0] = 1
    expected = [coco_mask.encode(np.asfortranarray((labels == label).astype(np.uint8))) for label in (1, 2, 3)]
    assert regions.encode_each(labels, 3) == expected
    assert regions.encode_each(np.zeros((4, 5), np.uint8), 0) == []
    assert regions.encode_each(np.zeros((4, 5), np.uint8), 1) == [coco_mask.encode(np.zeros((4, 5), np.uint8, "F"))]
