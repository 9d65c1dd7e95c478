"""Conversations in the admin: everything is there to read, and nothing to change."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from chat.models import (
    Classification,
    Conversation,
    Feedback,
    Message,
    ToolCall,
    Turn,
    UsageRecord,
)

pytestmark = pytest.mark.django_db

LIST = "admin:chat_conversation_changelist"
PAGE = "admin:chat_conversation_change"


@pytest.fixture
def conversation() -> Conversation:
    """One question, answered by a model that searched, and rated."""
    conversation = Conversation.objects.create(
        owner="customer:C-1",
        customer_id="C-1",
        customer_name="Ada Byron",
        customer_email="ada@mail.example",
    )
    turn = Turn.objects.create(
        conversation=conversation,
        status=Turn.Status.COMPLETED,
        provider="anthropic",
        model="m-1",
        passed_over=[
            {"provider": "openai", "model": "o-1", "code": "OVERLOADED", "detail": "HTTP 529"}
        ],
        claims_caught=1,
        citations_invented=2,
    )
    asked = Message.objects.create(
        conversation=conversation,
        turn=turn,
        role=Message.Role.CUSTOMER,
        text="Charged <b>twice</b>!",
    )
    Classification.objects.create(
        message=asked, sentiment="negative", category="billing", urgency="high", source="m-1"
    )
    ToolCall.objects.create(
        turn=turn,
        ordinal=1,
        name="search",
        arguments={"query": "charged twice"},
        status=ToolCall.Status.SUCCEEDED,
        result={"content": "What the model was told."},
    )
    reply = Message.objects.create(
        conversation=conversation,
        turn=turn,
        role=Message.Role.ASSISTANT,
        text="**Sorry** about that [1]. <script>alert(1)</script>",
        citations=[{"title": "Payments", "heading": "Twice", "url": "/help/payments/#twice"}],
    )
    Feedback.objects.create(message=reply, rating="down", comment="No help at all")
    for cost in (Decimal("0.0123"), None):
        UsageRecord.objects.create(
            conversation=conversation, turn=turn, provider="anthropic", model="m-1", cost=cost
        )
    UsageRecord.objects.create(
        conversation=conversation,
        turn=turn,
        provider="openai",
        model="o-1",
        attempt=2,
        outcome=UsageRecord.Outcome.FAILED,
        error_code="TRUNCATED",
        estimated=True,
        cost=Decimal("0.0456"),
    )
    return conversation


def _listed(client: Client, **query: str) -> list[Conversation]:
    return list(client.get(reverse(LIST), query).context["cl"].result_list)


def test_the_page_shows_what_was_said_and_all_that_happened(
    admin_client: Client, conversation: Conversation
) -> None:
    page = admin_client.get(reverse(PAGE, args=[conversation.pk])).content.decode()
    for shown in (
        "Ada Byron",
        "verified by the shop",
        "Charged &lt;b&gt;twice&lt;/b&gt;!",
        "<strong>Sorry</strong>",
        '<a href="/help/payments/#twice">[1] Payments › Twice</a>',
        "What the model was told.",
        "negative",
        "billing",
        "high",
        "No help at all",
        "$0.0123",
    ):
        assert shown in page, shown
    assert "2 invented citations dropped" in page
    assert "<script>alert" not in page


def test_a_reply_tells_who_wrote_it_and_why_others_did_not(
    admin_client: Client, conversation: Conversation
) -> None:
    page = admin_client.get(reverse(PAGE, args=[conversation.pk])).content.decode()
    assert "Answered by <strong>anthropic</strong> m-1" in page
    assert "Not by <strong>openai</strong> o-1:" in page
    assert '<span class="badge badge-failed">OVERLOADED</span>' in page
    assert "HTTP 529" in page
    assert "1 unproven claim caught" in page
    assert "from our cache" not in page


def test_a_request_that_failed_tells_its_attempt_its_error_and_that_its_cost_is_a_guess(
    admin_client: Client, conversation: Conversation
) -> None:
    page = admin_client.get(reverse(PAGE, args=[conversation.pk])).content.decode()
    assert '<span class="badge badge-failed">failed</span> TRUNCATED' in page
    assert '<td class="number">2</td>' in page
    assert "≈ $0.0456" in page


def test_a_reply_tells_that_it_came_from_the_cache(
    admin_client: Client, conversation: Conversation
) -> None:
    Turn.objects.update(cached=True)
    page = admin_client.get(reverse(PAGE, args=[conversation.pk])).content.decode()
    assert "from our cache" in page


def test_what_a_server_said_is_text_and_never_markup(
    admin_client: Client, conversation: Conversation
) -> None:
    hostile = "<script>alert(2)</script>"
    Turn.objects.update(
        provider=hostile,
        model=hostile,
        passed_over=[dict.fromkeys(("provider", "model", "code", "detail"), hostile)],
    )
    UsageRecord.objects.update(error_code=hostile, model=hostile)
    page = admin_client.get(reverse(PAGE, args=[conversation.pk])).content.decode()
    assert "<script>alert(2)" not in page


def test_an_unknown_price_is_a_dash_and_not_nothing(
    admin_client: Client, conversation: Conversation
) -> None:
    page = admin_client.get(reverse(PAGE, args=[conversation.pk])).content.decode()
    assert '<td class="number">—</td>' in page
    assert "$0.0000" not in page


@pytest.mark.parametrize("query", ["ada@mail", "byron", "charged"])
def test_a_conversation_is_found(
    admin_client: Client, conversation: Conversation, query: str
) -> None:
    Conversation.objects.create(owner="visitor:x")
    assert _listed(admin_client, q=query) == [conversation]


def test_the_list_is_filtered_by_what_was_read(
    admin_client: Client, conversation: Conversation
) -> None:
    Conversation.objects.create(owner="visitor:x")
    assert _listed(admin_client, urgency="high") == [conversation]
    assert _listed(admin_client, sentiment="negative", category="billing") == [conversation]
    assert _listed(admin_client, urgency="low") == []


def test_the_list_costs_the_same_few_queries_for_one_and_for_many(
    admin_client: Client, conversation: Conversation, django_assert_max_num_queries: object
) -> None:
    for number in range(20):
        Conversation.objects.create(owner=f"visitor:{number}")
    with django_assert_max_num_queries(12):  # type: ignore[operator]  # pytest-django's fixture
        admin_client.get(reverse(LIST))


def test_staff_without_the_permission_read_nothing(
    client: Client, conversation: Conversation
) -> None:
    colleague = User.objects.create_user("cleo", is_staff=True)
    client.force_login(colleague)
    assert client.get(reverse(PAGE, args=[conversation.pk])).status_code == 403
    colleague.user_permissions.add(Permission.objects.get(codename="view_conversation"))
    assert client.get(reverse(PAGE, args=[conversation.pk])).status_code == 200


def test_customers_have_no_way_in(client: Client, conversation: Conversation) -> None:
    answer = client.get(reverse(PAGE, args=[conversation.pk]))
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]
