"""Recipes: defaults, and every complaint with its line and what to do."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.manifests.errors import RecipeError
from taskpaint.manifests.recipe import Recipe, Sizing
from taskpaint.manifests.recipe_file import change_recipe, combine, load_recipe, parse_recipe, shipped_recipes

SOURCES = "sources: [{source: coco, path: x}]\n"
BASE = SOURCES + "tasks: [segmentation]\n"


def _complaint(text):
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, "mine.yaml")
    return str(caught.value)


def test_defaults_and_the_short_form():
    recipe = parse_recipe(BASE).recipe
    assert recipe == Recipe(sources=({"source": "coco", "path": "x"},), tasks=({"task": "segmentation"},))
    assert (recipe.name, recipe.seed, recipe.image) == ("dataset", 0, Sizing())
    assert (recipe.splits.by, recipe.splits.validation, recipe.splits.test) == ("hash", 0.02, 0.0)
    assert (recipe.output.photo_format, recipe.output.jpeg_quality) == ("jpeg", 95)
    task = recipe.tasks[0]
    assert (task.label, task.weight, task.limit, task.options) == ("segmentation", 1.0, None, {})
    assert recipe.sources[0].label == "coco"


def test_labels():
    recipe = parse_recipe(
        "sources:\n"
        "  - {source: coco, path: x, split: val2017}\n"
        "  - {source: coco, path: x, split: val2017, name: again, tasks: [{task: depth, name: near}]}\n"
        "tasks: [segmentation]\n"
    ).recipe
    assert [source.label for source in recipe.sources] == ["coco-val2017", "again"]
    assert [task.label for task in recipe.tasks_of(recipe.sources[0])] == ["segmentation"]
    assert [task.label for task in recipe.tasks_of(recipe.sources[1])] == ["near"]


def test_an_anchor_may_be_used_twice():
    text = (
        "sources:\n"
        "  - {source: coco, path: x, tasks: &tasks [segmentation, {task: depth, weight: 2}]}\n"
        "  - {source: ade20k, path: y, tasks: *tasks}\n"
    )
    recipe = parse_recipe(text).recipe
    assert recipe.sources[0].tasks == recipe.sources[1].tasks
    assert recipe.sources[1].tasks[1].weight == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "mine.yaml: a recipe is a YAML mapping that begins with keys such as `sources:`"),
        ("# nothing\n", "mine.yaml: a recipe is a YAML mapping"),
        ("[1, 2]", "mine.yaml: a recipe is a YAML mapping"),
        ("just words", "mine.yaml: a recipe is a YAML mapping"),
        ("seed:\n\tb: 1", "mine.yaml, line 2: not valid YAML: found character '\\t'"),
        ("a: [1, 2", "mine.yaml, line 1: not valid YAML"),
        ("a: *b", "mine.yaml, line 1: not valid YAML: found undefined alias 'b'"),
        ("a: !!python/object/apply:os.system [ls]", "mine.yaml, line 1: not valid YAML: could not determine"),
        ("a: \x00", "mine.yaml: not valid YAML"),
        ("[1]: 2", "mine.yaml, line 1: not valid YAML: found unhashable key"),
        (BASE + "---\n" + BASE, "mine.yaml, line 3: not valid YAML"),
        (BASE + "seed: 1\nseed: 2\n", "mine.yaml, line 4: key 'seed' stands twice; remove one"),
        ("sources: [{source: coco,\n  source: x}]", "mine.yaml, line 2: key 'source' stands twice; remove one"),
        ("tasks: [depth]", "mine.yaml: sources: is missing"),
        ("sources: []\ntasks: [depth]", "mine.yaml, line 1: sources: a longer list is needed, not []"),
        ("sources: {source: coco, path: x}", "mine.yaml, line 1: sources: a list is needed, not {'source'"),
        ("sources:\n- source: coco\ntasks: [depth]", "mine.yaml, line 2: sources.0.path: is missing"),
        ("sources:\n- source: coco\n  path: ''\ntasks: [depth]", "mine.yaml, line 3: sources.0.path: string should"),
        ("sources: [null]", "mine.yaml, line 1: sources.0: a block of keys with values is needed, not None"),
        (SOURCES, "mine.yaml: source coco has no tasks; list some under it or under the recipe"),
        (BASE + "sed: 1", "mine.yaml, line 3: sed: unknown key; did you mean 'seed'?"),
        (BASE + "zebra: 1", "mine.yaml, line 3: zebra: unknown key; known keys are name, description, seed,"),
        (BASE + "image:\n  sise: 3", "mine.yaml, line 4: image.sise: unknown key; did you mean 'size'?"),
        (BASE + "image: 5", "mine.yaml, line 3: image: a block of keys with values is needed, not 5"),
        (BASE + "image: {size: big}", "mine.yaml, line 3: image.size: input should be a valid integer"),
        (BASE + "image: {size: 8}", "mine.yaml, line 3: image.size: input should be greater than or equal to 16"),
        (BASE + "image: {pad_rgb: [1, 2]}", "mine.yaml, line 3: image.pad_rgb.2: is missing"),
        (BASE + "image: {pad_rgb: [0, 0, 256]}", "line 3: image.pad_rgb.2: input should be less than or equal to 255"),
        (BASE + "image: {pad_rgb: [0, 0, yes]}", "mine.yaml, line 3: image.pad_rgb: a number is needed"),
        (BASE + "image: {resize: square, size: 500, multiple_of: 64}", "size 500 is not a multiple of multiple_of 64"),
        (BASE + "seed: yes", "mine.yaml, line 3: seed: a number is needed, not true"),
        (BASE + "seed: 1.5", "mine.yaml, line 3: seed: input should be a valid integer"),
        (BASE + "seed: -1", "mine.yaml, line 3: seed: input should be greater than or equal to 0, not -1"),
        (BASE + "seed: 9223372036854775808", "mine.yaml, line 3: seed: input should be less than 9223372036854775808"),
        (BASE + "name: a b", "mine.yaml, line 3: name: string should match pattern"),
        (BASE + "name: 12", "mine.yaml, line 3: name: input should be a valid string, not 12"),
        (BASE + "splits: {by: sauce}", "mine.yaml, line 3: splits.by: input should be 'hash' or 'source', not 'sauce'"),
        (BASE + "splits: {validation: 0.6, test: 0.4}", "validation and test together leave nothing for train; make"),
        (BASE + "output: {photo_format: jpg}", "mine.yaml, line 3: output.photo_format: input should be 'jpeg' or"),
        (SOURCES + "tasks: [5]", "mine.yaml, line 2: tasks.0: a block of keys with values is needed, not 5"),
        (SOURCES + "tasks: depth", "mine.yaml, line 2: tasks: a list is needed, not 'depth'"),
        (SOURCES + "tasks:\n- task: depth\n  wieght: 2", "line 4: tasks.0.wieght: unknown key; did you mean 'weight'?"),
        (SOURCES + "tasks: [{task: depth, weight: 0}]", "tasks.0.weight: input should be greater than 0, not 0"),
        (SOURCES + "tasks: [{task: depth, weight: .nan}]", "tasks.0.weight: input should be "),
        (SOURCES + "tasks: [{task: depth, limit: yes}]", "tasks.0.limit: a number is needed, not true"),
        (SOURCES + "tasks: [{task: depth, options: [1]}]", "tasks.0.options: a block of keys with values is needed"),
        (SOURCES + "tasks: [depth, depth]", "two tasks are called 'depth'; give one of them another `name`"),
        (
            "sources: [{source: coco, path: x, tasks: [depth, depth]}]",
            "two tasks of source coco are called 'depth'; give one of them another `name`",
        ),
        (
            "sources:\n- {source: coco, path: x}\n- {source: coco, path: y}\ntasks: [depth]",
            "mine.yaml, line 1: sources: two sources are called 'coco'; give one of them another `name`",
        ),
    ],
)
def test_complaints(text, complaint):
    assert complaint in _complaint(text)


def test_all_complaints_at_once():
    lines = _complaint(BASE + "sed: 1\nimage: {size: big}\n").splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("mine.yaml, line 4: image.size")
    assert lines[1].startswith("mine.yaml, line 3: sed")


def _laughs(first, more):
    """Nine levels, each nine times the one before: 3.5 billion values in 400 characters."""
    pairs = zip("abcdefgh", "bcdefghi", strict=True)
    return first + "".join(more.format(name=name, inner=",".join([f"*{inner}"] * 9)) for inner, name in pairs)


@pytest.mark.parametrize(
    "text",
    [
        _laughs("a: &a [x, x, x, x, x, x, x, x, x]\n", "{name}: &{name} [{inner}]\n"),
        _laughs("a: &a {x: 1}\n", "{name}: &{name} {{<<: [{inner}]}}\n"),
        _laughs("a: &a {x: 1}\n", "{name}: &{name} {{y: [{inner}]}}\n"),
        "a: &a [*a]\n",
        "a: &a {b: *a}\n",
        "[" * 3000,
        "{a: " * 3000,
    ],
    ids=["lists", "merges", "mappings", "in itself", "mapping in itself", "deep lists", "deep mappings"],
)
def test_bombs_are_refused_quickly(text):
    started = time.monotonic()
    complaint = _complaint(BASE + "description: x\n" + text if text[0] == "a" else text)
    assert "values once its aliases are written out" in complaint or "nested too deeply" in complaint
    assert time.monotonic() - started < 60


@given(st.text(max_size=200))
def test_any_text_is_a_recipe_or_a_recipe_error(text):
    try:
        parse_recipe(text)
    except RecipeError as fault:
        assert str(fault).startswith("recipe")


def test_a_missing_recipe_names_the_shipped_ones(tmp_path):
    with pytest.raises(RecipeError, match="neither a readable file nor a shipped recipe; shipped are: demo"):
        load_recipe("demmo")
    with pytest.raises(RecipeError, match="neither a readable file"):
        load_recipe(str(tmp_path))
    (tmp_path / "latin.yaml").write_bytes(b"name: M\xfcller\n")
    with pytest.raises(RecipeError, match="neither a readable file"):
        load_recipe(str(tmp_path / "latin.yaml"))


def test_shipped_recipes_hold():
    assert {"demo", "quickstart"} <= set(shipped_recipes())
    for name in shipped_recipes():
        assert load_recipe(name).origin == f"{name}.yaml"


def test_a_file_is_named_in_its_complaints(tmp_path):
    (tmp_path / "mix.yaml").write_text(BASE + "sed: 1\n")
    with pytest.raises(RecipeError, match=r"^mix\.yaml, line 3: sed"):
        load_recipe(str(tmp_path / "mix.yaml"))


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("image.size", "256", lambda recipe: recipe.image.size == 256),
        ("sources.0.limit", "10", lambda recipe: recipe.sources[0].limit == 10),
        ("sources.0.limit", "null", lambda recipe: recipe.sources[0].limit is None),
        ("sources.0.tasks", "[depth]", lambda recipe: recipe.sources[0].tasks[0].task == "depth"),
        ("tasks.0.options.style", "mask", lambda recipe: recipe.tasks[0].options == {"style": "mask"}),
        ("image.pad_rgb", "[1, 2, 3]", lambda recipe: recipe.image.pad_rgb == (1, 2, 3)),
        ("name", "other", lambda recipe: recipe.name == "other"),
    ],
)
def test_changes(key, value, read):
    before = parse_recipe(BASE)
    assert read(change_recipe(before, {key: value}).recipe)
    assert before.recipe == parse_recipe(BASE).recipe


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("image.sise", "3", "image.sise: unknown key; did you mean 'size'?"),
        ("image.size", "big", "image.size: input should be a valid integer"),
        ("image.size", "yes", "image.size: a number is needed, not true"),
        ("picture.size", "3", "--set picture.size=3: the recipe has no such place"),
        ("sources.1.limit", "3", "--set sources.1.limit=3: the recipe has no such place"),
        ("sources.first.limit", "3", "--set sources.first.limit=3: the recipe has no such place"),
        ("name.x", "3", "--set name.x=3: the recipe has no such place"),
        ("name", "[1", "--set name=[1: the recipe has no such place, or that is no YAML value"),
        ("name", "[" * 3000, "the recipe has no such place, or that is no YAML value"),
    ],
)
def test_changes_that_do_not_hold(key, value, complaint):
    with pytest.raises(RecipeError) as caught:
        change_recipe(parse_recipe(BASE), {key: value})
    assert complaint in str(caught.value)


def _combined(*texts):
    files = [parse_recipe(text, f"{position}.yaml") for position, text in enumerate(texts)]
    return combine(files, [(source, list(f.recipe.tasks_of(source))) for f in files for source in f.recipe.sources])


def test_recipes_combine():
    first = "name: one\nseed: 3\nsources: [{source: coco, path: x}]\ntasks: [segmentation, detection]\n"
    second = "name: two\nseed: 3\nsources: [{source: nyu_depth_v2, path: y, tasks: [depth]}]\n"
    both = _combined(first, second)
    assert (both.name, both.seed, both.tasks) == ("one", 3, ())
    assert [source.label for source in both.sources] == ["coco", "nyu_depth_v2"]
    assert [[task.label for task in both.tasks_of(s)] for s in both.sources] == [
        ["segmentation", "detection"],
        ["depth"],
    ]


@pytest.mark.parametrize(
    "change", ["seed: 4", "image: {size: 64}", "splits: {test: 0.1}", "output: {jpeg_quality: 90}"]
)
def test_recipes_with_other_settings_do_not_combine(change):
    with pytest.raises(
        RecipeError, match=rf"0\.yaml has {change.split(':')[0]} = .*, 1\.yaml has .*; make them the same"
    ):
        _combined(BASE, f"sources: [{{source: ade20k, path: x}}]\ntasks: [segmentation]\n{change}\n")


def test_recipes_with_one_source_name_do_not_combine():
    with pytest.raises(RecipeError, match="two sources are called 'coco'; give one of them another `name`"):
        _combined(BASE, BASE)
