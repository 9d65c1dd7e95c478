"""An outage of the first provider, as customers feel it: `python -m benchmarks.outage`.

Turns of the agent run against a stack of Anthropic then OpenAI, through both SDKs, whose vendors are one
fake server in a process of its own: first both are well, then Anthropic answers 529 to everything,
then it is back. The last line is one JSON object.
"""

import asyncio
import json
import logging
import os
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from benchmarks.figures import percentile
from benchmarks.processes import free_port, running
from chat import agent
from chat.llm import stack
from chat.llm.base import (
    AttemptStarted,
    Provider,
    ProviderFailed,
    Request,
    TextDelta,
    ToolCall,
    ToolResult,
    UsageReport,
    UserMessage,
)
from chat.llm.breaker import Breakers, State
from chat.llm.circuits import MemoryStore, Opening, Tally

PRIMARY, NEXT = "anthropic", "openai"
REQUEST = Request("Be brief.", (UserMessage("Do you ship to Norway?"),))

TURN = 30.0
"""Seconds a turn may take."""

RECOVERY_PACE = 0.1
"""Seconds between the turns that wait for the primary: ten customers a second."""

LONGEST_RECOVERY = 90.0
"""Seconds to wait for it: the longest cool-down, and half as much again."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn came to. Times are seconds from its start."""

    answered_by: str
    primary_attempts: int
    first_token: float


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run; times are in milliseconds unless they are named otherwise."""

    turns: int
    concurrency: int
    answered_by_next: int
    most_primary_attempts: int
    primary_failures_to_open: int
    primary_attempts: int
    added_p50_ms: float
    added_p95_ms: float
    added_worst_ms: float
    added_p95_ms_of_those_who_asked: float
    recovery_s: float
    openings: int


class WatchedStore(MemoryStore):
    """Counts the failures until the first opening."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0
        self.failures_to_open = 0
        self.openings = 0

    async def add(self, name: str, calls: int, failures: int) -> Tally:
        self.failures += failures
        return await super().add(name, calls, failures)

    async def open(self, name: str, opening: Opening) -> None:
        self.openings += 1
        self.failures_to_open = self.failures_to_open or self.failures
        await super().open(name, opening)


async def _no_tool(call: ToolCall, ordinal: int, round_: int) -> ToolResult:
    raise AssertionError("no tool is on offer")


async def _no_objection(text: str) -> None:
    return None


async def _turn(provider: Provider) -> Turn:
    started = time.perf_counter()
    request = replace(REQUEST, deadline=time.monotonic() + TURN)
    answered_by, first, asked = "", 0.0, Counter[str]()
    async for event in agent.answer(provider, request, _no_tool, _no_objection):
        match event:
            case AttemptStarted(name):
                asked[name] += 1
            case ProviderFailed(name, asked=False):
                asked[name] -= 1
            case TextDelta() if not first:
                first = time.perf_counter() - started
            case UsageReport(name):
                answered_by = name
    return Turn(answered_by, asked[PRIMARY], first)


async def _turns(provider: Provider, number: int, concurrency: int) -> list[Turn]:
    limit = asyncio.Semaphore(concurrency)

    async def one() -> Turn:
        async with limit:
            return await _turn(provider)

    return await asyncio.gather(*(one() for _ in range(number)))


async def _recovery(provider: Provider) -> float:
    """Seconds until the primary answers again."""
    started = time.perf_counter()
    while time.perf_counter() - started < LONGEST_RECOVERY:
        if (await _turn(provider)).answered_by == PRIMARY:
            return time.perf_counter() - started
        await asyncio.sleep(RECOVERY_PACE)
    raise TimeoutError("the primary was never asked again")


