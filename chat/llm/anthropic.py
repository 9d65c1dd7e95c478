"""Anthropic's Messages API as a provider."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import httpx2
from anthropic import (
    AnthropicError,
    APIConnectionError,
    APIStatusError,
    AsyncAnthropic,
    DefaultAioHttpClient,
    transform_schema,
)
from anthropic.types import RawMessageStreamEvent
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
    TextDelta,
    ToolMessage,
    Truncated,
    Unsupported,
    Usage,
    UserMessage,
)
from chat.llm.transport import PerLoop, sdk_timeout, tls_context, transport_failure
from chat.llm.wire import (
    READ_TIMEOUT,
    Effort,
    Meter,
    clean_text,
    count,
    ending,
    failure,
    parse_call,
    portable_id,
    quotable,
    tidy,
    translated,
)

NAME = "anthropic"

_CAUGHT = (AnthropicError, httpx2.HTTPError, OSError, ValueError, RecursionError)
"""All that leaves the SDK when a request fails: it raises its own errors only until the stream
begins, then httpx2's, and json's and pydantic's (both ValueError) for what it cannot read."""

_REASONS = {
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.END,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
}

_EPHEMERAL = {"type": "ephemeral"}
"""Marks a block as the end of a prefix that comes again and is worth caching; four at most.

Tools and system text are the same for every customer. The customer's newest message ends what the
next turn repeats, the last block what the next round of this turn repeats: both are marked, for
the API looks back only twenty blocks from a mark, and a turn of many tool calls adds more.
"""

_Block = dict[str, Any]


