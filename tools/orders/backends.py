"""Where orders are looked up. `settings.ORDER_BACKEND` names the class, as EMAIL_BACKEND does."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from tools.orders.models import Order, OrderStatus


@dataclass(frozen=True, slots=True)
class OrderView:
    """What may be said about an order to whoever may see it: no e-mail, no name, no address."""

    number: str
    status: OrderStatus
    items: tuple[str, ...] = ()
    tracking: tuple[str, ...] = ()
    total: Decimal | None = None
    currency: str = "USD"
    placed_on: date | None = None
    shipped_on: date | None = None
    expected_on: date | None = None
    delivered_on: date | None = None
    cancelled_on: date | None = None
    note: str = ""


class OrderBackend(Protocol):
    """A source of orders. It is called in a thread and may block."""

    def find(self, number: str, email: str) -> OrderView | None:
        """The order with this number *and* this e-mail, or None.

        Both come normalised (`tools.orders.identifiers`). Look up by both at once: a number that
        does not exist and one of somebody else must take the same path, or their times tell them
        apart.
        """
        ...


class DatabaseOrders:
    """The orders of this database, as `manage.py import_orders` and the admin keep them."""

    def find(self, number: str, email: str) -> OrderView | None:
        """See `OrderBackend.find`. Makes one query."""
        order = Order.objects.filter(number=number, email=email).first()
        return _view(order) if order else None


def _view(order: Order) -> OrderView:
    return OrderView(
        number=order.number,
        status=OrderStatus(order.status),
        items=tuple(order.items),
        tracking=tuple(order.tracking),
        total=order.total,
        currency=order.currency,
        placed_on=order.placed_on,
        shipped_on=order.shipped_on,
        expected_on=order.expected_on,
        delivered_on=order.delivered_on,
        cancelled_on=order.cancelled_on,
        note=order.note,
    )


def get_backend() -> OrderBackend:
    """The backend that the settings name. Raises ImportError for one that cannot be loaded."""
    return _load(settings.ORDER_BACKEND)


@cache
def _load(path: str) -> OrderBackend:
    backend: OrderBackend = import_string(path)()
    return backend
