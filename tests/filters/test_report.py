"""The report: every word escaped, every figure right, only the shown rows' pictures opened."""

import base64
import hashlib
import html
import io
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from taskpaint.filters.report import examples, write_report
from taskpaint.filters.report.axis import Axis, shown_range
from taskpaint.filters.report.charts import Edge, histogram, scatter, survival_curve
from taskpaint.filters.report.examples import edges_of
from taskpaint.filters.report.markup import Markup, element, join, number, share
from taskpaint.filters.report.sections import _family
from taskpaint.filters.rules import parse_rule
from taskpaint.filters.scorer import Column
from taskpaint.filters.survival import ScoredRows, survive
from taskpaint.manifests.errors import DatasetFolderError, OutputError
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.triplet import Triplet
from taskpaint.writers.codecs import encode_jpeg
from taskpaint.writers.shards import write_shard

NAN = float("nan")
NASTY = '<img src=x onerror=alert(1)> & "quotes" </svg><script>'
SHARD = "train-00000-of-00001"


def photo(shade, size=(40, 60)):
    return encode_jpeg(np.full((*size, 3), shade, np.uint8), 90)


def dataset(root, count, instruction="Paint it", images=None):
    folder = DatasetFolder(root)
    folder.data.mkdir(parents=True)
    triplets = [
        Triplet(
            id=f"row-{row}", input_image=(images or {}).get(row, photo(row)), edited_image=photo(200),
            edit_prompt=instruction, task="edit", template_id="t", params="{}", annotation="{}", source_dataset="d",
            source_split="train", source_id=str(row), image_key=str(row), license="x", width=60, height=40,
        )
        for row in range(count)
    ]  # fmt: skip
    write_shard(folder.shard_file(SHARD), triplets, 4)
    return folder


def scored(tasks, **scores):
    names = sorted(set(tasks))
    codes = np.array([names.index(task) for task in tasks], np.int32)
    columns = {name: np.array(values, np.float64) for name, values in scores.items()}
    return ScoredRows((SHARD,), np.array([0, len(tasks)]), tuple(names), codes, columns)


def report(tmp_path, folder, rows, *texts, name="pictures", description="A score", notes=(), pictures=3):
    rules = [parse_rule(text, "--keep") for text in texts]
    columns = {column: Column(column, "target", "higher", description) for column in rows.scores}
    survival = survive(rows, rules, dict.fromkeys(columns, "target"))
    file = tmp_path / "report.html"
    write_report(
        file, name=name, folder=folder, columns=columns, rows=rows, survival=survival, notes=notes, pictures=pictures
    )
    return file.read_text("utf-8")


class Balance(HTMLParser):
    """Fails where an element is not closed by its own end tag."""

    VOID = frozenset({"meta", "link", "img", "br", "hr", "input"})

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(page):
    balance = Balance()
    balance.feed(page)
    balance.close()
    assert balance.open == []
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(drawing)
    return balance.seen


def test_the_page_is_whole_and_asks_for_nothing(tmp_path):
    rows = scored(["edit"] * 8, target_a=range(8), source_a=range(8), other=[1] * 8)
    page = report(tmp_path, dataset(tmp_path / "d", 8), rows, "target_a >= 3", "abs(target_a) <= 6")
    seen = parsed(page)
    assert not [tag for tag, _ in seen if tag in ("script", "iframe", "object", "form")]
    outward = [value for _, attributes in seen for name, value in attributes.items() if name in ("src", "href")]
    assert all(value.startswith(("data:", "#")) for value in outward)
    assert not [attributes for _, attributes in seen if "style" in attributes]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page
    assert "4 of 8" in page  # 3, 4, 5 and 6
    targets = {attributes["id"] for _, attributes in seen if "id" in attributes}
    assert {value[1:] for value in outward if value.startswith("#")} <= targets


def test_whatever_a_dataset_says_stays_text(tmp_path):
    rows = scored(["edit"] * 3 + [NASTY], target_a=[1, 2, 3, 4])
    folder = dataset(tmp_path / "d", 4, instruction=NASTY)
    page = report(tmp_path, folder, rows, "*: target_a >= 2", name=NASTY, description=NASTY, notes=[NASTY])
    parsed(page)
    assert "<script" not in page
    assert "onerror=alert(1)>" not in page
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; &quot;quotes&quot;" in page


def test_the_same_cut_gives_the_same_bytes(tmp_path):
    folder, rows = dataset(tmp_path / "d", 6), scored(["edit"] * 6, target_a=range(6))
    assert report(tmp_path, folder, rows, "target_a >= 3") == report(tmp_path, folder, rows, "target_a >= 3")


