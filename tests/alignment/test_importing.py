"""Runs from pictures made elsewhere, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from taskpaint.alignment.making import import_run
from taskpaint.alignment.run import RunFolder
from taskpaint.alignment.scores import read_scores
from taskpaint.manifests.errors import DatasetFolderError, ResumeError, UsageError
from taskpaint.manifests.images import decode_rgb


def picture(file: Path, value: int, **options: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((8, 12, 3), value, np.uint8)
    Image.fromarray(pixels).save(file, **options)
    return file


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Two items in JSONL."""
    for name in ("s", "a", "b", "c"):
        picture(tmp_path / "given" / f"{name}.png", 40 * (ord(name) % 5))
    rows = [
        {"source": "s.png", "instruction": "Make it dark", "candidates": ["a.png", "b.png"]},
        {
            "id": "second",
            "source": "s.png",
            "instruction": "Ünïcode\u2028line",
            "candidates": [
                {"image": "a.png", "text_guidance": 7.5, "seed": 3, "scores": {"mine": 0.25}},
                {"image": "c.png", "scores": {"other": 2}},
            ],
            "license": "CC BY 4.0",
        },
    ]
    file = tmp_path / "given" / "edits.jsonl"
    file.write_text("\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", encoding="utf-8")
    return file


def test_lines(lines: Path, tmp_path: Path) -> None:
    made = import_run(lines, tmp_path / "run", "mine", 4)
    assert (made.items, made.candidates, made.refused) == (2, 4, [])
    run = RunFolder(tmp_path / "run").read()
    assert (run.name, run.seed) == ("mine", 4)
    first, second = run.items
    assert (first.id, second.id, second.instruction) == ("000001", "second", "Ünïcode\u2028line")
    assert first.source == second.source  # one picture is stored once
    assert (run.root / first.source).read_bytes() == (lines.parent / "s.png").read_bytes()
    assert second.candidates[0].settings() == {"text_guidance": 7.5, "seed": 3}
    scores = read_scores(run)
    assert set(scores.columns) == {"mine", "other", "text_guidance"}
    np.testing.assert_array_equal(scores.of(second, "mine"), [0.25, np.nan])
    np.testing.assert_array_equal(scores.of(first, "mine"), [np.nan, np.nan])


def test_folders_in_the_order_that_people_count(tmp_path: Path) -> None:
    for item in ("10", "9"):
        folder = tmp_path / "given" / item
        picture(folder / "source.jpg", 200)
        for name, value in (("2.png", 20), ("10.png", 100), ("1.bmp", 10)):
            picture(folder / name, value)
        (folder / "instruction.txt").write_text("  Turn \n left ", encoding="utf-8")
    import_run(tmp_path / "given", tmp_path / "run", "x", 0)
    run = RunFolder(tmp_path / "run").read()
    assert [item.id for item in run.items] == ["9", "10"]
    assert run.items[0].instruction == "Turn left"
    values = [decode_rgb((run.root / one.image).read_bytes())[0, 0, 0] for one in run.items[0].candidates]
    assert values == [10, 20, 100]
    assert run.items[0].candidates[0].image.endswith(".png")  # a dataset cannot hold BMP


def test_a_turned_photograph_is_stored_upright(tmp_path: Path, lines: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(lines.parent / "a.png", 5).unlink()
    picture(lines.parent / "a.jpg", 5, exif=exif)
    lines.write_text(json.dumps({"source": "a.jpg", "instruction": "x", "candidates": ["b.png", "c.png"]}))
    import_run(lines, tmp_path / "run", "x", 0)
    source = RunFolder(tmp_path / "run").read().items[0].source
    assert decode_rgb((tmp_path / "run" / source).read_bytes()).shape == (12, 8, 3)


def test_a_broken_picture_leaves_its_item_out(tmp_path: Path, lines: Path) -> None:
    (lines.parent / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    made = import_run(lines, tmp_path / "run", "x", 0)
    assert [(one.where, made.items) for one in made.refused] == [(f"{lines}, line 1", 1)]
    (lines.parent / "a.png").unlink()
    with pytest.raises(UsageError, match="holds no item that could be taken"):
        import_run(lines, tmp_path / "other", "x", 0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1: not valid JSON"),
        ("[]", "line 1"),
        ('{"source": "s.png", "instruction": "x", "candidates": ["a.png"]}', "candidates"),
        ('{"source": "s.png", "instruction": "", "candidates": ["a.png", "b.png"]}', "instruction"),
        ('{"source": "s.png", "instruction": "x", "candidates": ["a.png", "b.png"], "extra": 1}', "extra"),
        ('{"source": "s.png", "instruction": "x", "candidates": ["a.png", "b.png"], "source_caption": "y"}', "caption"),
    ],
)
def test_lines_that_are_no_items(tmp_path: Path, lines: Path, line: str, said: str) -> None:
    lines.write_text(line)
    with pytest.raises(UsageError, match=said):
        import_run(lines, tmp_path / "run", "x", 0)


def test_ids_must_differ(tmp_path: Path, lines: Path) -> None:
    row = {"id": "a", "source": "s.png", "instruction": "x", "candidates": ["a.png", "b.png"]}
    lines.write_text(f"{json.dumps(row)}\n{json.dumps(row)}")
    with pytest.raises(UsageError, match="line 2: a second item is called 'a'"):
        import_run(lines, tmp_path / "run", "x", 0)


def test_nothing_is_written_over(tmp_path: Path, lines: Path) -> None:
    import_run(lines, tmp_path / "run", "x", 0)
    with pytest.raises(ResumeError, match="is not empty"):
        import_run(lines, tmp_path / "run", "x", 0)
    with pytest.raises(UsageError, match="does not exist"):
        import_run(tmp_path / "nowhere", tmp_path / "other", "x", 0)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run.json", "{", "cannot be read"),
        ("run.json", '{"format": 9, "seed": 0, "name": "x", "made_by": {}}', "of format 9"),
        ("items.jsonl", "", "holds no items|line 1"),
        ("items.jsonl", '{"id": "a"}\n', "line 1"),
        ("items.jsonl", '{"id": "../x", "instruction": "x", "source": "/etc/passwd", "candidates": []}\n', "line 1"),
    ],
)
def test_runs_that_were_tampered_with(tmp_path: Path, lines: Path, name: str, content: str, said: str) -> None:
    import_run(lines, tmp_path / "run", "x", 0)
    (tmp_path / "run" / name).write_text(content)
    with pytest.raises(DatasetFolderError, match=said):
        RunFolder(tmp_path / "run").read()
