"""The demo shop: its products, customers, orders and help articles, as files beside this one."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from chat.identity import VerifiedCustomer

FOLDER = Path(__file__).parent


@cache
def customers() -> tuple[VerifiedCustomer, ...]:
    """The shop's customers."""
    lines = (FOLDER / "customers.jsonl").read_text("utf-8").splitlines()
    return tuple(VerifiedCustomer(**json.loads(line)) for line in lines)


@cache
def orders() -> tuple[dict[str, Any], ...]:
    """The shop's orders; their dates are days from today, so that the demo never ages."""
    lines = (FOLDER / "orders.jsonl").read_text("utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


def example_orders() -> list[tuple[str, str]]:
    """Two orders to try: number and e-mail, one on its way and one delivered."""
    by_status = {order["status"]: order for order in reversed(orders())}
    chosen = (by_status["shipped"], by_status["delivered"])
    return [(order["order_id"], order["email"]) for order in chosen]


@cache
def products() -> list[dict[str, Any]]:
    """What the shop's page shows."""
    return list(json.loads((FOLDER / "products.json").read_text("utf-8")))


@cache
def suggestions() -> list[str]:
    """Questions to begin with."""
    return list(json.loads((FOLDER / "suggestions.json").read_text("utf-8")))
