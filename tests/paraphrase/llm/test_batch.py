"""The Batch API: collected in this run or a later one, whoever was killed in between."""

from __future__ import annotations

import os
import signal
import sqlite3
import time

import pytest
from chat_server import DROP, HANG, error, verdicts
from growing import assert_whole, grow, run_process, two_each, wait_until
from taskpaint.engines.paraphrase import Watch
from taskpaint.manifests.errors import LanguageModelError


def submissions(bank):
    with sqlite3.connect(bank.with_name(bank.name + ".cache.sqlite")) as connection:
        found = connection.execute("SELECT state, batch_id FROM submissions").fetchall()
    connection.close()
    return found


def test_a_batch_brings_what_calls_would(serve, bank):
    server = serve(two_each)
    done = grow(server, bank, batch=True)
    assert (done.calls, done.cached, done.finished, done.accepted) == (10, 0, True, 10)
    assert (done.prompt_tokens, done.completion_tokens) == (1000, 500)
    assert server.received == 0
    assert len(server.batches) == 1
    assert_whole(bank, 10, 2)
    live = grow(server, bank)
    assert (live.calls, live.accepted, server.total_answered) == (0, 0, 10)


def test_answers_that_are_there_are_not_sent(serve, bank):
    server = serve(two_each)
    grow(server, bank, per_task=8)
    assert (grow(server, bank, batch=True).calls, server.total_answered) == (6, 10)


def test_another_run_collects(serve, bank):
    server = serve(two_each)
    server.batch_s = 3600
    sent = grow(server, bank, batch=True, wait=False)
    assert (sent.calls, sent.finished, sent.requests_in_batches) == (0, False, 10)
    assert (grow(server, bank, batch=True, wait=False).calls, len(server.batches)) == (0, 1)
    assert grow(server, bank).requests_in_batches == 10  # a run without --batch leaves them to the batch
    server.batch_s = 0
    done = grow(server, bank, batch=True, wait=False)
    assert (done.calls, done.finished, len(server.batches), server.total_answered) == (10, True, 1, 10)


def test_what_a_batch_did_not_answer_is_sent_again(serve, bank):
    def respond(seen):
        if seen.number < 10:
            return (error(500, "oops"), DROP, two_each(seen))[seen.number % 3]
        return two_each(seen)

    server = serve(respond)
    done = grow(server, bank, batch=True)
    assert (done.calls, done.finished, done.failed, len(server.batches)) == (10, True, {}, 2)
    assert server.total_answered == len(server.answered) == 10


def test_an_expired_batch_keeps_what_was_done(serve, bank):
    server = serve(two_each)
    server.lines_a_batch = 4
    done = grow(server, bank, batch=True)
    assert (done.calls, done.finished, len(server.batches), server.total_answered) == (10, True, 3, 10)


def test_what_never_succeeds_is_told(serve, bank):
    server = serve(lambda seen: error(500, "oops") if "This is request 2 " in seen.asked else two_each(seen))
    done = grow(server, bank, batch=True, retries=1)
    assert (done.calls, done.finished, done.failed) == (9, False, {"status 500: oops": 1})


@pytest.mark.parametrize("formats", [("json_object",), ()])
def test_a_server_without_structured_output(serve, bank, formats):
    server = serve(two_each)
    server.formats = formats
    done = grow(server, bank, batch=True)
    assert (done.calls, done.finished, len(server.batches)) == (10, True, 3 - len(formats))


def test_a_judge_gets_a_batch_of_its_own(serve, bank):
    def respond(seen):
        return verdicts(True, False) if seen.body["model"] == "judge" else two_each(seen)

    server = serve(respond)
    done = grow(server, bank, per_task=10, judge="judge", batch=True)
    assert (done.calls, done.finished, done.accepted, len(server.batches)) == (10, True, 5, 2)


def test_a_batch_that_the_server_refuses_is_named_and_can_be_sent_again(serve, bank):
    server = serve(two_each)
    server.batch_fault = "The file is broken"
    with pytest.raises(LanguageModelError, match="refused the batch: The file is broken"):
        grow(server, bank, batch=True)
    server.batch_fault = None
    assert grow(server, bank, batch=True).calls == 10


def test_a_lost_reply_to_creating_does_not_create_twice(serve, bank):
    server = serve(two_each)
    server.drop_after_creating = 1
    assert (grow(server, bank, batch=True).calls, len(server.batches), server.total_answered) == (10, 1, 10)


def test_without_batches_on_the_server(serve, bank):
    server = serve(two_each)
    server._files_and_batches = lambda *_: error(404, "no such address")
    with pytest.raises(LanguageModelError, match="no such address"):
        grow(server, bank, batch=True)


def test_killed_in_the_middle_of_a_batch(serve, bank):
    server = serve(two_each)
    server.batch_s = 3600
    kill(server, bank, lambda: submissions(bank) and submissions(bank)[0][0] == "submitted")
    server.batch_s = 0
    done = grow(server, bank, batch=True)
    assert (done.calls, done.finished, len(server.batches)) == (10, True, 1)
    assert server.total_answered == len(server.answered) == 10
    assert_whole(bank, 10, 2)


@pytest.mark.parametrize("known", [True, False])
def test_killed_while_creating_a_batch(serve, bank, known):
    """The submission says `creating`, and the server may or may not have the batch."""
    server = serve(two_each)
    server.batch_s = 3600
    create = server._create_batch

    def lose(asked):
        if known:
            create(asked)
        return HANG

    server._create_batch = lose
    kill(server, bank, lambda: server.creating and submissions(bank)[-1][0] == "creating")
    server._create_batch = create
    notices = []
    sent = grow(server, bank, Watch(notice=notices.append), batch=True, wait=False)
    assert sent.requests_in_batches == 10
    assert len(server.batches) == 1
    assert any("never reached" in text for text in notices) is not known


def test_killed_at_any_moment_of_batches(serve, bank):
    server = serve(two_each)
    server.lines_a_batch = 7
    for moment_s in (0.02, 0.05, 0.08, 0.12, 0.18):
        process = run_process(server, bank, per_task=80, batch=True)
        time.sleep(moment_s)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    done = grow(server, bank, per_task=80, batch=True, retries=10)
    assert done.finished
    assert server.total_answered == len(server.answered) == 40
    assert_whole(bank, 40, 2)


def test_a_strange_answer_file_does_no_harm(serve, bank):
    server = serve(two_each)
    advance = server._advance

    def spoil(batch):
        done = advance(batch)
        if done["output_file_id"] and len(server.batches) == 1:
            spoilt = b'not json\n{"custom_id": "other", "response": {"status_code": 200, "body": {"choices": []}}}\n'
            spoilt += b'{"custom_id": null, "response": null, "error": null}\n[]\n'
            server.files[done["output_file_id"]] = spoilt + server.files[done["output_file_id"]].splitlines(True)[0]
        return done

    server._advance = spoil
    done = grow(server, bank, batch=True)
    assert (done.calls, done.finished, done.failed) == (10, True, {})


def kill(server, bank, holds, **options):
    process = run_process(server, bank, batch=True, **options)
    wait_until(holds)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