def test_only_the_shown_rows_are_opened(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(examples, "decode_rgb", lambda data: opened.append(data) or np.zeros((9, 9, 3), np.uint8))
    rows = scored(["edit"] * 40, target_a=range(40))
    report(tmp_path, dataset(tmp_path / "d", 40), rows, "target_a >= 20", pictures=2)
    assert sorted(opened) == sorted([photo(shade) for shade in (18, 19, 20, 21)] + [photo(200)] * 4)


def test_no_pictures_are_asked_for_nor_opened(tmp_path):
    folder = DatasetFolder(tmp_path / "nothing")
    page = report(tmp_path, folder, scored(["edit"] * 3, target_a=range(3)), "target_a >= 2", pictures=0)
    assert "data:image" not in page


def test_pictures_are_small(tmp_path):
    folder = dataset(tmp_path / "d", 2, images={0: photo(0, (900, 1600))})
    page = report(tmp_path, folder, scored(["edit"] * 2, target_a=[0, 1]), "target_a >= 1")
    sizes = [
        Image.open(io.BytesIO(base64.b64decode(found))).size for found in re.findall(r"jpeg;base64,([^\"]+)", page)
    ]
    assert sorted(sizes) == [(60, 40), (60, 40), (60, 40), (240, 135)]


def test_a_picture_that_does_not_open_is_told(tmp_path):
    folder = dataset(tmp_path / "d", 2, images={0: photo(0)[:200]})
    page = report(tmp_path, folder, scored(["edit"] * 2, target_a=[0, 1]), "target_a >= 1")
    parsed(page)
    assert "source does not open: " in page


def test_a_dataset_without_its_shard(tmp_path):
    with pytest.raises(DatasetFolderError, match="cannot be read"):
        report(tmp_path, DatasetFolder(tmp_path / "no"), scored(["edit"] * 2, target_a=[0, 1]), "target_a >= 1")


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OutputError, match="choose another place for the report"):
        report(tmp_path, dataset(tmp_path / "d", 2), scored(["edit"] * 2, target_a=[0, 1]), "target_a >= 1")
    assert not list(tmp_path.glob(".*.part"))


def test_scores_that_do_not_exist_are_counted_and_drawn_nowhere(tmp_path):
    rows = scored(["edit"] * 4, target_a=[NAN, float("inf"), 1, 5], target_b=[NAN] * 4, source_b=[NAN] * 4)
    page = report(tmp_path, dataset(tmp_path / "d", 4), rows, "target_a >= 2", "target_b >= q50")
    parsed(page)
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert "target_a" in drawn
    assert "target_b" not in drawn
    assert "nan" not in drawn
    assert "inf" not in drawn


def test_a_rule_that_applies_to_no_row_is_told(tmp_path):
    page = report(tmp_path, dataset(tmp_path / "d", 2), scored(["depth"] * 2, target_a=[1, 2]), "edit: target_a >= 2")
    parsed(page)
    assert "applies to no row of this dataset" in page


def edges(rows, *texts, rule=0, count=3):
    rules = [parse_rule(text) for text in texts]
    found = edges_of(rows, survive(rows, rules, {r.column: "target" for r in rules}), rule, count)
    return found.dropped, found.kept


def test_the_nearest_rows_stand_first():
    rows = scored(["edit"] * 7, a=[9, 1, 4.9, 5, 4, NAN, 6])
    assert edges(rows, "a >= 5") == ([2, 4, 1], [3, 6, 0])
    assert edges(rows, "a >= 5", count=1) == ([2], [3])
    assert edges(scored(["edit"] * 4, a=[-3, 2, -0.4, 0.6]), "abs(a) <= 0.5") == ([3, 1, 0], [2])


def test_tasks_take_turns():
    rows = scored(["edit", "edit", "edit", "restoration", "edit"], a=[1, 2, 3, 1, 9])
    assert edges(rows, "a >= 5", count=3) == ([2, 3, 1], [4])


def test_an_example_says_when_another_rule_drops_it(tmp_path):
    rows = scored(["edit"] * 3, target_a=[1, 5, 6], target_b=[9, 0, 9])
    page = report(tmp_path, dataset(tmp_path / "d", 3), rows, "target_a >= 4", "target_b >= 1")
    assert page.count("dropped by rule 2") == 1
    assert page.count("dropped by rule 1") == 1  # row 0 among those that rule 2 keeps


@pytest.mark.parametrize(
    ("comparison", "kept"), [(">=", "60 %"), (">", "40 %"), ("<=", "60 %"), ("<", "40 %"), ("==", "20 %")]
)
def test_the_survival_curve_says_what_is_kept_now(comparison, kept):
    drawing = survival_curve("t", np.array([5.0, 1, 3, 2, 4]), Edge(comparison, 3.0))
    assert html.escape(f"{comparison} 3: {kept} kept") in drawing


def bars(drawing, name):
    """(left, top, width, height) of each bar of a histogram, from its path."""
    path = re.search(rf'class="bar {name}" d="([^"]*)"', drawing)[1]
    figures = [re.match(r"(\S+) (\S+)h(\S+)v(\S+)h", bar).groups() for bar in path.split("M")[1:]]
    return [tuple(map(float, figure)) for figure in figures]


