"""Matching degraded and clean files by key, whatever the listing's order."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some
from taskpaint.builders.reading.pair_matching import Half, PairRule, files_below, match

_RULE = PairRule(r"in/(?P<name>[a-z]+)(?:_v(?P<variant>\d))?", r"(?:in|out)/(?P<name>[a-z]+)")


def _matched(paths: list[str], rule: PairRule = _RULE) -> tuple[list[tuple[str, str]], dict[str, str]]:
    rejects: dict[str, str] = {}
    found = match(*rule.halves(paths), rejects.__setitem__)
    return [(degraded.path, clean.path) for degraded, clean in found], rejects


def test_twins_are_found_by_name_and_not_by_order():
    # sorted by name, the second of one side would meet the first of the other
    pairs, rejects = _matched(["in/b.png", "in/c.png", "out/a.jpg", "out/b.jpg", "out/c.jpg"])
    assert pairs == [("in/b.png", "out/b.jpg"), ("in/c.png", "out/c.jpg")]
    assert rejects == {"out/a.jpg": "the clean image has no degraded twin with the key 'a'"}


def test_one_clean_image_may_serve_many():
    halves = _RULE.halves(["in/a_v1.png", "in/a_v2.png", "out/a.png"])
    assert [(half.id, half.key) for half in halves[0]] == [("a/1", "a"), ("a/2", "a")]
    assert _matched(["in/a_v1.png", "in/a_v2.png", "out/a.png"])[0] == [
        ("in/a_v1.png", "out/a.png"),
        ("in/a_v2.png", "out/a.png"),
    ]


def test_a_path_that_fits_both_sides_is_degraded():
    degraded, clean = _RULE.halves(["in/a.png", "out/a.png", "elsewhere/a.png"])
    assert [half.path for half in degraded] == ["in/a.png"] and [half.path for half in clean] == ["out/a.png"]


def test_two_clean_images_with_one_key_are_refused():
    pairs, rejects = _matched(["in/a.png", "out/a.jpg", "out/a.png"])
    assert pairs == [] and rejects == {"in/a.png": "out/a.jpg and out/a.png share the key 'a'"}


def test_the_last_scene_that_takes_part_counts():
    rule = PairRule("(?:(?P<scene>[a-z]+)/)?(?:(?P<scene_in_name>[A-Z]+)-)?(?P<frame>\\d+)", "never")
    rule = PairRule(rule.degraded, rule.degraded)
    scenes = [half.scene for half in rule.halves(["clip/1.png", "clip/A-1.png", "1.png"])[0]]
    assert scenes == ["clip", "A", ""]


def test_listing_leaves_out_what_is_no_picture(tmp_path: Path):
    for name in ("b/1.PNG", "a/2.jpeg", "a/._2.jpeg", "a/.hidden/3.png", "__MACOSX/a/2.png", "a/Thumbs.db"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert files_below(tmp_path, [tmp_path]) == ["a/2.jpeg", "b/1.PNG"]
    assert files_below(tmp_path, [tmp_path / "a", tmp_path / "a"]) == ["a/2.jpeg"]


_NAMES = some.lists(some.sampled_from([f"{side}/{name}.{end}" for side in ("in", "out") for name in "abc"
                                       for end in ("png", "jpg")]), unique=True)  # fmt: skip


@given(_NAMES, some.randoms())
@settings(max_examples=200, deadline=None)
def test_every_file_is_in_a_pair_or_rejected(paths: list[str], draw):
    pairs, rejects = _matched(paths)
    assert all(Path(degraded).stem == Path(clean).stem for degraded, clean in pairs)
    named = (
        {path for pair in pairs for path in pair}
        | set(rejects)
        | {path for path in paths if any(path in reason for reason in rejects.values())}
    )
    assert named == set(paths)
    shuffled = list(paths)
    draw.shuffle(shuffled)
    assert sorted(_matched(shuffled)[0]) == sorted(pairs)


def test_halves_have_no_scene_by_default():
    assert Half("a.png", "a", "a").scene == ""
