"""Measures of pixels, against scikit-image, SciPy and sums by hand."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import skimage.measure
import skimage.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st
from PIL import Image
from taskpaint.filters.measures._pixels import luminance
from taskpaint.filters.measures.change import Change
from taskpaint.filters.measures.entropy import Entropy
from taskpaint.filters.measures.perceptual_hash import PerceptualHash, join_hashes, perceptual_hash
from taskpaint.filters.measures.resolution import Resolution
from taskpaint.filters.measures.sharpness import Sharpness
from taskpaint.filters.measures.ssim import Ssim, structural_similarity
from taskpaint.manifests.errors import UsageError

MEASURES = (Resolution(), Sharpness(), Entropy(), Change(), Ssim(), PerceptualHash())
PICTURES = numpy_st.arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(3)))
WITHOUT_SMALL = {"ssim"}
"""Scores that tiny pictures do not have."""


def photograph(seed: int = 0, height: int = 150, width: int = 201):
    """Smooth noise of three colours, in the whole range of values."""
    noise = np.random.default_rng(seed).normal(0, 1, (height, width, 3))
    smooth = scipy.ndimage.gaussian_filter(noise, (3, 3, 0)) + 0.05 * noise
    return np.clip(128 + 300 * smooth, 0, 255).round().astype(np.uint8)


def flat(value: int, height: int = 20, width: int = 30):
    return np.full((height, width, 3), value, np.uint8)


def luma(image):
    """(H, W) of a picture that is grey already."""
    assert (image == image[:, :, :1]).all()
    return image[:, :, 0].astype(float)


def grey(seed: int = 0, height: int = 150, width: int = 201):
    return np.repeat(photograph(seed, height, width)[:, :, :1], 3, axis=2)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_a_measure_gives_just_the_columns_it_names(measure) -> None:
    image = photograph()
    scores = measure.measure(image, image[::-1].copy())
    assert list(scores) == [column.name for column in measure.columns]
    assert all(type(score) is float and math.isfinite(score) for score in scores.values())
    assert measure.caution == ""


def test_no_two_measures_share_a_column() -> None:
    names = [column.name for measure in MEASURES for column in measure.columns]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
@pytest.mark.parametrize("target_shape", [(20, 31, 3), (30, 20, 3)], ids=str)
def test_pictures_of_two_sizes_have_no_scores(measure, target_shape) -> None:
    scores = measure.measure(flat(3), np.zeros(target_shape, np.uint8))
    assert list(scores) == [column.name for column in measure.columns]
    assert all(math.isnan(score) for score in scores.values())


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_pictures_without_pixels_have_no_scores(measure) -> None:
    empty = np.zeros((0, 5, 3), np.uint8)
    assert all(math.isnan(score) for score in measure.measure(empty, empty).values())


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_small_picture_has_defined_scores(measure, data) -> None:
    source = data.draw(PICTURES)
    target = data.draw(numpy_st.arrays(np.uint8, source.shape))
    for name, score in measure.measure(source, target).items():
        assert math.isfinite(score) or (name in WITHOUT_SMALL and min(source.shape[:2]) < 11)


@given(PICTURES)
@settings(max_examples=40, deadline=None)
def test_equal_pictures_show_no_change(image) -> None:
    scores = {name: score for m in MEASURES for name, score in m.measure(image, image.copy()).items()}
    assert scores["changed_share"] == scores["changed_bounds"] == scores["mean_difference"] == 0
    assert scores["sharpness_gain"] == 0
    assert scores["source_entropy"] == scores["target_entropy"]
    assert scores["source_phash_high"] == scores["target_phash_high"]
    assert scores["source_phash_low"] == scores["target_phash_low"]
    assert min(image.shape[:2]) < 11 or scores["ssim"] == 1


def test_luminance_is_that_of_bt_601() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    exact = image @ np.array([0.299, 0.587, 0.114])
    assert luminance(image).dtype == np.uint8
    assert np.abs(luminance(image) - exact).max() < 0.51  # rounded; its weights have 14 bits or so
    assert (luminance(grey()) == luma(grey())).all()


def test_resolution() -> None:
    image = np.zeros((250, 1000, 3), np.uint8)
    assert Resolution().measure(image, image) == {"megapixels": 0.25, "shortest_side": 250.0, "aspect": 4.0}
    turned = np.zeros((1000, 250, 3), np.uint8)
    assert Resolution().measure(turned, turned)["aspect"] == 4.0


def test_sharpness_is_the_variance_of_scipys_laplacian() -> None:
    source, target = grey(1), grey(2)
    scores = Sharpness().measure(source, target)
    expected = [scipy.ndimage.laplace(luma(image), mode="mirror").var() for image in (source, target)]
    assert [scores["source_sharpness"], scores["target_sharpness"]] == pytest.approx(expected, rel=1e-9)
    assert scores["sharpness_gain"] == pytest.approx(math.log2((expected[1] + 1) / (expected[0] + 1)))


def test_blur_lowers_sharpness_and_its_gain_is_negative() -> None:
    scores = Sharpness().measure(photograph(), cv2.GaussianBlur(photograph(), (0, 0), 2))
    assert scores["target_sharpness"] < scores["source_sharpness"]
    assert scores["sharpness_gain"] < -1


def test_a_flat_picture_has_no_sharpness() -> None:
    assert Sharpness().measure(flat(77), flat(200)) == {
        "source_sharpness": 0.0,
        "target_sharpness": 0.0,
        "sharpness_gain": 0.0,
    }


def test_entropy_is_scikit_images() -> None:
    source, target = grey(3), grey(4) // 8
    scores = Entropy().measure(source, target)
    expected = [skimage.measure.shannon_entropy(luma(image)) for image in (source, target)]
    assert [scores["source_entropy"], scores["target_entropy"]] == pytest.approx(expected, abs=1e-9)


def test_entropy_by_hand() -> None:
    halves = flat(0, 4, 4)
    halves[:2] = 255
    every = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    assert Entropy().measure(flat(9), flat(0)) == {"source_entropy": 0.0, "target_entropy": 0.0}
    assert Entropy().measure(halves, halves)["source_entropy"] == 1.0
    assert Entropy().measure(every, every)["source_entropy"] == 8.0


def test_change_by_hand() -> None:
    source, target = flat(100, 10, 20), flat(100, 10, 20)
    target[2, 3] = (100, 141, 100)  # one channel, 41 more
    target[5, 12] = (59, 100, 100)  # 41 less
    target[9, 19] = (140, 60, 100)  # 40 is not over 40
    scores = Change().measure(source, target)
    assert scores["changed_share"] == 2 / 200
    assert scores["changed_bounds"] == 4 * 10 / 200  # rows 2 to 5, columns 3 to 12
    assert scores["mean_difference"] == pytest.approx((41 + 41 + 80) / 600)


def test_the_threshold_of_change_is_the_users() -> None:
    source, target = flat(100), flat(101)
    assert Change(threshold=0).measure(source, target)["changed_share"] == 1
    assert Change(threshold=1).measure(source, target)["changed_share"] == 0
    assert Change(threshold=254).measure(flat(0), flat(255))["changed_share"] == 1
    assert Change(threshold=0).identity != Change().identity


@pytest.mark.parametrize("threshold", [-1, 255])
def test_a_threshold_out_of_range_is_refused(threshold) -> None:
    with pytest.raises(UsageError, match=f"threshold of change is {threshold}; give"):
        Change(threshold=threshold)


@pytest.mark.parametrize("side", [11, 12, 64, 300])
def test_ssim_is_scikit_images(side) -> None:
    source = grey(5, side, 2 * side)
    for target in (
        cv2.GaussianBlur(source, (0, 0), 1.5),
        255 - source,
        grey(6, side, 2 * side),
        flat(130, *source.shape[:2]),
    ):
        expected = skimage.metrics.structural_similarity(
            luma(source),
            luma(target),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
        assert Ssim().measure(source, target)["ssim"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("values", [(0, 255), (0, 1), (255, 255), (128, 126)])
def test_ssim_of_flat_pictures_by_hand(values) -> None:
    a, b = values
    constant = (0.01 * 255) ** 2
    expected = (2 * a * b + constant) / (a * a + b * b + constant)
    first, second = (np.full((40, 50), value, np.uint8) for value in values)
    assert structural_similarity(first, second) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("shape", [(10, 50, 3), (50, 10, 3), (1, 1, 3)], ids=str)
def test_ssim_needs_eleven_pixels(shape) -> None:
    assert math.isnan(Ssim().measure(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8))["ssim"])


def imagehash_phash(image) -> int:
    """imagehash's `phash`, line by line, with SciPy in the place of its fftpack."""
    pixels = np.asarray(Image.fromarray(image).convert("L").resize((32, 32), Image.Resampling.LANCZOS))
    coefficients = scipy.fft.dct(scipy.fft.dct(pixels.astype(float), axis=0), axis=1)
    low = coefficients[:8, :8]
    bits = (low > np.median(low)).flatten()
    return int("".join("1" if bit else "0" for bit in bits), 2)


