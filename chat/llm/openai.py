"""OpenAI's Responses API as a provider."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
from openai.types.responses import Response, ResponseFunctionToolCall, ResponseStreamEvent

from chat.llm.base import (
    AssistantMessage,
    ContentFiltered,
    Event,
    Message,
    Request,
    Schema,
    StopReason,
    Structured,
    TextDelta,
    ToolMessage,
    Truncated,
    Usage,
    UserMessage,
)
from chat.llm.openai_client import CAUGHT, clients, strict_schema, translator
from chat.llm.wire import (
    READ_TIMEOUT,
    Effort,
    Meter,
    clean_text,
    count,
    ending,
    failure,
    json_text,
    parse_call,
    portable_id,
    quotable,
    tidy,
    translated,
)

NAME = "openai"

_translate = translator(NAME)


class OpenAIProvider:
    """Answers through the Responses API; nothing is stored at OpenAI.

    `base_url` None means the SDK's own: OPENAI_BASE_URL, else OpenAI. `timeout` is the longest
    silence, in seconds. `effort` None leaves the model's default; what a model thinks is part of
    `max_output_tokens`. `http_client` replaces the connection, for tests.
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
        self._clients = clients(
            api_key=api_key, base_url=base_url, timeout=timeout, http_client=http_client
        )

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError."""
        meter = Meter(self.name, self.model)
        answer = _Answer()
        body = {**self._body(request), **_tools(request)}
        with translated(NAME, _translate, CAUGHT):
            stream = await self._clients.get().responses.create(**body, stream=True)
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
        text_format = {
            "type": "json_schema",
            "name": schema.__name__,
            "schema": strict_schema(NAME, schema),
            "strict": True,
        }
        body = {**self._body(request), "text": {"format": text_format}}
        with translated(NAME, _translate, CAUGHT):
            response = await self._clients.get().responses.create(**body, stream=False)
            if _reason(response) is not StopReason.END:
                raise Truncated("cut by the token limit", NAME)
            value = schema.model_validate_json(response.output_text)
        return Structured(value, meter.report(_usage(response)))

    async def close(self) -> None:
        """Lets go of the running loop's connections."""
        await self._clients.close()

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
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


def _tools(request: Request) -> dict[str, Any]:
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


def _items(message: Message) -> Iterator[dict[str, Any]]:
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
                    "arguments": json_text(call.arguments or {}),
                }
        case ToolMessage(results):
            for result in results:
                yield {
                    "type": "function_call_output",
                    "call_id": portable_id(result.call_id),
                    "output": result.content,
                }


@dataclass(slots=True)
class _Answer:
    """What has arrived of one answer. `response` is the last word on how it ended."""

    response: Response | None = None
    calls: dict[int, ResponseFunctionToolCall] = field(default_factory=dict)
    whole: set[int] = field(default_factory=set)

    def read(self, event: ResponseStreamEvent) -> str | None:
        """The text an event brings: empty for a piece of a tool call, None for anything else."""
        match event.type:
            case "response.output_text.delta":
                return clean_text(event.delta) or None
            case "response.refusal.delta":
                raise ContentFiltered("refused by the model", NAME)
            case "response.output_item.added" if event.item.type == "function_call":
                self.calls[event.output_index] = event.item
                return ""
            case "response.output_item.done" if event.item.type == "function_call":
                self.calls[event.output_index] = event.item
                if event.item.status != "incomplete":
                    self.whole.add(event.output_index)
                return ""
            case "response.completed" | "response.incomplete" | "response.failed":
                self.response = event.response
            case "error":
                raise failure(NAME, status=None, kinds=(event.code,), message=event.message)
        return None

    def finish(self, meter: Meter) -> list[Event]:
        """What follows the text; raises ProviderError where the answer is none."""
        # The SDK's own helper would notice this; iterating by hand does not.
        if self.response is None:
            raise Truncated("the stream ended early", NAME)
        reason = _reason(self.response)
        calls = [
            parse_call(
                call.call_id,
                call.name,
                call.arguments if index in self.whole else "",
                cut=reason is StopReason.MAX_TOKENS or index not in self.whole,
            )
            for index, call in self.calls.items()
        ]
        return ending(meter, reason, calls, _usage(self.response))


def _reason(response: Response) -> StopReason:
    """How the answer ended; raises ProviderError where that is not an answer."""
    if response.error:
        error = response.error
        raise failure(NAME, status=None, kinds=(error.type, error.code), message=error.message)
    if _refused(response):
        raise ContentFiltered("refused by the model", NAME)
    match response.status, response.incomplete_details and response.incomplete_details.reason:
        case "completed", _:
            return StopReason.END
        case "incomplete", "max_output_tokens":
            return StopReason.MAX_TOKENS
        case "incomplete", "content_filter":
            raise ContentFiltered("stopped by the content filter", NAME)
        case status, why:
            raise Truncated(f"{quotable(status)} {quotable(why)}".strip() or "no status", NAME)


def _refused(response: Response) -> bool:
    messages = [item for item in response.output if item.type == "message"]
    return any(part.type == "refusal" for message in messages for part in message.content)


def _usage(response: Response) -> Usage:
    usage = response.usage
    details = usage.input_tokens_details if usage else None
    return Usage(
        input_tokens=count(usage, "input_tokens"),
        output_tokens=count(usage, "output_tokens"),
        cache_read_tokens=count(details, "cached_tokens"),
        cache_write_tokens=count(details, "cache_write_tokens"),
    )
