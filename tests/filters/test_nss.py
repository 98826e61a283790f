"""Natural scene statistics: fits against SciPy, features against a slow version, ranks of real pairs."""

from __future__ import annotations

import json
import math
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.ndimage
import scipy.special
import scipy.stats
from taskpaint.filters.embedders import nss
from taskpaint.filters.embedders._fits import asymmetric_gaussian, generalised_gaussian, moments
from taskpaint.filters.embedders.nss import _RIDGE, NaturalSceneStatistics, _scaling, mscn, scene_statistics
from taskpaint.manifests.images import decode_rgb

PHOTOGRAPHS = (
    "coco/*2017/*.jpg",
    "ade20k/ADEChallengeData2016/images/*/*.jpg",
    "pascal_voc/VOCdevkit/VOC2012/JPEGImages/*.jpg",
    "oxford_pets/images/*.jpg",
)
"""Good photographs; none of them is in the pairs."""
ROOT = Path(__file__).parents[2]
TABLE = ROOT / "filters" / "embedders" / "nss_photographs.csv"


def photograph(seed: int = 0, height: int = 120, width: int = 161):
    noise = np.random.default_rng(seed).normal(0, 1, (height, width))
    smooth = scipy.ndimage.gaussian_filter(noise, 3) + 0.1 * noise
    return np.repeat(np.clip(128 + 250 * smooth, 0, 255).round().astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize("shape", [0.5, 1.0, 1.7, 2.0, 4.0])
def test_the_shape_of_scipys_generalised_gaussian_is_found(shape) -> None:
    distribution = scipy.stats.gennorm(shape, scale=1.3)
    found, variance = generalised_gaussian(moments(distribution.rvs((1000, 1000), random_state=0).astype(np.float32)))
    assert found == pytest.approx(shape, rel=0.02)
    assert variance == pytest.approx(distribution.var(), rel=0.02)


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("sides", [(1.0, 1.0), (0.5, 2.0), (3.0, 1.0)], ids=str)
def test_an_asymmetric_generalised_gaussian_is_found(shape, sides) -> None:
    """Drawn as two halves of SciPy's symmetric one, each side as often as it is wide."""
    left, right = sides
    generator = np.random.default_rng(1)
    sizes = np.abs(scipy.stats.gennorm(shape).rvs(1_000_000, random_state=generator))
    to_left = generator.random(sizes.size) < left / (left + right)
    values = np.where(to_left, -left * sizes, right * sizes).astype(np.float32).reshape(1000, 1000)
    found, mean, left_variance, right_variance = asymmetric_gaussian(moments(values))
    unit = scipy.stats.gennorm(shape).var()
    assert found == pytest.approx(shape, rel=0.03)
    assert mean == pytest.approx(values.mean(dtype=float), abs=0.02 * math.sqrt(unit))
    assert left_variance == pytest.approx(left**2 * unit, rel=0.03)
    assert right_variance == pytest.approx(right**2 * unit, rel=0.03)


def test_shapes_stay_within_the_papers_table() -> None:
    two_values = np.where(np.arange(100).reshape(10, 10) % 2, 1, -1).astype(np.float32)
    one_spike = np.zeros((100, 100), np.float32)
    one_spike[5, 5] = 1
    assert generalised_gaussian(moments(two_values))[0] == 10.0
    assert generalised_gaussian(moments(one_spike))[0] == 0.2
    assert asymmetric_gaussian(moments(two_values))[0] == 10.0


def test_values_of_one_sign_have_a_fit_too() -> None:
    values = np.abs(np.random.default_rng(0).normal(0, 2, (100, 100))).astype(np.float32)
    shape, mean, left_variance, right_variance = asymmetric_gaussian(moments(values))
    assert (left_variance, right_variance) == (0.0, pytest.approx((values.astype(float) ** 2).mean()))
    assert math.isfinite(shape)
    assert mean > 0
    assert asymmetric_gaussian(moments(-values)) == (shape, -mean, right_variance, 0.0)


def test_nothing_is_fitted_to_zeros() -> None:
    zeros = np.zeros((5, 5), np.float32)
    assert all(
        math.isnan(number) for number in (*generalised_gaussian(moments(zeros)), *asymmetric_gaussian(moments(zeros)))
    )


def slow_mscn(grey):
    offsets = np.arange(-3, 4)
    window = np.exp(-(offsets**2) / (2 * (7 / 6) ** 2))
    window /= window.sum()

    def blur(values):
        return scipy.ndimage.correlate(values, np.outer(window, window), mode="nearest")

    mean = blur(grey)
    return (grey - mean) / (np.sqrt(np.abs(blur(grey**2) - mean**2)) + 1)


def slow_shape(ratio: float) -> float:
    shapes = np.arange(0.2, 10.0005, 0.001)
    gamma = scipy.special.gamma
    return shapes[np.argmin((gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes)) - ratio) ** 2)]


