"""Throughput and memory of `taskpaint paraphrase` against a bare client that makes the same calls.

    python benchmarks/paraphrase.py

A server on loopback, in a process of its own, answers after a fixed time as a model would. The bare client is openai's
AsyncOpenAI under asyncio, with as many calls in flight: it makes the same requests and throws the answers away.
taskpaint caches each answer, checks each paraphrase and writes it to a bank or to its refusals.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from taskpaint.engines.paraphrase import ParaphraseOptions, Watch, paraphrase, plan_of
from taskpaint.paraphrase.llm.call import AnswerFormat
from taskpaint.paraphrase.llm.endpoint import Endpoint
from taskpaint.paraphrase.llm.run import Models

SERVER = Path(__file__).resolve().parents[1] / "tests" / "paraphrase" / "chat_server.py"


def main() -> None:
    """Measure and print."""
    options = _options()
    with _server(options.latency) as (url, key):
        shape = (options.per_call, options.in_flight, url, key)
        bare = _apart(_bare, options.calls, *shape)
        runs = [_apart(_taskpaint, calls, *shape) for calls in (options.calls // 10, options.calls)]
    few, many = runs
    result = {
        "calls": options.calls,
        "paraphrases_a_call": options.per_call,
        "in_flight": options.in_flight,
        "latency_s": options.latency,
        "bare_calls_a_second": options.calls / bare["seconds"],
        "taskpaint_calls_a_second": options.calls / many["seconds"],
        "ratio": bare["seconds"] / many["seconds"],
        "cpu_s": {"bare": bare["cpu_s"], "taskpaint": many["cpu_s"]},
        "start_s": many["start_s"],
        "accepted": many["accepted"],
        "refused": many["refused"],
        "rss_mb": {few["calls"]: few["rss_mb"], many["calls"]: many["rss_mb"]},
    }
    print(json.dumps(result, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--per-call", type=int, default=1, help="paraphrases an answer")
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--latency", type=float, default=0.5, help="seconds that the server takes to answer")
    return parser.parse_args()


@contextmanager
def _server(latency_s: float) -> Iterator[tuple[str, str]]:
    spec = importlib.util.spec_from_file_location("chat_server", SERVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chat_server"] = module
    spec.loader.exec_module(module)
    command = [sys.executable, str(SERVER), "--latency", str(latency_s)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1", module.KEY
    finally:
        process.kill()
        process.wait()


def _apart(work: Any, *arguments: Any) -> dict[str, Any]:
    """Do it in a fresh process, so that memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found: dict[str, Any] = pool.apply(work, arguments)
    return found


def _plan(calls: int, per_call: int, in_flight: int, bank: Path) -> ParaphraseOptions:
    """Options whose plan has about so many requests, over all tasks."""
    one_each = ParaphraseOptions(bank, per_task=1000 * per_call, per_request=per_call, concurrency=in_flight)
    tasks = len({brief.task for brief in plan_of(one_each).briefs})
    return ParaphraseOptions(bank, per_task=calls * per_call // tasks, per_request=per_call, concurrency=in_flight)


def _bare(calls: int, per_call: int, in_flight: int, url: str, key: str) -> dict[str, Any]:
    from openai import AsyncOpenAI

    options = _plan(calls, per_call, in_flight, Path("unused"))
    models = Models("writer", url)
    requests = (models.writing(request).body(AnswerFormat.SCHEMA) for request in plan_of(options))

    async def work(client: AsyncOpenAI) -> None:
        for body in requests:
            await client.chat.completions.create(**body)

    async def everything() -> None:
        async with AsyncOpenAI(api_key=key, base_url=url, max_retries=0) as client:
            await asyncio.gather(*(work(client) for _ in range(in_flight)))

    started = time.perf_counter()
    asyncio.run(everything())
    return {"seconds": time.perf_counter() - started, "cpu_s": time.process_time()}


def _taskpaint(calls: int, per_call: int, in_flight: int, url: str, key: str) -> dict[str, Any]:
    from taskpaint.paraphrase.checks.tokens import token_count

    started = time.perf_counter()
    token_count("loads the tokenizer")  # once a process, some seconds, whatever the number of calls
    start_s = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        options = _plan(calls, per_call, in_flight, Path(folder) / "bank.jsonl")
        started, before = time.perf_counter(), time.process_time()
        with _Memory() as memory:
            done = paraphrase(options, Models("writer", url), Endpoint(url, key), Watch())
        seconds = time.perf_counter() - started
    return {
        "calls": done.calls,
        "seconds": seconds,
        "cpu_s": time.process_time() - before,
        "start_s": start_s,
        "accepted": done.accepted,
        "refused": done.refused,
        "rss_mb": memory.found(),
    }


class _Memory:
    """Resident memory, before, at its highest, and grown by."""

    def __enter__(self) -> _Memory:
        self._before = self._now()
        self._stop = threading.Event()
        self._highest = self._before
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def found(self) -> dict[str, float]:
        return {"before": self._before, "highest": self._highest, "grown": round(self._highest - self._before, 1)}

    def _look(self) -> None:
        while not self._stop.wait(0.2):
            self._highest = max(self._highest, self._now())

    @staticmethod
    def _now() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return round(pages * resource.getpagesize() / 1e6, 1)


if __name__ == "__main__":
    main()
