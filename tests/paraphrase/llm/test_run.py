"""Whole runs against a server: every kind of answer and fault, nothing lost, nothing paid twice."""

from __future__ import annotations

import email.utils
import json
import os
import re
import signal
import sqlite3
import threading
import time
from collections import Counter

import pytest
from chat_server import DROP, HANG, KEY, Reply, completion, error, paraphrases, varied, verdicts
from growing import GOOD, answers_kept, assert_whole, grow, lines, refused, run_process, two_each, wait_until
from taskpaint.engines.paraphrase import Watch
from taskpaint.manifests.errors import LanguageModelError, TaskpaintError
from taskpaint.paraphrase.bank import read_bank
from taskpaint.paraphrase.llm.cost import Prices

LONG = "Put one {color} dot on {object}, " + "and once more I kindly ask you for it, " * 12 + "thank you."


def test_every_kind_of_answer_is_accepted_or_explained(serve, bank):
    script = [
        paraphrases(GOOD[0], GOOD[1]),
        paraphrases("Put a {color} dot on the dog.", "Put a {color} dot on {object} and {place}."),
        paraphrases(GOOD[2], GOOD[2].upper().replace("{COLOR}", "{color}").replace("{OBJECT}", "{object}")),
        paraphrases(LONG, "Do not put any {color} dots on {object}."),
        completion('{"paraphrases": ["' + GOOD[3] + '", "Put one {col', finish="length"),
        completion(None, refusal="I cannot help with that."),
        completion(""),
        completion('```json\n{"paraphrases": ["' + GOOD[4] + '", 7]}\n```'),
        completion("1. " + GOOD[5] + "\n2. " + GOOD[6]),
        completion("{}", finish="content_filter"),
    ]
    server = serve(lambda seen: script[seen.number])
    done = grow(server, bank, concurrency=1)
    assert [entry.text for entry in read_bank(bank)] == list(GOOD[:7])
    assert (done.accepted, done.calls, done.finished, done.failed) == (7, 10, True, {})
    told = [(line["check"], line["reason"]) for line in refused(bank)]
    assert len(told) == sum(done.refused.values()) == 11
    assert all(reason for _, reason in told)
    expected = ["slots", "slots", "duplicate", "shape", "meaning", *["answer"] * 6]
    assert Counter(check for check, _ in told) == Counter(expected)
    said = " | ".join(reason for _, reason in told)
    for words in (
        "{place}",
        "refused to answer",
        "with nothing",
        "cut off at the limit",
        "content filter",
        "be a text",
    ):
        assert words in said
    assert server.total_answered == 10


def test_an_entry_says_where_it_comes_from(serve, bank):
    grow(serve(two_each), bank, per_task=2)
    entry = read_bank(bank)[0]
    assert (entry.task, entry.section, entry.language, entry.model) == ("counting", "dots", "en", "writer")
    assert (entry.mood, set(entry.slots)) == ("imperative", {"object", "color"})
    assert entry.parent.startswith("counting.dots.")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry.date)
    assert "duplicate" in entry.checks


def test_faults_of_the_server_cost_nothing_twice(serve, bank):
    soon = email.utils.formatdate(time.time() + 1, usegmt=True)
    script = {
        1: error(429, retry_after="0.05"),
        2: error(429, retry_after=soon),
        3: error(429, retry_after_ms="30"),
        4: error(429),
        5: error(500),
        6: error(503, retry_after="0.02"),
        7: DROP,
        8: HANG,
        9: Reply(200, "<html>busy</html>"),
        10: Reply(200, {"choices": None}),
    }
    server = serve(lambda seen: script.get(seen.number) or two_each(seen))
    done = grow(server, bank, timeout_s=0.5)
    assert (done.calls, done.finished, done.failed) == (10, True, {})
    assert server.received == 20
    assert server.total_answered == 12  # ten, and two replies that were none
    assert done.accepted + sum(done.refused.values()) == 20
    assert len(read_bank(bank)) == done.accepted == 10


