"""A customer's data: all of it is exported, none of it is left, and nobody else's is touched.

The customer has a canary, a word that is in everything that is stored of them. The database is
searched as a whole, so that a table that is added tomorrow is searched too.
"""

import asyncio
import json
from argparse import ArgumentParser
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings as django_settings
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from chat import alerts, answer_cache, conversations, providers, turns
from chat.database import in_database
from chat.identity import VerifiedCustomer, Visitor
from chat.llm.base import Request, ToolMessage, UserMessage
from chat.models import (
    Alert,
    Classification,
    Conversation,
    Message,
    Reservation,
    Spending,
    Turn,
    UsageRecord,
)
from chat.privacy import arguments, retention, subjects
from chat.privacy.erasure import ERASED, Busy, erase
from chat.privacy.export import as_json, export
from tests.database_search import places
from tests.fakes import Round, ScriptedProvider, calls, says
from tests.queue_search import queued
from tools.knowledge.gaps import collecting
from tools.knowledge.models import Article, Evaluation, Gap, GapQuestion, TestQuestion
from tools.orders.models import Order
from tools.tickets.models import Ticket

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "Zanzibarwhale"
ADA = Visitor(
    f"customer:C-{CANARY}",
    VerifiedCustomer(f"C-{CANARY}", f"ada.{CANARY.lower()}@mail.example", f"Ada {CANARY}"),
)
GRACE = Visitor("customer:C-2", VerifiedCustomer("C-2", "grace@mail.example", "Grace Hopper"))


def model(request: Request) -> Round:
    """Searches in vain, opens a ticket, and repeats what the customer said."""
    last = request.messages[-1]
    asked = next(m.text for m in reversed(request.messages) if isinstance(m, UserMessage))
    done = sum(isinstance(m, ToolMessage) for m in request.messages)
    if isinstance(last, UserMessage):
        return calls(("search_knowledge_base", {"query": asked}))
    if done == 1:
        return calls(("create_ticket", {"title": asked[:100], "description": asked}))
    return says(f"You asked: {asked}")


async def talk(visitor: Visitor, text: str) -> UUID:
    """A turn of the real thing, from the message to the reply."""
    providers.install(ScriptedProvider(model))
    conversation = await in_database(conversations.open_conversation)(visitor)
    received = await in_database(conversations.receive)(
        conversation, client_id=uuid4().hex, text=text
    )
    await turns.run(received.turn)
    return received.turn


def everything(visitor: Visitor, text: str) -> Conversation:
    """A customer about whom there is a row wherever there can be one."""
    assert visitor.customer
    turn = asyncio.run(talk(visitor, text))
    conversation = Conversation.objects.get(turns=turn)
    Conversation.objects.filter(pk=conversation.pk).update(summary=f"They asked: {text}")
    reply = conversation.messages.get(role="assistant")
    conversations.rate(conversation, reply.public_id, rating="down", comment=f"No: {text}")
    asked = conversation.messages.get(role="customer")
    Classification.objects.create(
        message=asked, sentiment="neutral", category="general", urgency="low", source="rules"
    )
    UsageRecord.objects.filter(conversation=conversation).update(cost=Decimal("0.5"))
    collecting.collect_turn(turn)
    _staff_at_work(visitor, conversation)
    _money(visitor, conversation)
    return conversation


def _staff_at_work(visitor: Visitor, conversation: Conversation) -> None:
    assert visitor.customer
    staff, _ = User.objects.get_or_create(username="grace", is_staff=True)
    LogEntry.objects.create(
        user=staff,
        content_type=ContentType.objects.get_for_model(Ticket),
        object_repr=f"T-1 of {visitor.customer.name}",
        action_flag=ADDITION,
    )
    question = GapQuestion.objects.filter(conversation=conversation)[0]
    test, _ = TestQuestion.objects.get_or_create(text=question.text)
    rank = {"question": test.pk, "text": test.text, "rank": None}
    Evaluation.objects.create(revision="1", questions=1, p95_ms=1.0, ranks=[rank])
    Ticket.objects.filter(conversation=conversation).update(
        resolution=f"Told {visitor.customer.name}"
    )
    alerts.tell(f"x:{visitor.owner}", f"{visitor.owner} writes a lot.")


def _money(visitor: Visitor, conversation: Conversation) -> None:
    accounts = [f"conversation:{conversation.pk}", f"customer:2026-11-26:{visitor.owner}"]
    for account in accounts:
        Spending.objects.create(account=account, spent=Decimal("0.5"))
    Spending.objects.get_or_create(account="day:2026-11-26", defaults={"spent": Decimal(1)})
    Reservation.objects.create(
        accounts=[*accounts, "day:2026-11-26"], amount=Decimal(1), expires_at=timezone.now()
    )