def test_the_bars_count_the_rows():
    values = np.array([0.0] * 6 + [1.0] * 3)
    drawing = histogram("t", values, np.array([True] * 2 + [False] * 4 + [True] * 3))
    kept, dropped = bars(drawing, "kept"), bars(drawing, "dropped")
    assert len(kept) == 2
    assert len(dropped) == 1
    unit = dropped[0][3] / 4
    assert [bar[3] for bar in kept] == pytest.approx([2 * unit, 3 * unit], abs=0.02)
    assert dropped[0][1] + dropped[0][3] == pytest.approx(kept[0][1], abs=0.02)  # one stands on the other
    assert dropped[0][0] == kept[0][0] < kept[1][0]


def test_the_scatter_draws_every_row_once_and_every_cut():
    source, target = np.array([1.0, 2, 3, 4]), np.array([2.0, 2, 5, 4])
    drawing = scatter(
        "t", source, target, np.array([True, False, True, True]), target_edges=[Edge(">=", 2.5)],
        gap_edges=[Edge("<=", 1.0, absolute=True)],
    )  # fmt: skip
    points = {name: d.count("h0") for name, d in re.findall(r'class="points (\w+)[^"]*" d="([^"]*)"', drawing)}
    assert points == {"dropped": 1, "kept": 3}
    assert drawing.count('class="cut"') == 3


@pytest.mark.parametrize(
    ("column", "family"),
    [
        ("target_a", ("source_a", "target_a", "a_gap")),
        ("a_gap", ("source_a", "target_a", "a_gap")),
        ("a_gap_v1", ("source_a_v1", "target_a_v1", "a_gap_v1")),
        ("source_a_v1", ("source_a_v1", "target_a_v1", "a_gap_v1")),
        ("target_b", None),
        ("a", None),
        ("ssim", None),
    ],
)
def test_which_scores_go_together(column, family):
    names = ["source_a", "target_a", "a_gap", "source_a_v1", "target_a_v1", "a_gap_v1", "target_b", "a", "ssim"]
    assert _family(column, names) == family


def test_one_scatter_for_all_rules_on_one_family(tmp_path):
    rows = scored(["edit"] * 3, source_a=[1, 2, 3], target_a=[2, 2, 2], a_gap=[1, 0, -1])
    page = report(tmp_path, dataset(tmp_path / "d", 3), rows, "abs(a_gap) <= 0.5", "a_gap <= 9", "source_a >= 1")
    assert page.count("a of source and target in edit") == 1
    assert page.count('class="points kept"') == 1


def test_a_scatter_of_many_rows_shows_a_sample():
    many = np.arange(100_000.0)
    drawing = scatter("t", many, many, np.ones(100_000, bool))
    assert drawing.count("h0") == 1500


@given(
    st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=60),
    st.lists(st.floats(-1e12, 1e12), max_size=2),
)
def test_whatever_the_scores_the_drawing_is_whole(numbers, thresholds):
    values, kept = np.array(numbers), np.arange(len(numbers)) % 2 == 0
    drawings = [histogram("t", values, kept, [Edge(">=", t) for t in thresholds]), scatter("t", values, values, kept)]
    drawings += [survival_curve("t", values, Edge("<", t)) for t in thresholds]
    for drawing in drawings:
        ElementTree.fromstring(drawing)
        assert "nan" not in drawing
        assert "inf" not in drawing


def test_the_range_leaves_out_long_tails_and_shows_the_cuts():
    values = np.append(np.linspace(0, 1, 1000), 1e6)
    low, high = shown_range(values)
    assert -0.1 < low < high < 1.1
    assert shown_range(values, [3.0])[1] > 3
    assert shown_range(np.array([2.0, 2.0])) == (1.5, 2.5)


def test_ticks_are_round():
    assert Axis(0, 10, 0, 100).ticks() == [0, 2, 4, 6, 8, 10]
    assert Axis(-0.12, 0.31, 0, 100).ticks() == [-0.1, 0, 0.1, 0.2, 0.3]
    assert Axis(0, 1, 10, 110)(0.5) == 60
    assert Axis(0, 1, 110, 10)(2) == 10


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (5.2345, "5.234"), (1234.5, "1,234"), (1e9, "1e+09"), (-0.00012, "-0.00012")]
)
def test_figures(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"), [(0, 5, "0 %"), (5, 5, "100 %"), (1, 3, "33 %"), (1, 1000, "0.1 %"), (0, 0, "–"),
                                (9999, 10000, "99.99 %")],
)  # fmt: skip
def test_shares(part, whole, text):
    assert share(part, whole) == text


def test_markup_is_escaped_once():
    inner = element("b", "a < b")
    assert element("p", inner, " & ", None, class_="x", data_y='"') == (
        '<p class="x" data-y="&quot;"><b>a &lt; b</b> &amp; </p>'
    )
    assert isinstance(join("a"), Markup)
