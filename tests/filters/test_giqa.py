"""The scorer giqa: its three forms against brute force, its ranks, and what it refuses."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from taskpaint.engines.index import IndexOptions, index
from taskpaint.filters.reference.forms import FORMS
from taskpaint.filters.reference.measure import Demand
from taskpaint.filters.registry import find_scorer, make_scorer
from taskpaint.filters.scorer import EmbeddedPairs, Embedder
from taskpaint.filters.scorers.giqa import Giqa
from taskpaint.manifests.errors import UsageError

WANTED = [("paper", 5), ("paper", 1), ("l2", 5), ("repo", 1), ("repo", 3)]


def key(number):
    return hashlib.sha256(str(number).encode()).digest()[:16]


class Numbered(Embedder):
    """A tiny embedder for the tests: pictures are looked up by their first pixel, in a table of vectors."""

    name, dim = "numbered", 16

    def __init__(self, precision="float32", version=1):
        self.identity = {"name": self.name, "precision": precision, "version": version}

    def prepare(self, image):
        return np.random.default_rng(int(image[0, 0, 0])).normal(size=16).astype(np.float32)

    def open(self, device):
        return lambda stack: stack


def write_photos(folder, numbers):
    """One-colour pictures, for `Numbered`; returns the digests of their bytes."""
    import simplejpeg

    folder.mkdir()
    digests = []
    for number in numbers:
        data = simplejpeg.encode_jpeg(np.full((16, 16, 3), number, np.uint8), quality=100)
        (folder / f"{number:03d}.jpg").write_bytes(data)
        digests.append(hashlib.sha256(data).digest())
    return digests


@pytest.fixture
def photos(tmp_path):
    """A reference of 40 pictures with keys; and their digests."""
    digests = write_photos(tmp_path / "photos", range(40))
    how = IndexOptions(Numbered(), wanted=WANTED, dtype="float32")
    index([tmp_path / "photos"], tmp_path / "ref", how)
    return tmp_path / "ref", digests


def pairs_of(source, target, source_key=None, target_key=None):
    none = [b""] * len(source)
    vectors = (np.asarray(side, np.float32) for side in (source, target))
    return EmbeddedPairs(*vectors, None, None, source_key or none, target_key or none)


def brute_force(form, query, reference, k, floor):
    """The three formulas, float64."""
    difference = np.asarray(query, np.float64) - np.asarray(reference, np.float64)
    if form == "repo":
        return (1 / np.sort(np.abs(difference + 1e-6).sum(axis=1))[:k]).sum()
    near = np.maximum(np.sort(np.sqrt((difference**2).sum(axis=1)))[:k], floor)
    return np.mean(1 / near**2 if form == "paper" else 1 / near)


@pytest.mark.parametrize(("form", "k"), WANTED)
def test_parity_with_brute_force_pictures_of_the_reference_among_the_queries(photos, form, k):
    root, digests = photos
    reference = np.load(root / "vectors" / "part-00000.npy")
    floor = json.loads((root / "reference.json").read_text())["floor"]
    outside = np.random.default_rng(5).normal(size=(40, 16)).astype(np.float32)
    found = Giqa(root, form, k).score(pairs_of(reference, outside, digests, [key(n) for n in range(40)]))
    own = [brute_force(form, reference[n], np.delete(reference, n, axis=0), k, floor) for n in range(40)]
    others = [brute_force(form, query, reference, k, floor) for query in outside]
    np.testing.assert_allclose(found["source_giqa"], own, rtol=1e-5)
    np.testing.assert_allclose(found["target_giqa"], others, rtol=1e-5)
    np.testing.assert_allclose(found["giqa_gap"], np.subtract(others, own), rtol=1e-4, atol=1e-7)
    # a reference's own pictures have the ranks that leave-one-out says
    ranks = [np.mean(np.asarray(own) <= score) for score in own]
    np.testing.assert_allclose(found["source_giqa_quantile"], ranks, atol=1 / 39 + 1e-3)
    assert found["source_giqa_quantile"][np.argmax(own)] == pytest.approx(1, abs=2e-3)


def test_without_its_key_a_picture_is_a_duplicate_at_the_floor(photos):
    root, _ = photos
    reference = np.load(root / "vectors" / "part-00000.npy")
    floor = json.loads((root / "reference.json").read_text())["floor"]
    found = Giqa(root, "paper", 1).score(pairs_of(reference[:3], reference[:3]))
    np.testing.assert_allclose(found["source_giqa"], 1 / floor**2, rtol=1e-12)
    assert (found["source_giqa_quantile"] == 1).all()


def test_floor_is_a_thousandth_of_the_root_mean_square_length(photos):
    root, _ = photos
    reference = np.load(root / "vectors" / "part-00000.npy").astype(np.float64)
    floor = json.loads((root / "reference.json").read_text())["floor"]
    assert floor == pytest.approx(1e-3 * np.sqrt(np.mean(np.sum(reference**2, axis=1))))


def test_what_has_no_vector_has_no_score(photos):
    vectors = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)
    broken = vectors.copy()
    broken[1], broken[2, 3], broken[3] = np.nan, np.inf, 0
    scorer = Giqa(photos[0])
    found = scorer.score(pairs_of(vectors, broken))
    assert np.isfinite(found["source_giqa"]).all()
    for name in ("target_giqa", "giqa_gap", "target_giqa_quantile"):
        assert np.isnan(found[name]).tolist() == [False, True, True, True]
    nothing = np.full((3, 16), np.nan, np.float32)
    assert np.isnan(scorer.score(pairs_of(nothing, nothing))["source_giqa"]).all()
    assert scorer.score(pairs_of(nothing[:0], nothing[:0]))["giqa_gap"].shape == (0,)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A reference of 6,000 ready embeddings behind inverted lists; and vectors like them."""
    folder = tmp_path_factory.mktemp("large")
    draw = np.random.default_rng(0)
    middles = draw.normal(size=(30, 24))
    np.save(folder / "img_emb_0.npy", (middles[draw.integers(0, 30, 6000)] + draw.normal(size=(6000, 24)) / 3))
    vectors = np.load(folder / "img_emb_0.npy").astype(np.float16)
    np.save(folder / "img_emb_0.npy", vectors)
    how = IndexOptions("some/clip", factory="IVF64,SQ8", demand=Demand(sample=200), wanted=[("paper", 5), ("repo", 1)])
    index([folder / "img_emb_0.npy"], folder / "ref", how)
    queries = (middles[draw.integers(0, 30, 300)] + draw.normal(size=(300, 24)) / 3) * 7
    return folder / "ref", vectors, queries.astype(np.float32)


