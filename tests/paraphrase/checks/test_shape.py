"""The outer shape of candidates."""

import pytest
from taskpaint.paraphrase.checks.shape import shape_fault


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("Paint {object}.\nThen rest.", "line"),
        ("Paint\t{object}.", "U+0009"),
        ("Paint \u200b{object}.", "U+200B"),
        (" Paint {object}.", "White space"),
        ('"Paint {object}."', "quotes"),
        ("“Paint {object}.”", "quotes"),
        ("1. Paint {object}.", "1."),
        ("- Paint {object}.", "-"),
        ("# Paint {object}.", "#"),
        ("**Paint** {object}.", "**"),
        ("Paint `{object}`.", "`"),
        ("Sure, here is one: paint {object}.", "Sure, here"),
        ("Here's a rephrased version: paint {object}.", "Here's"),
        ("Paraphrase: paint {object}.", "Paraphrase"),
        ("I'm sorry, I cannot paint {object}.", "I'm sorry"),
        ("Paint [object] now.", "[object]"),
        ("See https://example.org for {object}.", "https"),
        ("{object} {color}", "no words"),
        ("Раскрась {object}.", "language en"),
        ("Male bitte das {object} und nicht mehr.", "de"),
        ("x" * 401, "401"),
    ],
)
def test_shapes_refused(text, word):
    fault = shape_fault(text, "en")
    assert fault is not None and word in fault and fault.endswith(".")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "paint {object} plz!!"),
        ("en", 'Color "{expression}" now, as "{caption}" says.'),
        ("en", "Demoiré the image"),
        ("en", "{instruction}"),
        ("de", "Male {object} bitte {color} an und lass den Rest."),
        ("fr", "Colorie {object} en {color} sur la photo."),
        ("zh", "把{object}涂成{color}，其余不变。"),
        ("zh-Hant", "請將{object}塗成{color}。"),
        ("ja", "{object}を{color}で塗ってください。"),
        ("ko", "{object} 부분을 {color} 색으로 칠해 주세요."),
        ("ru", "Закрась {object} цветом {color} в стиле OpenPose."),
    ],
)
def test_shapes_that_hold(language, text):
    assert shape_fault(text, language) is None


@pytest.mark.parametrize(
    ("language", "text", "word"),
    [
        ("zh", "Paint {object} in {color}.", "zh"),
        ("de", "Paint the {object} with {color} and leave the rest.", "en"),
        ("zh", "把{object}涂成{color}色吧の这里全部。", "Kana"),
        ("ja", "把{object}涂成{color}，其余部分保持不变。", "kana"),
        ("ru", "Paint {object}.", "ru"),
    ],
)
def test_another_language(language, text, word):
    assert word in (shape_fault(text, language) or "")
