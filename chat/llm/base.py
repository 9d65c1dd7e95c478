"""What every provider of answers has in common: the request, the stream of events, the errors.

A provider takes a `Request` and yields events:

    TextDelta*  ToolUse*  UsageReport  End      a normal stream, in this order; Progress in between
    AttemptStarted                              from a wrapper: a request goes out
    ProviderFailed                              from a wrapper: an attempt that failed
    Reset                                       from a wrapper: all text so far is void

A stream that ends without `End` is an error of the adapter. Errors leave as one tree, in which
whoever understands a failure decides whether it is worth another try:

    ProviderError              code            retryable
    ├── RateLimited            RATE_LIMIT      yes, after retry_after
    ├── Overloaded             OVERLOADED      yes
    ├── TimedOut               TIMEOUT         yes
    ├── ConnectionFailed       CONNECTION      yes
    ├── Truncated              TRUNCATED       yes
    ├── ServerFailed           API_ERROR       yes
    ├── InvalidRequest         INVALID_REQUEST no
    ├── AuthenticationFailed   AUTH            no
    ├── ContentFiltered        CONTENT_FILTER  no
    ├── ContextTooLong         CONTEXT_LENGTH  no
    ├── Malformed              MALFORMED       no, after one repair
    ├── Unsupported            UNSUPPORTED     no: nobody was asked
    ├── CircuitOpen            CIRCUIT_OPEN    no: nobody was asked
    └── BudgetExceeded         BUDGET          no: nobody was asked

Nothing here imports Django: a script can use `chat.llm` as it is.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel

Schema = TypeVar("Schema", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Citation:
    """A source that a tool returned. `id` is what an answer writes in brackets: `[a12-3]`."""

    id: str
    title: str
    heading: str
    url: str


@dataclass(frozen=True, slots=True)
class Slot:
    """What the offline engine must know about one tool argument to fill it without a model.

    `ask` is the question to the customer when the value is missing. `pattern` is a regular
    expression that recognises a value in a sentence. A `free_text` slot takes the customer's own
    words, cut to `max_length` characters.
    """

    name: str
    required: bool
    ask: str = ""
    pattern: str = ""
    free_text: bool = False
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a provider sees it.

    Remote providers read the first three fields. The offline engine, which has no model to choose
    for it, also reads the rest: what customers say (`examples`), what the arguments look like
    (`slots`), whether the tool answers questions in general (`open_ended`), and the sentence that
    offers it when nothing else fits (`offer`, and by language `offers`).
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    examples: tuple[str, ...] = ()
    slots: tuple[Slot, ...] = ()
    open_ended: bool = False
    offer: str = ""
    offers: Mapping[str, str] = field(default_factory=dict)

    def offered(self, language: str) -> str:
        """The sentence that offers it, in `language` where it has been translated."""
        return self.offers.get(language, self.offer)

    def offered_in(self, text: str) -> bool:
        """Whether a reply offers it, in whatever language."""
        return bool(self.offer) and any(o in text for o in (self.offer, *self.offers.values()))


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to run a tool. `arguments` is None when the JSON it wrote cannot be read."""

    id: str
    name: str
    arguments: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back: `content` for a model, `text` fit for the customer.

    `missing` names arguments the tool needs from the customer before it can help. `found` is
    False when the tool worked but has nothing that answers.
    """

    call_id: str
    content: str
    text: str = ""
    citations: tuple[Citation, ...] = ()
    missing: tuple[str, ...] = ()
    found: bool = True
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class UserMessage:
    text: str


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    text: str
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolMessage:
    results: tuple[ToolResult, ...]


Message = UserMessage | AssistantMessage | ToolMessage


@dataclass(frozen=True, slots=True)
class Payer:
    """On whose account a request is: budgets are kept by conversation and by customer."""

    conversation: str
    customer: str


@dataclass(frozen=True, slots=True)
class Request:
    """One round of a turn.

    `tools_allowed` is False in the last round: the answer must come now. `deadline` is the moment
    of `time.monotonic()` by which the whole turn is over. `avoid` names providers that failed
    earlier in the turn. `locale` is the language that the customer's browser asks for: remote
    models read the messages instead.
    """

    system: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    tools_allowed: bool = True
    max_output_tokens: int = 1024
    deadline: float | None = None
    avoid: frozenset[str] = frozenset()
    payer: Payer | None = None
    locale: str = ""


class StopReason(StrEnum):
    END = "end"
    TOOL_USE = "tool_use"
    MAX_TOKENS = "max_tokens"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one provider request. `input_tokens` includes what came from or went to a cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A request goes out: its provider and model, and which attempt of this provider's it is."""

    provider: str
    model: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The model is at work on something that is no text: it thinks, or writes a tool call."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    call: ToolCall


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Who answered and what it took. `latency` and `first_token` are seconds."""

    provider: str
    model: str
    usage: Usage
    latency: float
    first_token: float | None
    attempt: int = 1
    cached: bool = False


@dataclass(frozen=True, slots=True)
class ProviderFailed:
    """An attempt that failed.

    `usage` is what it took as far as that is known, None where the vendor charges nothing: the
    request was refused or never arrived. `final` tells that the provider is given up for this turn.
    `asked` is False where no request went out.
    """

    provider: str
    model: str
    code: str
    detail: str
    latency: float
    attempt: int = 1
    usage: Usage | None = None
    final: bool = True
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Reset:
    """All text of the turn so far is void: another attempt starts clean. `reason` is a code."""

    reason: str


@dataclass(frozen=True, slots=True)
class End:
    reason: StopReason


Event = AttemptStarted | TextDelta | Progress | ToolUse | UsageReport | ProviderFailed | Reset | End


@dataclass(frozen=True, slots=True)
class Structured(Generic[Schema]):
    """A structured output: the validated value, what it took, and the attempts before it."""

    value: Schema
    report: UsageReport
    failed: tuple[ProviderFailed, ...] = ()


class Provider(Protocol):
    """A source of answers: a vendor's adapter, or a policy wrapped around other providers."""

    name: str
    model: str

    def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError."""
        ...

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError, and Unsupported
        where the provider cannot be held to a schema."""
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


