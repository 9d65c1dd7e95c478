"""Fifty customers at once, with the response cache on: nobody reads what is another's.

Each customer has a canary, a word that only their own data holds. They ask the same questions in the
same words; the model says whatever its tools returned and the customer wrote.
"""

import asyncio
import random
import re
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from chat import conversations, providers, turns
from chat.database import in_database
from chat.identity import VerifiedCustomer, Visitor
from chat.llm.base import Citation, Request, ToolMessage, UserMessage
from chat.models import Conversation, Message, ToolCall, Turn, UsageRecord
from chat.toolbox import ToolContext, ToolOutput, tool
from tests.fakes import Round, ScriptedProvider, calls, says

pytestmark = pytest.mark.django_db(transaction=True)

CUSTOMERS = 50
AT_ONCE = 25
SEED = 7

PUBLIC = ("How do I clean my kettle?", "Do you ship to Norway?", "how do i CLEAN my kettle")
PRIVATE = "Where is my parcel?"
FOLLOW_UPS = ("And then?", PRIVATE, PUBLIC[0])

_CANARY = re.compile(r"CANARY-\d\d")


@tool(label="…", version=lambda customer: "1")
async def read_manual(context: ToolContext, query: str) -> ToolOutput:
    """Reads the manual, which is the same for everybody."""
    source = Citation("a1-2", "Kettles", "Cleaning", "/help/kettles/")
    return ToolOutput("Boil it with vinegar [a1-2].", "Boil it.", citations=(source,))


async def _parcel(context: ToolContext) -> str:
    """Tells where the customer's parcel is."""
    assert context.customer is not None
    return f"Parcel {context.customer.name} is in Bath."


my_parcel = tool(label="…")(_parcel)
everybodys_parcel = tool(label="…", version=lambda customer: "1")(_parcel)
"""The same tool with its guard removed: it says that its results are the same for everybody."""


def model(request: Request) -> Round:
    """Looks up what is asked, then says all that it has read."""
    last = request.messages[-1]
    if isinstance(last, UserMessage):
        if last.text == PRIVATE:
            return calls(("_parcel", {}))
        return calls(("read_manual", {"query": last.text}))
    told = [r.content for m in request.messages if isinstance(m, ToolMessage) for r in m.results]
    asked = [m.text for m in request.messages if isinstance(m, UserMessage)]
    return says(f"I read: {' '.join(told)} ", f"You wrote: {' '.join(asked)}")


@dataclass
class Crowd:
    """The customers, the conversations they have open, and chance."""

    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    open: dict[UUID, Visitor] = field(default_factory=dict)

    def visitor(self) -> Visitor:
        number = self.chance.randrange(CUSTOMERS)
        customer = VerifiedCustomer(f"C-{number}", f"c{number}@mail.example", f"CANARY-{number:02}")
        return Visitor(f"customer:C-{number}", customer)

    def questions(self, count: int) -> list[UUID]:
        """Turns of as many different conversations: two of three new, the others going on."""
        going_on = self.chance.sample(list(self.open), min(count // 3, len(self.open)))
        return [
            *(
                self.ask(self.open.pop(old), old, self.chance.choice(FOLLOW_UPS))
                for old in going_on
            ),
            *(self._first() for _ in range(count - len(going_on))),
        ]

    def _first(self) -> UUID:
        visitor = self.visitor()
        assert visitor.customer is not None
        own = f"My code is {visitor.customer.name}. {PUBLIC[1]}"
        return self.ask(visitor, None, self.chance.choice((*PUBLIC, PRIVATE, PRIVATE, own)))

    def ask(self, visitor: Visitor, going_on: UUID | None, text: str) -> UUID:
        conversation = conversations.open_conversation(visitor, going_on, new=going_on is None)
        self.open[conversation.pk] = visitor
        return conversations.receive(conversation, client_id=uuid4().hex, text=text).turn


@dataclass(frozen=True)
class Read:
    """What all replies together show."""

    replies: int
    own: int
    foreign: int
    hits: int


async def served(count: int) -> Read:
    """Lets the crowd ask `count` questions, many at once, and reads the replies."""
    providers.install(ScriptedProvider(model))
    crowd = Crowd()
    for _ in range(count // AT_ONCE):
        asked = await in_database(crowd.questions)(AT_ONCE)
        await asyncio.gather(*map(turns.run, asked))
    return await in_database(_read)()


def _read() -> Read:
    names = dict(Conversation.objects.values_list("pk", "customer_name"))
    own = foreign = 0
    replies = Message.objects.filter(role=Message.Role.ASSISTANT)
    for conversation, text in replies.values_list("conversation", "text"):
        found = set(_CANARY.findall(text))
        own += names[conversation] in found
        foreign += len(found - {names[conversation]})
    hits = Turn.objects.filter(cached=True).count()
    assert UsageRecord.objects.filter(cached=True, cost=0).count() == hits
    return Read(replies.count(), own, foreign, hits)


@pytest.fixture(autouse=True)
def _on(settings: Settings) -> None:
    settings.RESPONSE_CACHE = True
    settings.AGENT_TOOLS = ["tests.test_canaries.read_manual", "tests.test_canaries.my_parcel"]


async def test_nobody_reads_what_is_anothers() -> None:
    read = await served(1_000)
    assert read.replies == 1_000
    assert read.foreign == 0
    assert read.own > 300, "customers do read their own"
    assert read.hits > 200, "and the cache did answer"


async def test_without_the_guard_they_would(settings: Settings) -> None:
    """The negative control: the questions are such that a cache that keeps everything leaks."""
    settings.AGENT_TOOLS = [
        "tests.test_canaries.read_manual",
        "tests.test_canaries.everybodys_parcel",
    ]
    read = await served(100)
    assert read.foreign > 0


async def test_a_cached_reply_has_its_sources_and_takes_a_thumb() -> None:
    providers.install(ScriptedProvider(model))
    crowd = Crowd()

    def ask() -> UUID:
        return crowd.ask(crowd.visitor(), None, PUBLIC[0])

    for _ in range(2):
        await turns.run(await in_database(ask)())
    cached = await Message.objects.aget(role=Message.Role.ASSISTANT, turn__cached=True)
    assert cached.citations[0]["title"] == "Kettles"
    assert "[1]" in cached.text
    assert await ToolCall.objects.acount() == 1
    conversation = await Conversation.objects.aget(pk=cached.conversation_id)
    await in_database(conversations.rate)(conversation, cached.public_id, rating="up")
