"""Grammatical, true captions of the outdoor scenes, from what is annotated in them."""

from __future__ import annotations

from random import Random

from .canvas import Thing
from .scenes import Scene

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_PLURALS = {"person": "people", "sheep": "sheep", "bus": "buses", "bench": "benches"}
_NAMES = {"sports ball": "ball", "kite": "kite"}


def _plural(noun: str) -> str:
    return _PLURALS.get(noun, noun + "s")


def with_article(noun: str) -> str:
    """Return "a dog", "an umbrella"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def joined(parts: list[str]) -> str:
    """Return "a", "a and b", or "a, b, and c"."""
    if len(parts) <= 2:
        return " and ".join(parts)
    return ", ".join(parts[:-1]) + ", and " + parts[-1]


def counted(things: list[Thing]) -> list[str]:
    """Return counted nouns, people first: ["three people", "a dog"]; crowds come last."""
    counts: dict[str, int] = {}
    for thing in things:
        if not thing.crowd:
            counts[thing.category] = counts.get(thing.category, 0) + 1
    phrases = []
    for category, count in sorted(counts.items(), key=lambda item: (item[0] != "person", -item[1], item[0])):
        noun = _NAMES.get(category, category)
        number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
        phrases.append(with_article(noun) if count == 1 else f"{number} {_plural(noun)}")
    for thing in things:
        if thing.crowd:
            phrases.append("a crowd of people" if thing.category == "person" else "a flock of birds")
    return phrases


def _person_sentence(thing: Thing, scene: Scene) -> str:
    words = thing.words
    worn = f"{words['colour']} {words['garment']}"
    return f"A {words['kind']} in {with_article(worn)} is {words['action']} {scene.place}."


def _object_sentence(random: Random, things: list[Thing], scene: Scene) -> str | None:
    coloured = [thing for thing in things if thing.category in ("car", "bus")]
    if coloured:
        thing = random.choice(coloured)
        return (
            f"{_capital(with_article(thing.words['colour'] + ' ' + thing.category))} {scene.place} {scene.mood.phrase}."
        )
    animals = [thing for thing in things if thing.category in ("dog", "cat", "horse", "cow") and not thing.crowd]
    if animals:
        return f"{_capital(with_article(animals[0].category))} is standing {scene.place}."
    return None


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def captions(random: Random, scene: Scene, things: list[Thing]) -> list[str]:
    """Return four or five captions of a scene; things are those that are annotated."""
    mood = scene.mood
    found = counted(things)
    if not found:
        return [
            f"A quiet landscape {scene.place} {mood.phrase}.",
            f"A peaceful view {scene.place} with nobody around.",
            f"{_capital(with_article(mood.adjective))} sky over an empty landscape {scene.place}.",
            f"An illustration of a calm place {scene.place} {mood.phrase}.",
        ]
    verb = "is" if found[0].startswith(("a ", "an ")) else "are"
    sentences = [
        f"{_capital(joined(found[:3]))} {scene.place} {mood.phrase}.",
        f"There {verb} {joined(found[:4])} {scene.place}.",
        f"{_capital(with_article(mood.adjective))} sky above {joined(found[:2])} {scene.place}.",
    ]
    people = [thing for thing in things if thing.category == "person" and not thing.crowd]
    if people:
        sentences.append(_person_sentence(people[-1], scene))
    other = _object_sentence(random, things, scene)
    sentences.append(other or f"An illustration of {joined(found)} {scene.place}.")
    return sentences
