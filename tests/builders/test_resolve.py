"""From a recipe's words to readers and tasks: every complaint before work begins."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from taskpaint.builders import registry
from taskpaint.builders.resolve import check_paths, check_streams, open_streams, recipe_schema, with_defaults
from taskpaint.manifests.errors import RecipeError, SourceLayoutError, UsageError
from taskpaint.manifests.recipe import Recipe
from taskpaint.manifests.recipe_file import load_recipe, parse_recipe, shipped_recipes


def _check(text, root=Path(), **paths):
    return check_streams(parse_recipe(text, "mine.yaml"), root, {name: Path(path) for name, path in paths.items()})


def _complaint(text, root=Path(), error=RecipeError):
    with pytest.raises(error) as caught:
        _check(text, root)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "sources:\n  - source: oxford_pets\n    path: x\n    tasks:\n      - segmentation\n      - depth\n",
            "mine.yaml, line 6: task depth needs depth; source oxford_pets has ",
        ),
        (
            "sources:\n  - {source: nyu_depth_v2, path: x}\ntasks:\n  - segmentation\n",
            "mine.yaml, line 2: source nyu_depth_v2 can feed none of the recipe's tasks; remove it or list its own",
        ),
        (
            "sources:\n  - source: cocoa\n    path: x\ntasks: [depth]",
            "mine.yaml, line 2: no source is called 'cocoa'; did",
        ),
        (
            "sources: [{source: coco, path: x}]\ntasks:\n  - segmentaton",
            "mine.yaml, line 3: no task is called 'segmentaton'",
        ),
        (
            "sources: [{source: coco, path: x}]\ntasks:\n  - task: segmentation\n    options:\n      stile: mask",
            "mine.yaml, line 5: tasks.0.options.stile: unknown key; did you mean 'style'?",
        ),
        (
            "sources: [{source: coco, path: x}]\ntasks:\n  - {task: segmentation, options: {style: spots}}",
            "mine.yaml, line 3: tasks.0.options.style: input should be 'overlay', 'solid' or 'mask', not 'spots'",
        ),
        (
            "sources: [{source: coco, path: x}]\ntasks:\n  - {task: segmentation, options: {count: [3, 1]}}",
            "mine.yaml, line 3: tasks.0.options.count: [3, 1] must be two numbers from 1 to 6, the smaller first",
        ),
        (
            "sources: [{source: coco, path: x}]\ntasks:\n  - {task: segmentation, options: {opacity: yes}}",
            "mine.yaml, line 3: tasks.0.options.opacity: a number is needed, not true",
        ),
        (
            "sources:\n  - {source: coco, path: x, options: {zebra: 1}}\ntasks: [segmentation]",
            "mine.yaml, line 2: sources.0.options.zebra: unknown key",
        ),
    ],
)
def test_complaints_name_line_and_remedy(text, complaint):
    assert complaint in _complaint(text)


def test_a_shared_task_that_one_source_cannot_feed_is_left_out_there(tiny_coco, shared_data):
    checked = _check(
        "sources:\n  - {source: coco, path: c, split: train2017}\n  - {source: nyu_depth_v2, path: n}\n"
        "tasks: [segmentation, depth]\n",
        coco=tiny_coco,
        nyu_depth_v2=shared_data / "nyu_depth_v2",
    )
    assert [[task.name for _, task in tasks] for _, _, tasks in checked] == [["segmentation"], ["depth"]]


def test_all_missing_folders_at_once(tmp_path):
    (tmp_path / "pets").mkdir()
    text = (
        "sources:\n  - {source: coco, path: coco}\n  - {source: ade20k, path: ade, name: scenes}\n"
        "  - {source: oxford_pets, path: pets}\ntasks: [segmentation]\n"
    )
    complaint = _complaint(text, tmp_path, SourceLayoutError)
    assert (
        f"source coco: folder {tmp_path}/coco is missing; set its path in the recipe or give --path coco=" in complaint
    )
    assert (
        f"source scenes: folder {tmp_path}/ade is missing; set its path in the recipe or give --path scenes="
        in complaint
    )
    assert f"missing in {tmp_path}/pets; expected is" in complaint


def test_a_wrong_option_is_told_before_a_missing_folder(tmp_path):
    text = "sources: [{source: coco, path: nowhere}, {source: cocoa, path: nowhere}]\ntasks: [segmentation]"
    assert "no source is called 'cocoa'" in _complaint(text, tmp_path)


def test_where_a_source_lies(tiny_coco, tmp_path, monkeypatch):
    recipe = "sources: [{{source: coco, path: {}, split: train2017}}]\ntasks: [segmentation]"

    def folder(path, root=Path(), **paths):
        return _check(recipe.format(path), root, **paths)[0][1].path

    assert folder(tiny_coco) == tiny_coco
    assert folder("coco", tmp_path) == tiny_coco
    assert folder("nowhere", coco=tiny_coco) == tiny_coco
    assert folder("nowhere", **{"coco-train2017": tiny_coco, "coco": tmp_path}) == tiny_coco
    monkeypatch.setenv("MY_DATA", str(tmp_path))
    assert folder("$MY_DATA/coco") == tiny_coco
    assert folder('"${MY_DATA}/coco"') == tiny_coco
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder("~/coco") == tiny_coco


def test_a_folder_for_no_source_is_refused():
    files = [parse_recipe("sources: [{source: coco, path: x, split: val2017}]\ntasks: [segmentation]")]
    check_paths(files, {"coco": Path("x"), "coco-val2017": Path("y")})
    with pytest.raises(UsageError, match="--path cooc: no source is called that; there are: coco, coco-val2017"):
        check_paths(files, {"cooc": Path("x")})


def test_an_unset_variable_shows_in_the_complaint(tmp_path, monkeypatch):
    monkeypatch.delenv("MY_DATA", raising=False)
    text = "sources: [{source: coco, path: $MY_DATA/coco}]\ntasks: [segmentation]"
    assert "$MY_DATA/coco is missing" in _complaint(text, tmp_path, SourceLayoutError)


def test_streams_are_one_for_each_source_and_task(tiny_coco):
    told = []
    streams = open_streams(
        _check(
            f"sources: [{{source: coco, path: {tiny_coco}, split: train2017}}]\n"
            "tasks: [segmentation, {task: segmentation, name: masks, options: {style: mask}}]"
        ),
        lambda label, count: told.append((label, count)),
    )
    assert [stream.label for stream in streams] == ["coco-train2017-segmentation", "coco-train2017-masks"]
    assert [stream.task.options.style for stream in streams] == ["overlay", "mask"]
    assert streams[0].index is streams[1].index
    assert told == [("coco-train2017", 12)]


@pytest.mark.parametrize("name", shipped_recipes())
def test_with_defaults_prints_everything_and_means_the_same(name):
    file = load_recipe(name)
    full = with_defaults(file)
    again = parse_recipe(yaml.safe_dump(full, sort_keys=False))
    assert with_defaults(again) == full
    assert set(full) == set(Recipe.model_fields)
    for entry in full["sources"]:
        assert entry["name"]
        assert entry["split"]
    entries = [*full["tasks"], *(entry for source in full["sources"] for entry in source.get("tasks", []))]
    assert entries
    for entry in entries:
        assert entry["name"]
        assert set(entry["options"]) == set(registry.find_task(entry["task"]).options_type.model_fields)
    assert [source.label for source in again.recipe.sources] == [entry["name"] for entry in full["sources"]]


def test_with_defaults_complains_as_a_build_does():
    file = parse_recipe("sources: [{source: coco, path: x}]\ntasks: [{task: depth, options: {x: 1}}]", "mine.yaml")
    with pytest.raises(RecipeError, match=r"mine\.yaml, line 2: tasks\.0\.options\.x: unknown key"):
        with_defaults(file)


def _faults(value, schema, root, path="recipe"):
    """What a JSON schema validator would say, for the keywords that pydantic writes."""
    if schema is True:
        return []
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return _faults(value, {**target, **{k: v for k, v in schema.items() if k != "$ref"}}, root, path)
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    found = []
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return [f"{path}: {value!r} is no {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path}: {value!r} is none of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{path}: {value!r} is not {schema['const']!r}")
    if "anyOf" in schema and all(_faults(value, option, root, path) for option in schema["anyOf"]):
        found.append(f"{path}: {value!r} fits no alternative")
    for part in schema.get("allOf", []):
        if "if" not in part:
            found += _faults(value, part, root, path)
        elif not _faults(value, part["if"], root, path):
            found += _faults(value, part["then"], root, path)
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{path}: {key} is missing" for key in schema.get("required", []) if key not in value]
        for key, item in value.items():
            if key in known:
                found += _faults(item, known[key], root, f"{path}.{key}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{path}: {key} is unknown")
    if isinstance(value, list):
        for position, item in enumerate(value):
            inner = schema.get("prefixItems", [])
            shape = inner[position] if position < len(inner) else schema.get("items", True)
            found += _faults(item, shape, root, f"{path}.{position}")
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9):
            found.append(f"{path}: has {len(value)} items")
    if isinstance(value, (int, float)):
        low, above = schema.get("minimum", -1e99), schema.get("exclusiveMinimum", -1e99)
        high, below = schema.get("maximum", 1e99), schema.get("exclusiveMaximum", 1e99)
        if not (low <= value <= high and above < value < below):
            found.append(f"{path}: {value} is out of range")
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{path}: {value!r} does not match")
    return found


def _references(value):
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def test_the_schema_is_sound():
    schema = recipe_schema()
    assert json.loads(json.dumps(schema)) == schema
    for reference in _references(schema):
        assert reference.startswith("#/$defs/")
        assert reference.removeprefix("#/$defs/") in schema["$defs"]
    assert recipe_schema() == schema


@pytest.mark.parametrize("name", shipped_recipes())
def test_the_schema_accepts_shipped_recipes(name):
    text = shipped_recipes()[name].read_text(encoding="utf-8")
    assert _faults(yaml.safe_load(text), recipe_schema(), recipe_schema()) == []
    full = json.loads(json.dumps(with_defaults(load_recipe(name))))
    assert _faults(full, recipe_schema(), recipe_schema()) == []


@pytest.mark.parametrize(
    "text",
    [
        "tasks: [depth]",
        "sources: []\ntasks: [depth]",
        "sources: [{source: cocoa, path: x}]\ntasks: [depth]",
        "sources: [{source: coco}]\ntasks: [depth]",
        "sources: [{source: coco, path: x}]\ntasks: [paint]",
        "sources: [{source: coco, path: x}]\ntasks: [{task: paint}]",
        "sources: [{source: coco, path: x}]\ntasks: [{task: segmentation, options: {style: spots}}]",
        "sources: [{source: coco, path: x}]\ntasks: [{task: segmentation, options: {stile: mask}}]",
        "sources: [{source: coco, path: x}]\ntasks: [depth]\nsed: 1",
        "sources: [{source: coco, path: x}]\ntasks: [depth]\nimage: {size: 1}",
    ],
)
def test_the_schema_refuses_what_a_build_refuses(text):
    assert _faults(yaml.safe_load(text), recipe_schema(), recipe_schema())