def stored(needle: str) -> list[str]:
    """Where it is: database, cache, the answers' cache, and the queue."""
    found = places(needle) + places(needle.lower())
    if django_settings.REDIS_URL:
        with Redis.from_url(django_settings.REDIS_URL) as redis:
            for key in redis.scan_iter("*"):
                if (
                    redis.type(key) == b"string"
                    and needle.encode() in (redis.get(key) or b"") + key
                ):
                    found.append(f"redis {key!r}")
    else:
        kept = cache._cache  # type: ignore[attr-defined]  # the memory itself is what is searched
        found += [f"cache {name}" for name, v in kept.items() if needle.encode() in v]
    return found + [f"queue {task}" for task in queued() if needle in task]


@pytest.fixture(autouse=True)
def _shared_answers(settings: Settings) -> None:
    settings.RESPONSE_CACHE = True


@pytest.fixture
def ada() -> Conversation:
    return everything(ADA, f"Do you mend the {CANARY} kettle?")


@pytest.fixture
def grace() -> Conversation:
    return everything(GRACE, "Do you mend the Obelisk kettle?")


def test_the_canary_is_wherever_a_customer_leaves_anything(ada: Conversation) -> None:
    """The control: the search finds it, in each of the tables, before the erasure."""
    assert queued(), "tasks do wait where tasks are looked for"
    tables = {place.partition(".")[0] for place in stored(CANARY)}
    assert {
        "chat_conversation", "chat_message", "chat_feedback", "chat_toolcall", "chat_usagerecord",
        "chat_spending", "chat_reservation", "chat_alert", "django_admin_log", "tickets_ticket",
        "knowledge_gap", "knowledge_gapquestion", "knowledge_testquestion", "knowledge_evaluation",
    } <= tables  # fmt: skip


def test_after_an_erasure_nothing_is_left(ada: Conversation) -> None:
    turn = ada.turns.get()
    cache.set(f"snapshot:{turn.pk.hex}", {"text": f"so far: {CANARY}"}, 600)
    asyncio.run(_keep_an_answer())
    assert stored(CANARY)
    erase(subjects.of_conversations([ada.pk]))
    assert stored(CANARY) == []


async def _keep_an_answer() -> None:
    """One that `chat.personal` took for everybody's."""
    asked = answer_cache.question(
        [UserMessage("Do you ship?")], prompt_hash="", model="m", locale="", tools=(), customer=None
    )
    assert asked
    key = await in_database(asked.key)()
    await answer_cache._keep(key, asked, answer_cache._Kept(f"Yes, {CANARY}", (), "p", "m"))


def test_what_requests_cost_stays_without_a_name(ada: Conversation) -> None:
    before = UsageRecord.objects.filter(customer=ADA.owner).count()
    erase(subjects.of_conversations([ada.pk]))
    rows = UsageRecord.objects.filter(customer="", conversation=None, turn=None)
    assert rows.count() == before > 0
    assert {row.cost for row in rows} == {Decimal("0.5")}
    assert Spending.objects.get(account="day:2026-11-26").spent == 1
    assert Reservation.objects.get().accounts == ["day:2026-11-26"]


def test_nobody_elses_data_is_touched(ada: Conversation, grace: Conversation) -> None:
    before = as_json(export(subjects.of_conversations([grace.pk])) | {"exported_at": ""})
    erase(subjects.of_conversations([ada.pk]))
    assert as_json(export(subjects.of_conversations([grace.pk])) | {"exported_at": ""}) == before
    assert Ticket.objects.get(conversation=grace).customer_name == "Grace Hopper"
    assert Gap.objects.get().title != ""


@pytest.mark.parametrize(("choice", "left"), [("anonymise", 1), ("delete", 0), ("keep", 1)])
def test_tickets_go_as_the_setting_says(
    ada: Conversation, settings: Settings, choice: str, left: int
) -> None:
    settings.ERASED_TICKETS = choice
    reference = Ticket.objects.get().reference
    erase(subjects.of_conversations([ada.pk]))
    assert Ticket.objects.count() == left
    if left:
        ticket = Ticket.objects.get()
        assert ticket.reference == reference
        assert ticket.conversation is None
        assert (CANARY in ticket.customer_name) is (choice == "keep")
        assert (CANARY in ticket.description) is (choice == "keep")


