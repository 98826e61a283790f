"""Write the generated pages of the documentation, or check that they are up to date.

    python docs/generate.py           writes docs/{commands,sources,tasks,recipes}.md and the tables of README.md
    python docs/generate.py --check   writes nothing; exit code 1 and the names of the stale files

The pages come from the command line, the registry, the recipe's models and the template banks; no page is edited by
hand. Sources and tasks of other installed packages are left out.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parent
README = DOCS.parent / "README.md"

_NOTE = "<!-- Written by docs/generate.py; edit the code, not this page, and run `make docs`. -->\n\n"


def main(arguments: Sequence[str]) -> int:
    """Write or check; returns the exit code."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write("usage: python docs/generate.py [--check]\n")
        return 2
    stale = [file for file, text in generated().items() if not file.is_file() or file.read_text("utf-8") != text]
    if not arguments:
        for file, text in generated().items():
            file.write_text(text, "utf-8")
        return 0
    for file in stale:
        sys.stderr.write(f"{file.relative_to(DOCS.parent)} is not up to date; run `make docs`\n")
    return 1 if stale else 0


def generated() -> dict[Path, str]:
    """Every generated file and what should stand in it."""
    from commands_page import commands_page
    from pages import readme_sources, readme_tasks, recipes_page, sources_page, tasks_page

    pages = {
        "commands.md": commands_page(),
        "sources.md": sources_page(),
        "tasks.md": tasks_page(),
        "recipes.md": recipes_page(),
    }
    readme = README.read_text("utf-8")
    for name, text in (("sources", readme_sources()), ("tasks", readme_tasks())):
        readme = fill_region(readme, name, text)
    return {**{DOCS / name: _NOTE + text.rstrip("\n") + "\n" for name, text in pages.items()}, README: readme}


def fill_region(page: str, name: str, text: str) -> str:
    """A page with new text between `<!-- name:begin -->` and `<!-- name:end -->`.

    Raises:
        ValueError: the page does not hold the two marks once.
    """
    marks = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
    filled, count = marks.subn(lambda found: f"{found[1]}\n{text.rstrip()}\n\n{found[2]}", page)
    if count != 1:
        raise ValueError(f"the marks <!-- {name}:begin --> and <!-- {name}:end --> must stand once in the page")
    return filled


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
