"""Customers who ask for each other's orders, within the product: what is measured is the tool itself.

Runs in a process of its own with the stack's database (`manage.py shell`), and leaves no order behind.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

from django.conf import settings

from chat.identity import VerifiedCustomer
from chat.protocol import as_json
from chat.toolbox import Tool, ToolContext
from tools.orders.backends import DatabaseOrders, OrderView
from tools.orders.identifiers import normalise_number
from tools.orders.models import Order
from tools.orders.tool import check_order_status

DATA = Path(__file__).parents[2] / "shared" / "data" / "orders" / "orders.jsonl"
"""Orders by others; made-up ones where they are absent."""

CANARY = "canary-9d4c"
"""In every order's items, tracking numbers and note."""

tool: Tool = check_order_status


class Careless(DatabaseOrders):
    """The negative control: looks an order up by its number, then at whose it is, and tells it anyway."""

    def find(self, number: str, email: str) -> OrderView | None:
        order = Order.objects.filter(number=number).first()
        if order is None:
            return None
        time.sleep(0.01)  # as a second query to a back office would
        return super().find(number, order.email)


@dataclass
class Answers:
    """What was told, and how long it took."""

    leaks: int = 0
    differ: int = 0
    foreign: list[float] = field(default_factory=list)
    missing: list[float] = field(default_factory=list)

    @property
    def apart(self) -> float:
        """Milliseconds between the two medians."""
        return abs(median(self.foreign) - median(self.missing)) * 1000


@dataclass(frozen=True)
class Customer:
    """Somebody with an order."""

    email: str
    number: str


def measure(seed: int, count: int) -> None:
    """Lets `count` customers ask for the orders of all others, and prints what came of it as JSON."""
    rng = Random(seed)
    customers = rng.sample(_orders(), count)
    Order.objects.bulk_create(
        Order(number=c.number, email=c.email, items=[CANARY], tracking=[CANARY], note=CANARY)
        for c in customers
    )
    try:
        found = asyncio.run(_ask_all(rng, customers))
        settings.ORDER_BACKEND = f"{__name__}.Careless"
        control = asyncio.run(_ask_all(rng, customers[:5]))
    finally:
        Order.objects.filter(number__in=[customer.number for customer in customers]).delete()
    figures = {
        "lookups": len(found.foreign),
        "leaks": found.leaks,
        "answers_that_differ": found.differ,
        "medians_apart_ms": round(found.apart, 3),
        "median_ms": round(median(found.foreign) * 1000, 3),
        "unguarded_leaks": control.leaks,
        "unguarded_apart_ms": round(control.apart, 3),
    }
    sys.stdout.write(json.dumps(figures))


def _orders() -> list[Customer]:
    """One order a customer. Numbers as in real life, with a mark that no real order has."""
    if not DATA.exists():
        return [Customer(f"c{n}@mail.example", f"CHAOS-W{n:07}") for n in range(500)]
    rows = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
    by_email = {row["email"]: f"CHAOS-{normalise_number(row['order_id'])}" for row in rows}
    return [Customer(email, number) for email, number in by_email.items()]


async def _ask_all(rng: Random, customers: Sequence[Customer]) -> Answers:
    answers = Answers()
    pairs = [(asking, other) for asking in customers for other in customers if asking != other]
    rng.shuffle(pairs)
    for asking, other in pairs:
        absent = f"CHAOS-W{rng.randrange(10**7):07}X"
        first = rng.random() < 0.5  # whatever is warm by now is warm for both alike
        timed = {}
        for number in (other.number, absent) if first else (absent, other.number):
            began = time.perf_counter()
            told = await _ask(rng, asking, number)
            timed[number] = told, time.perf_counter() - began
        (foreign, took), (missing, took_missing) = timed[other.number], timed[absent]
        answers.foreign.append(took)
        answers.missing.append(took_missing)
        answers.leaks += CANARY in foreign
        answers.differ += foreign != missing
    return answers


async def _ask(rng: Random, asking: Customer, number: str) -> str:
    """All that leaves the tool, with the number that was asked for left out. Each look-up is a
    conversation's first: what is locked after five would tell nothing at all."""
    context = ToolContext(
        conversation=UUID(int=rng.getrandbits(128)),
        turn=UUID(int=rng.getrandbits(128)),
        ordinal=1,
        customer=VerifiedCustomer(asking.email, asking.email, ""),
    )
    outcome = await tool.run(context, {"order_number": number})
    output = outcome.output
    told: list[Any] = [output.content, output.text, output.found, outcome.error, outcome.missing]
    told.append(output.receipt and as_json(output.receipt))
    return json.dumps(told).replace(number, "NUMBER")
