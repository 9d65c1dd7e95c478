"""100 turns at once against a budget of $1.00: all are answered, and no more than that is spent.

What counts as spent is the vendor's own bill. Ten threads run ten turns each, every thread with an
event loop and a database connection of its own, as ten processes would.
"""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.db import connections
from django.db.models import F
from pytest_django import Settings

from chat import agent, pricing
from chat.accounts import Limits
from chat.budgets import DatabasePurse
from chat.database import in_database
from chat.llm import tokens
from chat.llm.base import (
    BudgetExceeded,
    End,
    Event,
    Payer,
    Request,
    Schema,
    StopReason,
    Structured,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolUse,
    Unsupported,
    Usage,
    UsageReport,
)
from chat.llm.budget import Budgeted, Hold, Purse, Tier
from chat.llm.fallback import Fallback
from chat.llm.offline import OfflineProvider
from chat.models import Reservation, Spending
from tests.chat.llm.support import WITH_TOOLS

pytestmark = pytest.mark.django_db(transaction=True)

THREADS, TURNS_EACH = 10, 10
TURNS = THREADS * TURNS_EACH
BUDGET = Decimal("1.00")
NAME, MODEL = "openai_compatible", "dear"
ANSWER = "Yes, we ship to Norway."
ASKED = replace(WITH_TOOLS, max_output_tokens=1_000)

Appetite = Callable[[int], int]
"""How many of the tokens that were reserved a request really takes."""


@dataclass
class Vendor:
    """Asks for a tool, then answers. Keeps the bill, and what it might come to at the worst."""

    appetite: Appetite
    name: str = NAME
    model: str = MODEL
    bill: Decimal = Decimal(0)
    under_way: Decimal = Decimal(0)
    highest: Decimal = Decimal(0)
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        worst = Usage(tokens.upper_bound(request), request.max_output_tokens)
        taken = Usage(self.appetite(worst.input_tokens), self.appetite(worst.output_tokens))
        self._book(_dollars(worst), Decimal(0))
        await asyncio.sleep(random.uniform(0, 0.02))
        if any(isinstance(message, ToolMessage) for message in request.messages):
            yield TextDelta(ANSWER)
        else:
            yield ToolUse(ToolCall("call_1", "search", {"query": "Norway"}))
        self._book(-_dollars(worst), _dollars(taken))
        yield UsageReport(self.name, self.model, taken, 0.02, 0.01)
        yield End(StopReason.END)

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        raise Unsupported("only streams", self.name)

    async def close(self) -> None: ...

    def _book(self, under_way: Decimal, bill: Decimal) -> None:
        with self.lock:
            self.under_way += under_way
            self.bill += bill
            self.highest = max(self.highest, self.bill + self.under_way)


class CheckThenSpend:
    """What must not be done: look whether there is money left, and count what is spent after it."""

    async def tier(self, payer: Payer | None) -> Tier:
        return Tier.FULL

    async def reserve(
        self, payer: Payer | None, provider: str, model: str, worst: Usage
    ) -> Hold | None:
        row, _ = await in_database(Spending.objects.get_or_create)(account="day:unguarded")
        if row.spent + _dollars(worst) > BUDGET:
            raise BudgetExceeded("no room in the budget", provider)
        return Hold(uuid4(), provider, model, _dollars(worst), (row.account,))

    async def settle(self, hold: Hold, usage: Usage | None) -> None:
        cost = _dollars(usage or Usage())
        rows = Spending.objects.filter(account=hold.accounts[0])
        await in_database(rows.update)(spent=F("spent") + cost)


@pytest.fixture(autouse=True)
def _prices(settings: Settings) -> None:
    settings.PRICES = {MODEL: {"input": Decimal(4), "output": Decimal(10)}}


def _dollars(usage: Usage) -> Decimal:
    cost = pricing.worst_case(NAME, MODEL, usage)
    assert cost is not None
    return cost


async def _found(call: ToolCall, ordinal: int, round_: int) -> ToolResult:
    return ToolResult(call.id, "We ship to Norway.", text=ANSWER)


async def _no_objection(answer: str) -> None: ...


async def _turn(vendor: Vendor, purse: Purse, number: int) -> str:
    """The text of a whole turn: the agent and its tools over a stack that ends offline."""
    stack = Fallback([Budgeted(vendor, purse), OfflineProvider()])
    request = replace(ASKED, payer=Payer(f"conversation-{number}", f"visitor:{number}"))
    events = agent.answer(stack, request, _found, _no_objection)
    return "".join([event.text async for event in events if isinstance(event, TextDelta)])


def _turns(vendor: Vendor, purse: Purse, start: threading.Barrier, first: int) -> list[str]:
    async def all_at_once() -> list[str]:
        numbers = range(first, first + TURNS_EACH)
        return await asyncio.gather(*(_turn(vendor, purse, number) for number in numbers))

    try:
        start.wait()
        return async_to_sync(all_at_once)()
    finally:
        connections.close_all()


@contextmanager
def _watched() -> Iterator[list[Decimal]]:
    """What accounts have spent and reserved, read again and again by a connection of its own."""
    seen: list[Decimal] = []
    done = threading.Event()

    def watch() -> None:
        try:
            while not done.wait(0.002):
                seen.extend(row.spent + row.reserved for row in Spending.objects.all())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        watching = threads.submit(watch)
        try:
            yield seen
        finally:
            done.set()
            watching.result()


def _run(vendor: Vendor, purse: Purse) -> list[str]:
    """The answers of 100 turns that begin together."""
    start = threading.Barrier(THREADS)
    with ThreadPoolExecutor(THREADS) as threads:
        firsts = range(0, TURNS, TURNS_EACH)
        runs = [threads.submit(_turns, vendor, purse, start, first) for first in firsts]
        return [answer for run in runs for answer in run.result()]


def _all(worst: int) -> int:
    return worst


def _some(worst: int) -> int:
    return round(worst * random.uniform(0.3, 1))


@pytest.mark.parametrize("appetite", [_all, _some])
def test_a_hundred_turns_at_once_never_spend_more_than_the_budget(appetite: Appetite) -> None:
    vendor = Vendor(appetite)
    purse = DatabasePurse(Limits(day=BUDGET), lifetime=timedelta(seconds=60))
    with _watched() as seen:
        answers = _run(vendor, purse)
    books = Spending.objects.get()
    assert len(answers) == TURNS and all(answers)
    assert len(seen) > 10 and max(seen) <= BUDGET
    assert vendor.highest <= BUDGET
    assert (books.spent, books.reserved) == (vendor.bill, Decimal(0))
    assert not Reservation.objects.exists()
    # Most of it bought answers, however little of what was reserved the requests took; all but the
    # worst case of one more where they took the whole.
    paid = sum(answer.endswith(ANSWER) for answer in answers)
    dearest = _dollars(Usage(tokens.upper_bound(ASKED) + 200, ASKED.max_output_tokens))
    assert 0 < paid < TURNS
    assert vendor.bill > BUDGET / 2
    if appetite is _all:
        assert vendor.bill > BUDGET - dearest


def test_without_reservations_the_same_turns_spend_more() -> None:
    vendor = Vendor(_all)
    answers = _run(vendor, CheckThenSpend())
    assert len(answers) == TURNS and all(answers)
    assert vendor.bill > BUDGET
