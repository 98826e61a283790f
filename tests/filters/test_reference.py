"""References of KNN-GIQA, against brute force in float64."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.filters.reference.candidates import FlatCandidates, ListCandidates, ScanCandidates, one_by_one
from taskpaint.filters.reference.factory import check_factory, choose_factory, index_bytes, lists_of
from taskpaint.filters.reference.forms import FORMS, parse_form, scores
from taskpaint.filters.reference.layout import Part, ReferenceFolder, part_name, write_array
from taskpaint.filters.reference.measure import Demand, Space, rank, settle
from taskpaint.filters.reference.nearest import Asked, nearest
from taskpaint.filters.reference.training import Lists as ListFinder
from taskpaint.filters.reference.training import faiss, fill, mean_vector, sample_rows, train
from taskpaint.filters.reference.vectors import Vectors, load_embeddings, picture_keys, stored, usable
from taskpaint.manifests.errors import BuildError, UsageError


def space_of(tmp_path, arrays, *, keys=None, normalize="none", floor=1e-3, drop_identical=False):
    """A space of some parts, written as a reference has them."""
    folder = ReferenceFolder(tmp_path)
    folder.make()
    parts = []
    for number, array in enumerate(arrays):
        name = part_name(number)
        write_array(folder.vectors(name), array)
        if keys is not None:
            write_array(folder.keys(name), keys[number])
        parts.append(Part(name, len(array), "", keys is not None, 0, [0, 0, 0], 0))
    vectors = Vectors(folder, parts, arrays[0].shape[1], normalize)
    centre = mean_vector(vectors)
    most = max(float(np.linalg.norm(array.astype(float), axis=1).max()) for array in arrays if len(array))
    length = 1.0 if normalize == "l2" else most
    return Space(vectors, centre, floor, drop_identical, length + float(np.linalg.norm(centre)))


def brute_force(form, query, reference, k, floor, left_out=()):
    """One score by the published formula, float64, one distance after another."""
    found = []
    for position, other in enumerate(np.asarray(reference, np.float64)):
        if position not in left_out:
            difference = np.asarray(query, np.float64) - other
            if form == "repo":
                found.append(math.fsum(abs(difference + 1e-6)))
            else:
                found.append(math.sqrt(math.fsum(difference**2)))
    found = sorted(found)[:k]
    if form == "repo":
        return math.fsum(1 / distance for distance in found)
    power = 2 if form == "paper" else 1
    return math.fsum(1 / max(distance, floor) ** power for distance in found) / k


def asked_of(queries, own=None, keys=None):
    count = len(queries)
    own = np.full(count, -1) if own is None else np.asarray(own)
    return Asked(np.asarray(queries, np.float64), np.zeros((count, 2), np.uint64) if keys is None else keys, own)


def test_scores_worked_out_by_hand():
    # distances 1, 2, 4: paper (1 + 1/4 + 1/16) / 3, l2 (1 + 1/2 + 1/4) / 3, repo 1 + 1/2 + 1/4
    near = np.array([[1.0, 2.0, 4.0]])
    assert scores("paper", near, 1e-3)[0] == pytest.approx(21 / 48)
    assert scores("l2", near, 1e-3)[0] == pytest.approx(7 / 12)
    assert scores("repo", near, 1e-3)[0] == pytest.approx(1.75)
    # the floor holds for a duplicate; repo's own is 1e-6 a component, which is in its distances
    assert scores("paper", np.array([[0.0]]), 0.01)[0] == pytest.approx(1e4)
    assert scores("l2", np.array([[0.0]]), 0.01)[0] == pytest.approx(1e2)


def test_hand_case_with_a_duplicate_and_itself(tmp_path):
    # 3-4-5 triangles: from the origin the references lie at 5, 5, 13 and 0; L1 distances 7, 7, 17 and 0.
    reference = np.array([[3, 4], [4, 3], [5, 12], [0, 0]], np.float32)
    space = space_of(tmp_path, [reference[:3], reference[3:]], floor=0.5)
    query = asked_of([[0, 0]], own=[3])
    for form, expected in (("paper", 1 / 25), ("l2", 1 / 5)):
        near = nearest(space.measuring(form), space.candidates(None, form), query, 2, 2)
        assert scores(form, near, space.floor)[0] == pytest.approx(expected, rel=1e-12)
    near = nearest(space.measuring("repo"), space.candidates(None, "repo"), query, 1, 1)
    assert scores("repo", near, space.floor)[0] == pytest.approx(1 / (7 - 2e-6), rel=1e-12)
    # not left out, the duplicate counts as the floor
    near = nearest(space.measuring("paper"), space.candidates(None, "paper"), asked_of([[0, 0]]), 1, 1)
    assert scores("paper", near, space.floor)[0] == pytest.approx(4.0)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(3, 60),
    dim=st.sampled_from([1, 2, 7, 32]),
    k=st.integers(1, 5),
    form=st.sampled_from(FORMS),
    dtype=st.sampled_from(["float16", "float32"]),
    scale=st.sampled_from([0.05, 1.0, 40.0]),
    offset=st.sampled_from([0.0, 3.0, 100.0]),
    copies=st.integers(0, 20),
)
def test_three_forms_equal_brute_force(tmp_path_factory, seed, count, dim, k, form, dtype, scale, offset, copies):
    """Every reference vector against all others, with duplicates among them, and queries from outside."""
    draw = np.random.default_rng(seed)
    reference = (offset + scale * draw.normal(size=(count, dim))).astype(dtype)
    reference = np.concatenate([reference, reference[draw.integers(0, count, copies)]])
    k = min(k, len(reference) - 1)
    cut = int(draw.integers(1, len(reference)))
    space = space_of(tmp_path_factory.mktemp("ref"), [reference[:cut], reference[cut:]])
    outside = (offset + scale * draw.normal(size=(4, dim))).astype(np.float32)
    queries = np.concatenate([reference.astype(np.float64), outside.astype(np.float64)])
    own = np.concatenate([np.arange(len(reference)), np.full(4, -1)])
    near = nearest(space.measuring(form), space.candidates(None, form), asked_of(queries, own), k, k + 1)
    ours = scores(form, near, space.floor)
    truth = [brute_force(form, query, reference, k, space.floor, [o]) for query, o in zip(queries, own, strict=True)]
    np.testing.assert_allclose(ours, truth, rtol=1e-5)


class Counted(FlatCandidates):
    """Counts how often it is asked."""

    calls = 0

    def search(self, queries, fetch, nprobe):
        self.calls += 1
        return super().search(queries, fetch, nprobe)


@pytest.mark.parametrize(("centred", "calls"), [(True, 1), (False, 4)])
def test_a_far_mean_does_not_hide_who_is_near(tmp_path, centred, calls):
    """float32 products of far vectors lose these distances: their squares are 1e-9 of the lengths'.

    With the mean taken off the first search will do; without, as many are fetched as rounding could have hidden.
    """
    draw = np.random.default_rng(0)
    reference = (1000 + 0.05 * draw.normal(size=(400, 64))).astype(np.float32)
    space = space_of(tmp_path, [reference])
    if not centred:
        space = replace(space, centre=np.zeros(64, np.float32), most_length=8100.0)
    else:
        space = replace(space, most_length=1.0)
    candidates = Counted(space.vectors, space.centre, "paper", space.most_length)
    queries = reference[:100].astype(np.float64)
    near = nearest(space.measuring("paper"), candidates, asked_of(queries, np.arange(100)), 3, 16)
    truth = [brute_force("paper", query, reference, 3, space.floor, [place]) for place, query in enumerate(queries)]
    np.testing.assert_allclose(scores("paper", near, space.floor), truth, rtol=1e-5)
    assert candidates.calls == calls  # 16, 64, 256, 400


def test_the_same_picture_is_left_out_by_key_however_often_it_is_there(tmp_path):
    draw = np.random.default_rng(1)
    reference = draw.normal(size=(300, 8)).astype(np.float32)
    reference[:200] = reference[0] + 1e-3 * draw.normal(size=(200, 8)).astype(np.float32)
    keys = np.arange(1, 601, dtype=np.uint64).reshape(300, 2)
    keys[:200] = keys[0]
    space = space_of(tmp_path, [reference], keys=[keys])
    asked = asked_of(reference[:1], keys=keys[:1])
    near = nearest(space.measuring("l2"), space.candidates(None, "l2"), asked, 2, 4)
    truth = brute_force("l2", reference[0], reference, 2, space.floor, range(200))
    assert scores("l2", near, space.floor)[0] == pytest.approx(truth, rel=1e-9)
    # a picture without a key is like no other, and rows without one are too
    assert nearest(space.measuring("l2"), space.candidates(None, "l2"), asked_of(reference[:1]), 1, 4)[0, 0] == 0


def test_identical_vectors_are_dropped_when_asked(tmp_path):
    draw = np.random.default_rng(2)
    exact = draw.normal(size=(50, 16))
    reference = exact.astype(np.float16)  # what was stored differs from what is asked by its rounding
    space = space_of(tmp_path, [reference], floor=4e-3, drop_identical=True)
    for form in FORMS:
        near = nearest(space.measuring(form), space.candidates(None, form), asked_of(exact), 1, 1)
        truth = [brute_force(form, query, reference, 1, space.floor, [place]) for place, query in enumerate(exact)]
        np.testing.assert_allclose(scores(form, near, space.floor), truth, rtol=1e-9)


def test_too_few_others_is_nan(tmp_path):
    space = space_of(tmp_path, [np.ones((5, 4), np.float32)], drop_identical=True)
    near = nearest(space.measuring("paper"), space.candidates(None, "paper"), asked_of(np.ones((1, 4))), 1, 1)
    assert np.isnan(scores("paper", near, space.floor)).all()


def test_normalised_vectors_are_compared_by_direction(tmp_path):
    draw = np.random.default_rng(3)
    reference = (draw.normal(size=(40, 6)) * draw.uniform(0.1, 9, (40, 1))).astype(np.float32)
    space = space_of(tmp_path, [reference], normalize="l2")
    unit = reference.astype(float) / np.sqrt((reference.astype(float) ** 2).sum(axis=1, keepdims=True))
    queries = draw.normal(size=(5, 6))
    near = nearest(
        space.measuring("paper"), space.candidates(None, "paper"), asked_of(space.vectors.ready(queries)), 3, 3
    )
    directions = queries / np.sqrt((queries**2).sum(axis=1, keepdims=True))
    truth = [brute_force("paper", query, unit, 3, space.floor) for query in directions]
    np.testing.assert_allclose(scores("paper", near, space.floor), truth, rtol=1e-9)


def clustered(count, dim, seed=0):
    """Vectors in clusters of uneven size, of low dimension inside."""
    draw = np.random.default_rng(seed)
    middle = draw.normal(size=(40, dim))
    sizes = 1 / np.arange(1, 41)
    which = draw.choice(40, count, p=sizes / sizes.sum())
    planes = draw.normal(size=(40, 6, dim)) / 4
    inside = np.einsum("nk,nkd->nd", draw.normal(size=(count, 6)), planes[which])
    return (middle[which] + inside + 0.02 * draw.normal(size=(count, dim))).astype(np.float32)


def filled(space, factory):
    index = train(space.vectors, space.centre, factory)
    finder = ListFinder(index)
    for part in range(space.vectors.part_count):
        fill(index, space.vectors, part, space.centre, finder.of(space.vectors, part, space.centre))
    index.ntotal = len(space.vectors)
    return index


WANTED = [("paper", 10), ("l2", 3), ("repo", 1)]


@pytest.mark.parametrize("factory", ["IVF64,Flat", "IVF64,SQ8", "IVF64,RaBitQ", "IVF64,PQ8", "IVF64_HNSW32,Flat"])
def test_every_kind_of_index_is_tuned_until_it_is_good(tmp_path, factory):
    reference = clustered(6000, 32)
    space = space_of(tmp_path, [reference[:2500], reference[2500:]])
    index = filled(space, factory)
    found = settle(space, index, WANTED, Demand(sample=300))
    draw = np.random.default_rng(9)
    rows = draw.choice(6000, 40, replace=False)
    for setting in found:
        assert setting.recall >= 0.98
        assert setting.error["p99"] <= 0.01
        asked = space.members(rows)
        near = nearest(
            space.measuring(setting.form), ListCandidates(index), asked, setting.k, setting.fetch, setting.nprobe
        )
        truth = [brute_force(setting.form, reference[row], reference, setting.k, space.floor, [row]) for row in rows]
        ours = scores(setting.form, near, space.floor)
        assert np.mean(np.abs(ours / truth - 1) < 1e-5) >= 0.9  # the few others miss one neighbour


def test_scores_of_an_index_do_not_depend_on_batch_or_order(tmp_path):
    space = space_of(tmp_path, [clustered(6000, 32)])
    index = filled(space, "IVF64,SQ8")
    queries = clustered(500, 32, seed=5).astype(np.float64)

    def score(rows):
        near = nearest(space.measuring("paper"), ListCandidates(index), asked_of(queries[rows]), 5, 21, 4)
        return scores("paper", near, space.floor)

    together = score(np.arange(500))
    order = np.random.default_rng(0).permutation(500)
    assert (score(order) == together[order]).all()
    assert (np.concatenate([score(np.array([row])) for row in range(60)]) == together[:60]).all()


def test_lists_are_chosen_alike_for_one_query_and_for_many():
    draw = np.random.default_rng(0)
    coarse = faiss().IndexFlatL2(768)
    coarse.add(draw.normal(size=(4096, 768)).astype(np.float32))
    queries = draw.normal(size=(300, 768)).astype(np.float32)
    with one_by_one():
        together = coarse.search(queries, 8)[0]
        alone = np.concatenate([coarse.search(queries[row : row + 1], 8)[0] for row in range(50)])
    assert (together[:50] == alone).all()


def test_lists_with_fewer_than_are_fetched(tmp_path):
    """FAISS fills up with -1, which is no vector, least of all the first."""
    reference = clustered(6000, 32)
    space = space_of(tmp_path, [reference])
    index = filled(space, "IVF64,Flat")
    query = reference[:1].astype(np.float64) + 1e-4
    assert (ListCandidates(index).search(space.measuring("l2").centred(asked_of(query)), 2000, 8)[1] == -1).any()
    for own in ([-1], [5]):
        near = nearest(space.measuring("l2"), ListCandidates(index), asked_of(query, own), 3, 2000, 8)
        truth = brute_force("l2", query[0], reference, 3, space.floor, own)
        assert scores("l2", near, space.floor)[0] == pytest.approx(truth, rel=1e-9)
    # more than one list holds is found in others
    near = nearest(space.measuring("l2"), ListCandidates(index), asked_of(query), 5990, 5990, 1)
    truth = brute_force("l2", query[0], reference, 5990, space.floor)
    assert scores("l2", near, space.floor)[0] == pytest.approx(truth, rel=1e-9)


def test_flat_and_scan_agree(tmp_path):
    reference = clustered(3000, 24)
    space = space_of(tmp_path, [reference[:1], reference[1:1000], reference[1000:]])
    asked = space.members(np.arange(0, 3000, 7))
    for form in FORMS:
        scan = ScanCandidates(space.vectors, space.centre, form, space.most_length)
        flat = FlatCandidates(space.vectors, space.centre, form, space.most_length)
        how = space.measuring(form)
        np.testing.assert_allclose(nearest(how, scan, asked, 4, 8), nearest(how, flat, asked, 4, 8), rtol=1e-6)


def test_an_index_that_is_not_good_enough_says_what_to_raise(tmp_path):
    space = space_of(tmp_path, [clustered(6000, 32)])
    index = filled(space, "IVF64,Flat")
    with pytest.raises(BuildError, match=r"recall 0.*floor 0.98.*raise --nprobe above 1, or leave it out"):
        settle(space, index, [("paper", 100)], Demand(sample=300, nprobe=1))


def test_too_few_vectors_for_so_many_lists(tmp_path):
    space = space_of(tmp_path, [clustered(1000, 8)])
    with pytest.raises(UsageError, match=r"IVF64,Flat needs 1,920 vectors to train on .* there are 1,000"):
        train(space.vectors, space.centre, "IVF64,Flat")
    with pytest.raises(UsageError, match="FAISS does not take 'IVF4,Nonsense'"):
        train(space.vectors, space.centre, "IVF4,Nonsense")


def test_rank_among_quantiles():
    levels = np.linspace(0, 10, 1001).tolist()
    values = np.array([-1, 0, 5, 7.503, 10, 11, np.nan])
    np.testing.assert_allclose(rank(levels, values), [0, 0, 0.5, 0.7503, 1, 1, np.nan])
    # of equal scores the rank is that of the last: the share that is no greater
    assert rank([1.0, 2, 2, 2, 3], np.array([2.0]))[0] == pytest.approx(0.75)
    assert np.isnan(rank([], np.array([2.0]))).all()


def test_factories_follow_the_guidelines():
    lots = 1e15
    assert choose_factory(49_999, 768, lots) == "Flat"
    assert choose_factory(100_000, 768, lots) == "IVF1024,Flat"
    assert choose_factory(1_000_000, 768, lots) == "IVF4096,Flat"
    assert choose_factory(5_000_000, 768, lots) == "IVF65536_HNSW32,Flat"
    assert choose_factory(50_000_000, 768, lots) == "IVF262144_HNSW32,Flat"
    assert choose_factory(600_000_000, 768, 80e9) == "IVF262144_HNSW32,RaBitQ"
    assert choose_factory(1_000_000, 768, 3e9) == "IVF4096,SQ8"
    assert choose_factory(1_000_000, 768, 0.2e9) == "IVF4096,RaBitQ"
    assert choose_factory(1_000_000, 768, 0.1e9) == "IVF4096,PQ48"
    with pytest.raises(UsageError, match=r"needs .* GB in its shortest form, --memory allows 0.01 GB"):
        choose_factory(1_000_000, 768, 0.01e9)


@given(count=st.integers(1, 10**10), dim=st.sampled_from([1, 36, 512, 768, 2048]))
def test_every_chosen_factory_can_be_trained_and_fits(count, dim):
    factory = choose_factory(count, dim, 1e15)
    check_factory(factory)
    assert lists_of(factory) * 30 <= count
    assert index_bytes(factory, count, dim) <= 1e15


@pytest.mark.parametrize("factory", ["", "HNSW32", "PQ8", "IVF0,Flat", "IVF64", "PCA16,IVF64,Flat", "IVF64,Flat,RFlat"])
def test_other_factories_are_refused(factory):
    with pytest.raises(UsageError, match="neither Flat nor of the form"):
        check_factory(factory)


@given(count=st.integers(0, 5000), wanted=st.integers(0, 6000), seed=st.integers(0, 10))
def test_sampled_rows_are_distinct_spread_and_repeatable(count, wanted, seed):
    rows = sample_rows(count, wanted, seed)
    assert len(rows) == min(count, wanted)
    assert (np.diff(rows) > 0).all()
    assert not len(rows) or (rows[0] >= 0 and rows[-1] < count)
    assert (rows == sample_rows(count, wanted, seed)).all()
    if len(rows) > 1:
        assert np.diff(rows).max() <= 2 * -(-count // len(rows))


def test_what_float16_cannot_hold_is_refused():
    rounded, lengths, errors = stored(np.array([[3.0, 4.0]], np.float32), "float16")
    assert (rounded.dtype, lengths.tolist(), errors.tolist()) == (np.float16, [5.0], [0.0])
    for vectors in ([[1e6, 1.0]], [[1e-8, 2e-8]]):
        with pytest.raises(UsageError, match=r"float16 cannot hold these vectors .* use float32"):
            stored(np.array(vectors, np.float32), "float16")
    stored(np.array([[1e6, 1.0]], np.float32), "float32")


def test_unusable_vectors():
    vectors = np.array([[1, 0], [0, 0], [np.nan, 1], [np.inf, 1], [60000, 60000]], np.float16)
    assert usable(vectors).tolist() == [True, False, False, False, True]


def test_embeddings_of_another_kind_are_refused(tmp_path):
    def refused(name, array, message, **options):
        np.save(tmp_path / name, array, **options)
        with pytest.raises(UsageError, match=message):
            load_embeddings(tmp_path / name)

    refused("double.npy", np.zeros((3, 4)), r"holds float64 of shape \(3, 4\); embeddings are \(n, dim\)")
    refused("line.npy", np.zeros(3, np.float32), r"holds float32 of shape \(3,\)")
    refused("whole.npy", np.zeros((3, 2), int), "holds int64")
    refused("narrow.npy", np.zeros((3, 0), np.float16), "vectors of length 0")
    refused("pickled.npy", np.array([{}, []], dtype=object), "no .npy file of numbers", allow_pickle=True)
    (tmp_path / "text.npy").write_text("hello")
    with pytest.raises(UsageError, match=r"no .npy file of numbers"):
        load_embeddings(tmp_path / "text.npy")
    (tmp_path / "empty.npy").write_bytes(b"")
    with pytest.raises(UsageError, match=r"no .npy file of numbers"):
        load_embeddings(tmp_path / "empty.npy")
    np.savez(tmp_path / "many.npz", a=np.zeros(3))
    (tmp_path / "many.npz").rename(tmp_path / "many.npy")
    with pytest.raises(UsageError, match="an archive"):
        load_embeddings(tmp_path / "many.npy")


def test_keys_are_the_first_16_bytes():
    keys = picture_keys([bytes(range(32)), b""])
    assert keys.tobytes() == bytes(range(16)) + bytes(16)


def test_unknown_form():
    with pytest.raises(UsageError, match="no form of KNN-GIQA is called 'papers'; there are: paper, l2, repo"):
        parse_form("papers")
