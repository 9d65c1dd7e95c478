"""The agent: stream an answer, run the tools it asks for, go on until there is nothing to run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from chat.llm.base import (
    AssistantMessage,
    End,
    Provider,
    ProviderFailed,
    Request,
    StopReason,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolUse,
    UsageReport,
)

MAX_ROUNDS = 6
"""Requests to the model in one turn. The last one carries no tools, so it has to answer."""

MAX_CALLS = 10
"""Tool calls in one turn: more than any honest question takes."""

CONCURRENCY = 5
"""Tool calls at once: back offices are slower than models and share their connections."""

LIMIT_REACHED = "Not run: this turn has used up its tool calls. Answer with what is known."


class NoAnswer(Exception):
    """The model ended without a word for the customer."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer is complete. `reason` tells whether it was cut by the length limit."""

    reason: StopReason


RunTool = Callable[[ToolCall, int, int], Awaitable[ToolResult]]
"""Runs a call: (call, its ordinal in the turn, its round). Must not raise."""

AgentEvent = TextDelta | ToolMessage | UsageReport | ProviderFailed | Answered


async def answer(
    provider: Provider, request: Request, run_tool: RunTool, ordinal: int = 0
) -> AsyncIterator[AgentEvent]:
    """Yields the events of one turn, which has made `ordinal` tool calls before.

    Raises ProviderError, and NoAnswer for an empty answer.
    """
    limit = asyncio.Semaphore(CONCURRENCY)
    said = False
    for round_ in range(1, MAX_ROUNDS + 1):
        last = round_ == MAX_ROUNDS or ordinal >= MAX_CALLS
        text, calls, reason = "", [], StopReason.END
        async for event in provider.stream(replace(request, tools_allowed=not last)):
            match event:
                case TextDelta():
                    if said and not text:
                        yield TextDelta("\n\n")  # what was said before the tools ran stays above
                    text += event.text
                    yield event
                case ToolUse(call):
                    calls.append(call)
                case End():
                    reason = event.reason
                case _:
                    yield event
        said = said or bool(text)
        if last or not calls:
            if not said:
                raise NoAnswer
            yield Answered(reason)
            return
        results = ToolMessage(await _run(calls, ordinal, round_, run_tool, limit))
        yield results
        ordinal += len(calls)
        asked = AssistantMessage(text, tuple(calls))
        request = replace(request, messages=(*request.messages, asked, results))


async def _run(
    calls: Sequence[ToolCall],
    ordinal: int,
    round_: int,
    run_tool: RunTool,
    limit: asyncio.Semaphore,
) -> tuple[ToolResult, ...]:
    async def one(call: ToolCall, ordinal: int) -> ToolResult:
        if ordinal > MAX_CALLS:
            return ToolResult(call.id, LIMIT_REACHED, is_error=True, found=False)
        async with limit:
            return await run_tool(call, ordinal, round_)

    numbered = enumerate(calls, start=ordinal + 1)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(call, number)) for number, call in numbered]
    return tuple(task.result() for task in tasks)
