"""A stand-in for a language model's server: real HTTP on loopback, OpenAI's protocol, answers from a script.

    python chat_server.py --latency 0.2        prints its port and serves until it is killed

It speaks /v1/chat/completions, /v1/files and /v1/batches, checks what it is sent as the real one does (key, model,
schema), and counts every answer that left it: what a real server would have billed.
"""

from __future__ import annotations

import argparse
import asyncio
import email.parser
import email.policy
import hashlib
import itertools
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

KEY = "sk-test-0123456789abcdefSECRET"
MODELS = ("writer", "judge")


@dataclass(frozen=True)
class Reply:
    """What the server does with one request. action: send, drop the connection, or hang."""

    status: int = 200
    body: dict | str = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    action: str = "send"


@dataclass(frozen=True)
class Seen:
    """A chat request that passed the server's checks. number: counts all of them from 0."""

    number: int
    body: dict
    batched: bool = False

    @property
    def asked(self) -> str:
        return self.body["messages"][-1]["content"]

    @property
    def count(self) -> int:
        return int(re.search(r"Write (\d+) paraphrases", self.asked)[1])

    @property
    def template(self) -> str:
        return re.search(r"^Template: (.*)$", self.asked, re.MULTILINE)[1]


DROP = Reply(action="drop")
HANG = Reply(action="hang")


def completion(content, finish="stop", refusal=None, prompt_tokens=100, completion_tokens=50) -> Reply:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": int(time.time()), "model": "writer"}
    return Reply(200, {**head, "choices": [choice], "usage": usage})


def paraphrases(*texts: str) -> Reply:
    return completion(json.dumps({"paraphrases": texts}))


def verdicts(*same: bool) -> Reply:
    listed = [{"number": n, "same": one, "reason": "" if one else "another color"} for n, one in enumerate(same, 1)]
    return completion(json.dumps({"verdicts": listed}))


def error(status: int, message: str = "no", code: str | None = None, **headers: str) -> Reply:
    body = {"error": {"message": message, "type": "server_error", "param": None, "code": code}}
    return Reply(status, body, tuple((name.replace("_", "-"), value) for name, value in headers.items()))


