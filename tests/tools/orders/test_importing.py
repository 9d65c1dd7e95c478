"""Importing orders: idempotent, and a bad row is told by its line and stops nothing."""

import io
import json
import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tools.jsonl import BadRow, Report
from tools.orders import importing
from tools.orders.importing import import_orders
from tools.orders.models import Order, OrderStatus

pytestmark = pytest.mark.django_db

SHARED = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
REAL_ORDERS = SHARED / "orders" / "orders.jsonl"

ROW: dict[str, Any] = {
    "order_id": "#W2611340",
    "status": "shipped",
    "email": "Ann.Lee@Example.com",
    "first_name": "Ann",
    "last_name": "Lee",
    "zip": "10083",
    "n_items": 2,
    "items": ["Water Bottle", "Office Chair"],
    "tracking": ["357962501027"],
    "total_paid": 536.65,
}
DATES = {
    "placed_on": "2026-11-18",
    "shipped_on": "2026-11-20",
    "expected_on": "2026-11-25",
    "delivered_on": None,
    "cancelled_on": None,
}


def row(**changes: Any) -> dict[str, Any]:
    return ROW | changes


def write(tmp_path: Path, *lines: dict[str, Any] | str) -> Path:
    path = tmp_path / "orders.jsonl"
    path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines))
    return path


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, len(report.failed)


def only_failure(**changes: Any) -> str:
    report = import_orders([row(**changes)])
    assert counts(report) == (0, 0, 0, 1)
    assert not Order.objects.exists()
    return report.failed[0].reason


# Good rows ---------------------------------------------------------------------------------------


def test_a_row_becomes_an_order() -> None:
    assert counts(import_orders([row(**DATES, note="Two parcels.")])) == (1, 0, 0, 0)
    order = Order.objects.get()
    assert (order.number, order.email) == ("W2611340", "ann.lee@example.com")
    assert (order.customer_name, order.zip_code) == ("Ann Lee", "10083")
    assert order.status == OrderStatus.SHIPPED
    assert order.items == ["Water Bottle", "Office Chair"]
    assert order.tracking == ["357962501027"]
    assert (order.total, order.currency) == (Decimal("536.65"), "USD")
    assert (order.placed_on, order.expected_on) == (date(2026, 11, 18), date(2026, 11, 25))
    assert (order.shipped_on, order.delivered_on) == (date(2026, 11, 20), None)
    assert order.note == "Two parcels."


def test_rows_with_real_dates_are_taken_too() -> None:
    import_orders([row(placed_on=date(2026, 11, 18), total_paid=Decimal("1.10"))])
    order = Order.objects.get()
    assert (order.placed_on, order.total) == (date(2026, 11, 18), Decimal("1.10"))


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, row(**DATES), row(order_id="1234"))
    assert counts(import_orders(path)) == (2, 0, 0, 0)
    assert counts(import_orders(path)) == (0, 0, 2, 0)
    assert Order.objects.count() == 2


def test_a_changed_row_changes_its_order_and_no_other() -> None:
    import_orders([row(), row(order_id="1234")])
    report = import_orders([row(status="delivered"), row(order_id="1234"), row(order_id="5")])
    assert counts(report) == (1, 1, 1, 0)
    assert Order.objects.get(number="W2611340").status == OrderStatus.DELIVERED
    assert Order.objects.get(number="1234").status == OrderStatus.SHIPPED


def test_what_a_row_leaves_out_is_kept() -> None:
    import_orders([row(**DATES, note="Two parcels.")])
    assert counts(import_orders([row()])) == (0, 0, 1, 0)
    assert counts(import_orders([row(status="delivered")])) == (0, 1, 0, 0)
    order = Order.objects.get()
    assert (order.note, order.placed_on) == ("Two parcels.", date(2026, 11, 18))


def test_what_a_row_empties_is_emptied() -> None:
    import_orders([row(**DATES)])
    import_orders([row(expected_on=None, tracking=[], total_paid=None)])
    order = Order.objects.get()
    assert (order.expected_on, order.tracking, order.total) == (None, [], None)


def test_a_row_may_be_written_in_many_ways() -> None:
    report = import_orders(
        [
            row(order_id=1234, zip=10083, status="Out for Delivery", tracking=None, note=None),
            row(order_id=" #w5 ", total_paid=1380.7900000000002),
            {"order_id": "6", "status": "pending", "email": "a@b.c"},
        ]
    )
    assert report.failed == []
    first, second, third = (Order.objects.get(number=n) for n in ("1234", "W5", "6"))
    assert (first.status, first.zip_code) == (OrderStatus.OUT_FOR_DELIVERY, "10083")
    assert (first.tracking, first.note) == ([], "")
    assert second.total == Decimal("1380.79")
    assert (third.total, third.items, third.customer_name) == (None, [], "")


def test_more_rows_than_a_batch_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_SIZE", 3)
    rows = [row(order_id=str(1000 + i)) for i in range(10)]
    assert counts(import_orders(rows)) == (10, 0, 0, 0)
    assert counts(import_orders(rows)) == (0, 0, 10, 0)


def test_each_batch_is_a_few_queries(django_assert_num_queries: Any) -> None:
    rows = [row(order_id=str(1000 + i)) for i in range(50)]
    with django_assert_num_queries(4):  # savepoint, the orders that are there, upsert, release
        import_orders(rows)


