"""What a recipe's instructions block does to a build: banks, modes, weights, languages, held-out templates."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from taskpaint.engines.banks import wordings
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.score import score
from taskpaint.engines.scoring.choose import ScoreOptions
from taskpaint.engines.verify import verify
from taskpaint.filters.sidecar import Sidecar
from taskpaint.manifests.errors import RecipeError, ResumeError, TemplateError
from taskpaint.manifests.folder import DatasetFolder
from taskpaint.manifests.recipe import HELD_OUT_INSTRUCTIONS, Instructions
from taskpaint.manifests.recipe_file import combine, load_recipe, parse_recipe
from taskpaint.paraphrase.bank import Entry, append_entries
from taskpaint.paraphrase.templates import load_bank, section

PIXELS = ("input_image", "edited_image", "params", "annotation", "source_id", "image_key")
MINE = Entry("MINE {object} {color}", "segmentation", "overlay", ("object", "color"))


@pytest.fixture
def make(tiny_coco, tmp_path):
    """Build segmentation of the tiny COCO with an instructions block; returns the folder."""

    def run(name="out", block="{}", more="", workers=1, **options):
        file = tmp_path / f"{name}.yaml"
        file.write_text(
            "sources: [{source: coco, path: coco, split: train2017}]\n"
            "tasks: [{task: segmentation, weight: 6, options: {absent: 0}}]\n"
            f"splits: {{validation: 0.5}}\noutput: {{rows_per_shard: 16}}\ninstructions: {block}\n{more}"
        )
        build([load_recipe(str(file))], tmp_path / name, BuildOptions(root=tmp_path, workers=workers, **options))
        return tmp_path / name

    return run


def rows_of(out, split=""):
    return [
        row
        for file in DatasetFolder(out).shards()
        if file.stem.startswith(split)
        for row in pq.read_table(file).to_pylist()
    ]


def hashes(out):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in DatasetFolder(out).shards()}


def test_the_block_left_out_and_its_defaults_are_one(make):
    defaults = "{mode: rephrased, draw: uniform, languages: [en], held_out: 0}"
    assert hashes(make("a")) == hashes(make("b", defaults))


def test_a_bank_lies_beside_its_recipe_and_its_sentences_are_drawn(make, tmp_path):
    append_entries(
        tmp_path / "banks" / "mine.jsonl",
        [replace(MINE, weight=1000), replace(MINE, task="depth", section="gray", text="{range}", slots=("range",))],
    )
    out = make("a", "{banks: [banks/mine.jsonl], draw: weighted}")
    counts = Counter(row["edit_prompt"].startswith("MINE ") for row in rows_of(out))
    # One sentence of weight 1000 beside the shipped ones of weight 1.
    assert counts[True] > 0.8 * sum(counts.values())
    uniform = make("b", "{banks: [banks/mine.jsonl]}")
    assert Counter(row["edit_prompt"].startswith("MINE ") for row in rows_of(uniform))[True] < counts[True] / 2
    manifest = (out / "manifest.json").read_text()
    assert "mine.jsonl" in manifest and str(tmp_path) not in manifest


def test_fixed_takes_the_first_template_of_the_section(make):
    first = section(load_bank("segmentation"), "overlay")[0].template_id
    assert {row["template_id"] for row in rows_of(make(block="{mode: fixed}"))} == {first}


def test_pixels_do_not_depend_on_the_wording(make):
    plain, fixed = rows_of(make("a")), rows_of(make("b", "{mode: fixed}"))
    assert [[row[name] for name in ("id", *PIXELS)] for row in plain] == [
        [row[name] for name in ("id", *PIXELS)] for row in fixed
    ]
    assert [row["edit_prompt"] for row in plain] != [row["edit_prompt"] for row in fixed]


def test_bytes_do_not_depend_on_the_number_of_workers(make, tmp_path):
    append_entries(tmp_path / "mine.jsonl", [replace(MINE, weight=9)])
    block = "{banks: [mine.jsonl], draw: weighted, held_out: 0.3}"
    assert hashes(make("a", block, workers=1)) == hashes(make("b", block, workers=3))


def test_another_bank_is_another_build(make, tmp_path):
    append_entries(tmp_path / "mine.jsonl", [MINE])
    make(block="{banks: [mine.jsonl]}")
    append_entries(tmp_path / "mine.jsonl", [replace(MINE, text="{color} {object}")])
    with pytest.raises(ResumeError, match=r"templates\.segmentation"):
        make(block="{banks: [mine.jsonl]}")


def test_held_out_templates_word_the_validation_triplets_again_and_nothing_else(make):
    out = make(block="{held_out: 0.25}")
    plain, unseen = rows_of(out, "validation"), rows_of(out, HELD_OUT_INSTRUCTIONS)
    assert len(plain) == len(unseen) > 8
    for one, other in zip(plain, unseen, strict=True):  # in the same order
        assert other["id"] == f"{one['id']}-unseen"
        assert [one[name] for name in PIXELS[2:]] == [other[n] for n in PIXELS[2:]]
        assert one["edited_image"]["bytes"] == other["edited_image"]["bytes"]
        assert one["edit_prompt"] != other["edit_prompt"]
    held_out = {row["template_id"] for row in unseen}
    assert not held_out & {row["template_id"] for row in rows_of(out) if row not in unseen}
    manifest = DatasetFolder(out).manifest()
    assert held_out <= set(manifest["held_out_templates"]["segmentation"])
    assert manifest["splits"][HELD_OUT_INSTRUCTIONS] == len(unseen)
    assert "what unseen wording costs" in (out / "README.md").read_text()
    assert verify(out, workers=1).problems == []


def test_datasets_opens_the_extra_split(make, tmp_path):
    import datasets

    found = datasets.load_dataset(str(make(block="{held_out: 0.25}")), cache_dir=str(tmp_path / "hub"))
    assert set(found) == {"train", "validation", HELD_OUT_INSTRUCTIONS}
    assert found[HELD_OUT_INSTRUCTIONS][0]["edited_image"].size == (96, 80)


def test_fixed_and_rephrased_hold_out_the_same_templates(make):
    both = [DatasetFolder(make(mode, f"{{mode: {mode}, held_out: 0.25}}")) for mode in ("fixed", "rephrased")]
    assert both[0].manifest()["held_out_templates"] == both[1].manifest()["held_out_templates"]
    assert len({row["template_id"] for row in rows_of(both[0].root, HELD_OUT_INSTRUCTIONS)}) > 1
    assert len({row["template_id"] for row in rows_of(both[0].root, "validation")}) == 1


@pytest.mark.parametrize("limit", [3, 7, 20, 41])
def test_a_limit_cuts_both_splits_alike(make, limit):
    out = make(block="{held_out: 0.25}", limit=limit)
    plain, unseen = rows_of(out, "validation"), rows_of(out, HELD_OUT_INSTRUCTIONS)
    assert [row["id"] for row in unseen] == [f"{row['id']}-unseen" for row in plain] != []
    assert len(rows_of(out)) <= limit


def test_a_section_of_one_template_has_no_unseen_wording(tmp_path, tiny_coco):
    words = wordings([_OneSentence], Instructions(held_out=0.5), 0)
    assert list(words.drawn["edit"]) == ["as-given"]
    assert words.held_out["edit"] == {} and words.held_out_ids() == {}


class _OneSentence:
    name, templates, sections = "edit", "", {"as-given": ("instruction",)}


def _rewrite(file, change):
    """Write a shard again with changed rows."""
    table = pq.read_table(file)
    pq.write_table(pa.Table.from_pylist([change(row) for row in table.to_pylist()], table.schema), file)


def test_verify_allows_no_other_pair_of_splits_to_share_photographs(make):
    out = make(block="{held_out: 0.25}")
    recipe = json.loads((out / "manifest.json").read_text())
    recipe["recipe"]["instructions"]["held_out_of"] = "test"
    (out / "manifest.json").write_text(json.dumps(recipe))
    problems = [one["problem"] for one in verify(out, workers=1).problems]
    assert any("photographs are in both held_out_instructions and validation" in one for one in problems)


def test_verify_sees_a_held_out_template_in_another_split(make):
    out = make(block="{held_out: 0.25}")
    unseen = rows_of(out, HELD_OUT_INSTRUCTIONS)[0]["template_id"]
    _rewrite(DatasetFolder(out).shards()[-1], lambda row: {**row, "template_id": unseen})
    problems = [one["problem"] for one in verify(out, workers=1).problems]
    assert any(f"1 templates of held_out_instructions are in other splits too: {unseen}" in one for one in problems)


@pytest.mark.parametrize(
    ("block", "error", "message"),
    [
        ("{languages: [de]}", TemplateError, r"no template in de for \[overlay\]"),
        ("{languages: []}", RecipeError, "line 5: instructions.languages"),
        ("{languages: [German]}", RecipeError, "line 5: instructions.languages"),
        ("{mode: free}", RecipeError, "line 5: instructions.mode"),
        ("{held_out: 1}", RecipeError, "line 5: instructions.held_out"),
        ("{bank: [a]}", RecipeError, "did you mean 'banks'"),
        ("{banks: [no.jsonl]}", TemplateError, r"no\.jsonl cannot be read"),
        ("{held_out: 0.2, held_out_of: test}", RecipeError, r"set splits\.test above 0"),
    ],
)
def test_a_block_that_does_not_hold(make, block, error, message):
    with pytest.raises(error, match=message):
        make(block=block)


def test_a_bank_for_a_task_that_does_not_exist(make, tmp_path):
    append_entries(tmp_path / "mine.jsonl", [replace(MINE, task="segmentaton")])
    with pytest.raises(TemplateError, match=r"mine\.jsonl, .*: there is no task 'segmentaton'"):
        make(block="{banks: [mine.jsonl]}")


def test_a_plan_without_the_split_that_is_worded_again(tiny_coco, tmp_path):
    text = (
        "sources: [{source: coco, path: coco, split: train2017}]\ntasks: [segmentation]\n"
        "splits: {by: source}\ninstructions: {held_out: 0.2}\n"
    )
    with pytest.raises(RecipeError, match="the plan has none"):
        build([parse_recipe(text)], tmp_path / "out", BuildOptions(root=tmp_path, workers=1))


def test_another_language_is_drawn_when_it_is_asked_for(make, tmp_path):
    german = Entry("Bitte {object} in {color}", "segmentation", "overlay", ("object", "color"), language="de")
    others = [
        replace(german, section=name, text=" ".join(f"{{{slot}}}" for slot in slots), slots=slots)
        for name, slots in (("overlay-many", ("legend",)), ("mask", ("object", "color")), ("mask-many", ("legend",)))
    ]
    append_entries(tmp_path / "mine.jsonl", [german, *others])
    rows = rows_of(make(block="{banks: [mine.jsonl], languages: [de]}"))
    assert {row["edit_prompt"].split()[0] for row in rows} == {"Bitte"}


def test_recipes_that_differ_in_instructions_do_not_go_together():
    files = [
        parse_recipe(f"sources: [{{source: coco, path: x}}]\ntasks: [depth]\ninstructions: {{mode: {mode}}}\n")
        for mode in ("fixed", "rephrased")
    ]
    with pytest.raises(RecipeError, match="has instructions ="):
        combine(files, [])


class Quiet:
    """Listens to a scoring run and says nothing."""

    def stage(self, what, total, unit):
        pass

    def advance(self, count):
        pass

    def say(self, text):
        pass


def test_photographs_shown_again_by_design_are_no_leak(make):
    out = make(block="{held_out: 0.3}")
    shown = {
        split: {row["image_key"] for row in rows_of(out, split)} for split in ("validation", HELD_OUT_INSTRUCTIONS)
    }
    assert shown["validation"] & shown[HELD_OUT_INSTRUCTIONS]
    score(out, ScoreOptions(("perceptual_hash", "duplicates"), workers=1), Quiet())
    sidecar = Sidecar(out)
    scores = [row for shard in sidecar.shards() for row in sidecar.read(shard).to_pylist()]
    again = [row for row in scores if row["id"].endswith("-unseen")]
    assert again and {row["leak"] for row in again} == {0.0}
