"""One call of a chat model: what is sent, and the key its answer is kept under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

_KEY_VERSION = 1


class AnswerFormat(Enum):
    """How the server is held to JSON, strictest first; servers that refuse one get the next."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    PLAIN = "plain"

    def weaker(self) -> AnswerFormat | None:
        """The next one down, or None."""
        return {AnswerFormat.SCHEMA: AnswerFormat.OBJECT, AnswerFormat.OBJECT: AnswerFormat.PLAIN}.get(self)


@dataclass(frozen=True)
class Call:
    """A request to a chat model, as it is meant; `body` says how it is sent.

    Attributes:
        model: the server's name for it.
        messages: role and content, in order.
        schema_name, schema: JSON schema of the answer, fit for strict structured output.
        sampling: temperature and the like; only what the user set.
    """

    model: str
    messages: tuple[Mapping[str, str], ...]
    schema_name: str
    schema: Mapping[str, Any]
    sampling: Mapping[str, float | int] = field(default_factory=dict)

    def key(self, base_url: str) -> str:
        """sha256 over everything that decides the answer, hexadecimal.

        The answer's format is left out: it is how a server is asked, not what.
        """
        parts = [_KEY_VERSION, base_url, self.model, self.messages, self.schema, self.sampling]
        canonical = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def body(self, how: AnswerFormat) -> dict[str, Any]:
        """The JSON body of a chat completion."""
        body: dict[str, Any] = {"model": self.model, "messages": [dict(one) for one in self.messages], **self.sampling}
        if how is AnswerFormat.SCHEMA:
            schema = {"name": self.schema_name, "strict": True, "schema": dict(self.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif how is AnswerFormat.OBJECT:
            body["response_format"] = {"type": "json_object"}
        return body

    def characters(self) -> int:
        """Length of what the model reads, schema included."""
        return sum(len(one["content"]) for one in self.messages) + len(json.dumps(self.schema))
