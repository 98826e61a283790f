"""Duplicates, twins and leaks, against brute force and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.filters.cosine import near_cosines
from taskpaint.filters.duplicates import DatasetRows, Duplicates, EmbeddingDuplicates
from taskpaint.filters.hamming import near_pairs
from taskpaint.manifests.errors import UsageError

WORD = st.integers(0, 2**64 - 1)


def hashes_of(*values: int):
    return np.array(values, np.uint64)


def flip(value: int, *bits: int) -> int:
    for bit in bits:
        value ^= 1 << bit
    return value


def all_near(hashes, distance, groups=None):
    """Brute force over Python's own integers."""
    rows = [tuple(int(word) for word in row) for row in np.atleast_2d(hashes.T).T]
    return [
        [i, j]
        for i, j in itertools.combinations(range(len(rows)), 2)
        if (groups is None or groups[i] == groups[j])
        and all(bin(a ^ b).count("1") <= distance for a, b in zip(rows[i], rows[j], strict=True))
    ]


@st.composite
def clustered(draw):
    """Hashes around a few centres, a few flipped bits away, so that near ones and just not near ones are common."""
    centres = draw(st.lists(WORD, min_size=1, max_size=4))
    flips = st.lists(st.integers(0, 63), max_size=7)
    return [flip(draw(st.sampled_from(centres)), *draw(flips)) for _ in range(draw(st.integers(0, 20)))]


@given(clustered(), st.integers(0, 16))
@settings(max_examples=150, deadline=None)
def test_near_hashes_are_those_of_brute_force(values, distance) -> None:
    assert near_pairs(hashes_of(*values), distance).tolist() == all_near(hashes_of(*values), distance)


@given(clustered(), st.integers(0, 6), st.data())
@settings(max_examples=60, deadline=None)
def test_near_pairs_of_hashes_are_those_of_brute_force(values, distance, data) -> None:
    others = [data.draw(st.sampled_from(values)) for _ in values]
    groups = np.array([data.draw(st.integers(0, 2)) for _ in values], np.int64)
    both = np.stack([hashes_of(*values), hashes_of(*others)], axis=1)
    assert near_pairs(both, distance, groups).tolist() == all_near(both, distance, groups)


@pytest.mark.parametrize("distance", [0, 3, 8])
def test_near_hashes_among_many_are_those_of_brute_force(distance) -> None:
    generator = np.random.default_rng(distance)
    centres = generator.integers(0, 2**64, 40, np.uint64)
    flips = np.uint64(1) << generator.integers(0, 64, (5, 3000)).astype(np.uint64)
    flips[generator.random(flips.shape) < 0.6] = 0
    hashes = centres[generator.integers(0, 40, 3000)] ^ np.bitwise_xor.reduce(flips, axis=0)
    differing = np.bitwise_count(hashes[:, None] ^ hashes[None])
    expected = np.argwhere(np.triu(differing <= distance, 1))
    found = near_pairs(hashes, distance)
    assert len(expected) > 50
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("distance", [-1, 17])
def test_a_distance_out_of_range_is_refused(distance) -> None:
    with pytest.raises(UsageError, match=f"distance of hashes is {distance}; give 0 to 16"):
        near_pairs(hashes_of(1), distance)
    with pytest.raises(UsageError):
        Duplicates(distance=distance)


def rows_of(*rows: tuple[str, str, str, str, str]) -> DatasetRows:
    """Rows of (id, task, split, photograph, instruction)."""
    return DatasetRows(*(list(column) for column in zip(*rows, strict=True))) if rows else DatasetRows(*[[]] * 5)


def scores_of(rows, sources, targets, **options):
    scores = Duplicates(**options).score(rows, hashes_of(*sources), hashes_of(*targets))
    assert list(scores) == [column.name for column in Duplicates.columns]
    assert all(values.dtype == np.float64 for values in scores.values())
    return {name: values.tolist() for name, values in scores.items()}


A, B, C, D = 0x0123456789ABCDEF, 0xFEDCBA9876543210, 0x5555AAAA5555AAAA, 0x00FF00FF00FF00FF
NEAR_A = flip(A, 3, 17, 40, 63)
NOT_NEAR_A = flip(A, 3, 17, 40, 63, 5)