class AnthropicProvider:
    """Answers through the Messages API.

    `base_url` None means the SDK's own: ANTHROPIC_BASE_URL, else Anthropic. `timeout` is the
    longest silence, in seconds. `effort` None leaves the model's default: the 5.5 models think
    before they speak, and what they think is part of `max_output_tokens`. `http_client` replaces
    the connection, for tests.
    """

    name = NAME

    def __init__(
        self,
        *,
        api_key: str,
        model: str,
        base_url: str | None = None,
        timeout: float = READ_TIMEOUT,
        effort: Effort | None = None,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        self.model = model
        self._effort = effort
        self._clients = PerLoop(
            lambda: AsyncAnthropic(
                api_key=api_key,
                base_url=base_url,
                timeout=sdk_timeout(timeout),
                max_retries=0,  # retrying is the stack's business: it knows the turn's deadline
                http_client=http_client or DefaultAioHttpClient(verify=tls_context()),
            )
        )

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError."""
        meter = Meter(self.name, self.model)
        answer = _Answer()
        body = self._body(request)
        with translated(NAME, _translate, _CAUGHT):
            # Not `messages.stream`: its snapshots cost a fifth of a server's time.
            stream = await self._clients.get().messages.create(**body, stream=True)
            async with stream:
                async for received in stream:
                    text = answer.read(received)
                    if text is not None:
                        meter.mark()
                    if text:
                        yield TextDelta(text)
            rest = answer.finish(meter)
        for event in rest:
            yield event

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError."""
        meter = Meter(self.name, self.model)
        try:
            json_schema = transform_schema(schema)
        except (PydanticUserError, ValueError):
            raise Unsupported(f"no strict schema for {schema.__name__}", NAME) from None
        with translated(NAME, _translate, _CAUGHT):
            message = await self._clients.get().messages.create(
                **self._body(request, json_schema), stream=False
            )
            if _reason(message.stop_reason) is not StopReason.END:
                raise Truncated("cut by the token limit", NAME)
            text = "".join(block.text for block in message.content if block.type == "text")
            value = schema.model_validate_json(text)
        answer = _Answer()
        answer.count(message.usage)
        return Structured(value, meter.report(answer.usage()))

    async def close(self) -> None:
        """Lets go of the running loop's connections."""
        await self._clients.close()

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
            if schema or not request.tools_allowed:
                body["tool_choice"] = {"type": "none"}
        config: dict[str, Any] = {"effort": self._effort} if self._effort else {}
        if schema:
            config["format"] = {"type": "json_schema", "schema": schema}
        return {**body, "output_config": config} if config else body


def _tools(request: Request) -> list[_Block]:
    tools: list[_Block] = [
        {"name": tool.name, "description": tool.description, "input_schema": dict(tool.schema)}
        for tool in request.tools
    ]
    tools[-1]["cache_control"] = _EPHEMERAL
    return tools


def _messages(messages: Iterable[Message], *, cached: bool) -> list[dict[str, Any]]:
    tidied = tidy(messages)
    turns = [(_role(message), _blocks(message)) for message in tidied]
    if cached and turns:
        asked = [n for n, message in enumerate(tidied) if isinstance(message, UserMessage)]
        for n in (*asked[-1:], -1):
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
                    "input": call.arguments or {},
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
class _Answer:
    """What has arrived of one answer."""

    stop_reason: str | None = None
    calls: dict[int, _Call] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)

    def read(self, event: RawMessageStreamEvent) -> str | None:
        """The text an event brings: empty for a piece of a tool call, None for anything else."""
        match event.type:
            case "message_start":
                self.count(event.message.usage)
            case "content_block_start" if event.content_block.type == "tool_use":
                self.calls[event.index] = _Call(event.content_block.id, event.content_block.name)
                return ""
            case "content_block_delta" if event.delta.type == "text_delta":
                return clean_text(event.delta.text) or None
            case "content_block_delta" if event.delta.type == "input_json_delta":
                if event.index in self.calls:
                    self.calls[event.index].json.append(event.delta.partial_json)
            case "message_delta":
                self.count(event.usage)
                self.stop_reason = event.delta.stop_reason
        return None

    def count(self, usage: object) -> None:
        """Keeps the newest figures: the API repeats them as running totals, or leaves them out."""
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        ):
            if getattr(usage, name, None) is not None:
                self.tokens[name] = count(usage, name)

    def usage(self) -> Usage:
        read = self.tokens.get("cache_read_input_tokens", 0)
        written = self.tokens.get("cache_creation_input_tokens", 0)
        return Usage(
            # Anthropic's own figure leaves out the tokens that came from or went to the cache.
            input_tokens=self.tokens.get("input_tokens", 0) + read + written,
            output_tokens=self.tokens.get("output_tokens", 0),
            cache_read_tokens=read,
            cache_write_tokens=written,
        )

    def finish(self, meter: Meter) -> list[Event]:
        """What follows the text; raises ProviderError where the answer is none."""
        reason = _reason(self.stop_reason)
        cut = reason is StopReason.MAX_TOKENS
        calls = [
            parse_call(call.id, call.name, "".join(call.json), cut=cut)
            for call in self.calls.values()
        ]
        return ending(meter, reason, calls, self.usage())


def _reason(stop_reason: str | None) -> StopReason:
    match stop_reason:
        case "refusal":
            raise ContentFiltered("refused by the model", NAME)
        case "model_context_window_exceeded":
            raise ContextTooLong("the answer filled the context window", NAME)
        case str() if stop_reason in _REASONS:
            return _REASONS[stop_reason]
    # pause_turn belongs to server tools, which we do not use.
    raise Truncated(f"stop reason: {quotable(stop_reason) or 'none'}", NAME)


def _translate(error: Exception) -> ProviderError:
    if isinstance(error, APIStatusError):
        return failure(
            NAME,
            # An error event in the stream comes with the status the stream began with.
            status=error.status_code if error.status_code >= 400 else None,
            kinds=(error.type, error.error_code),
            message=error.api_message or "",
            headers=error.response.headers,
            request_id=error.request_id,
        )
    if isinstance(error, (APIConnectionError, httpx2.TransportError, OSError)):
        return transport_failure(NAME, error)
    return ServerFailed(f"unreadable answer ({type(error).__name__})", NAME)