def test_scores_depend_on_neither_batch_nor_order(large):
    root, _, queries = large
    together = Giqa(root).score(pairs_of(queries, queries[::-1]))
    for size in (1, 7, 64):
        scorer = Giqa(root)
        found = [
            scorer.score(pairs_of(queries[at : at + size], queries[::-1][at : at + size])) for at in range(0, 70, size)
        ]
        for name, values in together.items():
            joined = np.concatenate([part[name] for part in found])[:70]
            assert (joined == values[:70]).all()
    order = np.random.default_rng(1).permutation(300)
    shuffled = Giqa(root).score(pairs_of(queries[order], queries[::-1][order]))
    assert (shuffled["giqa_gap"] == together["giqa_gap"][order]).all()


def test_ready_embeddings_are_compared_by_direction_and_identical_ones_left_out(large):
    root, vectors, _ = large
    unit = vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    rows = np.arange(0, 6000, 101)
    scaled = vectors[rows].astype(np.float32) * 3  # the same pictures, as a model gives them
    found = Giqa(root, "paper", 5).score(pairs_of(scaled, scaled))["source_giqa"]
    truth = [brute_force("paper", unit[row], np.delete(unit, row, axis=0), 5, 1e-3) for row in rows]
    assert np.mean(np.abs(found / truth - 1) < 1e-4) >= 0.9  # the few others miss one neighbour of the five
    assert np.quantile(np.abs(found / truth - 1), 0.9) < 0.01


def test_identity_names_all_that_decides(photos, large):
    identity = Giqa(photos[0], "repo", 3).identity
    assert (identity["form"], identity["k"]) == ("repo", 3)
    assert identity["reference"] == json.loads((photos[0] / "reference.json").read_text())["digest"]
    assert identity["reference"] != Giqa(large[0]).identity["reference"]
    assert json.loads(json.dumps(identity)) == identity


