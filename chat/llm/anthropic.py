"""Anthropic's Messages API as a provider."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

import httpx2
import orjson
from anthropic import (
    AnthropicError,
    APIConnectionError,
    APIStatusError,
    AsyncAnthropic,
    AsyncStream,
    DefaultAioHttpClient,
    transform_schema,
)
from pydantic import PydanticUserError

from chat.llm.base import (
    AssistantMessage,
    ContentFiltered,
    ContextTooLong,
    Event,
    Message,
    ProviderError,
    Request,
    Schema,
    ServerFailed,
    StopReason,
    Structured,
    ToolMessage,
    Truncated,
    Unsupported,
    UserMessage,
)
from chat.llm.failures import Vendor, failure, quotable, translated
from chat.llm.schemas import fitted, require_closed
from chat.llm.streaming import Answer, fetched, streamed
from chat.llm.tally import Tally, count
from chat.llm.transport import (
    BROKEN_LINE,
    CONNECT_TIMEOUT,
    HEADERS,
    READ_TIMEOUT,
    PerLoop,
    sdk_timeout,
    tls_context,
    transport_failure,
)
from chat.llm.wire import Effort, Meter, arguments, ending, parse_call, parsed, portable_id, tidy

NAME = "anthropic"

_REASONS = {
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.END,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
}

_EPHEMERAL = {"type": "ephemeral"}
"""Marks a block as the end of a prefix that comes again and is worth caching; four at most.

The system text, and the tools that stand before it, are the same for every customer. The newest
question ends what the next turn repeats: there it is the question before the newest, marked again,
so the cache is found however many blocks lie between (from a mark, the API looks back over twenty
only). The last block ends what the next round of this turn repeats.
"""

_Block = dict[str, Any]


class AnthropicProvider:
    """Answers through the Messages API.

    `base_url` None means the SDK's own: ANTHROPIC_BASE_URL, else Anthropic. `connect_timeout` is
    how long a connection may take, `timeout` the longest silence on it, in seconds. `effort` None
    leaves the model's default: the 5.5 models think before they speak, and what they think is part
    of `max_output_tokens`. `http_client` replaces the connection, for tests.
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
        self._clients = PerLoop(
            lambda: AsyncAnthropic(
                api_key=api_key,
                base_url=base_url,
                timeout=sdk_timeout(connect=connect_timeout, silence=timeout),
                max_retries=0,  # retrying is the stack's business: it knows the turn's deadline
                default_headers=HEADERS,
                open_telemetry=False,  # an attempt has a span already, whoever the vendor is
                http_client=http_client or DefaultAioHttpClient(verify=tls_context()),
            )
        )

    def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError."""
        body = {**self._body(request), "stream": True}
        return streamed(_VENDOR, self.model, self._post, body, _Answer())

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError, Malformed where the
        answer does not fit."""
        meter, tally = Meter(NAME, self.model), Tally()
        body = self._body(request, _strict(schema))
        with translated(_VENDOR, tally):
            message = await fetched(_VENDOR, self._post, body, tally)
            _count(tally, message["usage"])
            if _reason(message["stop_reason"]) is not StopReason.END:
                raise Truncated("the answer was not finished", NAME)
            blocks = message["content"]
            text = "".join(block["text"] for block in blocks if block["type"] == "text")
            value = fitted(NAME, schema, text, tally)
        return Structured(value, meter.report(tally.whole()))

    async def close(self) -> None:
        """Lets go of the running loop's connections."""
        await self._clients.close()

    async def _post(self, content: bytes) -> httpx2.Response:
        # What `messages.create` calls, without the half millisecond it takes to walk the body.
        response = await self._clients.get().post(
            "/v1/messages",
            cast_to=httpx2.Response,
            content=content,
            stream=True,
            stream_cls=_UNUSED,
        )
        return cast(httpx2.Response, response)

    def _body(self, request: Request, schema: dict[str, Any] | None = None) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": request.max_output_tokens,
            # Nobody asks the question of a structured request twice: its history is not cached.
            "messages": _messages(request.messages, cached=schema is None),
        }
        if request.system.strip():
            body["system"] = [{"type": "text", "text": request.system, "cache_control": _EPHEMERAL}]
        if request.tools:
            # Sent even when none may be called: the API refuses tool blocks in the history of a
            # request that defines no tools.
            body["tools"] = _tools(request)
            if "system" not in body:
                body["tools"][-1]["cache_control"] = _EPHEMERAL
            if schema or not request.tools_allowed:
                body["tool_choice"] = {"type": "none"}
        config: dict[str, Any] = {"effort": self._effort} if self._effort else {}
        if schema:
            config["format"] = {"type": "json_schema", "schema": schema}
        return {**body, "output_config": config} if config else body


def _strict(schema: type[Schema]) -> dict[str, Any]:
    require_closed(NAME, schema)
    try:
        return transform_schema(schema)
    except (PydanticUserError, ValueError):
        raise Unsupported(f"no strict schema for {schema.__name__}", NAME) from None


def _tools(request: Request) -> list[_Block]:
    return [
        {"name": tool.name, "description": tool.description, "input_schema": dict(tool.schema)}
        for tool in request.tools
    ]


