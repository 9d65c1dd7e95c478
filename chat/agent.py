"""The agent: stream an answer, run the tools it asks for, go on until there is nothing to run."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from chat import runner, telemetry
from chat.llm.base import (
    AssistantMessage,
    AttemptStarted,
    End,
    Message,
    Progress,
    Provider,
    ProviderFailed,
    Request,
    Reset,
    StopReason,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolUse,
    UsageReport,
    UserMessage,
)

MAX_ROUNDS = 6
"""Requests to the model in one turn. The last one carries no tools, so it has to answer."""

MAX_CALLS = 10
"""Tool calls in one turn: more than any honest question takes."""

CONCURRENCY = 5
"""Tool calls at once: back offices are slower than models and share their connections."""

LIMIT_REACHED = "Not run: this turn has used up its tool calls. Answer with what is known."

OTHER_PROVIDER = "OTHER_PROVIDER"
"""Reason of a reset: another provider goes on, and the words of two are never mixed."""

UNPROVEN = "UNPROVEN_CLAIM"
"""Reason of a reset: the answer claimed what no tool did."""


NO_ANSWER = "NO_ANSWER"
"""Code of a provider that ended its turn without text."""


class NoAnswer(Exception):
    """The model ended without a word for the customer."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer is complete. `reason` tells whether it was cut by the length limit."""

    reason: StopReason


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an answer must not stand: what to tell the model, and what the customer reads instead
    where the model insists."""

    instruction: str
    replacement: str


RunTool = Callable[[ToolCall, int, int], Awaitable[ToolResult]]
"""Runs a call: (call, its ordinal in the turn, its round). Must not raise."""

Check = Callable[[str], Awaitable[Objection | None]]
"""Looks at a whole answer before it stands."""

AgentEvent = (
    AttemptStarted | TextDelta | Reset | ToolMessage | UsageReport | ProviderFailed | Answered
)


_NOBODY = AttemptStarted("", "")


@dataclass(slots=True)
class _Draft:
    """What has come of an answer so far.

    `shown` is what the customer sees of earlier rounds, `text` and `calls` are this round's.
    """

    shown: str = ""
    writer: AttemptStarted = _NOBODY
    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    reason: StopReason = StopReason.END
    failed: frozenset[str] = frozenset()

    @property
    def whole(self) -> str:
        """All that the customer sees."""
        return (
            f"{self.shown}\n\n{self.text}" if self.shown and self.text else self.shown + self.text
        )

    def next_round(self) -> None:
        self.shown, self.text, self.calls, self.reason = self.whole, "", [], StopReason.END

    def void(self) -> None:
        self.shown = self.text = ""

    def speechless(self) -> ProviderFailed:
        """Gives up the provider that ended without a word. Raises NoAnswer if it was the last."""
        name, model = self.writer.provider, self.writer.model
        if not name or name in self.failed:
            raise NoAnswer
        self.failed |= {name}
        detail = "ended without text"
        return ProviderFailed(name, model, NO_ANSWER, detail, latency=0.0, asked=False)


async def answer(
    provider: Provider, request: Request, run_tool: RunTool, check: Check, ordinal: int = 0
) -> AsyncIterator[AgentEvent]:
    """Yields the events of one turn, which has made `ordinal` tool calls before.

    An answer that `check` objects to is asked for once more, then replaced. Raises ProviderError,
    and NoAnswer for an empty answer.
    """
    draft, corrected = _Draft(), False
    for round_ in count(1):
        last = round_ >= MAX_ROUNDS or ordinal >= MAX_CALLS
        draft.next_round()
        asked = replace(request, tools_allowed=not last, avoid=draft.failed)
        with telemetry.round_span(round_):
            async for event in _one_round(provider, asked, draft):
                yield event
            if draft.calls and not last:
                results = ToolMessage(await _run(draft.calls, ordinal, round_, run_tool))
                yield results
                ordinal += len(draft.calls)
                called = AssistantMessage(draft.text, tuple(draft.calls))
                request = _longer(request, called, results)
                continue
        if not draft.whole:
            yield draft.speechless()  # the next provider may find words, from what the tools gave
            continue
        objection = await check(draft.whole)
        if objection is None:
            yield Answered(draft.reason)
            return
        yield Reset(UNPROVEN)
        if corrected or last:
            yield TextDelta(objection.replacement)
            yield Answered(StopReason.END)
            return
        told = AssistantMessage(draft.text), UserMessage(objection.instruction)
        request, corrected = _longer(request, *told), True
        draft.void()


async def _one_round(
    provider: Provider, request: Request, draft: _Draft
) -> AsyncIterator[AgentEvent]:
    """Passes on what the customer and the ledger are to know of one request; fills in the draft."""
    async for event in provider.stream(request):
        match event:
            case TextDelta():
                if draft.shown and not draft.text:
                    yield TextDelta("\n\n")  # what was said before the tools ran stays above
                draft.text += event.text
                yield event
            case ToolUse(call):
                draft.calls.append(call)
            case End(reason):
                draft.reason = reason
            case Progress():
                pass
            case AttemptStarted():
                if draft.shown and draft.writer.provider != event.provider:
                    draft.void()
                    yield Reset(OTHER_PROVIDER)
                draft.writer = event
                yield event
            case _:
                if isinstance(event, Reset):
                    draft.void()
                elif isinstance(event, ProviderFailed) and event.final:
                    draft.failed |= {event.provider}
                yield event


def _longer(request: Request, *messages: Message) -> Request:
    return replace(request, messages=(*request.messages, *messages))


async def _run(
    calls: Sequence[ToolCall], ordinal: int, round_: int, run_tool: RunTool
) -> tuple[ToolResult, ...]:
    async def one(numbered: tuple[int, ToolCall]) -> ToolResult:
        ordinal, call = numbered
        if ordinal > MAX_CALLS:
            return ToolResult(call.id, LIMIT_REACHED, is_error=True, found=False)
        return await run_tool(call, ordinal, round_)

    numbered = enumerate(calls, start=ordinal + 1)
    return await runner.results(one, numbered, at_once=CONCURRENCY)
