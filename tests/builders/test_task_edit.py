"""The edit task: the dataset's own sentences, the twin's own bytes."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pydantic
import pytest
from taskpaint.builders.geometry import Geometry
from taskpaint.builders.sample import FileBytes, Pair, Sample
from taskpaint.builders.tasks.edit import Edit, EditOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import read_header
from taskpaint.manifests.target import FileTarget
from taskpaint.paraphrase.templates import load_bank, section
from taskpaint.paraphrase.wording import word
from taskpaint.writers.codecs import encode_jpeg

BEFORE = encode_jpeg(np.full((20, 30, 3), 90, np.uint8), 95)
AFTER = encode_jpeg(np.full((20, 30, 3), 190, np.uint8), 95)


def _sample(*instructions, kind="edit"):
    return Sample("1", FileBytes(None, BEFORE), 30, 20, pair=Pair(FileBytes(None, AFTER), kind, instructions))


def _render(sample, seed=0, **options):
    task, draw = Edit(EditOptions(**options)), random.Random(seed)
    view = View(sample, BEFORE, read_header(BEFORE), Geometry.native((30, 20)))
    return task.render(view, task.choose(sample, draw), draw)


def test_the_twin_passes_through():
    rendered = _render(_sample("make it brighter"))
    assert rendered.target == FileTarget(AFTER)
    assert rendered.source is None
    assert rendered.annotation == {"instruction": "make it brighter"}
    assert Edit.compare(Edit.decode(None, None, {}), rendered.annotation, {}) == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("make it brighter", "Make it brighter"),
        ("Brighten {everything} to 100%, a apple too!", "Brighten {everything} to 100%, a apple too!"),
        ("  two   spaces ", "Two spaces"),
        ("élan in the sky?", "Élan in the sky?"),
    ],
)
def test_the_sentence_is_kept_word_for_word(given, expected):
    rendered = _render(_sample(given))
    text, template = word(section(load_bank("edit"), rendered.section), rendered.slots, random.Random(0))
    assert text == expected
    assert template.text == "{instruction}"


def test_sentences_are_drawn_evenly():
    sample = _sample("one", "two", "three")
    task = Edit(EditOptions())
    counts = Counter(task.choose(sample, random.Random(seed)).choice for seed in range(900))
    # binomial: mean 300, standard deviation 14
    assert all(abs(counts[name] - 300) < 5 * 14 for name in ("one", "two", "three"))


def test_long_sentences_are_left_out():
    sample = _sample("word " * 30, "short one")
    task = Edit(EditOptions(most_words=29))
    assert {task.choose(sample, random.Random(seed)).choice for seed in range(20)} == {"short one"}


@pytest.mark.parametrize("sample", [_sample(), _sample("", " "), _sample("word " * 61)])
def test_pairs_without_a_sentence(sample):
    with pytest.raises(NotApplicable, match="no instruction of at most 60 words"):
        _render(sample)


@pytest.mark.parametrize(
    ("captions", "caption", "kept"),
    [
        (("a house", "one more"), "a red house", {"source_caption": "a house", "target_caption": "a red house"}),
        ((), "a red house", {}),
        (("a house",), "", {}),
    ],
)
def test_captions_of_both_pictures_are_kept_for_scores(captions, caption, kept):
    pair = Pair(FileBytes(None, AFTER), "edit", ("make it red",), caption)
    rendered = _render(Sample("1", FileBytes(None, BEFORE), 30, 20, captions=captions, pair=pair))
    assert rendered.annotation == {"instruction": "make it red", **kept}


@pytest.mark.parametrize("sample", [_sample("sharpen", kind="blur"), Sample("1", FileBytes(None, BEFORE), 30, 20)])
def test_samples_without_an_edit(sample):
    with pytest.raises(NotApplicable, match="no edited twin"):
        _render(sample)


def test_bad_options():
    with pytest.raises(pydantic.ValidationError, match="most_words"):
        EditOptions(most_words=0)
