"""The running summary: what it takes over, who writes it, and that it is written once."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from chat import conversations, history, summary, tasks
from chat.identity import Visitor
from chat.llm.base import (
    Event,
    Overloaded,
    ProviderError,
    ProviderFailed,
    Request,
    Schema,
    Structured,
    Usage,
    UsageReport,
    UserMessage,
)
from chat.models import Conversation, Turn, UsageRecord
from chat.models import Message as MessageRow
from chat.summary import GIVEN, Fold
from chat.toolbox import ToolContext, tool
from tests.chat.test_history import Chat

REPORT = UsageReport("noter", "noter-1", Usage(input_tokens=900, output_tokens=80), 0.5, None)


@dataclass
class Noter:
    """A provider that writes the notes it is given, or fails."""

    notes: str = "She returns a kettle."
    error: ProviderError | None = None
    requests: list[Request] = field(default_factory=list)
    name: str = "noter"
    model: str = "noter-1"

    def stream(self, request: Request) -> AsyncIterator[Event]:
        raise NotImplementedError

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        self.requests.append(request)
        if self.error:
            raise self.error
        failed = ProviderFailed("first", "f-1", "OVERLOADED", "busy", 0.2)
        return Structured(schema.model_validate({"summary": self.notes}), REPORT, (failed,))

    async def close(self) -> None:
        pass

    def read(self) -> Any:
        """The data of the last request."""
        (message,) = self.requests[-1].messages
        assert isinstance(message, UserMessage)
        return json.loads(message.text)


@pytest.fixture
def chat(ada: Visitor) -> Chat:
    return Chat(conversations.open_conversation(ada))


@tool(label="…", version=lambda customer: "1")
async def search(context: ToolContext, query: str) -> str:
    """Finds what everybody may know."""
    return query


@pytest.fixture(autouse=True)
def _small_shop(settings: Settings) -> None:
    settings.HISTORY_TOKENS = 2_000
    settings.AGENT_TOOLS = [
        "tests.chat.test_summary.search",
        "tests.chat.sample_tools.track_parcel",
        "tests.chat.sample_tools.note",
    ]


def planned(chat: Chat) -> Fold:
    fold = summary.plan(chat.conversation.pk)
    assert fold is not None
    return fold


def long(chat: Chat, turns: int = 20) -> None:
    """A conversation that is too long, which begins with who the customer is."""
    chat.answer(
        chat.ask("My name is Ada Byron, ada@mail.example. My parcel 4711 is late. Where is it?"),
        "Let me see.",
    )
    for number in range(turns):
        chat.talk(number)


@pytest.mark.django_db
class TestWhatIsTakenOver:
    def test_nothing_while_the_conversation_fits(self, chat: Chat) -> None:
        chat.talk(1)
        assert summary.plan(chat.conversation.pk) is None

    def test_the_oldest_turns_and_the_newest_stay(self, chat: Chat) -> None:
        long(chat)
        fold = planned(chat)
        kept = history.exchanges(chat.conversation)[len(fold.turns) :]
        assert fold.turns[0].messages[0] == UserMessage(
            "My name is Ada Byron, ada@mail.example. My parcel 4711 is late. Where is it?"
        )
        assert 600 <= sum(turn.shortened().tokens for turn in kept) <= 1_000
        assert fold.to == fold.turns[-1].last < kept[0].first

    def test_a_turn_that_is_not_over_stays(self, chat: Chat) -> None:
        first = chat.ask("A very long question. " * 40)
        Turn.objects.filter(pk=first).update(status=Turn.Status.RUNNING)
        chat.ask("Another very long question. " * 300)
        assert summary.plan(chat.conversation.pk) is None

    def test_a_message_that_a_later_turn_answers_is_not_taken_over_before_it(
        self, chat: Chat
    ) -> None:
        """It was written while an earlier turn was answered: its id is lower than that reply's."""
        long(chat, 8)
        running = chat.ask("one")
        Turn.objects.filter(pk=running).update(status=Turn.Status.RUNNING)
        waiting = chat.ask("two " * 982)  # with its reply just within what is kept
        chat.answer(running, "First.")
        chat.answer(waiting, "Second.")
        fold = planned(chat)
        assert UserMessage("one") not in fold.turns[-1].messages
        assert fold.to < MessageRow.objects.filter(turn=running).earliest("id").pk

    def test_of_a_long_backlog_one_requests_worth(self, chat: Chat) -> None:
        long(chat, 60)
        assert sum(turn.shortened().tokens for turn in planned(chat).turns) <= 2_000

    def test_a_conversation_that_is_gone_needs_none(self) -> None:
        assert summary.plan(UUID(int=0)) is None