async def _measure(address: str, turns: int, concurrency: int) -> Report:
    store, changes = WatchedStore(), list[State]()
    account = stack.Account("sk-bench", address, "model")
    configuration = stack.Configuration(
        (PRIMARY, NEXT),
        anthropic=account,
        openai=replace(account, base_url=f"{address}/v1"),
        openai_compatible=account,
        connect_timeout=5.0,
        first_token_timeout=20.0,
        token_gap_timeout=15.0,
    )
    breakers = Breakers(store, on_change=lambda _, state: changes.append(state))
    provider = stack.build(configuration, breakers=breakers)
    async with httpx2.AsyncClient() as control:
        # Opens the primary's connections; to open the next one's is part of what an outage costs.
        await _turns(provider, concurrency, concurrency)
        healthy = await _turns(provider, turns, concurrency)
        await control.put(f"{address}/down")
        outage = await _turns(provider, turns, concurrency)
        await control.put(f"{address}/up")
        recovery = await _recovery(provider)
    await provider.close()
    if {turn.answered_by for turn in healthy} != {PRIMARY} or changes[-1] is not State.CLOSED:
        raise AssertionError("the run proves nothing: the healthy primary was not used")
    return _report(healthy, outage, recovery, concurrency, store)


def _report(
    healthy: Sequence[Turn],
    outage: Sequence[Turn],
    recovery: float,
    concurrency: int,
    store: WatchedStore,
) -> Report:
    usual = [turn.first_token for turn in healthy]
    now = [turn.first_token for turn in outage]
    asked = [turn.first_token for turn in outage if turn.primary_attempts]

    def added(times: Sequence[float], rank: int) -> float:
        return round(1000 * (percentile(times, rank) - percentile(usual, rank)), 1)

    return Report(
        turns=len(outage),
        concurrency=concurrency,
        answered_by_next=sum(turn.answered_by == NEXT for turn in outage),
        most_primary_attempts=max(turn.primary_attempts for turn in outage),
        primary_failures_to_open=store.failures_to_open,
        primary_attempts=sum(turn.primary_attempts for turn in outage),
        added_p50_ms=added(now, 50),
        added_p95_ms=added(now, 95),
        added_worst_ms=round(1000 * (max(now) - percentile(usual, 50)), 1),
        added_p95_ms_of_those_who_asked=added(asked, 95),
        recovery_s=round(recovery, 2),
        openings=store.openings,
    )


def _show(report: Report) -> int:
    """Prints the report; 1 where a promise is broken."""
    rows = (
        ("Turns answered by the next provider", f"{report.answered_by_next} of {report.turns}"),
        ("Attempts at the primary, most in a turn", str(report.most_primary_attempts)),
        ("Failures until its breaker opened", str(report.primary_failures_to_open)),
        ("Attempts at the primary in all, trials too", str(report.primary_attempts)),
        ("Times it opened, trials that failed too", str(report.openings)),
        ("Added first token ms, p50", f"{report.added_p50_ms:.1f}"),
        ("                      p95", f"{report.added_p95_ms:.1f}"),
        ("                      worst", f"{report.added_worst_ms:.1f}"),
        ("  p95 of turns that asked the primary", f"{report.added_p95_ms_of_those_who_asked:.1f}"),
        ("Seconds until a primary that is back answers", f"{report.recovery_s:.2f}"),
    )
    print(f"{report.turns} turns, {report.concurrency} at once, the primary at 100% HTTP 529\n")
    for label, value in rows:
        print(f"{label:46}{value:>12}")
    print(f"\n{json.dumps(asdict(report))}")
    kept = (
        report.answered_by_next == report.turns
        and report.most_primary_attempts <= 2
        and report.primary_failures_to_open <= 10
        and report.added_p95_ms <= 2000
        and report.added_p95_ms_of_those_who_asked <= 2000
    )
    return 0 if kept else 1


def main() -> int:
    """Measures and reports."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=500)
    parser.add_argument("--concurrency", type=int, default=20)
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # a line for each request is not what is measured
    port = free_port()
    with TemporaryDirectory() as folder:
        command = ("-m", "benchmarks.fake_vendors", "--port", str(port))
        cores = frozenset(os.sched_getaffinity(0))
        with running("vendors", command, port=port, folder=Path(folder), on=cores) as server:
            address = f"http://{server.address}"
            report = asyncio.run(_measure(address, options.turns, options.concurrency))
    return _show(report)


if __name__ == "__main__":
    sys.exit(main())
