"""CLIP token counts, against counts made with OpenAI's own vocabulary by hand."""

from taskpaint.paraphrase.checks.tokens import MOST_TOKENS, token_count, tokens_fault
from taskpaint.paraphrase.checks.values import EXAMPLES, LONGEST
from taskpaint.paraphrase.templates import available_banks, load_bank


def test_start_and_end_count():
    # "a", "photo", "of", "a", "dog" are words of the vocabulary: five tokens, start and end.
    assert token_count("a photo of a dog") == 7
    assert token_count("dog " * 75) == MOST_TOKENS


def test_the_limit():
    assert tokens_fault("dog " * 74 + "{width}", "x", "y", ("width",)) is not None  # "15 pixels" takes three
    filler = "dog " * (MOST_TOKENS - 2 - 3 - 1)
    assert token_count("15 pixels") == 5
    assert tokens_fault(filler + "{width}", "x", "y", ("width",)) is None
    fault = tokens_fault("dog " + filler + "dog {width}", "x", "y", ("width",))
    assert fault is not None and f"{MOST_TOKENS + 1} CLIP tokens of {MOST_TOKENS}" in fault


def test_every_slot_that_ships_has_values():
    slots = {slot for task in available_banks() for template in load_bank(task) for slot in template.slots}
    assert slots <= set(LONGEST) and slots <= set(EXAMPLES)
