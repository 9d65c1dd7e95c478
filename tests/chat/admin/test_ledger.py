"""The ledger in the admin: each request, and what those that are listed come to."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import Conversation, UsageRecord

pytestmark = pytest.mark.django_db

LIST = "admin:chat_usagerecord_changelist"


@pytest.fixture(autouse=True)
def conversation() -> Conversation:
    """Two answers of one model, one failure of another, and an answer nobody has a price for."""
    conversation = Conversation.objects.create(owner="customer:C-1")
    for provider, model, cost, more in (
        ("anthropic", "big", "0.25", {}),
        ("anthropic", "big", "0.50", {"input_tokens": 2_000, "output_tokens": 300}),
        ("openai", "small", "0.01", {"outcome": "failed", "error_code": "TIMEOUT"}),
        ("openai_compatible", "llama", None, {}),
    ):
        UsageRecord.objects.create(
            conversation=conversation,
            customer=conversation.owner,
            provider=provider,
            model=model,
            cost=None if cost is None else Decimal(cost),
            **more,
        )
    return conversation


def _sums(client: Client, **query: str) -> dict[str, Any]:
    sums: dict[str, Any] = client.get(reverse(LIST), query).context["sums"]
    return sums


def test_what_is_listed_is_summed(admin_client: Client) -> None:
    whole = _sums(admin_client)["all"]
    assert (whole["requests"], whole["failed"], whole["unpriced"]) == ("4", "1", 1)
    assert (whole["tokens_in"], whole["tokens_out"], whole["cost"]) == ("2,000", "300", "$0.7600")


def test_the_sums_are_those_of_the_filter(admin_client: Client) -> None:
    whole = _sums(admin_client, error_code="TIMEOUT")["all"]
    assert (whole["requests"], whole["cost"]) == ("1", "$0.0100")


def test_the_dearest_model_comes_first_and_an_unknown_price_is_not_nothing(
    admin_client: Client,
) -> None:
    rows = [(row["model"], row["requests"], row["cost"]) for row in _sums(admin_client)["by_model"]]
    assert rows == [("big", "2", "$0.7500"), ("small", "1", "$0.0100"), ("llama", "1", "—")]


def test_each_day_has_its_sum_the_latest_first(admin_client: Client) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    UsageRecord.objects.filter(model="small").update(created_at=yesterday)
    rows = [(row["day"], row["cost"]) for row in _sums(admin_client)["by_day"]]
    assert rows == [(timezone.now().date(), "$0.7500"), (yesterday.date(), "$0.0100")]


def test_nothing_listed_has_no_sums_to_show(admin_client: Client) -> None:
    page = admin_client.get(reverse(LIST), {"provider": "nobody"}).content.decode()
    assert "What is listed comes to" not in page


def test_a_query_that_makes_no_sense_is_answered(admin_client: Client) -> None:
    assert admin_client.get(reverse(LIST), {"nonsense": "1"}).status_code == 302


def test_a_row_tells_how_the_request_ended(
    admin_client: Client, conversation: Conversation
) -> None:
    UsageRecord.objects.filter(model="small").update(estimated=True)
    page = admin_client.get(reverse(LIST)).content.decode()
    assert '<span class="badge badge-failed">TIMEOUT</span>' in page
    assert "≈ $0.0100" in page
    assert reverse("admin:chat_conversation_change", args=[conversation.pk]) in page


def test_an_answer_from_our_cache_is_marked(admin_client: Client) -> None:
    UsageRecord.objects.filter(model="big").update(cached=True)
    page = admin_client.get(reverse(LIST), {"model": "big"}).content.decode()
    assert page.count('<span class="badge badge-succeeded">from our cache</span>') == 2


def test_requests_are_found_by_customer_and_conversation(
    admin_client: Client, conversation: Conversation
) -> None:
    for words in ("customer:C-1", str(conversation.pk), "TIMEOUT"):
        assert admin_client.get(reverse(LIST), {"q": words}).context["cl"].result_count > 0
    assert admin_client.get(reverse(LIST), {"q": "customer:C-2"}).context["cl"].result_count == 0


def test_a_request_that_staff_asked_for_belongs_to_no_conversation(admin_client: Client) -> None:
    UsageRecord.objects.create(provider="anthropic", model="big", purpose="draft")
    html = admin_client.get(reverse(LIST), {"purpose": "draft"}).content.decode()
    assert '<td class="field-transcript">—</td>' in html