@dataclass
class ProviderError(Exception):
    """A provider did not answer.

    `retry_after` is the server's wish, in seconds. `usage` is what the attempt took as far as that
    is known or can be estimated; None where the vendor processed nothing.
    """

    detail: str
    provider: str = ""
    retry_after: float | None = None
    status: int | None = None
    code: ClassVar[str] = "API_ERROR"
    retryable: ClassVar[bool] = False
    asked: ClassVar[bool] = True
    request_id: str | None = field(default=None, kw_only=True)
    usage: Usage | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        return f"{self.provider or 'provider'}: {self.code}: {self.detail}"


class RateLimited(ProviderError):
    code = "RATE_LIMIT"
    retryable = True


class Overloaded(ProviderError):
    code = "OVERLOADED"
    retryable = True


class TimedOut(ProviderError):
    code = "TIMEOUT"
    retryable = True


class ConnectionFailed(ProviderError):
    code = "CONNECTION"
    retryable = True


class Truncated(ProviderError):
    code = "TRUNCATED"
    retryable = True


class ServerFailed(ProviderError):
    code = "API_ERROR"
    retryable = True


class InvalidRequest(ProviderError):
    code = "INVALID_REQUEST"


class AuthenticationFailed(ProviderError):
    code = "AUTH"


class ContentFiltered(ProviderError):
    code = "CONTENT_FILTER"


class ContextTooLong(ProviderError):
    code = "CONTEXT_LENGTH"


class Unsupported(ProviderError):
    code = "UNSUPPORTED"
    asked = False


@dataclass
class Malformed(ProviderError):
    """A structured output that does not fit its schema. `text` is what the model wrote, for the
    repair; `problems` says what is wrong with it, without quoting it."""

    code = "MALFORMED"
    text: str = field(default="", kw_only=True, repr=False)
    problems: str = field(default="", kw_only=True)


class CircuitOpen(ProviderError):
    code = "CIRCUIT_OPEN"
    asked = False


class BudgetExceeded(ProviderError):
    code = "BUDGET"
    asked = False