def test_a_429_holds_all_workers(serve, bank):
    moments = []

    def respond(seen):
        moments.append(time.monotonic())
        return error(429, retry_after="0.4") if seen.number == 4 else two_each(seen)

    done = grow(serve(respond, latency_s=0.02), bank, per_task=40, concurrency=4)
    assert done.finished
    after = [moment - moments[4] for moment in moments[5:] if moment - moments[4] > 0.1]
    assert min(after) >= 0.35
    assert len(after) >= 12


def test_a_rerun_costs_nothing_and_changes_nothing(serve, bank):
    server = serve(two_each)
    first = grow(server, bank)
    before = {file.name: file.read_bytes() for file in bank.parent.iterdir() if file.suffix == ".jsonl"}
    again = grow(server, bank)
    assert (again.calls, again.cached, again.accepted, again.finished) == (0, 10, 0, True)
    assert server.total_answered == first.calls == 10
    assert before == {file.name: file.read_bytes() for file in bank.parent.iterdir() if file.suffix == ".jsonl"}
    more = grow(server, bank, per_task=26)
    assert (more.calls, more.cached) == (3, 10)


def test_a_sentence_that_was_taken_out_stays_out(serve, bank):
    server = serve(two_each)
    grow(server, bank)
    kept = bank.read_text().splitlines(keepends=True)[3:]
    bank.write_text("".join(kept))
    grow(server, bank)
    assert bank.read_text() == "".join(kept)


def test_a_bank_that_is_gone_grows_anew_from_the_cache(serve, bank):
    server = serve(two_each)
    grow(server, bank)
    before = Counter(bank.read_text().splitlines())
    bank.unlink()
    again = grow(server, bank, concurrency=1)
    assert (again.calls, again.accepted, server.total_answered) == (0, 10, 10)
    assert Counter(json.loads(line)["text"] for line in before) == Counter(entry.text for entry in read_bank(bank))
    assert len(refused(bank)) == sum(again.refused.values()) == 10


def test_sentences_of_the_bank_are_not_accepted_again(serve, bank):
    bank.parent.mkdir()
    bank.write_text(json.dumps({"text": GOOD[0], "task": "counting", "section": "dots"}))  # no line feed at the end
    done = grow(serve(lambda seen: paraphrases(GOOD[0] + "!", GOOD[1])), bank, per_task=2)
    assert [entry.text for entry in read_bank(bank)] == [GOOD[0], GOOD[1]]
    assert done.refused == {"duplicate": 1}


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (error(401), "refused the key in MY_KEY"),
        (error(403), "refused the key in MY_KEY"),
        (error(404, "The model `x` does not exist"), "check --model and --base-url"),
        (error(429, "You exceeded your quota", "insufficient_quota"), "quota is used up"),
        (error(429, retry_after="86400"), "24.0 hours"),
    ],
)
def test_what_no_retry_can_mend_stops_the_run_at_once(serve, bank, reply, words):
    server = serve(lambda seen: reply)
    with pytest.raises(LanguageModelError, match=re.escape(words)):
        grow(server, bank)
    assert server.received <= 4  # one for each worker


def test_a_server_that_is_down_ends_the_run(serve, bank):
    server = serve(lambda seen: error(500))
    with pytest.raises(LanguageModelError, match="answers no more"):
        grow(server, bank, per_task=200, retries=1)
    assert server.received <= 2 * (7 + 4)


def test_calls_that_fail_are_told_and_asked_again_by_the_next_run(serve, bank):
    state = {"broken": True}

    def respond(seen):
        return error(500, "oops") if state["broken"] and "This is request 3 " in seen.asked else two_each(seen)

    server = serve(respond)
    done = grow(server, bank, retries=1)
    assert (done.calls, done.finished, sum(done.failed.values())) == (9, False, 1)
    assert "status 500: oops" in next(iter(done.failed))
    state["broken"] = False
    again = grow(server, bank)
    assert (again.calls, again.finished, server.total_answered) == (1, True, 10)


