"""Budgets in the admin: what is spent and reserved, beside what may be."""

from decimal import Decimal

import pytest
from django.contrib.admin.sites import site
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from chat.models import Conversation, Spending

pytestmark = pytest.mark.django_db

LIST = "admin:chat_spending_changelist"


@pytest.fixture(autouse=True)
def _budgets(settings: Settings) -> None:
    settings.BUDGET_CONVERSATION = settings.BUDGET_CUSTOMER = settings.BUDGET_MONTH = None
    settings.BUDGET_DAY = Decimal(2)
    settings.BUDGET_SOFT = 0.8


def _page(client: Client, account: str, spent: str, reserved: str = "0") -> str:
    Spending.objects.create(account=account, spent=Decimal(spent), reserved=Decimal(reserved))
    return client.get(reverse(LIST)).content.decode()


def test_an_account_is_shown_with_its_budget(admin_client: Client) -> None:
    page = _page(admin_client, "day:2026-11-25", "0.50", "0.40")
    for shown in ("Day 2026-11-25", "$0.5000", "$0.4000", "$2.0000", "45%"):
        assert shown in page, shown


def test_the_bar_has_a_part_for_what_is_spent_and_one_for_what_is_reserved(
    admin_client: Client,
) -> None:
    page = _page(admin_client, "day:2026-11-25", "0.50", "0.40")
    assert '<rect class="bar-spent" width="25"' in page
    assert '<rect class="bar-reserved" x="25" width="20"' in page
    assert '<rect class="bar-soft" x="80"' in page


def test_a_conversations_account_leads_to_it(admin_client: Client) -> None:
    conversation = Conversation.objects.create(owner="visitor:x")
    page = _page(admin_client, f"conversation:{conversation.pk}", "0.50")
    assert reverse("admin:chat_conversation_change", args=[conversation.pk]) in page


def test_a_customers_account_tells_staff_which_customer(admin_client: Client) -> None:
    page = _page(admin_client, "customer:2026-11-25:customer:C-1", "0.50")
    assert "Customer 2026-11-25, customer:C-1" in page


@pytest.mark.parametrize(
    ("spent", "level"), [("1.59", "low"), ("1.60", "high"), ("2.00", "full"), ("9.00", "full")]
)
def test_the_colour_tells_how_full_a_budget_is(
    admin_client: Client, spent: str, level: str
) -> None:
    assert f"bar bar-{level}" in _page(admin_client, "day:2026-11-25", spent)


def test_an_account_without_a_limit_has_no_bar(admin_client: Client) -> None:
    page = _page(admin_client, "month:2026-11", "0.50")
    assert "no limit" in page
    assert "bar-spent" not in page


def test_a_budget_of_nothing_is_shown_as_one(admin_client: Client, settings: Settings) -> None:
    settings.BUDGET_DAY = Decimal(0)
    assert "$0.0000" in _page(admin_client, "day:2026-11-25", "0")


def test_accounts_are_filtered_by_what_they_are_of(admin_client: Client) -> None:
    for account in (
        "day:2026-11-25",
        "conversation:6f1c2d3e-5840-4e61-be86-ad4d33039cf1",
        "customer:2026-11-25:customer:C-1",
    ):
        Spending.objects.create(account=account)
    listed = admin_client.get(reverse(LIST), {"kind": "customer"}).context["cl"].result_list
    assert [row.account for row in listed] == ["customer:2026-11-25:customer:C-1"]


def test_nobody_deletes_an_account(admin_client: Client, rf: RequestFactory) -> None:
    row = Spending.objects.create(account="day:2026-11-25")
    gone = admin_client.post(
        reverse(LIST), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    )
    assert gone.status_code in {200, 302}
    assert Spending.objects.exists()
    assert not site.get_model_admin(Spending).has_delete_permission(rf.get("/"))
