"""Who gets which item."""

from __future__ import annotations

import random
from collections import Counter

from taskpaint.alignment.assignment import Assignment


class Clock:
    """Seconds, set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def answer(assignment: Assignment, person: str, item: int) -> None:
    assignment.count(item, 1)
    assignment.mark(person, item, True)


def test_every_item_goes_to_as_many_people_as_were_asked_for() -> None:
    assignment = Assignment(30, 3, 0, 600, Clock())
    draw = random.Random(0)
    people = [f"p{number}" for number in range(7)]
    given: Counter[int] = Counter()
    pairs = set()
    while True:
        person = draw.choice(people)
        items = assignment.take(person, 1)
        if not items:
            if not any(assignment.take(one, 1) for one in people):
                break
            continue
        assert (person, items[0]) not in pairs
        pairs.add((person, items[0]))
        given[items[0]] += 1
        answer(assignment, person, items[0])
        assert max(given.values()) - min(given[item] for item in range(30)) <= 2  # nothing runs ahead
    assert given == Counter(dict.fromkeys(range(30), 3))
    assert assignment.answered == assignment.wanted == 90


def test_two_people_do_not_hold_one_item_that_wants_one_answer() -> None:
    assignment = Assignment(2, 1, 0, 600, Clock())
    first, second = assignment.take("p", 1), assignment.take("q", 1)
    assert sorted(first + second) == [0, 1]
    assert assignment.take("r", 1) == []
    assert assignment.open_for("r") == 2


def test_what_is_held_is_shown_again_and_renewed() -> None:
    clock = Clock()
    assignment = Assignment(5, 1, 0, 100, clock)
    held = assignment.take("p", 2)
    clock.now = 90
    assert assignment.take("p", 2) == held
    clock.now = 180
    assert assignment.take("p", 2) == held


def test_a_lease_runs_out_and_a_late_answer_still_counts() -> None:
    clock = Clock()
    assignment = Assignment(1, 1, 0, 100, clock)
    assert assignment.take("p", 1) == [0]
    clock.now = 101
    assert assignment.take("q", 1) == [0]
    answer(assignment, "p", 0)
    answer(assignment, "q", 0)
    assert assignment.answered == assignment.wanted == 1
    assert assignment.take("r", 1) == []


def test_an_answer_taken_back_comes_first_again() -> None:
    assignment = Assignment(9, 1, 0, 600, Clock())
    first = assignment.take("p", 2)[0]
    answer(assignment, "p", first)
    assignment.count(first, -1)
    assignment.mark("p", first, False)
    assert assignment.take("p", 2)[0] == first


def test_people_see_items_in_other_orders() -> None:
    orders = set()
    for person in ("p", "q", "r"):
        assignment = Assignment(40, 1, 0, 600, Clock())
        orders.add(tuple(assignment.take(person, 5)))
    assert len(orders) == 3