@pytest.mark.parametrize("formats", [("json_schema",), ("json_object",), ()])
def test_servers_without_structured_output(serve, bank, formats):
    server = serve(two_each)
    server.formats = formats
    done = grow(server, bank)
    assert (done.accepted, done.calls, done.failed) == (10, 10, {})
    assert server.total_answered == 10


def test_a_400_after_a_good_answer_is_that_call_s_own(serve, bank):
    server = serve(lambda seen: error(400, "prompt is too long") if seen.number == 5 else two_each(seen))
    done = grow(server, bank, concurrency=1)
    assert done.calls == 9
    assert list(done.failed) == ["the server refused the request: prompt is too long"]


def test_a_server_that_takes_nothing_is_named(serve, bank):
    server = serve(lambda seen: error(400, "temperature is not supported"))
    with pytest.raises(LanguageModelError, match="temperature is not supported; check --model"):
        grow(server, bank)


def test_a_judge_has_the_last_word_and_is_cached(serve, bank):
    def respond(seen):
        return verdicts(True, False) if seen.body["model"] == "judge" else two_each(seen)

    server = serve(respond)
    done = grow(server, bank, per_task=10, judge="judge")
    assert (done.calls, done.accepted, done.refused) == (10, 5, {"judge": 5})
    assert all("judge" in entry.checks for entry in read_bank(bank))
    assert {line["reason"] for line in refused(bank)} == {"The judge says that the meaning differs: another color"}
    again = grow(server, bank, per_task=10, judge="judge")
    assert (again.calls, again.accepted, server.total_answered) == (0, 0, 10)


def test_a_judge_is_not_asked_about_what_the_checks_refuse(serve, bank):
    server = serve(lambda seen: paraphrases("Put a dot on {object}."))
    assert grow(server, bank, per_task=2, judge="judge").calls == 1


@pytest.mark.parametrize(
    "judgement", [completion("?"), completion(None, refusal="no"), completion('{"verdicts": [3]}')]
)
def test_a_judge_without_a_verdict_counts_against_the_candidate(serve, bank, judgement):
    def respond(seen):
        return judgement if seen.body["model"] == "judge" else two_each(seen)

    assert grow(serve(respond), bank, per_task=2, judge="judge").refused == {"judge": 2}


def test_tokens_and_dollars_are_added_up(serve, bank):
    done = grow(serve(two_each), bank, prices=Prices(2.0, 8.0))
    assert (done.prompt_tokens, done.completion_tokens) == (1000, 500)
    assert done.dollars == pytest.approx(1000 * 2e-6 + 500 * 8e-6)
    assert grow(serve(two_each), bank, prices=Prices()).dollars is None


def test_calls_a_minute_hold(serve, bank):
    started = time.monotonic()
    grow(serve(two_each), bank, per_task=28, calls_a_minute=600)  # a second's worth, ten, at once; then one every 0.1 s
    assert time.monotonic() - started >= 4 * 0.1


def test_no_more_calls_in_flight_than_asked(serve, bank):
    server = serve(two_each, latency_s=0.02)
    grow(server, bank, per_task=60, concurrency=7)
    assert server.most_in_flight == 7


def test_a_key_is_nowhere_even_if_the_server_repeats_it(serve, bank, caplog, capfd):
    caplog.set_level("DEBUG")
    leaks = [
        paraphrases(f"Put {{color}} dots on {{object}} with {KEY}.", GOOD[0]),
        completion(f"no {KEY} list", refusal=KEY),
        error(400, f"bad {KEY}"),
        error(500, f"broken {KEY}"),
    ]
    server = serve(lambda seen: leaks[min(seen.number, 3)])
    notices = []
    done = [grow(server, bank, Watch(notice=notices.append), per_task=n, concurrency=1, retries=0) for n in (4, 6)]
    assert [len(one.failed) for one in done] == [0, 1]
    stopped = []
    for key, base in ((KEY + "x", server), (KEY, server)):
        with pytest.raises(TaskpaintError) as caught:
            grow(base, bank, per_task=200, key=key, retries=0)
        stopped.append(str(caught.value) + repr(caught.value) + repr(caught.value.__cause__))
    written = b"".join(file.read_bytes() for file in bank.parent.iterdir())
    said = capfd.readouterr()
    everything = written.decode(errors="replace") + repr(done) + said.out + said.err + caplog.text + "".join(stopped)
    assert "[key]" in everything
    assert KEY not in everything + "".join(notices)


