"""Orders in the admin: found by whatever a customer wrote, edited one item a line."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tools.orders.models import Order, OrderStatus

LIST = "admin:orders_order_changelist"


@pytest.fixture
def order(db: None) -> Order:
    return Order.objects.create(
        number="W2611340",
        email="ann.lee@example.com",
        customer_name="Ann Lee",
        items=["Lamp", "Rug", "<b>Chair</b>", "Desk"],
        tracking=["JO94"],
        total="1536.65",
        placed_on="2026-11-18",
    )


def form(**changes: Any) -> dict[str, Any]:
    dates = ("placed_on", "shipped_on", "expected_on", "delivered_on", "cancelled_on")
    return {
        "number": "W2611340",
        "email": "ann.lee@example.com",
        "status": "shipped",
        "currency": "USD",
        "items": "Lamp\n\n  Rug \r\n",
        "tracking": "",
        **dict.fromkeys(dates, ""),
        **changes,
    }


@pytest.mark.parametrize("query", ["#w2611340", "W2611340", "ANN.LEE@", "ann lee", "jo94"])
def test_an_order_is_found(admin_client: Client, order: Order, query: str) -> None:
    Order.objects.create(number="7", email="bo.berg@example.com")
    page = admin_client.get(reverse(LIST), {"q": query})
    assert list(page.context["cl"].result_list) == [order]


def test_the_list_is_readable(admin_client: Client, order: Order) -> None:
    page = admin_client.get(reverse(LIST)).content.decode()
    assert "Lamp, Rug, &lt;b&gt;Chair&lt;/b&gt; + 1" in page
    assert "$1,536.65" in page


def test_the_list_is_filtered_by_status_and_date(admin_client: Client, order: Order) -> None:
    delivered = Order.objects.create(number="7", email="b@c.de", status=OrderStatus.DELIVERED)
    page = admin_client.get(reverse(LIST), {"status__exact": "delivered"})
    assert list(page.context["cl"].result_list) == [delivered]
    page = admin_client.get(reverse(LIST), {"placed_on__year": "2026"})
    assert list(page.context["cl"].result_list) == [order]


def test_an_order_without_a_date_comes_last(admin_client: Client, order: Order) -> None:
    undated = Order.objects.create(number="7", email="b@c.de")
    page = admin_client.get(reverse(LIST))
    assert list(page.context["cl"].result_list) == [order, undated]


def test_items_are_edited_one_a_line(admin_client: Client, order: Order) -> None:
    url = reverse("admin:orders_order_change", args=[order.pk])
    assert "Lamp\nRug\n" in admin_client.get(url).content.decode()
    assert admin_client.post(url, form()).status_code == 302
    order.refresh_from_db()
    assert (order.items, order.tracking) == (["Lamp", "Rug"], [])
    assert (order.status, order.total) == (OrderStatus.SHIPPED, None)


def test_staff_may_write_a_number_as_the_customer_does(admin_client: Client, db: None) -> None:
    url = reverse("admin:orders_order_add")
    assert admin_client.post(url, form(number="#w7", email="Cy@Example.com")).status_code == 302
    assert Order.objects.get().number == "W7"
    assert Order.objects.get().email == "cy@example.com"


def test_a_number_that_is_taken_in_another_spelling_is_refused(
    admin_client: Client, order: Order
) -> None:
    page = admin_client.post(reverse("admin:orders_order_add"), form(number="#w2611340"))
    assert page.status_code == 200
    assert "Order with this Number already exists." in page.content.decode()