@pytest.mark.parametrize("seed", range(20))
def test_perceptual_hash_is_imagehashs(seed) -> None:
    image = photograph(seed, 90 + 7 * seed, 130)
    assert perceptual_hash(image) == imagehash_phash(image)


def test_perceptual_hashes_of_real_photographs_are_imagehashs(shared_data) -> None:
    files = sorted(shared_data.glob("coco/*2017/*.jpg"))
    pictures = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    differing = [(perceptual_hash(picture) ^ imagehash_phash(picture)).bit_count() for picture in pictures]
    assert len(differing) > 30
    assert max(differing) == 0


def test_halves_of_a_hash_are_exact_and_joined_again() -> None:
    pictures = [photograph(seed) for seed in range(8)]
    scores = [PerceptualHash().measure(picture, picture[::-1].copy()) for picture in pictures]
    for side, hashes in (
        ("source", [perceptual_hash(picture) for picture in pictures]),
        ("target", [perceptual_hash(picture[::-1].copy()) for picture in pictures]),
    ):
        high, low = (np.array([score[f"{side}_phash_{half}"] for score in scores]) for half in ("high", "low"))
        assert join_hashes(high, low).tolist() == hashes
    assert join_hashes(np.array([2.0**32 - 1]), np.array([2.0**32 - 1])).tolist() == [2**64 - 1]


@pytest.mark.parametrize("value", range(0, 256, 15))
def test_a_flat_picture_has_one_hash(value) -> None:
    """Its one frequency is the mean: the first bit, and none in black."""
    assert perceptual_hash(flat(value)) == (1 << 63 if value else 0)


def test_scaling_and_compression_hardly_change_a_hash(shared_data) -> None:
    for file in sorted(shared_data.glob("coco/val2017/*.jpg")):
        picture = Image.open(file).convert("RGB")
        small = np.asarray(picture.resize((picture.width // 2, picture.height // 2)))
        _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 60])
        again = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        assert (perceptual_hash(np.asarray(picture)) ^ perceptual_hash(again)).bit_count() <= 4
