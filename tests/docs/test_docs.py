"""The documentation: complete, up to date, its commands real and its links whole."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from PIL import Image
from taskpaint import __version__
from taskpaint.builders.registry import source_names, task_names
from taskpaint.builders.resolve import with_defaults
from taskpaint.cli.app import app
from taskpaint.manifests.recipe_file import parse_recipe, shipped_recipes

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
NAMES_OF_PAGES = [str(page.relative_to(ROOT)) for page in PAGES]


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)


def anchor(heading: str) -> str:
    """As GitHub makes them: lower case, no punctuation, spaces to hyphens."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def generate(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DOCS / "generate.py"), *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)


def commands(command: Any, path: str = "taskpaint") -> dict[str, Any]:
    """Every command and sub-command by its full name."""
    found = {path: command}
    for name, child in getattr(command, "commands", {}).items():
        found |= commands(child, f"{path} {name}")
    return found


COMMANDS = commands(typer.main.get_command(app))


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date_on_a_terminal_of_any_width() -> None:
    for columns in ("40", "200"):
        done = generate("--check", COLUMNS=columns, TERM="xterm-256color", FORCE_COLOR="1")
        assert done.returncode == 0, done.stderr


def test_check_names_the_stale_file(
    tmp_path: Path, generator: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh, stale, missing = (tmp_path / "docs" / f"{name}.md" for name in ("fresh", "stale", "missing"))
    fresh.parent.mkdir()
    fresh.write_text("new\n")
    stale.write_text("old\n")
    monkeypatch.setattr(generator, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(generator, "generated", lambda: dict.fromkeys((fresh, stale, missing), "new\n"))
    assert generator.main(["--check"]) == 1
    told = capsys.readouterr().err
    assert "docs/stale.md" in told
    assert "docs/missing.md" in told
    assert "docs/fresh.md" not in told
    assert stale.read_text() == "old\n"
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
    assert missing.read_text() == "new\n"


def test_an_unknown_argument_is_wrong_usage(generator: ModuleType) -> None:
    assert generator.main(["--chek"]) == 2


@pytest.mark.parametrize(
    "page",
    ["no marks", "<!-- a:begin -->\n", "<!-- a:begin -->\n<!-- a:end --><!-- a:begin -->\n<!-- a:end -->"],
)
def test_a_page_without_its_marks_is_an_error(generator: ModuleType, page: str) -> None:
    with pytest.raises(ValueError, match="a:begin"):
        generator.fill_region(page, "a", "text")


def test_a_region_is_filled_and_the_rest_stays(generator: ModuleType) -> None:
    page = "top\n<!-- a:begin -->\nold \\1\n<!-- a:end -->\nend\n"
    filled = "top\n<!-- a:begin -->\n\nnew \\1\n\n<!-- a:end -->\nend\n"
    assert generator.fill_region(page, "a", "new \\1\n") == filled


def test_every_command_and_option_is_documented() -> None:
    page = text_of(DOCS / "commands.md")
    found = headings(DOCS / "commands.md")
    for path, command in COMMANDS.items():
        assert path in found
        section = page.split(f"\n## {path}\n")[1].split("\n## ")[0]
        for parameter in command.params:
            if parameter.name in ("help", "install_completion", "show_completion"):
                continue
            is_argument = not parameter.opts[0].startswith("-")
            shown = (
                [parameter.metavar]
                if is_argument and parameter.metavar
                else [*parameter.opts, *parameter.secondary_opts]
            )
            for flag in shown:
                assert flag in section, f"{path} {flag}"


@pytest.mark.parametrize(
    ("page", "names"),
    [("sources.md", source_names()), ("tasks.md", task_names()), ("recipes.md", list(shipped_recipes()))],
)
def test_every_source_task_and_recipe_is_documented(page: str, names: list[str]) -> None:
    assert set(names) <= set(headings(DOCS / page))


def test_the_readme_lists_every_source_and_task() -> None:
    page = text_of(ROOT / "README.md")
    for kind, names in (("sources", source_names()), ("tasks", task_names())):
        table = page.split(f"<!-- {kind}:begin -->")[1].split(f"<!-- {kind}:end -->")[0]
        assert re.findall(r"^\| \[(\w+)\]", table, re.MULTILINE) == names


def shell_lines() -> list[tuple[str, str]]:
    return [
        (str(page.relative_to(ROOT)), line)
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.splitlines()
        if line.startswith(("taskpaint ", "make "))
    ]


@pytest.mark.parametrize(("page", "line"), shell_lines())
def test_commands_in_the_pages_would_run(page: str, line: str) -> None:
    words = shlex.split(line.split(" > ")[0], comments=True)
    if words[0] == "make":
        targets = re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE)
        assert set(words[1:]) <= set(targets)
        return
    name = words.pop(0)
    while words and f"{name} {words[0]}" in COMMANDS:
        name = f"{name} {words.pop(0)}"
    command = COMMANDS[name]
    if words == ["--version"]:
        assert any("--version" in parameter.opts for parameter in command.params)
        return
    command.make_context(name, words)  # raises what the command line would say


def test_there_are_commands_to_check() -> None:
    readme = [line for page, line in shell_lines() if page == "README.md"]
    assert {"make demo", "make test", "taskpaint verify out"} <= set(readme)


@pytest.mark.parametrize("wrong", ["build --recipe x", "verify", "recipes list extra"])
def test_a_wrong_command_would_be_noticed(wrong: str) -> None:
    words = wrong.split()
    name = "taskpaint " + " ".join(words[:2] if words[0] == "recipes" else words[:1])
    with pytest.raises(Exception, match=r"No such option|Missing parameter|[Uu]nexpected extra"):
        COMMANDS[name].make_context(name, words[name.count(" ") :])


def test_recipes_in_the_pages_hold() -> None:
    checked = 0
    for page in (ROOT / "README.md", DOCS / "recipes.md"):
        for text in blocks(page, "yaml"):
            with_defaults(parse_recipe(text, page.name))
            checked += 1
    assert checked >= 1 + len(shipped_recipes())


@pytest.mark.parametrize("page", PAGES, ids=NAMES_OF_PAGES)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert target.is_relative_to(ROOT), f"{page.name}: {link}"
        if fragment:
            assert fragment in map(anchor, headings(target)), f"{page.name}: {link}"


def test_pictures_are_small_and_every_task_has_one() -> None:
    drawn = {file.stem: file for file in (DOCS / "pictures").iterdir()}
    learned = {"learn-answers", "learn-drawn", "learn-metrics", "learn-picks"}
    assert set(drawn) == {"demo", *learned, *task_names()}
    for name, file in drawn.items():
        assert file.stat().st_size <= (150_000 if name == "demo" else 80_000), name
        with Image.open(file) as picture:
            assert picture.format == "PNG"


def test_the_changelog_knows_this_version() -> None:
    assert re.search(rf"^## {re.escape(__version__)} - ", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
