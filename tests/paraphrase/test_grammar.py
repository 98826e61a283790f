"""English noun phrases: the class names of the datasets we read, and words that no table lists."""

import random
from pathlib import Path

import pytest
from taskpaint.paraphrase.grammar import article, definite, indefinite, join, plural, tidy_name

NOUN_TABLE = [
    tuple(cell.strip() for cell in line.split("|"))
    for line in Path(__file__).with_name("nouns.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def all_definites(name, count):
    return {definite(name, count, random.Random(seed)) for seed in range(200)}


def test_the_table_covers_the_datasets():
    # ADE20K 150, COCO-Stuff 182, panoptic names of their own 17, VOC 20, Cityscapes 30, Oxford pets 37
    assert len(NOUN_TABLE) == 150 + 182 + 17 + 20 + 30 + 37


@pytest.mark.parametrize(("raw", "with_article", "many"), NOUN_TABLE)
def test_class_names_of_the_datasets(raw, with_article, many):
    name = tidy_name(raw)
    assert indefinite(name) == with_article
    assert plural(name) == many
    assert tidy_name(name) == name


@pytest.mark.parametrize(
    ("raw", "tidy"),
    [
        ("left_shoulder", "left shoulder"),
        ("building, edifice", "building"),
        ("building;edifice", "building"),
        ("bed ;", "bed"),
        ("  Dining   Table ", "dining table"),
        ("PERSON", "person"),
        ("wall-brick", "brick wall"),
        ("sky-other-merged", "sky"),
        ("t-shirt", "t-shirt"),
        ("american_bulldog", "American bulldog"),
        ("Bengal cat", "Bengal cat"),
        ("glass, drinking glass", "drinking glass"),
        ("glass", "glass"),
        ("pop_(soda)", "pop"),
        ("monitor_(computer_equipment) computer_monitor", "monitor"),
        ("Ferris_wheel", "Ferris wheel"),
        ("CD_player", "CD player"),
        ("Persian_rug", "Persian rug"),
        ("persiannip", "persiannip"),
    ],
)
def test_tidy_name(raw, tidy):
    assert tidy_name(raw) == tidy


@pytest.mark.parametrize("raw", ["", "  ", "_", ";", " , "])
def test_a_name_without_words_is_refused(raw):
    with pytest.raises(ValueError, match="has no words"):
        tidy_name(raw)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("dog", "a"),
        ("airplane", "an"),
        ("hourglass", "an"),
        ("house", "a"),
        ("heirloom", "an"),
        ("unicycle", "a"),
        ("uniform", "a"),
        ("unidentified animal", "an"),
        ("uninhabited house", "an"),
        ("umbrella", "an"),
        ("utensil", "a"),
        ("urn", "an"),
        ("urinal", "a"),
        ("ukulele", "a"),
        ("European train", "a"),
        ("one-way sign", "a"),
        ("onion", "an"),
        ("TV", "a"),
        ("LED lamp", "an"),
        ("SUV", "an"),
        ("USB stick", "a"),
        ("X-ray", "an"),
        ("x-ray machine", "an"),
        ("U-turn sign", "a"),
        ("8-bit image", "an"),
        ("11 m range", "an"),
        ("18 m range", "an"),
        ("110 m range", "a"),
        ("10 m range", "a"),
        ("80 m range", "an"),
        ('"orange" dot', "an"),
    ],
)
def test_article_follows_the_sound(phrase, expected):
    assert article(phrase) == expected


@pytest.mark.parametrize(
    ("name", "many"),
    [
        ("fireman", "firemen"),
        ("woman", "women"),
        ("human", "humans"),
        ("bookshelf", "bookshelves"),
        ("goldfish", "goldfish"),
        ("goose", "geese"),
        ("tooth", "teeth"),
        ("roof", "roofs"),
        ("scarf", "scarves"),
        ("tomato", "tomatoes"),
        ("photo", "photos"),
        ("monkey", "monkeys"),
        ("puppy", "puppies"),
        ("lens", "lenses"),
        ("cactus", "cacti"),
        ("man in black", "men in black"),
        ("glass of water", "glasses of water"),
        ("toilet paper", "toilet paper"),
        ("sunglasses", "sunglasses"),
        ("headlights", "headlights"),
        ("Aircraft", "Aircraft"),
        ("blicket", "blickets"),
        ("TV", "TVs"),
    ],
)
def test_plural(name, many):
    assert plural(name) == many


def test_definite_of_one():
    assert all_definites("dog", 1) == {"the dog"}
    assert all_definites("scissors", 1) == {"the scissors"}


def test_definite_of_several():
    three = {"the dogs", "each dog", "every dog", "all the dogs", "all of the dogs", "the three dogs"}
    assert all_definites("dog", 3) == three | {"all three dogs"}
    two = {"the people", "each person", "every person", "both people", "the two people", "both of the people"}
    assert all_definites("person", 2) == two


def test_number_words_end_at_twelve():
    assert "all twelve buses" in all_definites("bus", 12)
    assert all_definites("bus", 13) == {
        "the buses",
        "each bus",
        "every bus",
        "all the buses",
        "all of the buses",
    }


@pytest.mark.parametrize("count", [None, 0, 1, 5])
def test_definite_of_a_mass_ignores_the_number(count):
    assert all_definites("grass", count) == {"the grass", "all the grass", "all of the grass"}


@pytest.mark.parametrize("count", [None, 0])
def test_definite_of_an_unknown_number_holds_for_any(count):
    assert all_definites("car", count) == {"every car", "each car", "all cars", "every visible car"}
    assert all_definites("wooden floor", count) == {"the wooden floor", "all of the wooden floor"}
    assert all_definites("clouds", count) == {"the clouds", "all the clouds"}


def test_pairs_are_counted_as_pairs():
    assert all_definites("skis", 2) == {"the skis", "all the skis", "both pairs of skis"}
    assert all_definites("scissors", 4) == {"the scissors", "all the scissors", "all four pairs of scissors"}
    assert all_definites("stairs", 4) == {"the stairs", "all the stairs"}


def test_same_seed_same_words():
    first, second = random.Random(7), random.Random(7)
    assert [definite("dog", 5, first) for _ in range(20)] == [definite("dog", 5, second) for _ in range(20)]


def test_bad_input():
    with pytest.raises(ValueError, match="-1 for 'dog'"):
        definite("dog", -1, random.Random(0))
    for function in (indefinite, plural):
        with pytest.raises(ValueError, match="empty class name"):
            function("  ")


def test_join():
    assert join(["a"]) == "a"
    assert join(["a", "b"]) == "a and b"
    assert join(("a", "b", "c", "d")) == "a, b, c and d"
    with pytest.raises(ValueError, match="empty list"):
        join([])