# Bad rows ----------------------------------------------------------------------------------------


def test_a_bad_row_is_told_by_its_line_and_stops_nothing(tmp_path: Path) -> None:
    path = write(
        tmp_path, row(), "", '{"order_id": ', row(order_id="7", status="lost"), row(order_id="8")
    )
    report = import_orders(path)
    assert counts(report) == (2, 0, 0, 2)
    assert [bad.place for bad in report.failed] == ["line 3", "line 4"]
    assert report.failed[0].reason.startswith("is not valid JSON")
    assert report.failed[1].reason.startswith("status: Input should be 'pending', 'processed'")
    assert set(Order.objects.values_list("number", flat=True)) == {"W2611340", "8"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"order_id": "##"}, "order_id: Value error, needs 1 to 40 letters and digits"),
        ({"order_id": "1" * 41}, "order_id: Value error, needs 1 to 40 letters"),
        ({"order_id": "\ufdfa" * 9}, "order_id: Value error, needs 1 to 40 letters"),
        ({"email": "nobody"}, "email: String should match pattern"),
        ({"email": "a@" + "b" * 320}, "email: String should have at most 320 characters"),
        ({"email": None}, "email: Input should be a valid string"),
        ({"status": None}, "status: Input should be"),
        ({"items": "Lamp"}, "items: Input should be a valid list"),
        ({"items": ["Lamp", " "]}, "items.1: String should have at least 1 character"),
        ({"items": [{"name": "Lamp"}]}, "items.0: Input should be a valid string"),
        ({"tracking": ["1\x002"]}, "tracking.0: Value error, has control characters"),
        ({"note": "a\x00b"}, "note: Value error, has control characters"),
        ({"note": "a" * 2001}, "note: String should have at most 2000 characters"),
        ({"first_name": "a\ud800"}, "first_name: Input should be a valid string"),
        ({"total_paid": -1}, "total_paid: Input should be greater than or equal to 0"),
        ({"total_paid": float("nan")}, "total_paid: Input should be a finite number"),
        ({"total_paid": 9999999999.999}, "total_paid: Input should be less than 9999999999"),
        ({"total_paid": "much"}, "total_paid: Input should be a valid decimal"),
        ({"currency": "dollars"}, "currency: String should match pattern"),
        ({"placed_on": "18.11.2026"}, "placed_on: Input should be a valid date"),
    ],
)
def test_a_bad_row_says_what_is_wrong(changes: dict[str, Any], reason: str) -> None:
    assert only_failure(**changes).startswith(reason)


@pytest.mark.parametrize("missing", ["order_id", "status", "email"])
def test_an_order_needs_number_status_and_email(missing: str) -> None:
    (bad,) = import_orders([{key: ROW[key] for key in ROW if key != missing}]).failed
    assert bad == BadRow("row 1", f"{missing}: Field required")


def test_a_number_that_comes_twice_is_refused_the_second_time(tmp_path: Path) -> None:
    path = write(tmp_path, row(), row(order_id="w2611340", email="bo.berg@example.com"))
    for run in range(2):
        report = import_orders(path)
        assert counts(report) == ((1, 0, 0, 1) if run == 0 else (0, 0, 1, 1))
        reason = "order_id: W2611340 was there before, on line 1"
        assert report.failed == [BadRow("line 2", reason)]
    assert Order.objects.get().email == "ann.lee@example.com"


# The command -------------------------------------------------------------------------------------


def run_command(path: Path) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_orders", str(path), stdout=out, stderr=err)
    finally:
        said[:] = [out.getvalue(), err.getvalue()]
    return out.getvalue(), err.getvalue()


said: list[str] = []
"""What the last command wrote, also when it ended with an error."""


def test_the_command_tells_what_it_did_and_fails_for_a_bad_row(tmp_path: Path) -> None:
    path = write(tmp_path, row(), row(order_id="7", email="nobody"))
    with pytest.raises(CommandError, match="Correct what failed"):
        run_command(path)
    out, err = said
    assert out == "Orders: 1 added, 0 changed, 0 unchanged, 1 failed.\n"
    assert err.startswith(f"{path}, line 2: email: String should match pattern")
    assert "nobody" not in err


def test_the_command_is_quiet_about_a_good_file(tmp_path: Path) -> None:
    assert run_command(write(tmp_path, row()))[1] == ""


def test_the_command_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run_command(tmp_path / "nowhere.jsonl")


def test_progress_is_drawn_where_it_is_wanted() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    import_orders([row()], progress=screen)
    assert "orders" in screen.getvalue()
    assert "1/1" in screen.getvalue()


@pytest.mark.skipif(
    not REAL_ORDERS.exists(),
    reason=f"the shared orders are not at {REAL_ORDERS}; set SHARED_DATA to their folder",
)
def test_the_real_file_is_imported_whole_and_again(tmp_path: Path) -> None:
    assert counts(import_orders(REAL_ORDERS)) == (1000, 0, 0, 0)
    assert counts(import_orders(REAL_ORDERS)) == (0, 0, 1000, 0)
    order = Order.objects.get(number="#W2611340")
    assert order.email == "james.li4495@example.com"
    assert order.items == ["Water Bottle", "Office Chair"]
    assert order.total == Decimal("536.65")
