"""Any server that speaks OpenAI's chat completions: vLLM, Ollama, llama.cpp, a gateway."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2

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
from chat.llm.wire import Meter, arguments, ending, parse_call, parsed, portable_id, tidy

NAME = "openai_compatible"

_REASONS = {
    "stop": StopReason.END,
    "tool_calls": StopReason.TOOL_USE,
    "length": StopReason.MAX_TOKENS,
}

_VENDOR = vendor(NAME)

_Json = dict[str, Any]


class OpenAICompatibleProvider:
    """Answers through chat completions at `base_url`, in the dialect that all of them understand.

    `api_key` may be empty for a server that asks for none. `connect_timeout` is how long
    a connection may take, `timeout` the longest silence on it, in seconds. What a server does not
    count is estimated. `http_client` replaces the connection, for tests.
    """

    name = NAME

    def __init__(
        self,
        *,
        base_url: str | None,
        model: str,
        api_key: str = "",
        connect_timeout: float = CONNECT_TIMEOUT,
        timeout: float | None = READ_TIMEOUT,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        self.model = model
        self._clients = clients(
            # The SDK insists on a key, and would take OpenAI's from the environment.
            api_key=api_key or "none",
            base_url=base_url,
            connect_timeout=connect_timeout,
            timeout=timeout,
            http_client=http_client,
        )
        self._post = poster(self._clients, "/chat/completions")

    def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError."""
        options = {"stream": True, "stream_options": {"include_usage": True}}
        body = {**self._body(request), **_tools(request), **options}
        return streamed(_VENDOR, self.model, self._post, body, _Answer())

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError, Malformed where the
        answer does not fit."""
        meter, tally = Meter(NAME, self.model), Tally()
        json_schema = {
            "name": schema.__name__,
            "schema": strict_schema(NAME, schema),
            "strict": True,
        }
        response_format = {"type": "json_schema", "json_schema": json_schema}
        body = {**self._body(request), "response_format": response_format}
        with translated(_VENDOR, tally):
            completion = await fetched(_VENDOR, self._post, body, tally)
            choice = completion["choices"][0]
            text = choice["message"].get("content") or ""
            tally.received = len(text)
            _count(tally, completion.get("usage"))
            if choice["message"].get("refusal"):
                raise ContentFiltered("refused by the model", NAME)
            if _reason(choice["finish_reason"]) is not StopReason.END:
                raise Truncated("the answer was not finished", NAME)
            value = fitted(NAME, schema, text, tally)
        return Structured(value, meter.report(tally.whole()))

    async def close(self) -> None:
        """Lets go of the running loop's connections."""
        await self._clients.close()

    def _body(self, request: Request) -> _Json:
        messages = [item for message in tidy(request.messages) for item in _items(message)]
        if request.system.strip():
            messages.insert(0, {"role": "system", "content": request.system})
        return {
            "model": self.model,
            "messages": messages,
            # The old name of max_completion_tokens: the new one is not known everywhere.
            "max_tokens": request.max_output_tokens,
        }


def _tools(request: Request) -> _Json:
    # Left out rather than forbidden by tool_choice, which Ollama ignores.
    if not request.tools or not request.tools_allowed:
        return {}
    return {
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.schema),
                },
            }
            for tool in request.tools
        ]
    }


def _items(message: Message) -> Iterator[_Json]:
    match message:
        case UserMessage(text):
            yield {"role": "user", "content": text}
        case AssistantMessage(text, ()):
            yield {"role": "assistant", "content": text}
        case AssistantMessage(text, calls):
            # A string even when empty: some chat templates print a null as "None".
            yield {
                "role": "assistant",
                "content": text,
                "tool_calls": [
                    {
                        "id": portable_id(call.id),
                        "type": "function",
                        "function": {
                            "name": call.name,
                            "arguments": arguments(call),
                        },
                    }
                    for call in calls
                ],
            }
        case ToolMessage(results):
            for result in results:
                yield {
                    "role": "tool",
                    "tool_call_id": portable_id(result.call_id),
                    "content": result.content,
                }


@dataclass(slots=True)
class _Call:
    id: str
    name: str = ""
    json: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Answer(Answer):
    finish_reason: str | None = None
    calls: list[_Call] = field(default_factory=list)
    _open: dict[int | None, _Call] = field(default_factory=dict)

    def read(self, data: bytes) -> None:
        if data == b"[DONE]":
            self.whole = True
            return
        chunk = parsed(data)
        if chunk.get("error"):
            raise in_band(NAME, chunk["error"])
        if chunk.get("usage"):
            _count(self.tally, chunk["usage"])
        # The last chunk has no choice: it carries only the usage.
        for choice in (chunk.get("choices") or ())[:1]:
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            self._take(choice.get("delta") or {})

    def _take(self, delta: _Json) -> None:
        if text := delta.get("content"):
            self.say(text)
        for piece in delta.get("tool_calls") or ():
            self._add(piece)
        # The name depends on the server.
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            self.work(thought)
        if delta.get("refusal"):
            raise ContentFiltered("refused by the model", NAME)

    def _add(self, piece: _Json) -> None:
        """Adds to the call with the piece's index. A new id opens a new call even there: some
        servers send every call whole, and all with index 0."""
        index, call_id = piece.get("index"), piece.get("id")
        call = self._open.get(index)
        if call is None or (call_id and call_id != call.id and call.name):
            call = self._open[index] = _Call(call_id or f"call_{uuid4().hex}")
            self.calls.append(call)
        function = piece.get("function") or {}
        call.name = call.name or function.get("name") or ""
        call.json.append(function.get("arguments") or "")
        self.call(function.get("arguments"))

    def finish(self, meter: Meter) -> list[Event]:
        reason = _reason(self.finish_reason)
        cut = reason is StopReason.MAX_TOKENS
        calls = [parse_call(call.id, call.name, "".join(call.json), cut=cut) for call in self.calls]
        return ending(meter, reason, calls, self.tally.whole())


def _reason(finish_reason: str | None) -> StopReason:
    if finish_reason == "content_filter":
        raise ContentFiltered("stopped by the content filter", NAME)
    if finish_reason not in _REASONS:
        raise Truncated(f"finish reason: {quotable(finish_reason) or 'none'}", NAME)
    return _REASONS[finish_reason]


def _count(tally: Tally, usage: object) -> None:
    details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
    tally.input_tokens = count(usage, "prompt_tokens")
    tally.output_tokens = count(usage, "completion_tokens")
    tally.cache_read_tokens = count(details, "cached_tokens") or 0
    tally.cache_write_tokens = count(details, "cache_write_tokens") or 0
