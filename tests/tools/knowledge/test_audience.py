"""An article for verified customers only: a guest never reads a word of it, on no way.

The article holds a canary, a word that is nowhere else. The model says whatever its tools returned,
and answers are shared through the response cache.
"""

from uuid import UUID, uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from chat import answer_cache, conversations, providers, turns
from chat.database import in_database
from chat.identity import VerifiedCustomer, Visitor
from chat.llm.base import Request, ToolMessage, UserMessage
from chat.models import Message, Turn
from chat.toolbox import ToolContext
from tests.fakes import Round, ScriptedProvider, calls, says
from tests.tools.knowledge.support import write
from tools.knowledge import articles
from tools.knowledge.models import Article
from tools.knowledge.tool import search_knowledge_base

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "xylocarp"
QUESTION = "How do I descale an enamel kettle?"
BODY = f"Descale an enamel kettle with vinegar. Customers ask the {CANARY} line."

ADA = VerifiedCustomer("C-1", "ada@mail.example", "Ada")
BOB = VerifiedCustomer("C-2", "bob@mail.example", "Bob")


def model(request: Request) -> Round:
    """Searches for what is asked, then says all that it read and cites it."""
    last = request.messages[-1]
    if isinstance(last, UserMessage):
        return calls(("search_knowledge_base", {"query": last.text}))
    told = [r.content for m in request.messages if isinstance(m, ToolMessage) for r in m.results]
    return says(f"I read: {' '.join(told)}")


@pytest.fixture(autouse=True)
def _shared(settings: Settings) -> None:
    settings.RESPONSE_CACHE = True
    settings.AGENT_TOOLS = ["tools.knowledge.tool.search_knowledge_base"]
    providers.install(ScriptedProvider(model))


@pytest.fixture
def secret() -> Article:
    """The article with the canary, and one on the same subject for everybody."""
    write("Kettles", "Descale any kettle with lemon.")
    return write("Enamel kettles", BODY, audience="customers")


def _ask(customer: VerifiedCustomer | None) -> UUID:
    visitor = Visitor(f"visitor:{uuid4().hex}", customer)
    conversation = conversations.open_conversation(visitor, None, new=True)
    return conversations.receive(conversation, client_id=uuid4().hex, text=QUESTION).turn


async def ask(customer: VerifiedCustomer | None) -> tuple[Message, bool]:
    """The reply to a first question of this customer, or of a guest, and whether it was shared."""
    turn = await in_database(_ask)(customer)
    await turns.run(turn)
    reply = await Message.objects.aget(role=Message.Role.ASSISTANT, turn=turn)
    return reply, (await Turn.objects.aget(pk=turn)).cached


async def test_what_a_verified_customer_reads_is_shared_with_such_only(secret: Article) -> None:
    (ada, _), (bob, bob_shares) = await ask(ADA), await ask(BOB)
    assert CANARY in ada.text
    assert CANARY in bob.text
    assert bob_shares, "else this proves nothing of the cache"
    (guest, _), (another, another_shares) = await ask(None), await ask(None)
    for reply in (guest, another):
        assert "lemon" in reply.text
        assert CANARY not in reply.text
        assert "Enamel" not in str(reply.citations)
    assert another_shares


async def test_what_guests_share_does_not_keep_it_from_a_customer(secret: Article) -> None:
    await ask(None)
    assert CANARY in (await ask(ADA))[0].text


async def test_an_article_that_is_withdrawn_takes_its_answers_along(secret: Article) -> None:
    assert CANARY in (await ask(ADA))[0].text
    secret.audience = "staff"
    await in_database(articles.save)(secret)
    assert CANARY not in (await ask(BOB))[0].text


async def test_the_reader_is_in_the_key_whatever_the_prompt_says(secret: Article) -> None:
    def key(customer: VerifiedCustomer | None) -> str:
        question = answer_cache.question(
            [UserMessage(QUESTION)],
            prompt_hash="the same for both",
            model="m",
            locale="en",
            tools=[search_knowledge_base],
            customer=customer,
        )
        assert question is not None
        return question.key()

    keys = [await in_database(key)(customer) for customer in (None, ADA, BOB)]
    assert keys[0] != keys[1] == keys[2]


async def test_its_source_is_named_without_an_address_that_nobody_can_open(
    secret: Article,
) -> None:
    context = ToolContext(UUID(int=1), UUID(int=2), 1, ADA)
    outcome = await search_knowledge_base.run(context, {"query": QUESTION})
    urls = {citation.title: citation.url for citation in outcome.output.citations}
    assert urls == {"Enamel kettles": "", "Kettles": "/help/kettles/"}


def test_it_is_nowhere_in_the_help_centre(client: Client, secret: Article) -> None:
    for query in ({}, {"q": CANARY}, {"q": QUESTION}):
        html = client.get("/help/", query).content.decode().replace(f"“{CANARY}”", "")
        assert "Enamel kettles" not in html
        assert f"{CANARY} line" not in html
    assert client.get(f"/help/{secret.slug}/").status_code == 404
    assert "Enamel" not in client.get("/help/kettles/").content.decode(), "nor is it related"
