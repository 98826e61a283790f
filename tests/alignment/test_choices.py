"""What counts of what people sent: each event once, the last word of a person about an item."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.alignment.choices import Choices
from taskpaint.alignment.journal import read_events
from taskpaint.alignment.run import Candidate, Item, Run
from taskpaint.alignment.selection import Thresholds, preferences, select, votes_of

Event = dict[str, Any]
PICTURE = f"images/{'0' * 32}.png"
ITEMS = [
    Item(id=name, instruction="x", source=PICTURE, candidates=(Candidate(image=PICTURE),) * 4) for name in ("a", "b")
]


def test_the_last_choice_counts_and_an_undo_takes_it_back(make_event: Callable[..., Event]) -> None:
    choices = Choices(ITEMS)
    choices.apply(make_event("p", "a", "1", [0]))
    choices.apply(make_event("p", "b", "2", [1, 2]))
    choices.apply(make_event("p", "a", "3", [3]))
    assert {item: answer.picks for item, answer in choices.of_person("p").items()} == {"b": (1, 2), "a": (3,)}
    choices.apply(make_event("p", "a", "4", kind="undo"))
    assert list(choices.of_person("p")) == ["b"]
    choices.apply(make_event("p", "b", "5", kind="undo"))
    assert choices.people == []


def test_an_event_that_comes_again_changes_nothing(make_event: Callable[..., Event]) -> None:
    choices = Choices(ITEMS)
    first = make_event("p", "a", "1", [0])
    assert choices.apply(first) is not None
    choices.apply(make_event("p", "a", "2", [1]))
    assert choices.apply(first) is None
    assert choices.of_person("p")["a"].picks == (1,)
    assert choices.apply(make_event("q", "a", "1", [2])) is not None  # another person's number 1 is another event


@pytest.mark.parametrize(
    "wrong",
    [
        {"item": "nowhere"},
        {"kind": "shout"},
        {"picks": [4]},
        {"picks": [True]},
        {"picks": "0"},
        {"id": 7},
        {"person": None},
    ],
)
def test_events_of_other_runs_are_passed_over(make_event: Callable[..., Event], wrong: Event) -> None:
    choices = Choices(ITEMS)
    assert choices.apply({**make_event("p", "a", "1", [0]), **wrong}) is None
    assert choices.people == []


@given(st.lists(st.tuples(st.sampled_from("pq"), st.sampled_from("ab"), st.integers(0, 3)), max_size=25), st.randoms())
def test_resending_any_events_any_number_of_times_is_harmless(
    sent: list[tuple[str, str, int]], draw: random.Random
) -> None:
    events = [
        {"id": str(number), "person": person, "item": item, "kind": "pick", "picks": [pick], "seconds": 1}
        for number, (person, item, pick) in enumerate(sent)
    ]
    again = list(events)
    for position, event in enumerate(events):
        for _ in range(draw.randint(0, 2)):  # a copy may come any time after the first
            again.insert(draw.randint(again.index(event) + 1, len(again)), events[position])
    assert list(Choices.of(ITEMS, again).answers()) == list(Choices.of(ITEMS, events).answers())


def test_half_a_line_of_a_killed_server_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "choices.jsonl"
    file.write_text('{"id": "1"}\n{"id": "2", "per\n{"id": "3", "note": "a\u2028b"}\n[]\n{"id"', encoding="utf-8")
    assert [event["id"] for event in read_events(file)] == ["1", "3"]


def test_votes_and_thresholds(make_event: Callable[..., Event]) -> None:
    choices = Choices(ITEMS)
    for number, (person, picks) in enumerate([("p", [0, 1]), ("q", [0]), ("r", [0, 2]), ("s", [])]):
        choices.apply(make_event(person, "a", str(number), picks))
    choices.apply(make_event("t", "a", "9", kind="skip"))
    votes = votes_of(choices, ITEMS[0])
    assert votes.people == ("p", "q", "r", "s")
    assert [votes.share(place) for place in range(4)] == [0.75, 0.25, 0.25, 0.0]
    assert [one.place for one in select(ITEMS, choices, Thresholds(agreement=0.5))] == [0]
    assert {one.place for one in select(ITEMS, choices, Thresholds(agreement=0.25, picks=3))} == {0, 1, 2}
    assert list(select(ITEMS, choices, Thresholds(people=5, agreement=0))) == []
    choices.apply(make_event("u", "a", "10", kind="flag"))
    assert list(select(ITEMS, choices, Thresholds())) == []
    assert len(list(select(ITEMS, choices, Thresholds(flags=1)))) == 1


def test_preferences_are_clear_and_spread(make_event: Callable[..., Event]) -> None:
    choices = Choices(ITEMS)
    for number, picks in enumerate([[0, 1], [0, 1], [0], [0, 2]]):
        choices.apply(make_event(f"p{number}", "a", str(number), picks))
    # shares: 1, 1/2, 1/4, 0
    found = list(preferences(ITEMS, choices, Thresholds(), margin=0.5, pairs=9, seed=0))
    assert {(pair.chosen, pair.rejected) for pair in found} == {(0, 1), (0, 2), (0, 3), (1, 3)}
    assert all(pair.chosen_share - pair.rejected_share >= 0.5 for pair in found)
    fewer = list(preferences(ITEMS, choices, Thresholds(), margin=0.5, pairs=2, seed=0))
    assert [pair.chosen for pair in fewer] == [0, 1]  # each chosen edit before any has a second


def test_no_edit_without_a_vote(run: Run, make_event: Callable[..., Event]) -> None:
    choices = Choices.of(run.items, [make_event("p", "item-0", "1", [])])
    assert list(select(run.items, choices, Thresholds(agreement=0))) == []
