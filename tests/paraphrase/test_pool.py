"""Drawing templates: uniform, by weight, held out."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from taskpaint.paraphrase.pool import Pool, hold_out
from taskpaint.paraphrase.templates import parse_bank


def bank(count):
    return parse_bank("toy", "[plain]\n" + "\n".join(f"Sentence number {n}." for n in range(count)), "toy")


def test_weights_are_kept_to():
    weighted = Pool.weighted([replace(one, weight=w) for one, w in zip(bank(3), (1.0, 0.5, 2.5), strict=True)])
    draw = random.Random(0)
    counts = Counter(weighted.draw(draw).text[-2] for _ in range(8000))
    for place, expected in (("0", 2000), ("1", 1000), ("2", 5000)):
        assert abs(counts[place] - expected) < 5 * expected**0.5


def test_a_draw_that_rounds_to_the_sum_takes_the_last():
    class AlmostOne(random.Random):
        def random(self):
            return 1 - 2**-53

    pool = Pool.weighted([replace(one, weight=0.1) for one in bank(3)])
    assert pool.draw(AlmostOne()) is pool.templates[2]


def test_a_pool_without_weights_gives_each_the_same_chance():
    draw, pool = random.Random(0), Pool(bank(4))
    counts = Counter(pool.draw(draw).template_id for _ in range(8000))
    assert all(abs(count - 2000) < 225 for count in counts.values()) and len(counts) == 4


@given(st.integers(1, 40), st.floats(0, 0.999), st.integers(0, 2**63 - 1))
def test_each_template_is_on_one_side_and_the_first_is_kept(count, share, seed):
    templates = bank(count)
    kept, held_out = hold_out(templates, share, seed)
    assert sorted([*kept, *held_out], key=templates.index) == list(templates)
    assert kept[0] == templates[0]
    assert bool(held_out) == (share > 0 and count > 1)


def test_the_share_is_about_what_is_asked_for():
    _, held_out = hold_out(bank(1000), 0.2, 1)
    assert abs(len(held_out) - 200) < 5 * (1000 * 0.2 * 0.8) ** 0.5


def test_a_template_stays_on_its_side_when_the_bank_grows_and_changes_it_with_the_seed():
    small, large = hold_out(bank(60), 0.3, 1)[1], hold_out(bank(90), 0.3, 1)[1]
    assert set(small) == set(large) & set(bank(60))
    assert set(hold_out(bank(60), 0.3, 2)[1]) != set(small)