def slow_features(grey):
    """Section III of BRISQUE, formula by formula."""
    values = slow_mscn(grey)
    features = [slow_shape(np.abs(values).mean() ** 2 / (values**2).mean()), (values**2).mean()]
    products = (
        values[:, :-1] * values[:, 1:],
        values[:-1] * values[1:],
        values[:-1, :-1] * values[1:, 1:],
        values[:-1, 1:] * values[1:, :-1],
    )
    for product in products:
        left = math.sqrt((product[product < 0] ** 2).mean())
        right = math.sqrt((product[product > 0] ** 2).mean())
        ratio = np.abs(product).mean() ** 2 / (product**2).mean()
        skew = left / right
        shape = slow_shape(ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2)
        beta = math.sqrt(scipy.special.gamma(1 / shape) / scipy.special.gamma(3 / shape))
        mean = (right - left) * beta * scipy.special.gamma(2 / shape) / scipy.special.gamma(1 / shape)
        features += [shape, mean, left**2, right**2]
    return features


@pytest.mark.parametrize("seed", range(4))
def test_features_are_those_of_a_slow_version(seed) -> None:
    image = photograph(seed)
    grey = image[:, :, 0].astype(float)
    half = grey[:120, :160].reshape(60, 2, 80, 2).mean((1, 3))
    assert scene_statistics(image) == pytest.approx([*slow_features(grey), *slow_features(half)], rel=5e-3, abs=2e-3)


@pytest.mark.parametrize("shape", [(16, 3000), (173, 60), (601, 1700), (1200, 700)], ids=str)
def test_features_do_not_depend_on_the_strips(monkeypatch, shape) -> None:
    image = photograph(9, *shape)
    in_strips = scene_statistics(image)
    monkeypatch.setattr(nss, "_STRIP_PIXELS", 10**9)
    assert in_strips == pytest.approx(scene_statistics(image), rel=1e-6, abs=1e-3)


def test_mscn_coefficients_are_those_of_a_slow_version() -> None:
    grey = photograph()[:, :, 0]
    assert np.abs(mscn(grey.astype(np.float32)) - slow_mscn(grey.astype(float))).max() < 2e-3


def test_even_areas_have_no_coefficients() -> None:
    grey = np.full((60, 60), 37.25, np.float32)
    grey[:, 30:] = 201
    coefficients = mscn(grey)
    assert (coefficients[:, :27] == 0).all()
    assert (coefficients[:, 33:] == 0).all()
    assert (coefficients[:, 29] < 0).all()


@pytest.mark.parametrize("value", [0, 1, 37, 128, 255])
def test_a_flat_picture_has_no_vector(value) -> None:
    vector = NaturalSceneStatistics().prepare(np.full((64, 64, 3), value, np.uint8))
    assert vector.shape == (36,)
    assert np.isnan(vector).all()


@pytest.mark.parametrize("shape", [(1, 1, 3), (15, 100, 3), (100, 15, 3), (2, 3, 3)], ids=str)
def test_a_tiny_picture_has_no_vector(shape) -> None:
    assert np.isnan(
        NaturalSceneStatistics().prepare(np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8))
    ).all()


def test_the_smallest_picture_has_a_vector() -> None:
    assert np.isfinite(NaturalSceneStatistics().prepare(photograph(0, 16, 17))).all()


def test_the_embedder_passes_on_what_it_prepared() -> None:
    embedder = NaturalSceneStatistics()
    prepared = np.stack([embedder.prepare(photograph(seed)) for seed in range(3)])
    vectors = embedder.open("cpu")(prepared)
    assert (embedder.name, embedder.dim, embedder.has_text, embedder.caution) == ("nss", 36, False, "")
    assert vectors.dtype == np.float32
    assert (vectors == prepared).all()
    assert json.loads(json.dumps(dict(embedder.identity))) == embedder.identity


def test_vectors_are_decorrelated_over_the_photographs_of_the_table() -> None:
    """What the table says becomes a covariance of C (C + ridge)^-1, whose root the code never forms."""
    correlation = np.loadtxt(TABLE, delimiter=",")[2:]
    assert correlation.shape == (36, 36)
    assert (np.diag(correlation) == 1).all()
    _, _, decorrelation = _scaling()
    covariance = decorrelation @ correlation @ decorrelation
    assert covariance == pytest.approx(correlation @ np.linalg.inv(correlation + _RIDGE * np.eye(36)), abs=1e-6)