def test_no_rows_have_no_scores() -> None:
    assert set(map(tuple, scores_of(rows_of(), [], []).values())) == {()}


def test_a_row_alone() -> None:
    row = rows_of(("a", "mask", "train", "p1", "draw"))
    assert scores_of(row, [A], [B]) == {
        "source_twins": [0],
        "target_twins": [0],
        "cross_split_twins": [0],
        "leak": [0],
        "duplicate_rank": [0],
    }


def test_tasks_of_one_photograph_are_no_duplicates() -> None:
    rows = rows_of(
        ("a", "mask", "train", "p1", "draw it"),
        ("b", "depth", "train", "p1", "draw it"),
        ("c", "box", "train", "p1", "draw it"),
    )
    scores = scores_of(rows, [A, A, A], [B, B, B])
    assert scores["source_twins"] == [0, 0, 0]
    assert scores["target_twins"] == [0, 0, 0]
    assert scores["duplicate_rank"] == [0, 0, 0]


def test_a_twin_is_counted_once_however_many_rows_it_has() -> None:
    rows = rows_of(
        ("a", "mask", "train", "p1", "one"),
        ("b", "depth", "train", "p2", "two"),
        ("c", "box", "train", "p2", "three"),
        ("d", "box", "train", "p3", "four"),
    )
    assert scores_of(rows, [A, NEAR_A, NEAR_A, NOT_NEAR_A], [B, C, D, B])["source_twins"] == [1, 2, 2, 1]


def test_target_twins_are_of_one_task() -> None:
    rows = rows_of(
        ("a", "mask", "train", "p1", "one"),
        ("b", "mask", "train", "p2", "two"),
        ("c", "depth", "train", "p3", "three"),
        ("d", "mask", "test", "p4", "four"),
    )
    assert scores_of(rows, [A, B, C, D], [A, NEAR_A, A, A])["target_twins"] == [1, 1, 0, 0]


def test_a_leak_is_to_be_dropped_from_the_larger_split() -> None:
    rows = rows_of(
        ("a", "mask", "train", "p1", "one"),
        ("b", "mask", "train", "p2", "two"),
        ("c", "mask", "train", "p3", "three"),
        ("d", "mask", "validation", "p4", "four"),
        ("e", "mask", "validation", "p5", "five"),
        ("f", "mask", "test", "p5", "six"),
    )
    scores = scores_of(rows, [A, B, C, NEAR_A, D, D], [1, 2, 3, 4, 5, 6])
    assert scores["cross_split_twins"] == [1, 0, 0, 1, 1, 1]
    assert scores["leak"] == [1, 0, 0, 0, 1, 0]
    assert scores["source_twins"] == [0, 0, 0, 0, 0, 0]


def test_splits_of_one_size_leak_by_name() -> None:
    rows = rows_of(("a", "mask", "b", "p1", "one"), ("c", "mask", "a", "p2", "two"))
    assert scores_of(rows, [A, A], [B, C])["leak"] == [0, 1]


def test_duplicates_are_ranked_by_id_not_by_place() -> None:
    rows = rows_of(
        ("c", "mask", "train", "p1", "Draw it!"),
        ("a", "mask", "train", "p2", "draw  it"),
        ("d", "mask", "train", "p3", "draw it"),
        ("b", "mask", "train", "p4", "draw it"),
    )
    scores = scores_of(rows, [A, NEAR_A, A, D], [B, flip(B, 1), B, B])
    assert scores["duplicate_rank"] == [1, 0, 2, 0]


