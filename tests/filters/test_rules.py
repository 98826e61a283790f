"""Rules: what can be written, what each means, and what is said of those that cannot be read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.builders.registry import task_names
from taskpaint.filters.rule_set import RuleSet, given_rules, load_preset, load_rules, preset_file, preset_names
from taskpaint.filters.rules import BOTH, PICTURES, Rule, parse_rule
from taskpaint.filters.survival import KEPT, ScoredRows, survive
from taskpaint.manifests.errors import UsageError

NAN = float("nan")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("edit: target_aesthetics >= 5.0", Rule(("edit",), "target_aesthetics", False, ">=", 5.0)),
        ("target_giqa >= q20", Rule((), "target_giqa", False, ">=", 20.0, True)),
        ("*: abs(aesthetics_gap) <= 0.5", Rule(("*",), "aesthetics_gap", True, "<=", 0.5)),
        ("edit,restoration , inverse:a<-1e-3", Rule(("edit", "restoration", "inverse"), "a", False, "<", -0.001)),
        ("  leak==0 ", Rule((), "leak", False, "==", 0.0)),
        ("a > q99.5", Rule((), "a", False, ">", 99.5, True)),
        ("a > .5", Rule((), "a", False, ">", 0.5)),
        ("abs > 3", Rule((), "abs", False, ">", 3.0)),  # a score may be called so
        ("depth_order, edit, edit: q20_score < q0", Rule(("depth_order", "edit"), "q20_score", False, "<", 0.0, True)),
    ],
)
def test_a_rule_is_read(text, rule):
    assert parse_rule(text) == rule
    assert parse_rule(str(rule)) == rule


@given(
    st.sampled_from([(), ("*",), ("edit",), ("edit", "my-task")]),
    st.booleans(),
    st.sampled_from([">=", "<=", ">", "<", "=="]),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_rule_is_what_it_is_written_as(tasks, absolute, comparison, threshold):
    rule = Rule(tasks, "some_score", absolute, comparison, threshold)
    assert parse_rule(str(rule)) == rule


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("", 1, "the name of a score"),
        ("edit: target_aesthetics => 5", 25, "one of >=, <=, >, <, =="),
        ("a != 5", 3, "one of >=, <=, >, <, =="),
        ("a >= ", 6, "a number, or a quantile"),
        ("a >= five", 6, "a number, or a quantile"),
        ("a >= 5x", 6, "a number, or a quantile"),
        ("a >= nan", 6, "a number, or a quantile"),
        ("a >= 1e999", 6, "a finite number"),
        ("a >= q101", 6, "a quantile from q0 to q100"),
        ("a == q20", 6, "a number after =="),
        ("a >= 5 and b >= 5", 8, "the end of the rule"),
        ("abs(a >= 5", 7, "')'"),
        ("edit restoration: a >= 5", 6, "',' or ':'"),
        ("edit: a: >= 5", 8, "one of"),
        ("edit,: a >= 5", 6, "the name of a task"),
        ("*, edit: a >= 5", 2, "':'"),
        ("é >= 5", 1, "the name of a score"),
        ("__import__('os') >= 1", 11, "one of"),
    ],
)
def test_a_rule_that_cannot_be_read_says_where(text, place, expected):
    with pytest.raises(UsageError) as caught:
        parse_rule(text, "--keep")
    assert f"--keep: rule {text!r} cannot be read at character {place}: expected {expected}" in str(caught.value)


def test_a_rule_of_thousands_of_characters_is_refused():
    with pytest.raises(UsageError, match="has 100007 characters"):
        parse_rule("a" * 100_002 + " >= 5")


@pytest.mark.parametrize(
    ("column", "about", "tasks"),
    [
        ("target_aesthetics", "target", {"edit", "restoration", "inpainting", "inverse"}),
        ("aesthetics_gap", "pair", {"edit", "restoration", "inpainting"}),
        ("image_similarity", "pair", {"edit", "restoration", "inpainting"}),
        ("source_giqa", "source", set(task_names()) - {"inverse", "adaptation"}),
        ("duplicate_rank", "pair", set(task_names())),
        ("leak", "source", set(task_names())),
        ("cross_split_embedding_twins", "source", set(task_names())),
        ("target_twins", "target", {"edit", "restoration", "inpainting", "inverse"}),  # plain masks are often alike
        ("shortest_side", "pair", set(task_names())),
    ],
)
def test_a_rule_without_a_task_judges_pictures_only(column, about, tasks):
    rule = parse_rule(f"{column} >= 1")
    assert {task for task in task_names() if rule.applies_to(task, about)} == tasks


def test_a_rule_with_tasks_judges_them_whatever_they_show():
    assert parse_rule("segmentation: target_aesthetics >= 5").applies_to("segmentation", "target")
    assert parse_rule("*: target_aesthetics >= 5").applies_to("depth", "target")
    assert not parse_rule("edit: leak == 0").applies_to("depth", "pair")


def test_the_targets_of_an_unknown_task_are_left_alone_until_it_is_said_what_they_are():
    rule = parse_rule("target_aesthetics >= 5")
    assert not rule.applies_to("relight", "target")
    assert rule.applies_to("relight", "target", {**PICTURES, "relight": BOTH})


def test_every_task_with_pictures_exists():
    assert PICTURES.keys() <= set(task_names())


def test_a_file_of_rules(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(
        "rules:\n  - 'edit: a >= 5'\n  - {keep: 'b <= q50', optional: true}\nmissing: drop\npicture_tasks: [relight]\n"
    )
    rules = load_rules(file)
    assert [str(rule) for rule in rules.rules] == ["edit: a >= 5", "b <= q50"]
    assert [rule.optional for rule in rules.rules] == [False, True]
    assert rules.missing == "drop"
    assert rules.pictures["relight"] == BOTH
    assert rules.pictures["edit"] == BOTH


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begins with `rules:`"),
        ("rules: []", "rules: a longer list is needed"),
        ("rules: [a >= 5]\nmising: drop", "mising: unknown key; did you mean 'missing'"),
        ("rules: [a >= 5]\nmissing: perhaps", "missing: input should be 'keep', 'drop' or 'error'"),
        ("rules:\n  - edit: a >= 5", 'rule 1: put quotes around it, YAML reads its colon: "edit: a >= 5"'),
        ("rules: ['a >= 5', 'a => 5']", "r.yaml, rule 2: rule 'a => 5' cannot be read at character 3"),
        ("rules: [", "r.yaml, line 1: not valid YAML"),
        ("rules: [{optional: true}]", "keep"),
        ("rules: [5]", "r.yaml"),
    ],
)
def test_a_file_that_does_not_hold(tmp_path, text, said):
    file = tmp_path / "r.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_rules(file)
    assert said in str(caught.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_rules(tmp_path / "nothing.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        load_rules(tmp_path / "b.yaml")


def test_sets_are_joined_in_order_and_a_rule_counts_once():
    both = given_rules(["a >= 5", "b >= 1"], "x") + given_rules(["a >= 5.0", "c >= 1"], "y")
    assert [str(rule) for rule in both.rules] == ["a >= 5", "b >= 1", "c >= 1"]
    assert (RuleSet(missing="drop") + RuleSet()).missing == "drop"
    assert (RuleSet(missing="drop") + RuleSet(missing="error")).missing == "error"


# The constants as the papers give them.
PUBLISHED = {
    "anyedit": {"edit: target_aesthetics > 2", "edit: text_similarity > 0.1", "edit: aspect <= 2"},
    "imgedit": {"edit: source_aesthetics > 4.75"},
    "instructdiffusion": {"edit: target_aesthetics >= 5.5", "edit: abs(aesthetics_gap) <= 0.5"},
    "instructpix2pix": {
        "edit: image_similarity >= 0.7",
        "edit: source_text_similarity >= 0.2",
        "edit: text_similarity >= 0.2",
        "edit: direction_similarity >= 0.2",
    },
    "nhr-edit": {"edit: changed_share >= 0.005"},
    "ultraedit": {
        "edit: image_similarity >= 0.8",
        "edit: source_text_similarity >= 0.2",
        "edit: text_similarity >= 0.2",
        "edit: direction_similarity >= 0.2",
        "edit: dinov2_similarity >= 0.3",
    },
}


def test_presets_have_the_published_constants_and_say_where_they_come_from():
    assert preset_names() == sorted(PUBLISHED)
    for name, rules in PUBLISHED.items():
        assert {str(rule) for rule in load_preset(name).rules} == rules
        assert preset_file(name).published
    assert "Only the name" in preset_file("instructdiffusion").published


def test_an_unknown_preset():
    with pytest.raises(UsageError, match="did you mean 'ultraedit'"):
        load_preset("ultra-edit")
    with pytest.raises(UsageError, match="there are: anyedit, imgedit"):
        load_preset("../../secret")


def scored(tasks, **scores):
    names = sorted(set(tasks))
    return ScoredRows(
        ("train-00000-of-00001",),
        np.array([0, len(tasks)]),
        tuple(names),
        np.array([names.index(task) for task in tasks], np.int32),
        {name: np.array(values, np.float64) for name, values in scores.items()},
    )


def survived(rows, *texts, missing="keep", about="target"):
    rules = [parse_rule(text) for text in texts]
    return survive(rows, rules, {rule.column: about for rule in rules}, missing)


def test_the_first_rule_that_a_row_breaks_drops_it():
    rows = scored(["edit"] * 4, a=[1, 2, 3, 4], b=[4, 3, 2, 1])
    found = survived(rows, "a >= 2", "b >= 2")
    assert found.dropped_by.tolist() == [0, KEPT, KEPT, 1]
    first, second = found.cells
    assert (first.rows, first.missing, first.alone, first.dropped, first.left) == (4, 0, 1, 1, 3)
    assert (second.rows, second.missing, second.alone, second.dropped, second.left) == (4, 0, 1, 1, 2)
    both = survived(rows, "a >= 3", "b <= 2")  # they drop the same rows
    assert [(cell.alone, cell.dropped) for cell in both.cells] == [(2, 2), (2, 0)]


@pytest.mark.parametrize(
    ("text", "kept"),
    [("a >= 2", [2, 3]), ("a > 2", [3]), ("a <= 2", [-3, 1, 2]), ("a < 2", [-3, 1]), ("a == 2", [2]),
     ("abs(a) >= 3", [-3, 3]), ("abs(a) < 3", [1, 2])],
)  # fmt: skip
def test_comparisons(text, kept):
    values = np.array([-3, 1, 2, 3])
    found = survived(scored(["edit"] * 4, a=values), text)
    assert values[found.kept].tolist() == kept


def test_a_quantile_is_of_the_task_and_of_the_rows_as_they_come_in():
    rows = scored(["edit"] * 5 + ["restoration"] * 5, a=[1, 2, 3, 4, 5, 10, 20, 30, 40, 50], b=[0, 0] + [1] * 8)
    found = survived(rows, "a >= q50")
    assert [cell.threshold for cell in found.cells] == [3.0, 30.0]
    assert found.kept.tolist() == [False, False, True, True, True] * 2
    after = survived(rows, "b >= 1", "a >= q50")  # what the first rule drops still counts
    assert after.cells[2].threshold == 3.0
    assert survived(rows, "a >= q25").cells[0].threshold == 2.0  # linear between 1, 2, 3, 4, 5: position 1
    assert survived(rows, "a <= q10").cells[0].threshold == pytest.approx(1.4)  # position 0.4


def test_a_quantile_under_abs_is_of_the_absolute_scores():
    assert survived(scored(["edit"] * 3, a=[-3, 1, -2]), "abs(a) <= q50").cells[0].threshold == 2.0


def test_a_mask_is_not_judged_by_its_beauty():
    rows = scored(["edit", "segmentation"], a=[1, 1])
    assert survived(rows, "a >= 5").kept.tolist() == [False, True]
    assert survived(rows, "*: a >= 5").kept.tolist() == [False, False]


def test_a_score_that_does_not_exist():
    rows = scored(["edit"] * 3, a=[NAN, 1, 9])
    kept, dropped = survived(rows, "a >= 5"), survived(rows, "a >= 5", missing="drop")
    assert kept.kept.tolist() == [True, False, True]
    assert dropped.kept.tolist() == [False, False, True]
    assert (kept.cells[0].missing, kept.cells[0].alone, dropped.cells[0].alone) == (1, 1, 2)
    with pytest.raises(UsageError, match=r"1 of 3 edit rows have no a, .* --missing keep or --missing drop"):
        survived(rows, "a >= 5", missing="error")


def test_a_task_without_any_score_is_kept_whole_and_has_no_threshold():
    found = survived(scored(["edit"] * 2, a=[NAN, NAN]), "a >= q50")
    assert found.kept.all()
    assert found.cells[0].as_json(found.rules[0])["threshold"] is None


def test_a_rule_that_applies_to_nothing():
    assert survived(scored(["depth"], a=[1]), "edit: a >= 5").cells == ()


@given(
    st.lists(st.tuples(st.sampled_from(["edit", "depth"]), st.floats() , st.floats()), min_size=1, max_size=30),
    st.permutations(["a >= q30", "*: b < 1", "edit: abs(a) <= 2", "*: a > q5"]),
    st.sampled_from(["keep", "drop"]),
)  # fmt: skip
def test_the_order_of_rules_never_decides_whether_a_row_stays(table, texts, missing):
    tasks, first, second = zip(*table, strict=True)
    finite = [[value if abs(value) < 1e300 else NAN for value in column] for column in (first, second)]
    rows = scored(list(tasks), a=finite[0], b=finite[1])
    found = survived(rows, *texts, missing=missing)
    assert found.kept.tolist() == survived(rows, *sorted(texts), missing=missing).kept.tolist()
    for position in range(len(texts)):
        dropped = int((found.dropped_by == position).sum())
        assert dropped == sum(cell.dropped for cell in found.cells if cell.rule == position)
        assert all(cell.dropped <= cell.alone <= cell.rows for cell in found.cells)