def test_the_table_is_what_its_script_makes_of_the_photographs(shared_data) -> None:
    script = runpy.run_path(str(ROOT / "benchmarks" / "nss_statistics.py"))
    files = [file for pattern in PHOTOGRAPHS for file in sorted(shared_data.glob(pattern))]
    assert np.loadtxt(TABLE, delimiter=",") == pytest.approx(script["table"](files), rel=2e-3, abs=2e-4)


@pytest.fixture
def reference(shared_data):
    """(n, 36) float64 vectors of the good photographs, each whole."""
    embedder = NaturalSceneStatistics()
    files = [file for pattern in PHOTOGRAPHS for file in sorted(shared_data.glob(pattern))]
    vectors = np.array([embedder.prepare(decode_rgb(file.read_bytes())) for file in files], float)
    assert len(vectors) > 60
    return vectors


def paper_scores(vectors, reference, neighbours: int):
    """KNN-GIQA by brute force: the mean of 1 / squared distance over the nearest."""
    squared = ((vectors[:, None] - reference[None]) ** 2).sum(2)
    return (1 / np.sort(squared, axis=1)[:, :neighbours]).mean(1)


def restoration_pairs(data: Path):
    """(dataset, damaged, clean) of all the pairs of the deblurring, denoising and deraining datasets."""
    gopro = data / "gopro/GOPRO_Large/test/GOPR0000_00_00"
    pairs = [("gopro", gopro / "blur" / file.name, file) for file in sorted((gopro / "sharp").glob("*.png"))]
    polyu = sorted((data / "polyu_denoise/CroppedImages").glob("*_mean.JPG"))
    pairs += [("polyu", file.with_name(file.name.replace("_mean", "_real")), file) for file in polyu]
    sidd = sorted((data / "sidd/SIDD_Small_sRGB_Only/Data").glob("*/GT_SRGB_010.PNG"))
    pairs += [("sidd", file.with_name("NOISY_SRGB_010.PNG"), file) for file in sidd]
    rain = data / "rain100l/test/Rain100L"
    pairs += [("rain100l", rain / "input" / file.name, file) for file in sorted((rain / "target").glob("*.png"))]
    derain = sorted((data / "rain_derainnet/synthetic").glob("*ground_truth.jpg"))
    pairs += [("derainnet", file.with_name(file.name.replace("ground_truth", "rain")), file) for file in derain]
    return pairs


@pytest.mark.parametrize("neighbours", [1, 5, 10])
def test_the_clean_side_of_real_pairs_scores_better(shared_data, reference, neighbours) -> None:
    embedder = NaturalSceneStatistics()
    pairs = restoration_pairs(shared_data)
    damaged, clean = (
        paper_scores(
            np.array([embedder.prepare(decode_rgb(pair[side].read_bytes())) for pair in pairs], float),
            reference,
            neighbours,
        )
        for side in (1, 2)
    )
    better = [name for (name, _, _), won in zip(pairs, clean > damaged, strict=True) if won]
    tally = {name: better.count(name) for name in dict.fromkeys(name for name, _, _ in pairs)}
    assert len(pairs) == 10
    assert len(better) >= 8
    # PolyU's clean crops are smooth at the camera's own pixels, which no photograph of the reference is.
    assert tally | {"polyu": 0} == {"gopro": 2, "polyu": 0, "sidd": 1, "rain100l": 2, "derainnet": 2}


@pytest.mark.parametrize(
    "damage",
    [
        lambda image: cv2.GaussianBlur(image, (0, 0), 2),
        lambda image: np.clip(image + np.random.default_rng(0).normal(0, 25, image.shape), 0, 255).astype(np.uint8),
        lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 8])[1], cv2.IMREAD_COLOR),
    ],
    ids=["blur", "noise", "blocking"],
)
def test_damaged_photographs_lie_farther_away(shared_data, reference, damage) -> None:
    """Each photograph against the others."""
    embedder = NaturalSceneStatistics()
    worse = []
    for place, file in enumerate(sorted(shared_data.glob(PHOTOGRAPHS[0]))):
        others = np.delete(reference, place, axis=0)
        spoilt = embedder.prepare(damage(decode_rgb(file.read_bytes()))).astype(float)
        before, after = paper_scores(np.stack([reference[place], spoilt]), others, 10)
        worse.append(after < before)
    assert len(worse) > 30
    assert np.mean(worse) >= 0.8
