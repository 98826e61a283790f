"""The look that all pages share."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import taskpaint
from taskpaint.manifests.house_style import content_hash, house_style, load_page

PAGES = sorted(
    file
    for file in Path(taskpaint.__file__).parent.glob("*/*/*.html")
    if file.parts[-3] in ("alignment", "writers", "filters")
)


def test_the_hash_of_a_known_style():
    # printf 'body { color: red; }' | openssl dgst -sha256 -binary | base64
    page = "<style>body { color: red; }</style><script>1</script><script type='text/plain'>2</script>"
    assert content_hash(page, "style") == "sha256-XeYlw2NVzOfB1UCIJqCyGr+0n7bA4fFslFpvKu84IAw="


@pytest.mark.parametrize("file", PAGES, ids=lambda file: "/".join(file.parts[-3:]))
def test_every_page_takes_the_colours_from_the_house(file):
    page = load_page(file)
    assert house_style().strip() in page
    for name in re.findall(r"var\((--[a-z-]+)", page):
        assert name in page.replace(f"var({name}", ""), f"{file.name} uses {name}, which neither style nor script sets"


def test_there_are_pages():
    assert len(PAGES) >= 4