@pytest.mark.parametrize(
    ("change", "rank"),
    [
        ({}, 1),
        ({"task": "depth"}, 0),
        ({"split": "test"}, 0),
        ({"instruction": "Draw the cat."}, 0),
        ({"instruction": "DRAW, the dog"}, 1),
        ({"source": NOT_NEAR_A}, 0),
        ({"source": NEAR_A}, 1),
        ({"target": flip(B, 0, 1, 2, 3, 4)}, 0),
        ({"target": flip(B, 0, 1, 2, 3)}, 1),
    ],
    ids=str,
)
def test_what_makes_a_duplicate(change, rank) -> None:
    other = {"task": "mask", "split": "train", "instruction": "draw the dog", "source": A, "target": B} | change
    rows = rows_of(
        ("a", "mask", "train", "p1", "draw the dog"),
        ("b", other["task"], other["split"], "p2", other["instruction"]),
    )
    assert scores_of(rows, [A, other["source"]], [B, other["target"]])["duplicate_rank"] == [0, rank]


def test_the_instruction_can_be_left_aside() -> None:
    rows = rows_of(("a", "mask", "train", "p1", "draw the dog"), ("b", "mask", "train", "p1", "paint the dog"))
    assert scores_of(rows, [A, A], [B, B])["duplicate_rank"] == [0, 0]
    assert scores_of(rows, [A, A], [B, B], same_instruction=False)["duplicate_rank"] == [0, 1]
    assert Duplicates(same_instruction=False).identity != Duplicates().identity


def test_a_dropped_row_has_a_near_one_that_stays() -> None:
    """A chain a - b - c - d, each near to the next only: dropping b leaves c alone, and c stays."""
    chain = [A, flip(A, 0, 1, 2), flip(A, 0, 1, 2, 3, 4, 5), flip(A, *range(9))]
    rows = rows_of(*((name, "mask", "train", f"p{name}", "draw") for name in "abcd"))
    scores = scores_of(rows, chain, [B] * 4)
    assert scores["duplicate_rank"] == [0, 1, 0, 1]
    assert scores["source_twins"] == [1, 2, 2, 1]


def brute_force(rows, sources, targets, distance):
    """The definitions, row by row."""
    size = {split: rows.splits.count(split) for split in rows.splits}
    places = range(len(rows.ids))

    def near(hashes, i, j):
        return bin(hashes[i] ^ hashes[j]).count("1") <= distance

    def same(i, j, *names):
        return all(getattr(rows, name)[i] == getattr(rows, name)[j] for name in names)

    ranks, stays = [0.0] * len(places), {}
    for i in sorted(places, key=rows.ids.__getitem__):
        for j in stays:
            if same(i, j, "tasks", "splits", "instructions") and near(sources, i, j) and near(targets, i, j):
                stays[j] += 1
                ranks[i] = stays[j]
                break
        else:
            stays[i] = 0
    out = {name: [] for name in ("source_twins", "target_twins", "cross_split_twins", "leak")}
    for i in places:
        others = [j for j in places if same(i, j, "splits") and not same(i, j, "photographs")]
        away = [j for j in places if near(sources, i, j) and not same(i, j, "splits")]
        smaller = [j for j in away if (-size[rows.splits[j]], rows.splits[j]) > (-size[rows.splits[i]], rows.splits[i])]
        alike = [j for j in others if near(targets, i, j) and same(i, j, "tasks")]
        out["source_twins"].append(len({rows.photographs[j] for j in others if near(sources, i, j)}))
        out["target_twins"].append(len({rows.photographs[j] for j in alike}))
        out["cross_split_twins"].append(len({(rows.splits[j], rows.photographs[j]) for j in away}))
        out["leak"].append(float(len(smaller) > 0))
    return out | {"duplicate_rank": ranks}


@given(clustered(), st.integers(0, 6), st.data())
@settings(max_examples=100, deadline=None)
def test_all_columns_are_those_of_brute_force(sources, distance, data) -> None:
    def draw(*choices):
        return [data.draw(st.sampled_from(choices)) for _ in sources]

    targets = [data.draw(st.sampled_from(sources)) for _ in sources]
    ids = data.draw(st.permutations([f"{number:03d}" for number in range(len(sources))]))
    rows = DatasetRows(ids, draw("mask", "depth"), draw("train", "test", "val"), draw(*"pqrs"), draw("one", "two"))
    assert scores_of(rows, sources, targets, distance=distance) == brute_force(rows, sources, targets, distance)


