"""Loading the demo: articles, orders and a staff login, on the first start only."""

from datetime import date, timedelta
from typing import Any, TextIO

from django.contrib.auth import get_user_model
from django.core.management.base import OutputWrapper
from django.utils import timezone

from supportbot import demo
from tools.jsonl import Report
from tools.knowledge import articles
from tools.knowledge.importing import import_articles
from tools.knowledge.models import Article
from tools.orders.importing import import_orders
from tools.orders.models import Order

STAFF_NAME = "staff"
STAFF_PASSWORD = "demo-staff"  # noqa: S105  # printed at start; exists in the demo only

TO_READ_AGAIN = ("payments/promo-codes.md", "account/early-access-to-sales.md")
"""Articles about what soon ends: the demo's staff should read them again today."""

_DAYS = {
    "placed_days_ago": ("placed_on", -1),
    "shipped_days_ago": ("shipped_on", -1),
    "delivered_days_ago": ("delivered_on", -1),
    "cancelled_days_ago": ("cancelled_on", -1),
    "expected_in_days": ("expected_on", 1),
}


def once(output: OutputWrapper | TextIO) -> None:
    """Loads what is not there yet; a shop that has content of its own is left alone."""
    if not Article.objects.exists():
        _tell(output, "articles", import_articles(demo.FOLDER / "articles"))
        ageing = Article.objects.filter(source__in=TO_READ_AGAIN).values_list("pk", flat=True)
        articles.read_again(ageing, timezone.localdate())
    if not Order.objects.exists():
        orders = import_orders([_dated(order) for order in demo.orders()])
        _tell(output, "orders", orders)
    users = get_user_model().objects
    if not users.exists():
        users.create_superuser(STAFF_NAME, "staff@juniperandoak.example", STAFF_PASSWORD)


def _tell(output: OutputWrapper | TextIO, name: str, report: Report) -> None:
    """Says what was loaded, and of every row that was not, why."""
    failed = [f"  {row.place}: {row.reason}" for row in report.failed]
    output.write("\n".join([f"Demo {name}: {report}", *failed]))


def _dated(order: dict[str, Any]) -> dict[str, Any]:
    """An order with dates for its days from today."""
    today: date = timezone.localdate()
    dated = {key: value for key, value in order.items() if key not in _DAYS}
    for key, (name, sign) in _DAYS.items():
        if key in order:
            dated[name] = today + timedelta(days=sign * order[key])
    return dated