class ChatServer:
    """The server; `respond` decides on the answer to each chat request that passes the checks.

    Attributes:
        answered: digest of a chat request's body -> answers that left for it, batches included.
        received: chat requests that passed the checks, dropped ones included.
        most_in_flight: chat requests that were open at once.
        lines_a_batch: lines after which a batch expires; None for all.
        batch_s: seconds that a batch takes.
        batch_fault: why batches fail; None when they do not.
        drop_after_creating: batches whose creation gets no reply.
        creating: how often a batch was asked for.
    """

    def __init__(self, respond: Callable[[Seen], Reply], latency_s: float = 0.0, key: str = KEY) -> None:
        self.respond, self.latency_s, self.key = respond, latency_s, key
        self.formats = ("json_schema", "json_object")
        self.answered: Counter[str] = Counter()
        self.received = 0
        self.in_flight = self.most_in_flight = 0
        self.lines_a_batch: int | None = None
        self.batch_s = 0.0
        self.batch_fault: str | None = None
        self.drop_after_creating = 0
        self.creating = 0
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict] = {}
        self.port = 0
        self._numbers = itertools.count()
        self._ids = itertools.count(1)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def total_answered(self) -> int:
        return sum(self.answered.values())

    @contextmanager
    def running(self) -> Iterator[ChatServer]:
        """Serve from a thread."""
        loop = asyncio.new_event_loop()
        ready = threading.Event()

        def serve() -> None:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(self.start())
            ready.set()
            loop.run_forever()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        ready.wait(10)
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._stop(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await self._read_body(reader, headers)
                if not await self._handle(method, target, headers, body, reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    @staticmethod
    async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await reader.readexactly(int(headers.get("content-length", 0)))
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return body

    async def _handle(self, method, target, headers, body, reader, writer) -> bool:
        path, _, query = target.partition("?")
        if headers.get("authorization") != f"Bearer {self.key}":
            given = headers.get("authorization", "")  # the real one repeats the key too, in part
            return await self._send(writer, error(401, f"Incorrect API key provided: {given}", "invalid_api_key"))
        if (method, path) == ("POST", "/v1/chat/completions"):
            return await self._chat(json.loads(body), reader, writer)
        reply = self._files_and_batches(method, path, query, headers, body)
        if reply.action == "drop":
            writer.transport.abort()
            return False
        while reply.action == "hang":
            await asyncio.sleep(0.01)
            if reader.at_eof():
                return False
        return await self._send(writer, reply)

    async def _chat(self, body: dict, reader, writer) -> bool:
        wrong = self._fault_of(body)
        if wrong is not None:
            return await self._send(writer, wrong)
        self.received += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            reply = self.respond(Seen(next(self._numbers), body))
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            if reply.action == "drop":
                writer.transport.abort()
                return False
            while reply.action == "hang":
                await asyncio.sleep(0.01)
                if reader.at_eof():
                    return False
            going_on = await self._send(writer, reply)
        finally:
            self.in_flight -= 1
        if reply.status == 200:
            self.answered[digest(body)] += 1
        return going_on

    def _fault_of(self, body: dict) -> Reply | None:
        """What a real server would refuse before it thinks about an answer."""
        if body.get("model") not in MODELS:
            return error(404, f"The model `{body.get('model')}` does not exist", "model_not_found")
        form = body.get("response_format")
        if form is None:
            return None
        if form["type"] not in self.formats:
            return error(400, f"response_format of type {form['type']} is not supported", "unsupported_value")
        if form["type"] == "json_schema":
            named = form["json_schema"]
            if not named["strict"] or not re.fullmatch(r"[\w-]{1,64}", named["name"]):
                return error(400, "Invalid schema for response_format: not strict, or no name")
            if not is_strict(named["schema"]):
                return error(400, "Invalid schema for response_format: every property must be required")
        elif "json" not in json.dumps(body["messages"]).lower():
            return error(400, "'messages' must contain the word 'json' to use response_format json_object")
        return None

    def _files_and_batches(self, method, path, query, headers, body) -> Reply:
        if (method, path) == ("POST", "/v1/files"):
            return self._upload(headers, body)
        if (method, path) == ("POST", "/v1/batches"):
            self.creating += 1
            return self._create_batch(json.loads(body))
        if (method, path) == ("GET", "/v1/batches"):
            after = re.search(r"after=([^&]*)", query)
            listed = list(reversed(self.batches.values()))
            if after:
                listed = listed[[one["id"] for one in listed].index(after[1]) + 1 :]
            page = listed[:2]  # pages are small, so that a client has to turn them
            more = len(listed) > len(page)
            ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
            return Reply(body={"object": "list", "data": page, "has_more": more, **ends})
        if method == "GET" and (found := re.fullmatch(r"/v1/batches/([^/]+)", path)) and found[1] in self.batches:
            return Reply(body=self._advance(self.batches[found[1]]))
        if method == "GET" and (found := re.fullmatch(r"/v1/files/([^/]+)/content", path)) and found[1] in self.files:
            return Reply(body=self.files[found[1]].decode())
        return error(404, f"no such address: {method} {path}")

    def _upload(self, headers, body) -> Reply:
        head = f"Content-Type: {headers['content-type']}\r\n\r\n".encode()
        parts = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body).iter_parts()
        fields = {part.get_param("name", header="content-disposition"): part for part in parts}
        if fields["purpose"].get_content().strip() != "batch":
            return error(400, "purpose must be batch")
        identity = f"file-{next(self._ids)}"
        self.files[identity] = fields["file"].get_payload(decode=True)
        name = fields["file"].get_filename()
        size = len(self.files[identity])
        about = {"id": identity, "object": "file", "bytes": size, "created_at": int(time.time()), "filename": name}
        return Reply(body={**about, "purpose": "batch", "status": "processed"})

    def _create_batch(self, asked: dict) -> Reply:
        if asked["endpoint"] != "/v1/chat/completions" or asked["completion_window"] != "24h":
            return error(400, "unknown endpoint or completion window")
        identity = f"batch_{next(self._ids)}"
        about = {"id": identity, "object": "batch", "status": "validating", "created_at": int(time.time())}
        self.batches[identity] = {**about, **asked, "output_file_id": None, "error_file_id": None}
        if self.drop_after_creating > 0:
            self.drop_after_creating -= 1
            return DROP
        return Reply(body=self.batches[identity])

    def _advance(self, batch: dict) -> dict:
        """The batch as it stands now; its work is done at the first look after its time."""
        if batch["status"] not in ("validating", "in_progress"):
            return batch
        batch["status"] = "in_progress"
        if time.time() < batch["created_at"] + self.batch_s:
            return batch
        if self.batch_fault is not None:
            batch["status"] = "failed"
            batch["errors"] = {"object": "list", "data": [{"code": "invalid", "message": self.batch_fault}]}
            return batch
        done, failed = [], []
        lines = self.files[batch["input_file_id"]].decode().splitlines()
        for line in lines[: self.lines_a_batch]:
            one = json.loads(line)
            reply = self._fault_of(one["body"]) or self.respond(Seen(next(self._numbers), one["body"], True))
            if reply.action != "send":
                continue
            response = {"status_code": reply.status, "request_id": "r", "body": reply.body}
            result = {"id": f"b{next(self._ids)}", "custom_id": one["custom_id"], "response": response, "error": None}
            (done if reply.status == 200 else failed).append(result)
            if reply.status == 200:
                self.answered[digest(one["body"])] += 1
        batch["status"] = "completed" if len(lines) == len(lines[: self.lines_a_batch]) else "expired"
        for name, results in (("output_file_id", reversed(done)), ("error_file_id", failed)):
            text = "".join(json.dumps(one) + "\n" for one in results)
            if text:
                batch[name] = f"file-{next(self._ids)}"
                self.files[batch[name]] = text.encode()
        return batch

    @staticmethod
    async def _send(writer, reply: Reply) -> bool:
        data = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
        head = [f"HTTP/1.1 {reply.status} x", f"Content-Length: {len(data)}", "Content-Type: application/json"]
        head += [f"{name}: {value}" for name, value in reply.headers]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + data)
        await writer.drain()
        return True