def test_orders_are_the_shops_and_stay(ada: Conversation) -> None:
    assert ADA.customer
    Order.objects.create(number="1001", email=ADA.customer.email)
    assert len(export(subjects.of_conversations([ada.pk]))["orders"]) == 1
    erase(subjects.of_conversations([ada.pk]))
    assert Order.objects.exists()


def test_an_export_holds_every_table_with_their_words(ada: Conversation) -> None:
    document = json.loads(as_json(export(subjects.of_conversations([ada.pk]))))
    for table in (
        "conversations",
        "messages",
        "feedback",
        "tool_calls",
        "tickets",
        "gap_questions",
    ):
        assert CANARY in str(document[table]), table
    assert len(document["turns"]) == len(document["classifications"]) == 1
    assert len(document["usage"]) == UsageRecord.objects.count()
    assert document["customer"]["names"] == [f"Ada {CANARY}"]


def test_an_export_holds_nothing_of_anybody_else(ada: Conversation, grace: Conversation) -> None:
    text = as_json(export(subjects.of_conversations([grace.pk])))
    assert "Obelisk" in text
    assert CANARY not in text and CANARY.lower() not in text


def test_a_guest_is_found_by_any_conversation_and_by_no_address() -> None:
    guest = Visitor("visitor:x")
    turn = asyncio.run(talk(guest, f"I am the {CANARY}, {CANARY}@mail.example"))
    first = Turn.objects.get(pk=turn).conversation
    Conversation.objects.create(owner=guest.owner)
    assert not subjects.of_email(f"{CANARY}@mail.example").owners
    found = subjects.of_conversations([first.pk])
    assert found.conversations.count() == 2
    erase(found)
    assert stored(CANARY) == []


def test_a_customer_is_found_by_id_and_by_the_verified_address(ada: Conversation) -> None:
    assert ADA.customer
    by_id = subjects.of_customer(ADA.customer.id)
    assert by_id == subjects.of_email(ADA.customer.email.upper())
    assert list(by_id.conversations) == [ada]


def test_what_only_looks_like_a_customer_is_left_alone() -> None:
    """A name may be a word, and an id the beginning of another."""
    an = Visitor("customer:9", VerifiedCustomer("9", "an@mail.example", "An"))
    everything(an, "Do you mend kettles?")
    staff = User.objects.get(username="grace")
    kinds = ContentType.objects.get_for_models(Article, Ticket)
    others = (
        (Article, "An announcement"),
        (Ticket, "T-2 · Need an invoice, Ann"),
        (Ticket, "bo-an@mail.example"),
        (Ticket, "an@mail.example.com"),
    )
    theirs = ((Ticket, "T-1 of An"), (Ticket, "Answered An@mail.example."), (Ticket, "customer:9"))
    for model, said in others + theirs:
        LogEntry.objects.create(
            user=staff, content_type=kinds[model], object_repr=said, action_flag=ADDITION
        )
    for owner in ("customer:91", "customer:9-2"):
        alerts.tell(f"x:{owner}", f"An answer cost {owner} a lot.")
    erase(subjects.of_customer("9"))
    left = set(LogEntry.objects.values_list("object_repr", flat=True))
    assert left == {ERASED, *(said for _, said in others)}
    assert {alert.key for alert in Alert.objects.all()} == {"x:customer:91", "x:customer:9-2"}


def test_a_customer_whose_conversations_are_gone_is_found_by_what_is_left(
    ada: Conversation, settings: Settings
) -> None:
    assert ADA.customer
    settings.RETAIN_CONVERSATIONS = 1
    Conversation.objects.update(updated_at=timezone.now() - timedelta(days=2))
    retention.sweep()
    assert not Conversation.objects.exists()
    named = ("--customer", ADA.customer.id, "--email", ADA.customer.email)
    document = export(arguments.subject(parsed(*named)))
    assert document["usage"] and document["accounts"] and document["tickets"]
    call_command("erase_customer", *named, "--no-input")
    assert not UsageRecord.objects.exclude(customer="").exists()
    assert not Ticket.objects.exclude(customer_email="").exists()
    assert not [p for p in places(ADA.owner) if not p.startswith("knowledge_")]


def parsed(*words: str) -> dict[str, Any]:
    parser = ArgumentParser()
    arguments.add(parser)
    return vars(parser.parse_args(words))


@pytest.mark.parametrize("words", [[], ["--customer=9", f"--conversation={uuid4()}"]])
def test_a_command_is_told_whose_it_is(words: list[str]) -> None:
    with pytest.raises(CommandError, match="--customer, --email or both"):
        call_command("erase_customer", *words, "--no-input")