def test_killed_at_any_moment_nothing_is_lost_or_double(serve, bank):
    server = serve(two_each, latency_s=0.01)
    for enough in (4, 9, 15, 22, 30):
        process = run_process(server, bank, per_task=80, concurrency=3)
        deadline = time.monotonic() + 10
        while server.total_answered < enough and process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    done = grow(server, bank, per_task=80, concurrency=3)
    assert done.finished
    assert len(server.answered) == 40
    assert server.total_answered <= 40 + 5 * 3  # again at most what was on its way at each kill
    assert_whole(bank, 40, 2)


def test_killed_while_all_calls_wait_the_total_is_what_is_needed(serve, bank):
    hold = threading.Event()

    def respond(seen):
        return HANG if seen.number >= 12 and not hold.is_set() else two_each(seen)

    server = serve(respond)
    process = run_process(server, bank, per_task=80, concurrency=4)
    wait_until(lambda: server.in_flight == 4 and server.total_answered == 12 and len(answers_kept(bank)) == 12)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    hold.set()
    wait_until(lambda: server.in_flight == 0)
    done = grow(server, bank, per_task=80)
    assert (done.calls, done.finished) == (28, True)
    assert server.total_answered == len(server.answered) == 40
    assert_whole(bank, 40, 2)


def test_two_runs_at_once_share_the_work(serve, bank):
    server = serve(two_each, latency_s=0.02)
    processes = [run_process(server, bank, per_task=120, concurrency=4) for _ in range(2)]
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    assert server.total_answered == len(server.answered) == 60
    assert_whole(bank, 60, 2)


def test_killed_between_decision_and_writing(serve, bank, monkeypatch):
    """The decisions stand in the table; bank and refusals hold none, some or all of them, the last line torn."""
    server = serve(two_each)
    grow(server, bank, per_task=20, concurrency=1)
    refusals, cache = (bank.with_name(bank.name + end) for end in (".refused.jsonl", ".cache.sqlite"))
    told = [json.dumps({**line, "answer": "k1"}) for line in refused(bank)]
    whole, all_refused = bank.read_bytes(), "".join(f"{line}\n" for line in told).encode()
    decisions = json.dumps({"entries": lines(bank), "refused": told})
    for cut_bank, cut_refused in ((0, 0), (len(whole) // 2, len(all_refused) // 2), (len(whole), len(all_refused))):
        bank.write_bytes(whole[:cut_bank])
        refusals.write_bytes(all_refused[:cut_refused])
        with sqlite3.connect(cache) as connection:
            connection.execute("DELETE FROM taken WHERE key = 'k1'")
            connection.execute("INSERT INTO taken VALUES ('mine.jsonl', 'k1', ?)", (decisions,))
        connection.close()
        assert grow(server, bank, per_task=20).calls == 0
        assert Counter(bank.read_bytes().splitlines()) == Counter(whole.splitlines())
        readable = [line for line in refusals.read_bytes().splitlines() if line.endswith(b"}")]
        assert Counter(readable) == Counter(all_refused.splitlines())


def test_many_answers_of_all_tasks(serve, bank):
    server = serve(varied)
    done = grow(server, bank, tasks=(), per_task=10, per_request=5, concurrency=16)
    assert done.finished
    assert done.calls == server.total_answered == len(server.answered)
    assert done.accepted + sum(done.refused.values()) == 5 * done.calls
    assert {entry.task for entry in read_bank(bank)} >= {"counting", "depth", "segmentation", "restoration"}
