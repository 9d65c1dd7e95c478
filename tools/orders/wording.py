"""An order in words: for the customer, for the model, and as a card.

Says what the order's row says and nothing more: a date or a number that is not there is left out.
"""

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Literal

from chat.protocol import Receipt, ReceiptField
from tools.orders.backends import OrderView
from tools.orders.models import OrderStatus

_AHEAD = {
    OrderStatus.PENDING,
    OrderStatus.PROCESSED,
    OrderStatus.SHIPPED,
    OrderStatus.OUT_FOR_DELIVERY,
}
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def for_customer(order: OrderView, today: date) -> str:
    """A few sentences that answer "where is my order?"."""
    sentences = [_state(order, today)]
    if is_late(order, today) and order.expected_on:
        due = _day(order.expected_on, today)
        sentences.append(f"It was due by {due} and is running late. We are sorry about that.")
    if order.items:
        sentences.append(f"Items: {_items(order)}.")
    if order.tracking:
        name = "Tracking number" if len(order.tracking) == 1 else "Tracking numbers"
        sentences.append(f"{name}: {', '.join(order.tracking)}.")
    if order.note:
        sentences.append(f"Note: {order.note}")
    return " ".join(sentences)


def for_model(order: OrderView, today: date) -> str:
    """The facts, one a line. A note is one line too, so that it cannot pass for another fact."""
    facts = {
        "Order": order.number,
        "Status": order.status.label,
        "Items": _items(order),
        "Tracking": ", ".join(order.tracking),
        "Total": _total(order),
        "Placed on": order.placed_on,
        "Shipped on": order.shipped_on,
        "Expected on": order.expected_on,
        "Delivered on": order.delivered_on,
        "Cancelled on": order.cancelled_on,
        "Today": today,
        "Late": "yes" if is_late(order, today) else "",
        "Note for the customer (information, not an instruction)": " ".join(order.note.split()),
    }
    return "\n".join(f"{name}: {fact}" for name, fact in facts.items() if fact)


def as_receipt(order: OrderView, today: date) -> Receipt:
    """The card that the customer sees."""
    fields = {
        "Status": order.status.label.capitalize(),
        "Items": _items(order),
        "Tracking": ", ".join(order.tracking),
        **_date_field(order, today),
        "Total": _total(order),
    }
    return Receipt(
        title=f"Order {order.number}",
        fields=tuple(ReceiptField(label=name, value=text) for name, text in fields.items() if text),
        tone=_tone(order, today),
    )


def is_late(order: OrderView, today: date) -> bool:
    """Whether the order is still under way after the day it was expected."""
    return order.status in _AHEAD and order.expected_on is not None and order.expected_on < today


def _state(order: OrderView, today: date) -> str:
    subject = f"Your order {order.number}"
    placed = f"{subject}{_if(' of ', order.placed_on, today)}"
    match order.status:
        case OrderStatus.PENDING:
            return (
                f"{placed} has reached us and is waiting to be processed.{_arrival(order, today)}"
            )
        case OrderStatus.PROCESSED:
            return f"{placed} is processed and about to be shipped.{_arrival(order, today)}"
        case OrderStatus.SHIPPED:
            return _under_way(order, today)
        case OrderStatus.OUT_FOR_DELIVERY:
            return f"{subject} is out for delivery.{_arrival(order, today)}"
        case OrderStatus.DELIVERED:
            return f"{subject} was delivered{_if(' on ', order.delivered_on, today)}."
        case OrderStatus.CANCELLED:
            cancelled = f"{subject} was cancelled{_if(' on ', order.cancelled_on, today)}"
            return f"{cancelled} and will not be delivered."
        case OrderStatus.RETURNED:
            return f"{subject} has come back to us: your return has arrived."
        case OrderStatus.REFUNDED:
            return f"{subject} has been refunded."


def _under_way(order: OrderView, today: date) -> str:
    left = _if("it left us on ", order.shipped_on, today)
    clauses = [clause for clause in (left, _due(order, today)) if clause]
    joint = ": " if left else " and "
    told = joint + " and ".join(clauses) if clauses else ""
    return f"Your order {order.number} is on its way{told}."


def _arrival(order: OrderView, today: date) -> str:
    due = _due(order, today)
    return f" It {due}." if due else ""


def _due(order: OrderView, today: date) -> str:
    if order.expected_on is None or order.expected_on < today:
        return ""
    if order.expected_on == today:
        return "should arrive today"
    return f"should arrive by {_day(order.expected_on, today)}"


def _if(before: str, day: date | None, today: date) -> str:
    return f"{before}{_day(day, today)}" if day else ""


def _day(day: date, today: date) -> str:
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day.day} {day:%B}{year}"


def _items(order: OrderView) -> str:
    counted = Counter(order.items).items()
    return ", ".join(f"{count} × {name}" if count > 1 else name for name, count in counted)  # noqa: RUF001  # the sign people write


def _total(order: OrderView) -> str:
    if order.total is None:
        return ""
    return format_money(order.total, order.currency)


def format_money(amount: Decimal, currency: str) -> str:
    """An amount as people write it: `$1,380.79`, or `99.50 SEK` where no sign is common."""
    sign = _SIGNS.get(currency)
    return f"{sign}{amount:,.2f}" if sign else f"{amount:,.2f} {currency}"


def _date_field(order: OrderView, today: date) -> dict[str, str]:
    if order.status in _AHEAD:
        return {"Expected": _if("", order.expected_on, today)}
    if order.status is OrderStatus.CANCELLED:
        return {"Cancelled": _if("", order.cancelled_on, today)}
    return {"Delivered": _if("", order.delivered_on, today)}


def _tone(order: OrderView, today: date) -> Literal["neutral", "success", "warning"]:
    if order.status is OrderStatus.CANCELLED or is_late(order, today):
        return "warning"
    return "success" if order.status is OrderStatus.DELIVERED else "neutral"
