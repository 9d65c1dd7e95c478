"""Attempts at a provider, as spans of OpenTelemetry's conventions for generative AI.

The names are those of the conventions (https://github.com/open-telemetry/semantic-conventions-genai),
which are still in development: this module and `chat.telemetry` are the only places that know them.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

from opentelemetry.trace import (
    NoOpTracerProvider,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    TracerProvider,
)
from opentelemetry.util.types import AttributeValue

from chat.llm.base import (
    AssistantMessage,
    End,
    Event,
    Message,
    Provider,
    Request,
    Schema,
    StopReason,
    Structured,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolUse,
    UsageReport,
    UserMessage,
)

SCOPE = "supportbot"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
CONVERSATION = "gen_ai.conversation.id"
ERROR_TYPE = "error.type"
CHAT = "chat"

CANCELLED = "CANCELLED"
"""The error type of what its reader did not wait for: the customer stopped, a server went down."""

FINISH_REASONS = {
    StopReason.END: "stop",
    StopReason.TOOL_USE: "tool_call",
    StopReason.MAX_TOKENS: "length",
}

Redact = Callable[[str], str]
"""What is applied to each text before it is put into a span."""

_tracer: Tracer = NoOpTracerProvider().get_tracer(SCOPE)


def install(provider: TracerProvider) -> None:
    """Sends the spans of this process to `provider`."""
    global _tracer
    _tracer = provider.get_tracer(SCOPE)


def tracer() -> Tracer:
    """Where the spans of this process begin; one that does nothing until `install`."""
    return _tracer


class Traced:
    """Gives every request to `provider` a span. Metadata only, unless `content` says how to redact
    what is said.

    Nobody works in the span's context: an async generator shares the context of whoever reads it,
    so the span is never made the current one, only its parent is.
    """

    def __init__(self, provider: Provider, *, content: Redact | None = None) -> None:
        self.name = provider.name
        self.model = provider.model
        self._provider = provider
        self._content = content

    def stream(self, request: Request) -> AsyncIterator[Event]:
        """The events of `provider`; without a layer of ours in between where nothing is traced."""
        span = self._start(request)
        if not span.is_recording():
            return self._provider.stream(request)
        span.set_attribute("gen_ai.request.stream", True)
        return self._watched(self._provider.stream(request), span)

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError."""
        span = self._start(request)
        try:
            structured = await self._provider.complete_structured(request, schema)
            if span.is_recording():
                span.set_attribute("gen_ai.output.type", "json")
                _report(span, structured.report)
                self._write_answer(span, structured.value.model_dump_json(), ())
            return structured
        except BaseException as error:
            fail(span, code_of(error))
            raise
        finally:
            span.end()

    async def close(self) -> None:
        """Lets go of the provider's connections."""
        await self._provider.close()

    def _start(self, request: Request) -> Span:
        attributes: dict[str, AttributeValue] = {
            OPERATION: CHAT,
            PROVIDER: self.name,
            REQUEST_MODEL: self.model,
            "gen_ai.request.max_tokens": request.max_output_tokens,
        }
        if request.payer:
            attributes[CONVERSATION] = request.payer.conversation
        span = _tracer.start_span(
            f"{CHAT} {self.model}", kind=SpanKind.CLIENT, attributes=attributes
        )
        if self._content and span.is_recording():
            _write_question(span, request, self._content)
        return span

    async def _watched(self, events: AsyncIterator[Event], span: Span) -> AsyncIterator[Event]:
        text: list[str] = []
        calls: list[ToolCall] = []
        over = False
        try:
            async for event in events:
                if type(event) is TextDelta:  # first, because it is nearly every event
                    if self._content:
                        text.append(event.text)
                elif isinstance(event, ToolUse):
                    calls.append(event.call)
                elif isinstance(event, UsageReport):
                    _report(span, event)
                elif isinstance(event, End):
                    over = True
                    finish = [FINISH_REASONS[event.reason]]
                    span.set_attribute("gen_ai.response.finish_reasons", finish)
                yield event
        except BaseException as error:
            if not over:  # a reader may leave after the end
                fail(span, code_of(error))
            raise
        finally:
            self._write_answer(span, "".join(text), calls)
            span.end()
            # Ends the request upstream at once when the reader stops early.
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    def _write_answer(self, span: Span, text: str, calls: Sequence[ToolCall]) -> None:
        if self._content:
            said = _message(AssistantMessage(text, tuple(calls)), self._content)
            span.set_attribute("gen_ai.output.messages", json.dumps([said]))


def fail(span: Span, code: str) -> None:
    """Marks a span as failed: a code and no more, because an error's text may quote a customer."""
    span.set_attribute(ERROR_TYPE, code)
    if code != CANCELLED:
        span.set_status(Status(StatusCode.ERROR))


def code_of(error: BaseException) -> str:
    """The code of our own errors; CANCELLED for what nobody waited for; else the class's name."""
    # CancelledError and GeneratorExit are no Exception.
    return (
        getattr(error, "code", type(error).__name__) if isinstance(error, Exception) else CANCELLED
    )


def _report(span: Span, report: UsageReport) -> None:
    usage = report.usage
    span.set_attribute("gen_ai.response.model", report.model)
    span.set_attribute("gen_ai.usage.input_tokens", usage.input_tokens)
    span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)
    span.set_attribute("gen_ai.usage.cache_read.input_tokens", usage.cache_read_tokens)
    span.set_attribute("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens)
    if report.first_token is not None:
        span.set_attribute("gen_ai.response.time_to_first_chunk", report.first_token)


def _write_question(span: Span, request: Request, redact: Redact) -> None:
    messages = [_message(message, redact) for message in request.messages]
    system = [{"type": "text", "content": redact(request.system)}]
    span.set_attribute("gen_ai.input.messages", json.dumps(messages))
    span.set_attribute("gen_ai.system_instructions", json.dumps(system))


def _message(message: Message, redact: Redact) -> dict[str, Any]:
    """A message in the conventions' form. Even a call's name and id are a model's words."""
    match message:
        case UserMessage(text):
            return {"role": "user", "parts": [_text(text, redact)]}
        case AssistantMessage(text, calls):
            asked = [_call(call, redact) for call in calls]
            return {
                "role": "assistant",
                "parts": [*([_text(text, redact)] if text else []), *asked],
            }
        case ToolMessage(results):
            return {"role": "tool", "parts": [_result(result, redact) for result in results]}


def _text(text: str, redact: Redact) -> dict[str, str]:
    return {"type": "text", "content": redact(text)}


def _call(call: ToolCall, redact: Redact) -> dict[str, str]:
    arguments = redact(json.dumps(call.arguments, ensure_ascii=False))
    return {
        "type": "tool_call",
        "id": redact(call.id),
        "name": redact(call.name),
        "arguments": arguments,
    }


def _result(result: ToolResult, redact: Redact) -> dict[str, str]:
    return {
        "type": "tool_call_response",
        "id": redact(result.call_id),
        "response": redact(result.content),
    }
