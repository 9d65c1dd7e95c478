"""Drafts of articles for gaps: from resolutions by a model, a skeleton otherwise, published by nobody."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chat.llm import attempts
from chat.llm.base import (
    ContentFiltered,
    ProviderFailed,
    Request,
    Schema,
    Structured,
    Unsupported,
    Usage,
    UsageReport,
    UserMessage,
)
from chat.models import UsageRecord
from tests.fakes import ScriptedProvider
from tests.tools.knowledge.gaps.support import gap_of
from tests.tools.knowledge.support import passages_of, write
from tools.knowledge.gaps import drafting
from tools.knowledge.gaps.drafting import Answer, Material
from tools.knowledge.models import Article, Gap, Status, Version

NORWAY = "Do you ship to Norway?"
SETTLED = "We ship to Norway by post, within 10 days. Ask ada@mail.example."
MATERIAL = Material(NORWAY, "en", (NORWAY, "do you deliver to Norway"), ("By post, in 10 days.",))
REPORT = UsageReport("anthropic", "claude-sonnet-5-5", Usage(1000, 200), 2.0, None)


class Settled:
    """A ticket system in which everything was settled the same way."""

    def of(self, conversations: Sequence[UUID], limit: int) -> list[str]:
        return [SETTLED] if conversations else []


class Writer(ScriptedProvider):
    """A model that writes the same article every time."""

    def __init__(self, **changes: Any) -> None:
        super().__init__()
        self.answer = {
            "title": "Delivery to Norway",
            "body": "We ship to Norway by post. It takes 10 days.",
            "missing": [],
        } | changes

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        self.requests.append(request)
        return Structured(schema.model_validate(self.answer), REPORT)


class Refusing(ScriptedProvider):
    """A chain in which a model fails and the offline engine, which cannot write, is the last."""

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        failed = ProviderFailed("anthropic", "claude", ContentFiltered.code, "no", 1.0)
        unasked = ProviderFailed("offline", "examples", Unsupported.code, "no", 0.0, asked=False)
        error = Unsupported("no structured output without a model", "offline")
        attempts.keep(error, (failed, unasked))
        raise error


@pytest.fixture
def settled(settings: Any) -> None:
    settings.RESOLUTION_BACKEND = f"{__name__}.Settled"


# Asking a model ----------------------------------------------------------------------------------


async def test_a_model_gets_questions_and_resolutions_as_data_and_orders_to_add_nothing() -> None:
    writer = Writer()
    answer = await drafting.ask(MATERIAL, writer)
    assert answer.written is not None
    assert (answer.written.title, answer.made) == ("Delivery to Norway", (REPORT,))
    (request,) = writer.requests
    (message,) = request.messages
    assert isinstance(message, UserMessage)
    assert json.loads(message.text) == {
        "questions": [NORWAY, "do you deliver to Norway"],
        "resolutions": ["By post, in 10 days."],
    }
    assert "Write only what the resolutions say." in request.system
    assert "in the language English" in request.system
    assert request.payer is None, "no customer pays for it"


async def test_a_model_that_fails_tells_its_own_code_and_not_that_of_the_offline_engine() -> None:
    answer = await drafting.ask(MATERIAL, Refusing())
    assert (answer.written, answer.code, len(answer.made)) == (None, "CONTENT_FILTER", 2)


async def test_without_a_model_there_is_nothing_to_tell() -> None:
    assert await drafting.ask(MATERIAL, ScriptedProvider()) == Answer()


@pytest.mark.parametrize("changes", [{"title": " "}, {"body": "\n"}])
async def test_an_empty_draft_is_a_failure(changes: dict[str, str]) -> None:
    answer = await drafting.ask(MATERIAL, Writer(**changes))
    assert (answer.written, answer.code, answer.made) == (None, "EMPTY", (REPORT,))


def test_numbers_and_addresses_that_no_resolution_has_are_found() -> None:
    body = "It costs $14.90, takes 10 days, see https://x.example/a or mail us@shop.example."
    sources = ["It takes 10 days.", "Mail us@shop.example"]
    assert drafting.unsupported(body, sources) == ["14.90", "https://x.example/a"]


# The draft ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_draft_is_an_unpublished_article_in_the_name_of_who_asked() -> None:
    gap, cleo = gap_of(NORWAY, "do you deliver to Norway"), User.objects.create_user("cleo")
    assert drafting.wish(gap.pk)
    drafting.make(gap.pk, cleo.pk)
    gap.refresh_from_db()
    article = Article.objects.get()
    assert (gap.draft, gap.state, gap.drafting_at) == (article, Gap.State.DRAFTED, None)
    assert (article.title, article.status, article.locale) == (NORWAY, Status.DRAFT, "en")
    assert Version.objects.get().author == cleo


@pytest.mark.django_db
def test_without_resolutions_it_is_a_list_of_the_questions_that_only_the_author_sees() -> None:
    gap = gap_of(NORWAY, "do you ship to Norway --> <b>now</b>")
    drafting.make(gap.pk, None)
    article = Article.objects.get()
    assert article.body == (
        "<!--\nFor the author. Neither customers nor search see this note; delete it when done.\n\n"
        "Customers asked:\n- do you ship to Norway –> <b>now</b>\n- Do you ship to Norway?\n-->"
    )
    assert passages_of(article) == []


@pytest.mark.django_db
def test_what_a_model_wrote_is_the_text_and_what_to_check_stands_in_the_note(settled: None) -> None:
    gap = gap_of(NORWAY)
    material = drafting.gather(gap)
    assert material.resolutions == ("We ship to Norway by post, within 10 days. Ask [email].",)
    written = drafting.Written(
        title="Delivery\nto Norway", body="It takes 10 days and costs $25.", missing=["Returns"]
    )
    drafting.store(gap.pk, material, Answer(written, made=(REPORT,)), None)
    article = Article.objects.get()
    assert article.title == "Delivery to Norway"
    note, _, text = article.body.partition("-->\n\n")
    assert text == "It takes 10 days and costs $25."
    assert "The resolutions do not answer:\n- Returns" in note
    assert "In no resolution, so check it:\n- 25\n" in note
    assert "by post, within 10 days. Ask [email]." in note
    assert passages_of(article) == [text]
    assert Version.objects.get().origin == "anthropic claude-sonnet-5-5"


@pytest.mark.django_db
def test_what_a_request_took_is_in_the_ledger_though_it_failed() -> None:
    gap = gap_of(NORWAY)
    drafting.wish(gap.pk)
    failed = ProviderFailed("anthropic", "claude", "TIMEOUT", "late", 20.0, usage=Usage(1000, 0))
    drafting.store(gap.pk, MATERIAL, Answer(code="TIMEOUT", made=(failed,)), None)
    gap.refresh_from_db()
    assert (gap.draft_error, gap.drafting_at, gap.draft) == ("TIMEOUT", None, None)
    record = UsageRecord.objects.get()
    assert (record.purpose, record.conversation, record.error_code) == ("draft", None, "TIMEOUT")
    assert not Article.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_with_resolutions_and_no_model_they_are_listed_for_the_author(settled: None) -> None:
    drafting.make(gap_of(NORWAY).pk, None)
    assert "How tickets were settled, the latest first:\n- We ship to Norway by post" in (
        Article.objects.get().body
    )


# Asking for one ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_gap_gets_one_draft_however_often_it_is_asked_for() -> None:
    gap = gap_of(NORWAY)
    assert (drafting.wish(gap.pk), drafting.wish(gap.pk)) == (True, False)
    for _ in range(2):
        drafting.make(gap.pk, None)
    assert Article.objects.count() == 1
    assert not drafting.wish(gap.pk)


@pytest.mark.django_db
def test_a_draft_whose_worker_died_may_be_asked_for_again() -> None:
    gap = gap_of(NORWAY)
    drafting.wish(gap.pk)
    Gap.objects.update(drafting_at=timezone.now() - timedelta(minutes=11), draft_error="TIMEOUT")
    assert drafting.wish(gap.pk)
    gap.refresh_from_db()
    assert gap.draft_error == ""


@pytest.mark.django_db
def test_an_article_that_was_deleted_may_be_drafted_again() -> None:
    gap = gap_of(NORWAY)
    Gap.objects.update(draft=write("Norway", draft=True))
    Article.objects.all().delete()
    assert drafting.wish(gap.pk)