def test_while_an_answer_is_written_nothing_is_erased(ada: Conversation) -> None:
    Turn.objects.create(conversation=ada, status=Turn.Status.RUNNING)
    with pytest.raises(Busy):
        erase(subjects.of_conversations([ada.pk]))
    assert Message.objects.filter(conversation=ada).exists()


def test_an_erasure_that_breaks_erases_nothing(ada: Conversation) -> None:
    before = stored(CANARY)
    with pytest.raises(RuntimeError), transaction.atomic():
        erase(subjects.of_conversations([ada.pk]))
        raise RuntimeError
    assert places(CANARY) == [p for p in before if p in places(CANARY)]
    assert Conversation.objects.filter(pk=ada.pk).exists()


class TestCommands:
    def test_an_export_goes_into_a_new_file_for_its_owner_alone(
        self, ada: Conversation, tmp_path: Path
    ) -> None:
        assert ADA.customer
        out = tmp_path / "ada.json"
        call_command("export_customer", "--email", ADA.customer.email, "--out", str(out))
        assert CANARY in out.read_text("utf-8")
        assert out.stat().st_mode & 0o777 == 0o600
        with pytest.raises(CommandError, match="exists"):
            call_command("export_customer", "--email", ADA.customer.email, "--out", str(out))

    def test_an_erasure_says_what_it_did_and_names_nobody(
        self, ada: Conversation, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert ADA.customer
        call_command("erase_customer", "--customer", ADA.customer.id, "--no-input")
        said = capsys.readouterr().out
        assert "1 conversations" in said
        assert CANARY not in said
        assert stored(CANARY) == []

    def test_without_the_word_nothing_happens(
        self, ada: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("builtins.input", lambda prompt: "yes")
        with pytest.raises(CommandError, match="Nothing was erased"):
            call_command("erase_customer", "--conversation", str(ada.pk))
        assert Conversation.objects.filter(pk=ada.pk).exists()

    @pytest.mark.parametrize(
        "name", ["--customer=nobody", "--conversation=9d6b4a6a-7c4e-42d8-9a14-f3a2ebfbbe85"]
    )
    def test_nobody_is_not_erased(self, name: str) -> None:
        with pytest.raises(CommandError, match="Nothing is stored"):
            call_command("erase_customer", name, "--no-input")


class TestAdmin:
    LIST = "/admin/chat/conversation/"

    @pytest.fixture
    def desk(self) -> Client:
        desk = Client()
        desk.force_login(User.objects.create_superuser("boss"))
        return desk

    def _do(self, desk: Client, action: str, *chosen: Conversation, **more: str) -> Any:
        sent = {"action": action, "_selected_action": [str(c.pk) for c in chosen], **more}
        return desk.post(self.LIST, sent)

    def test_an_erasure_asks_first_and_is_logged_without_a_name(
        self, desk: Client, ada: Conversation
    ) -> None:
        page = self._do(desk, "erase_customer", ada).content.decode()
        assert "Yes, erase all of it" in page
        assert f"Ada {CANARY}" in page
        assert Conversation.objects.filter(pk=ada.pk).exists()
        fingerprint = subjects.of_conversations([ada.pk]).fingerprint
        assert self._do(desk, "erase_customer", ada, confirmed="yes").status_code == 302
        assert places(CANARY) == []
        entry = LogEntry.objects.get(object_repr=f"customer {fingerprint}")
        assert entry.user.username == "boss"
        assert "1 conversations" in entry.change_message

    def test_an_export_is_a_file_and_is_logged(self, desk: Client, ada: Conversation) -> None:
        response = self._do(desk, "export_customer", ada)
        assert response["Content-Disposition"].startswith('attachment; filename="customer-')
        assert "no-store" in response["Cache-Control"]
        assert json.loads(response.content)["customer"]["names"] == [f"Ada {CANARY}"]
        assert LogEntry.objects.filter(user__username="boss").count() == 1

    def test_a_file_is_of_one_customer(
        self, desk: Client, ada: Conversation, grace: Conversation
    ) -> None:
        assert self._do(desk, "export_customer", ada, grace).status_code == 302

    def test_who_may_only_read_cannot_erase(self, ada: Conversation) -> None:
        junior = User.objects.create_user("junior", is_staff=True)
        junior.user_permissions.add(Permission.objects.get(codename="view_conversation"))
        desk = Client()
        desk.force_login(junior)
        self._do(desk, "erase_customer", ada, confirmed="yes")
        assert Conversation.objects.filter(pk=ada.pk).exists()