def test_many_equal_rows_are_no_burden() -> None:
    """An all-black target in each of 50,000 rows would be a thousand million pairs, one by one."""
    count = 50_000
    names = [f"{number:06d}" for number in range(count)]
    rows = DatasetRows(names, ["mask"] * count, ["train"] * count, names, ["draw"] * count)
    scores = Duplicates().score(rows, np.zeros(count, np.uint64), np.zeros(count, np.uint64))
    assert (scores["target_twins"] == count - 1).all()
    assert (scores["duplicate_rank"] == np.arange(count)).all()


def clusters(count: int, dim: int = 64, seed: int = 0):
    """Vectors of any length around `count // 5` directions."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(0, 1, (max(count // 5, 1), dim))
    spread = generator.uniform(0.05, 0.6, (count, 1))
    vectors = centres[generator.integers(0, len(centres), count)] + spread * generator.normal(0, 1, (count, dim))
    return (vectors * generator.uniform(0.1, 30, (count, 1))).astype(np.float32)


def brute_cosines(vectors, cosine):
    units = vectors.astype(float)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    return np.argwhere(np.triu(units @ units.T >= cosine, 1)).tolist()


@pytest.mark.parametrize("cosine", [0.7, 0.9, 0.99])
def test_near_embeddings_are_those_of_brute_force(cosine) -> None:
    vectors = clusters(5000)
    expected = brute_cosines(vectors, cosine)
    assert len(expected) > 50
    assert near_cosines(vectors, cosine).tolist() == expected


def test_equal_embeddings_are_near_at_a_cosine_of_one() -> None:
    one = clusters(50, 768)
    assert near_cosines(np.concatenate([one, 2 * one]), 1.0).tolist() == [[i, i + 50] for i in range(50)]


def test_faiss_finds_nearly_all_and_invents_nothing() -> None:
    vectors = clusters(8000, seed=3)
    expected = {tuple(pair) for pair in brute_cosines(vectors, 0.95)}
    found = {tuple(pair) for pair in near_cosines(vectors, 0.95, exact_up_to=0).tolist()}
    assert len(expected) > 500
    assert found <= expected
    assert len(found) >= 0.99 * len(expected)


@pytest.mark.parametrize("exact_up_to", [0, 1000])
def test_broken_embeddings_have_no_near_ones(exact_up_to) -> None:
    vectors = np.concatenate([clusters(200, 8), np.zeros((2, 8), np.float32)])
    vectors[3], vectors[4, 2] = np.nan, np.inf
    vectors[150] = vectors[7]
    pairs = near_cosines(vectors, 0.9999, exact_up_to).tolist()
    assert [7, 150] in pairs
    assert not {3, 4, 200, 201} & {place for pair in pairs for place in pair}


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_embeddings_have_no_pairs(count) -> None:
    assert near_cosines(np.ones((count, 4), np.float32), 0.9).shape == (0, 2)


@pytest.mark.parametrize("cosine", [0, -0.5, 1.01, float("nan")])
def test_a_cosine_out_of_range_is_refused(cosine) -> None:
    with pytest.raises(UsageError, match="cosine of near-duplicates is"):
        EmbeddingDuplicates("nss", cosine)


def test_embedding_duplicates_by_hand() -> None:
    rows = rows_of(
        ("a", "mask", "train", "p1", "one"),
        ("b", "depth", "train", "p1", "one"),
        ("c", "mask", "train", "p2", "two"),
        ("d", "mask", "test", "p3", "two"),
        ("e", "mask", "test", "p4", "two"),
    )
    sources = np.array([[1, 0], [10, 1], [0, 1], [0, 0]], np.float32)
    scorer = EmbeddingDuplicates("some model", cosine=0.99)
    scores = scorer.score(rows, sources, np.array([0, 0, 1, 0, 3]))
    assert {name: values.tolist() for name, values in scores.items()} == {
        "source_embedding_twins": [1, 1, 1, 0, 0],
        "cross_split_embedding_twins": [1, 1, 1, 2, 0],
        "leak_by_embedding": [1, 1, 1, 0, 0],
    }
    assert list(scores) == [column.name for column in scorer.columns]