@pytest.mark.django_db
class TestWriting:
    def write(self, fold: Fold, provider: Noter) -> str:
        text, self.attempts = async_to_sync(summary.write)(fold, provider)
        return text

    @pytest.fixture
    def fold(self, chat: Chat) -> Fold:
        long(chat)
        return planned(chat)

    def test_a_model_gets_the_turns_as_data(self, fold: Fold) -> None:
        provider = Noter()
        self.write(fold, provider)
        data = provider.read()
        assert data["summary_so_far"] == ""
        assert data["turns"][0]["customer"].startswith("My name is Ada Byron")
        assert {"support": "Let me see."} in data["turns"]
        request = provider.requests[0]
        assert request.payer is not None
        assert request.payer.customer == "customer:C-1"
        assert len(str(data)) < 4 * 2_000, "a request holds no more than the budget"

    def test_what_the_customer_is_known_by_survives_whatever_a_model_writes(
        self, fold: Fold
    ) -> None:
        text = self.write(fold, Noter("She returns a kettle."))
        assert text.startswith("She returns a kettle.\n")
        for value in ("Ada Byron", "ada@mail.example", "4711"):
            assert value in text

    def test_every_request_is_accounted_for(self, fold: Fold) -> None:
        self.write(fold, Noter())
        assert [type(attempt) for attempt in self.attempts] == [ProviderFailed, UsageReport]

    @pytest.mark.parametrize(
        "provider", [Noter(error=Overloaded("busy")), Noter("  ")], ids=["no model", "no words"]
    )
    def test_without_a_model_the_rules_write_it(self, fold: Fold, provider: Noter) -> None:
        text = self.write(fold, provider)
        assert text == self.write(fold, Noter(error=Overloaded("busy")))
        assert "Customer: Question 0: how do I return my kettle?" in text
        assert text.splitlines()[-1].startswith(GIVEN)
        assert "ada@mail.example" in text

    def test_the_rules_keep_what_tools_found_and_no_empty_hands(self, chat: Chat) -> None:
        turn = chat.ask("Open a ticket.")
        chat.call(turn, "Ticket T-7K3QF is open. The team will look into it.", name="note")
        chat.answer(turn, "Done.")
        long(chat, 12)
        text = self.write(planned(chat), Noter(error=Overloaded("busy")))
        assert "Found: Ticket T-7K3QF is open." in text

    def test_it_never_outgrows_its_limit_nor_loses_who_it_is_about(self, chat: Chat) -> None:
        """Ten times over: the oldest lines go, the line of what the customer gave stays."""
        for number in range(10):
            long(chat)
            fold = planned(chat)
            text = self.write(fold, Noter(error=Overloaded("busy")))
            assert len(text) <= summary.LONGEST
            assert len(text) <= 2_000 * 4 / summary.SHARE
            assert "ada@mail.example" in text
            assert text.count(GIVEN) == 1
            assert summary.store(fold, text, ())
            chat.conversation.refresh_from_db()
            assert number or "Question 0" in text

    def test_a_model_that_writes_a_novel_is_cut(self, fold: Fold) -> None:
        text = self.write(fold, Noter("A very long line. " * 1_000))
        assert len(text) <= 2_000 * 4 / summary.SHARE
        assert "ada@mail.example" in text


@pytest.mark.django_db(transaction=True)
class TestStoring:
    def test_of_two_at_once_one_is_stored_and_nothing_is_lost(self, chat: Chat) -> None:
        long(chat)
        one, other = planned(chat), planned(chat)
        assert summary.store(one, "First.", (REPORT,))
        assert not summary.store(other, "Second.", (REPORT,))
        stored = Conversation.objects.get()
        assert (stored.summary, stored.summarised_to) == ("First.", one.to)
        assert UsageRecord.objects.filter(purpose="summary", turn=None).count() == 2

    def test_the_task_makes_room_without_any_model(self, chat: Chat) -> None:
        """The test settings have no provider but the offline engine."""
        long(chat, 60)
        tasks.summarise_conversation(conversation=str(chat.conversation.pk), unknown="argument")
        chat.conversation.refresh_from_db()
        assert "ada@mail.example" in chat.conversation.summary
        turns = history.exchanges(chat.conversation)
        assert not history.is_crowded(chat.conversation, turns)
        past = chat.load(chat.ask("And now?"))
        assert not past.crowded
        assert "ada@mail.example" in str(past.messages[0])

    def test_running_it_again_changes_nothing(self, chat: Chat) -> None:
        long(chat)
        for _ in range(2):
            tasks.summarise_conversation(conversation=str(chat.conversation.pk))
            stored = Conversation.objects.values("summary", "summarised_to").get()
            chat.conversation.refresh_from_db()
            assert stored["summary"] == chat.conversation.summary
        assert summary.plan(chat.conversation.pk) is None

    def test_every_message_is_in_the_summary_or_in_the_history(self, chat: Chat) -> None:
        long(chat)
        tasks.summarise_conversation(conversation=str(chat.conversation.pk))
        chat.conversation.refresh_from_db()
        first = history.exchanges(chat.conversation)[0].first
        between = MessageRow.objects.filter(id__gt=chat.conversation.summarised_to, id__lt=first)
        assert not between.exists()
