"""Text of unknown origin in Markdown, read back with markdown-it, the parser that many pages use."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from taskpaint.writers.card_markdown import code, escape, fenced, link, paragraphs, table

markdown_it = pytest.importorskip("markdown_it")
_PARSER = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_NASTY = "*_`[]()#+-.!|~$<>&\\\"'=:/@1a ws"


def _plain(text):
    """The words that a page shows of inline Markdown, and the kinds of markup in it."""
    words, kinds = "", set()
    for token in _PARSER.parseInline(text)[0].children or []:
        kinds.add(token.type)
        words += token.content
    return words, kinds


@given(st.text(_NASTY, min_size=1, max_size=40))
@example("# heading")
@example("1. list")
@example("<script>alert(1)</script>")
@example("![x](http://a.b/c.png)")
@example("[x](javascript:alert(1))")
@example("&lt;b&gt;")
def test_escaped_text_shows_as_it_is(text):
    line = " ".join(text.split())
    if not line:
        return
    words, kinds = _plain(escape(text))
    assert words == line
    assert kinds <= {"text", "text_special"}
    blocks = [token.type for token in _PARSER.parse(escape(text))]
    assert blocks == ["paragraph_open", "inline", "paragraph_close"]


@given(st.text(_NASTY, min_size=1, max_size=30), st.text(_NASTY, max_size=30))
def test_a_cell_stays_one_cell(first, second):
    lines = table(["a", "b"], [[escape(first), escape(second)], [code(first), "x"]])
    kinds = [token.type for token in _PARSER.parse("\n".join(lines))]
    assert kinds.count("td_open") == 4
    assert "html_block" not in kinds


@given(st.text(_NASTY + "\n", max_size=60))
def test_a_code_block_holds_its_content(text):
    tokens = _PARSER.parse("\n".join(fenced(text, "yaml")))
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content.rstrip("\n") == text.rstrip("\n")


def test_code_with_backticks_and_bars():
    assert code("a|b`c") == "``a|b`c``"
    assert table(["x"], [[code("a|b`c")]])[2] == "| ``a\\|b`c`` |"
    assert code("`a`") == "`` `a` ``"


def test_addresses_that_are_links_and_those_that_are_not():
    assert link("COCO", "https://cocodataset.org") == "[COCO](https://cocodataset.org)"
    assert link("a]b", "http://x.org/(y) z") == "[a\\]b](http://x.org/%28y%29%20z)"
    for address in ("javascript:alert(1)", "", "see its page", "ftp://x.org", "https://"):
        assert link("COCO", address) == "COCO"


def test_paragraphs_stay_apart_and_rules_are_no_rules():
    assert paragraphs("one\ntwo\n\n---\n\n# three") == ["one two", "", "\\---", "", "\\# three", ""]
    assert paragraphs("") == []


def test_what_cannot_be_seen_is_left_out():
    assert escape("a\x00b\u202ec\x1b[0m") == "abc\\[0m"


def test_numbers_are_set_with_thousands():
    assert table(["a", "n"], [["x", 1234]], right=1) == ["| a | n |", "|---|---:|", "| x | 1,234 |", ""]


def test_html_is_shown_and_not_run():
    rendered = _PARSER.render(escape("<img src=x onerror=alert(1)>"))
    assert not re.search("<img", rendered)
    assert "<img src=x onerror=alert(1)>" in html.unescape(rendered)
