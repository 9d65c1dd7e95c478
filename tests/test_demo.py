"""The demo shop: it loads without a fault, and answers what its own page suggests."""

from io import StringIO

import pytest

from chat.llm.base import Request, UserMessage
from chat.llm.offline import Call, next_step
from chat.toolbox import load_tools
from supportbot import demo
from supportbot.demo import load
from tools.knowledge import reminders
from tools.knowledge.models import Tag
from tools.knowledge.readers import Reader
from tools.knowledge.search import search
from tools.orders.models import Order, OrderStatus

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_loads_without_a_fault_and_once() -> None:
    said = StringIO()
    load.once(said)
    assert said.getvalue().count("0 failed") == 2
    assert set(Order.objects.values_list("status", flat=True)) == set(OrderStatus.values)
    again = StringIO()
    load.once(again)
    assert again.getvalue() == ""


def test_it_shows_what_articles_can_be_besides_public_and_new() -> None:
    load.once(StringIO())
    for_customers = search("early access to a sale", reader=Reader.CUSTOMER).passages
    assert for_customers[0].title == "Early access to sales"
    assert "Early access to sales" not in [
        p.title for p in search("early access to a sale").passages
    ]
    assert set(reminders.due().values_list("source", flat=True)) == set(load.TO_READ_AGAIN)
    assert Tag.objects.get(name="care").articles.count() > 1


def test_every_suggested_question_gets_somewhere() -> None:
    load.once(StringIO())
    tools = tuple(tool.spec for tool in load_tools().values())
    first, *others = demo.suggestions()
    asks = next_step(Request("", (UserMessage(first),), tools=tools))
    assert not isinstance(asks, Call), "which order it is must be asked"
    for question in others:
        step = next_step(Request("", (UserMessage(question),), tools=tools))
        assert isinstance(step, Call), question
        assert step.tool.name == "search_knowledge_base", question
        assert not search(question).weak, question
