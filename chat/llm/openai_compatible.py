"""Any server that speaks OpenAI's chat completions: vLLM, Ollama, llama.cpp, a gateway."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from chat.llm.base import (
    AssistantMessage,
    ContentFiltered,
    Event,
    Message,
    Request,
    Schema,
    ServerFailed,
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
    Meter,
    clean_text,
    count,
    ending,
    json_text,
    parse_call,
    portable_id,
    quotable,
    tidy,
    translated,
)

NAME = "openai_compatible"

CHARACTERS_PER_TOKEN = 4
"""For servers that report no usage: a guess, but unlike nothing it counts against a budget."""

_REASONS = {
    "stop": StopReason.END,
    "tool_calls": StopReason.TOOL_USE,
    "length": StopReason.MAX_TOKENS,
}

_translate = translator(NAME)


class OpenAICompatibleProvider:
    """Answers through chat completions at `base_url`, in the dialect that all of them understand.

    `api_key` may be empty for a server that asks for none. `timeout` is the longest silence, in
    seconds. `http_client` replaces the connection, for tests.
    """

    name = NAME

    def __init__(
        self,
        *,
        base_url: str | None,
        model: str,
        api_key: str = "",
        timeout: float = READ_TIMEOUT,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        self.model = model
        self._clients = clients(
            # The SDK insists on a key, and would take OpenAI's from the environment.
            api_key=api_key or "none",
            base_url=base_url,
            timeout=timeout,
            http_client=http_client,
        )

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError.

        Usage is estimated from the length of the texts where the server reports none.
        """
        meter = Meter(self.name, self.model)
        answer = _Answer()
        body = {**self._body(request), **_tools(request)}
        with translated(NAME, _translate, CAUGHT):
            stream = await self._clients.get().chat.completions.create(
                **body, stream=True, stream_options={"include_usage": True}
            )
            async with stream:
                async for chunk in stream:
                    text = answer.read(chunk)
                    if text is not None:
                        meter.mark()
                    if text:
                        yield TextDelta(text)
            rest = answer.finish(meter, body)
        for event in rest:
            yield event

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError."""
        meter = Meter(self.name, self.model)
        json_schema = {
            "name": schema.__name__,
            "schema": strict_schema(NAME, schema),
            "strict": True,
        }
        body = {
            **self._body(request),
            "response_format": {"type": "json_schema", "json_schema": json_schema},
        }
        with translated(NAME, _translate, CAUGHT):
            completion = await self._clients.get().chat.completions.create(**body, stream=False)
            choice = completion.choices[0]
            if choice.message.refusal:
                raise ContentFiltered("refused by the model", NAME)
            if _reason(choice.finish_reason) is not StopReason.END:
                raise Truncated("cut by the token limit", NAME)
            text = choice.message.content or ""
            value = schema.model_validate_json(text)
        return Structured(value, meter.report(_usage(completion.usage, body, len(text))))

    async def close(self) -> None:
        """Lets go of the running loop's connections."""
        await self._clients.close()

    def _body(self, request: Request) -> dict[str, Any]:
        messages = [item for message in tidy(request.messages) for item in _items(message)]
        if request.system.strip():
            messages.insert(0, {"role": "system", "content": request.system})
        return {
            "model": self.model,
            "messages": messages,
            # The old name of max_completion_tokens: the new one is not known everywhere.
            "max_tokens": request.max_output_tokens,
        }


def _tools(request: Request) -> dict[str, Any]:
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


def _items(message: Message) -> Iterator[dict[str, Any]]:
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
                            "arguments": json_text(call.arguments or {}),
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
class _Answer:
    """What has arrived of one answer."""

    finish_reason: str | None = None
    usage: CompletionUsage | None = None
    calls: list[_Call] = field(default_factory=list)
    characters: int = 0
    _open: dict[int, _Call] = field(default_factory=dict)

    def read(self, chunk: ChatCompletionChunk) -> str | None:
        """The text a chunk brings: empty for a piece of a tool call, None for anything else."""
        if not isinstance(chunk, ChatCompletionChunk):
            raise ServerFailed("a chunk that is no object", NAME)
        self.usage = chunk.usage or self.usage
        if not chunk.choices:
            return None  # the last chunk carries only the usage
        choice = chunk.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        if choice.delta.refusal:
            raise ContentFiltered("refused by the model", NAME)
        pieces = choice.delta.tool_calls or []
        for piece in pieces:
            self._add(piece)
        text = clean_text(choice.delta.content)
        self.characters += len(text)
        return text if text or pieces else None

    def _add(self, piece: ChoiceDeltaToolCall) -> None:
        """Adds to the call with the piece's index. A new id opens a new call even there: some
        servers send every call whole, and all with index 0."""
        call = self._open.get(piece.index)
        if call is None or (piece.id and piece.id != call.id and call.name):
            call = self._open[piece.index] = _Call(piece.id or f"call_{uuid4().hex}")
            self.calls.append(call)
        if piece.function:
            call.name = call.name or piece.function.name or ""
            call.json.append(piece.function.arguments or "")
            self.characters += len(piece.function.arguments or "")

    def finish(self, meter: Meter, body: dict[str, Any]) -> list[Event]:
        """What follows the text; raises ProviderError where the answer is none."""
        reason = _reason(self.finish_reason)
        cut = reason is StopReason.MAX_TOKENS
        calls = [parse_call(call.id, call.name, "".join(call.json), cut=cut) for call in self.calls]
        return ending(meter, reason, calls, _usage(self.usage, body, self.characters))


def _reason(finish_reason: str | None) -> StopReason:
    if finish_reason == "content_filter":
        raise ContentFiltered("stopped by the content filter", NAME)
    if finish_reason not in _REASONS:
        raise Truncated(f"finish reason: {quotable(finish_reason) or 'none'}", NAME)
    return _REASONS[finish_reason]


def _usage(usage: CompletionUsage | None, body: dict[str, Any], characters: int) -> Usage:
    if usage is None:
        return Usage(
            input_tokens=len(json_text(body)) // CHARACTERS_PER_TOKEN,
            output_tokens=characters // CHARACTERS_PER_TOKEN,
        )
    details = usage.prompt_tokens_details
    return Usage(
        input_tokens=count(usage, "prompt_tokens"),
        output_tokens=count(usage, "completion_tokens"),
        cache_read_tokens=count(details, "cached_tokens"),
        cache_write_tokens=count(details, "cache_write_tokens"),
    )