def test_it_is_found_by_name_and_made_from_what_people_wrote(photos):
    assert find_scorer("giqa") is Giqa
    scorer = make_scorer("giqa", {"reference": str(photos[0]), "form": "repo", "k": "3", "label": "photos"})
    assert scorer.key == "giqa:photos"
    assert [column.name for column in scorer.columns] == [
        "source_giqa_photos", "target_giqa_photos", "giqa_gap_photos",
        "source_giqa_quantile_photos", "target_giqa_quantile_photos",
    ]  # fmt: skip
    vectors = np.ones((2, 16), np.float32)
    assert list(scorer.score(pairs_of(vectors, vectors))) == [column.name for column in scorer.columns]


def test_the_usual_k(photos):
    assert {form: Giqa(photos[0], form).identity["k"] for form in FORMS} == {"paper": 5, "l2": 5, "repo": 1}


def test_what_it_refuses_is_one_sentence(photos, tmp_path):
    root, _ = photos
    with pytest.raises(UsageError, match=r"K = 40 is too many for .*ref, a reference of 40 pictures"):
        Giqa(root, "paper", 40)
    with pytest.raises(UsageError, match=r"not measured for form l2 at K = 7 .*taskpaint index measure .*--k 7"):
        Giqa(root, "l2", 7)
    with pytest.raises(UsageError, match="no form of KNN-GIQA is called 'l1'"):
        Giqa(root, "l1")
    with pytest.raises(UsageError, match=r"is no finished reference \(it has no reference.json\); make it with"):
        Giqa(tmp_path)
    wrong = np.ones((2, 8), np.float32)
    with pytest.raises(UsageError, match="holds vectors of length 16, these are of length 8"):
        Giqa(root).score(pairs_of(wrong, wrong))


def test_another_embedder_is_refused(photos, large):
    scorer = Giqa(photos[0])
    assert scorer.embedder == "numbered"
    scorer.check_embedder(Numbered())
    scorer.check_embedder(Numbered("bfloat16"))  # moves a vector by less than its neighbours lie away
    with pytest.raises(UsageError, match=r"made with another numbered than this \(version differ\)"):
        scorer.check_embedder(Numbered(version=2))
    with pytest.raises(UsageError, match="was made with embedder some/clip, not numbered"):
        Giqa(large[0]).check_embedder(Numbered())
    other = Numbered()
    other.name, other.dim = "some/clip", 512
    with pytest.raises(UsageError, match="holds vectors of length 24, these are of length 512"):
        Giqa(large[0]).check_embedder(other)


def test_a_caution_passes_on(tmp_path):
    write_photos(tmp_path / "photos", range(12))
    embedder = Numbered()
    embedder.caution = "random weights"
    index([tmp_path / "photos"], tmp_path / "ref", IndexOptions(embedder, wanted=[("paper", 2)]))
    assert Giqa(tmp_path / "ref").caution == "random weights"
    assert Giqa(tmp_path / "ref").caution_about(embedder) == "random weights"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("reference.json", b"{", "cannot be read"),
        ("reference.json", b'{"format": 99}', "is not of format 1"),
        ("quantiles.json", b"{}", "cannot be used"),
        ("index/whole.faiss", b"IwFl", "is no whole FAISS index"),
        ("index/centre.npy", b"", "cannot be read"),
        ("vectors/part-00000.npy", b"junk", "cannot be read"),
    ],
)
def test_a_damaged_reference_is_one_sentence(large, name, content, message):
    root, _, queries = large
    file = root / name
    whole = file.read_bytes()
    file.write_bytes(content)
    try:
        with pytest.raises(UsageError, match=message):
            Giqa(root).score(pairs_of(queries, queries))
    finally:
        file.write_bytes(whole)


def test_vectors_of_another_shape_are_noticed(large):
    root, vectors, queries = large
    file = root / "vectors" / "part-00000.npy"
    np.save(file, vectors[:-1])
    try:
        with pytest.raises(UsageError, match=r"is of shape \(5999, 24\), the reference says \(6000, 24\)"):
            Giqa(root).score(pairs_of(queries, queries))
    finally:
        np.save(file, vectors)