def _messages(messages: Iterable[Message], *, cached: bool) -> list[dict[str, Any]]:
    tidied = tidy(messages)
    turns = [(_role(message), _blocks(message)) for message in tidied]
    if cached and turns:
        asked = [n for n, message in enumerate(tidied) if isinstance(message, UserMessage)]
        for n in (*asked[-2:], -1):
            turns[n][1][-1]["cache_control"] = _EPHEMERAL
    # Tool results are the user's to say, so a result and a question share one message.
    return [
        {"role": role, "content": [block for _, blocks in group for block in blocks]}
        for role, group in groupby(turns, key=itemgetter(0))
    ]


def _role(message: Message) -> str:
    return "assistant" if isinstance(message, AssistantMessage) else "user"


def _blocks(message: Message) -> list[_Block]:
    match message:
        case UserMessage(text):
            return [{"type": "text", "text": text}]
        case AssistantMessage(text, calls):
            said: list[_Block] = [{"type": "text", "text": text}] if text.strip() else []
            return said + [
                {
                    "type": "tool_use",
                    "id": portable_id(call.id),
                    "name": call.name,
                    "input": orjson.Fragment(arguments(call)),
                }
                for call in calls
            ]
        case ToolMessage(results):
            return [
                {
                    "type": "tool_result",
                    "tool_use_id": portable_id(result.call_id),
                    "content": result.content,
                    "is_error": result.is_error,
                }
                for result in results
            ]


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    json: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Answer(Answer):
    stop_reason: str | None = None
    calls: dict[int, _Call] = field(default_factory=dict)

    def read(self, data: bytes) -> None:
        event = parsed(data)
        match event.get("type"):
            case "content_block_delta":
                self._add(event["index"], event["delta"])
            case "content_block_start":
                self._open(event["index"], event["content_block"])
            case "message_start":
                _count(self.tally, event["message"].get("usage"))
            case "message_delta":
                _count(self.tally, event.get("usage"))
                self.stop_reason = event["delta"].get("stop_reason")
            case "message_stop":
                self.whole = True
            case "error":
                raise _in_band(event)

    def _open(self, index: int, block: _Block) -> None:
        if block["type"] == "tool_use":
            self.calls[index] = _Call(block["id"], block["name"])
            self.call()
        elif block["type"] != "text":
            self.work()

    def _add(self, index: int, delta: _Block) -> None:
        match delta["type"]:
            case "text_delta":
                self.say(delta["text"])
            case "input_json_delta":
                if index in self.calls:
                    self.calls[index].json.append(delta["partial_json"])
                self.call(delta["partial_json"])
            case _:
                self.work(delta.get("thinking"))

    def finish(self, meter: Meter) -> list[Event]:
        reason = _reason(self.stop_reason)
        cut = reason is StopReason.MAX_TOKENS
        calls = [
            parse_call(call.id, call.name, "".join(call.json), cut=cut)
            for call in self.calls.values()
        ]
        return ending(meter, reason, calls, self.tally.whole())


def _count(tally: Tally, usage: object) -> None:
    """Keeps the newest figures: the API repeats them as running totals, or leaves them out."""

    def newest(name: str, known: int | None) -> int | None:
        counted = count(usage, name)
        return known if counted is None else counted

    cached = tally.cache_read_tokens + tally.cache_write_tokens
    fresh = None if tally.input_tokens is None else tally.input_tokens - cached
    fresh = newest("input_tokens", fresh)
    tally.output_tokens = newest("output_tokens", tally.output_tokens)
    tally.cache_read_tokens = newest("cache_read_input_tokens", tally.cache_read_tokens) or 0
    tally.cache_write_tokens = newest("cache_creation_input_tokens", tally.cache_write_tokens) or 0
    # Anthropic's own figure leaves out the tokens that came from or went to the cache.
    cached = tally.cache_read_tokens + tally.cache_write_tokens
    tally.input_tokens = None if fresh is None else fresh + cached


def _reason(stop_reason: str | None) -> StopReason:
    match stop_reason:
        case "refusal":
            raise ContentFiltered("refused by the model", NAME)
        case "model_context_window_exceeded":
            raise ContextTooLong("the answer filled the context window", NAME)
        case str() if stop_reason in _REASONS:
            return _REASONS[stop_reason]
    # pause_turn asks to be continued, but only for server tools, of which a request has none. So
    # it is as strange as a reason of next year, and the same question asked again is answered.
    raise Truncated(f"stop reason: {quotable(stop_reason) or 'none'}", NAME)


def _in_band(event: dict[str, Any]) -> ProviderError:
    error = event["error"]
    return failure(
        NAME, status=None, kinds=(error.get("type"),), message=error.get("message") or ""
    )


def _translate(error: Exception) -> ProviderError:
    if isinstance(error, APIStatusError):
        return failure(
            NAME,
            status=error.status_code,
            kinds=(error.type, error.error_code),
            message=error.api_message or "",
            headers=error.response.headers,
            request_id=error.request_id,
        )
    if isinstance(error, (APIConnectionError, *BROKEN_LINE)):
        return transport_failure(NAME, error)
    return ServerFailed(f"unreadable answer ({type(error).__name__})", NAME)


_VENDOR = Vendor(
    NAME,
    _translate,
    # The SDK raises its own errors until the response's body begins, then httpx2's come through.
    # What cannot be read is a ValueError.
    (AnthropicError, httpx2.HTTPError, *BROKEN_LINE, ValueError, RecursionError),
    request_id="request-id",
)

_UNUSED = AsyncStream[object]
"""The SDK asks how to read a stream, even where the response is read by hand."""
