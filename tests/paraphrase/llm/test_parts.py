"""Plan, styles, prompts, pace, the server's address, waiting times, and who owns a call."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from taskpaint.builders.registry import find_task, task_names
from taskpaint.engines.banks import bank_of
from taskpaint.engines.paraphrase import ParaphraseOptions, estimate, plan_of
from taskpaint.manifests.errors import UsageError
from taskpaint.paraphrase.llm.brief import briefs_of
from taskpaint.paraphrase.llm.cache import AnswerCache, Standing
from taskpaint.paraphrase.llm.call import AnswerFormat, Call
from taskpaint.paraphrase.llm.cost import Prices
from taskpaint.paraphrase.llm.endpoint import OPENAI_URL, Endpoint, retry_after_s
from taskpaint.paraphrase.llm.faults import LONGEST_BACKOFF_S, TryAgain
from taskpaint.paraphrase.llm.pace import Pace
from taskpaint.paraphrase.llm.prompt import writing_call
from taskpaint.paraphrase.llm.run import Models
from taskpaint.paraphrase.llm.store import open_store
from taskpaint.paraphrase.llm.styles import MOODS, StyleChoices, language_name


def options(bank, **how):
    return ParaphraseOptions(bank, **{"tasks": ("segmentation",), "per_task": 100, **how})


def keys(plan):
    return [writing_call(request, "m", {}).key("u") for request in plan]


def test_every_section_that_ships_is_described():
    for name in task_names():
        task = find_task(name)
        for brief in briefs_of(name, task.summary, bank_of(task)):
            assert brief.description != task.summary, f"{name}.{brief.section}"
            assert set(brief.slot_notes) == set(brief.slots), f"{name}.{brief.section}"


def test_a_task_from_elsewhere_is_described_by_its_summary():
    seeds = [seed for seed in bank_of(find_task("counting")) if seed.section == "dots"]
    brief = briefs_of("elsewhere", "count things", seeds)[0]
    assert (brief.description, brief.slot_notes) == ("count things", {})


def test_a_plan_is_spread_over_sections_and_repeats(bank):
    plan = plan_of(options(bank))
    requests = list(plan)
    assert len(requests) == len(plan) == 4 * 3  # 25 a section, ten a request
    assert [one.brief.section for one in requests[:4]] == ["overlay", "overlay-many", "mask", "mask-many"]
    assert len(set(keys(plan))) == 12
    assert keys(plan) == keys(plan_of(options(bank)))
    assert set(keys(plan)).isdisjoint(keys(plan_of(options(bank, seed=1))))


def test_a_larger_plan_holds_the_smaller(bank):
    assert set(keys(plan_of(options(bank)))) < set(keys(plan_of(options(bank, per_task=300))))


def test_moods_take_turns(bank):
    moods = [one.style.mood for one in plan_of(options(bank, tasks=("counting",), per_task=120))]
    assert moods == [*MOODS, *MOODS]
    chosen = StyleChoices(moods=("terse",), personas=("a cook",))
    styles = [one.style for one in plan_of(options(bank, styles=chosen))]
    assert {(style.mood, style.length, style.persona) for style in styles} == {("terse", "short", "a cook")}


def test_a_prompt_says_what_is_rendered_and_how_to_speak(bank):
    plan = plan_of(options(bank, tasks=("counting",), per_task=1, languages=("de",)))
    call = writing_call(next(iter(plan)), "m", {"temperature": 0.5})
    asked = call.messages[-1]["content"]
    for words in (
        "exactly one small filled dot",
        "{object}: noun phrase",
        "10 paraphrases in German",
        "direct commands",
    ):
        assert words in asked
    assert call.body(AnswerFormat.PLAIN).keys() == {"model", "messages", "temperature"}
    assert call.body(AnswerFormat.SCHEMA)["response_format"]["json_schema"]["strict"] is True


def test_whatever_decides_an_answer_is_in_its_key():
    said = ({"role": "user", "content": "x"},)
    base = {"model": "m", "messages": said, "schema_name": "s", "schema": {"type": "object"}}
    calls = [
        Call(**base),
        Call(**{**base, "model": "n"}),
        Call(**{**base, "messages": ({"role": "user", "content": "y"},)}),
        Call(**{**base, "schema": {"type": "array"}}),
        Call(**base, sampling={"temperature": 0.1}),
    ]
    assert len({call.key("u") for call in calls} | {calls[0].key("v")}) == 6


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"tasks": ("segmentatoin",)}, "did you mean 'segmentation'"),
        ({"tasks": ("edit",)}, "nothing to paraphrase"),
        ({"languages": ("deutsch!",)}, "is no language"),
    ],
)
def test_wrong_options_are_named(bank, how, words):
    with pytest.raises(UsageError, match=words):
        plan_of(options(bank, **how))


def test_wrong_styles_are_named():
    with pytest.raises(UsageError, match="there is no mood 'angry'; choose from imperative, question"):
        StyleChoices(moods=("angry",))
    assert [language_name(tag) for tag in ("de", "pt-BR", "gsw")] == [
        "German", "Portuguese (pt-BR)", "the language with the BCP 47 tag gsw",
    ]  # fmt: skip


def test_an_estimate_counts_calls_tokens_and_dollars(bank):
    found = estimate(options(bank), Models("", "u", prices=Prices(1.0, 4.0)))
    read = sum(writing_call(one, "", {}).characters() // 4 for one in plan_of(options(bank)))
    assert (found.calls, found.cached, found.prompt_tokens) == (12, 0, read)
    least, most = found.completion_tokens
    assert 12 * 10 * 5 < least < most < 12 * 10 * 120
    assert found.dollars == pytest.approx(((read + 4 * least) / 1e6, (read + 4 * most) / 1e6))
    assert estimate(options(bank), Models("", "u")).dollars is None
    assert estimate(options(bank), Models("", "u", judge="j")).calls == 24
    assert not bank.parent.exists()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 90.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after-ms": "inf", "retry-after": "2"}, 2.0),
    ],
)
def test_how_long_a_server_asks_to_wait(headers, seconds):
    assert retry_after_s(headers, now=10.0) == seconds


def test_waits_double_up_to_a_limit(monkeypatch):
    monkeypatch.setattr("taskpaint.paraphrase.llm.faults.FIRST_BACKOFF_S", 0.5)
    waits = [TryAgain("busy").wait_or_backoff_s(tries) for tries in (1, 2, 3, 20)]
    for wait, middle in zip(waits, (0.5, 1.0, 2.0, LONGEST_BACKOFF_S), strict=True):
        assert 0.75 * middle <= wait <= 1.25 * middle
    assert TryAgain("busy", 7.0).wait_or_backoff_s(3) == 7.0


@pytest.mark.parametrize(
    ("url", "key", "words"),
    [
        ("localhost:8000", "", "is no address of a server"),
        ("ftp://host/v1", "", "is no address of a server"),
        ("http://[::1/v1", "", "is no address of a server"),
        ("http://me:hunter2hunter2@host/v1", "", "carries a user"),
        ("http://host/v1?api_key=hunter2hunter2", "", "carries a user, a query"),
        ("http://host/v1", "hunter2\nhunter2", "characters that no key has"),
        ("http://host/v1", "hunter2hünter2", "characters that no key has"),
    ],
)
def test_addresses_and_keys_that_cannot_be(monkeypatch, url, key, words):
    monkeypatch.setenv("MY_KEY", key)
    with pytest.raises(UsageError, match=words) as caught:
        Endpoint.from_environment(url, "MY_KEY", 1.0)
    assert "hunter2" not in str(caught.value)


def test_an_endpoint_hides_its_key(monkeypatch):
    monkeypatch.setenv("MY_KEY", "hunter2hunter2\n")
    endpoint = Endpoint.from_environment(None, "MY_KEY", 1.0)
    assert (endpoint.base_url, endpoint.key) == (OPENAI_URL, "hunter2hunter2")
    assert "hunter2" not in repr(endpoint)
    assert endpoint.clean("<hunter2hunter2>") == "<[key]>"
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(UsageError, match="there is no key; set MY_KEY"):
        Endpoint.from_environment(None, "MY_KEY", 1.0).check_key()
    Endpoint.from_environment("http://localhost:1/v1/", "MY_KEY", 1.0).check_key()


def test_tokens_a_minute_hold():
    async def three() -> float:
        pace = Pace(None, 60_000)  # a thousand a second
        started = time.monotonic()
        for _ in range(3):
            await pace.admit(200)
        pace.settle(200, 1000)  # one took more than was thought
        await pace.admit(200)
        return time.monotonic() - started

    assert 0.35 <= asyncio.run(three()) < 1.5


def test_a_pause_is_never_shortened():
    async def wait() -> float:
        pace = Pace()
        pace.pause(0.2)
        pace.pause(0.01)
        started = time.monotonic()
        await pace.admit(1)
        return time.monotonic() - started

    assert asyncio.run(wait()) >= 0.19


def test_a_claim_is_one_run_s_until_it_ends_or_dies(tmp_path):
    with closing(open_store(tmp_path / "c.sqlite")) as one, closing(open_store(tmp_path / "c.sqlite")) as two:
        mine, yours = AnswerCache(one, lease_s=60), AnswerCache(two)
        assert mine.claim("k", "m") is mine.claim("k", "m") is Standing.MINE
        assert yours.claim("k", "m") is Standing.ELSEWHERE
        mine.release("k")
        assert yours.claim("k", "m") is Standing.MINE
        yours.keep("k", '{"usage": {"prompt_tokens": 3, "completion_tokens": 4}}')
        assert mine.claim("k", "m") is Standing.DONE
        assert (mine.find("k").prompt_tokens, mine.find("k").completion_tokens) == (3, 4)
        mine.lease_s = -1
        mine.claim("late", "m")
        assert yours.claim("late", "m") is Standing.MINE
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        mine.owner, mine.lease_s = mine.owner.replace(f":{os.getpid()}:", f":{gone.pid}:"), 60
        mine.claim("orphan", "m")
        assert yours.claim("orphan", "m") is Standing.MINE


def test_a_cache_that_is_none_is_named(tmp_path):
    (tmp_path / "text").write_text("hello " * 1000)
    with pytest.raises(UsageError, match="cannot be used"):
        open_store(tmp_path / "text")
    with closing(sqlite3.connect(tmp_path / "new")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="newer taskpaint"):
        open_store(tmp_path / "new")
