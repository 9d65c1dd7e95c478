"""OpenAI's Responses API as a provider."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx2
import orjson

from chat.llm.base import (
    AssistantMessage,
    ContentFiltered,
    Event,
    Message,
    Request,
    Schema,
    StopReason,
    Structured,
    ToolMessage,
    Truncated,
    UserMessage,
)
from chat.llm.failures import quotable, translated
from chat.llm.openai_client import clients, in_band, poster, strict_schema, vendor
from chat.llm.schemas import fitted
from chat.llm.streaming import Answer, fetched, streamed
from chat.llm.tally import Tally, count
from chat.llm.transport import CONNECT_TIMEOUT, READ_TIMEOUT
from chat.llm.wire import Effort, Meter, arguments, ending, parse_call, parsed, portable_id, tidy

NAME = "openai"

_VENDOR = vendor(NAME)

_Json = dict[str, Any]


class OpenAIProvider:
    """Answers through the Responses API; nothing is stored at OpenAI.

    `base_url` None means the SDK's own: OPENAI_BASE_URL, else OpenAI. `connect_timeout` is how long
    a connection may take, `timeout` the longest silence on it, in seconds. `effort` None leaves the
    model's default; what a model thinks is part of `max_output_tokens`. `http_client` replaces the
    connection, for tests.
    """

    name = NAME

    def __init__(
        self,
        *,
        api_key: str,
        model: str,
        base_url: str | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
        timeout: float | None = READ_TIMEOUT,
        effort: Effort | None = None,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        self.model = model
        self._effort = effort
        self._clients = clients(
            api_key=api_key,
            base_url=base_url,
            connect_timeout=connect_timeout,
            timeout=timeout,
            http_client=http_client,
        )
        self._post = poster(self._clients, "/responses")

    def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError."""
        body = _routed({**self._body(request), **_tools(request), "stream": True})
        return streamed(_VENDOR, self.model, self._post, body, _Answer())

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError, Malformed where the
        answer does not fit."""
        meter, tally = Meter(NAME, self.model), Tally()
        text_format = {
            "type": "json_schema",
            "name": schema.__name__,
            "schema": strict_schema(NAME, schema),
            "strict": True,
        }
        body = _routed({**self._body(request), "text": {"format": text_format}})
        with translated(_VENDOR, tally):
            response = await fetched(_VENDOR, self._post, body, tally)
            _count(tally, response.get("usage"))
            if _reason(response) is not StopReason.END:
                raise Truncated("the answer was not finished", NAME)
            value = fitted(NAME, schema, _text(response), tally)
        return Structured(value, meter.report(tally.whole()))

    async def close(self) -> None:
        """Lets go of the running loop's connections."""
        await self._clients.close()

    def _body(self, request: Request) -> _Json:
        body: _Json = {
            "model": self.model,
            "input": [item for message in tidy(request.messages) for item in _items(message)],
            "max_output_tokens": request.max_output_tokens,
            "store": False,
        }
        if request.system.strip():
            body["instructions"] = request.system
        if self._effort:
            body["reasoning"] = {"effort": self._effort}
        return body


def _routed(body: _Json) -> _Json:
    """The body with a key that brings all requests that begin alike to the cache that knows them:
    those of one shop, with its instructions and tools."""
    beginning = orjson.dumps([body.get(part) for part in ("instructions", "tools", "text")])
    return {**body, "prompt_cache_key": sha256(beginning).hexdigest()[:32]}


def _tools(request: Request) -> _Json:
    if not request.tools:
        return {}
    tools = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.schema),
            # Strict mode refuses schemas with optional arguments, and is on unless told otherwise.
            "strict": False,
        }
        for tool in request.tools
    ]
    return {"tools": tools, "tool_choice": "auto" if request.tools_allowed else "none"}


def _items(message: Message) -> Iterator[_Json]:
    match message:
        case UserMessage(text):
            yield {"role": "user", "content": text}
        case AssistantMessage(text, calls):
            if text.strip():
                yield {"role": "assistant", "content": text}
            for call in calls:
                # No item id: with one, the API would ask for the reasoning that led to the call.
                yield {
                    "type": "function_call",
                    "call_id": portable_id(call.id),
                    "name": call.name,
                    "arguments": arguments(call),
                }
        case ToolMessage(results):
            for result in results:
                yield {
                    "type": "function_call_output",
                    "call_id": portable_id(result.call_id),
                    "output": result.content,
                }


@dataclass(slots=True)
class _Answer(Answer):
    """`response` is the last word on how it ended."""

    response: _Json | None = None
    calls: dict[int, _Json] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)

    def read(self, data: bytes) -> None:
        event = parsed(data)
        match event.get("type"):
            case "response.output_text.delta":
                self.say(event["delta"])
            case "response.function_call_arguments.delta":
                self.call(event["delta"])
            case "response.output_item.added" | "response.output_item.done" as kind:
                self._take(event["output_index"], event["item"], kind)
            case "response.refusal.delta":
                raise ContentFiltered("refused by the model", NAME)
            case "response.completed" | "response.incomplete" | "response.failed":
                self.response = event["response"]
                _count(self.tally, event["response"].get("usage"))
                self.whole = True
            case "error":
                raise in_band(NAME, event.get("error") or event)
            case str() as kind if kind.startswith("response.reasoning") and "delta" in event:
                self.work(event["delta"])

    def _take(self, index: int, item: _Json, kind: str) -> None:
        if item["type"] == "function_call":
            self.calls[index] = item
            if kind == "response.output_item.done" and item.get("status") != "incomplete":
                self.done.add(index)
            self.call()
        elif item["type"] != "message":
            self.work()

    def finish(self, meter: Meter) -> list[Event]:
        if self.response is None:
            raise Truncated("the stream ended early", NAME)
        reason = _reason(self.response)
        calls = [
            parse_call(
                call["call_id"],
                call["name"],
                call["arguments"] if index in self.done else "",
                cut=reason is StopReason.MAX_TOKENS or index not in self.done,
            )
            for index, call in self.calls.items()
        ]
        return ending(meter, reason, calls, self.tally.whole())


def _reason(response: _Json) -> StopReason:
    """How the answer ended; raises ProviderError where that is not an answer."""
    if response.get("error"):
        raise in_band(NAME, response["error"])
    if any(part["type"] == "refusal" for part in _parts(response)):
        raise ContentFiltered("refused by the model", NAME)
    why = (response.get("incomplete_details") or {}).get("reason")
    match response.get("status"), why:
        case "completed", _:
            return StopReason.END
        case "incomplete", "max_output_tokens":
            return StopReason.MAX_TOKENS
        case "incomplete", "content_filter":
            raise ContentFiltered("stopped by the content filter", NAME)
        case status, why:
            raise Truncated(f"{quotable(status)} {quotable(why)}".strip() or "no status", NAME)


def _text(response: _Json) -> str:
    return "".join(part["text"] for part in _parts(response) if part["type"] == "output_text")


def _parts(response: _Json) -> Iterator[_Json]:
    """All that the model said; what it thought and called is left out."""
    for item in response.get("output") or ():
        if item["type"] == "message":
            yield from item["content"]


def _count(tally: Tally, usage: object) -> None:
    details = usage.get("input_tokens_details") if isinstance(usage, dict) else None
    tally.input_tokens = count(usage, "input_tokens")
    tally.output_tokens = count(usage, "output_tokens")
    tally.cache_read_tokens = count(details, "cached_tokens") or 0
    tally.cache_write_tokens = count(details, "cache_write_tokens") or 0