def digest(body: dict) -> str:
    """A chat request without the form it wants its answer in: what a cache must not ask for twice."""
    kept = {name: value for name, value in body.items() if name != "response_format"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def is_strict(schema: dict) -> bool:
    """Whether structured outputs would take the schema: every object closed, all its properties required."""
    if schema["type"] == "array":
        return is_strict(schema["items"])
    if schema["type"] != "object":
        return True
    properties = schema["properties"]
    closed = schema.get("additionalProperties") is False and set(schema["required"]) == set(properties)
    return closed and all(map(is_strict, properties.values()))


OPENINGS = (
    "Kindly", "Now", "If you can,", "For this image:", "Next step:", "Right then,", "As a favor,", "When ready,",
    "My request:", "Once more,", "Task:", "Hello there,", "Okay,", "Today's job:", "In this case,", "Quick one:",
)  # fmt: skip
CLOSINGS = (
    "thank you", "many thanks", "as agreed", "as usual", "as we discussed", "cheers", "if possible", "at your leisure",
    "whenever you like", "for the team", "for my notes", "for the slides", "for the report", "for class",
)  # fmt: skip


def varied(seen: Seen, per_call: int | None = None) -> Reply:
    """Paraphrases by rote: an opening, the template, a closing; many pass the checks, some are too much alike."""
    draw = random.Random(digest(seen.body))
    plain = seen.template.rstrip(".!? ")
    texts = []
    for _ in range(per_call or seen.count):
        opening, closing = draw.choice(OPENINGS), draw.choice(CLOSINGS)
        texts.append(f"{opening} {plain[0].lower()}{plain[1:]}, {closing}.")
    return paraphrases(*texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--per-call", type=int, help="paraphrases an answer; as asked without it")
    options = parser.parse_args()
    asyncio.run(_serve_forever(options.latency, options.per_call))


async def _serve_forever(latency_s: float, per_call: int | None) -> None:
    server = ChatServer(lambda seen: varied(seen, per_call), latency_s)
    await server.start()
    print(server.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    main()
