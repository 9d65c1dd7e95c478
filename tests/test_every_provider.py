"""One conversation, served by each provider: through its SDK, over the wire, with the real tools."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from llmock.pytest_plugin import LLMock

from chat import providers
from chat.identity import Visitor
from chat.llm import stack
from chat.models import ToolCall, Turn, UsageRecord
from tests.chat.socket import Socket
from tools.knowledge import articles
from tools.knowledge.models import Article, Chunk
from tools.orders.models import Order, OrderStatus

pytestmark = pytest.mark.django_db(transaction=True)

PROVIDERS = ("anthropic", "openai", "openai_compatible", "offline")
WHERE = "Where is my order 1234?"
HOW = "How long does a refund take?"
REFUNDS = "## How long it takes\n\nA refund takes three days once we have your parcel."


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest_asyncio.fixture(autouse=True)
async def installed(provider: str, llmock: LLMock) -> AsyncIterator[None]:
    """The stack with this one provider in it, whose vendor is a server on loopback."""
    llmock.tool_mode("off")
    anthropic, openai = (
        stack.Account("sk-test", llmock.base_url(vendor), "model-1")
        for vendor in ("anthropic", "openai")
    )
    built = stack.build(
        stack.Configuration(
            (provider,),
            anthropic,
            openai,
            openai_compatible=openai,
            connect_timeout=5.0,
            first_token_timeout=5.0,
            token_gap_timeout=5.0,
        )
    )
    providers.install(built)
    yield
    await built.close()


@pytest.fixture
def passage() -> str:
    """The id under which the article on refunds is cited."""
    article = Article(title="Refunds", body=REFUNDS)
    articles.save(article)
    return f"a{article.pk}-{Chunk.objects.get().pk}"


@pytest.fixture
def order(ada: Visitor) -> Order:
    assert ada.customer
    return Order.objects.create(
        number="1234", email=ada.customer.email, status=OrderStatus.SHIPPED, items=["Kettle"]
    )


async def test_an_order_is_looked_up_and_then_an_article_is_cited(
    provider: str, llmock: LLMock, ada: Visitor, passage: str, order: Order
) -> None:
    llmock.call_tool("check_order_status", {"order_number": "1234"})
    llmock.reply("Your order 1234 has shipped.")
    llmock.call_tool("search_knowledge_base", {"query": HOW})
    llmock.reply(f"It takes three days [{passage}].")

    async with Socket(ada) as socket:
        first = await socket.ask(WHERE)
        assert first["message"]["text"] == socket.streamed
        second = await socket.ask(HOW)
        assert second["message"]["text"] == socket.streamed

    assert "1234" in first["message"]["text"]
    assert [receipt["title"] for receipt in first["message"]["receipts"]] == ["Order 1234"]
    assert "three days" in second["message"]["text"]
    assert second["message"]["text"].rstrip(".").endswith("[1]")
    assert [source["url"] for source in second["message"]["citations"]] == [
        "/help/refunds/#how-long-it-takes"
    ]
    await _is_recorded(provider)


@sync_to_async
def _is_recorded(provider: str) -> None:
    calls = ToolCall.objects.order_by("pk").values_list("name", flat=True)
    assert list(calls) == ["check_order_status", "search_knowledge_base"]
    assert set(UsageRecord.objects.values_list("provider", flat=True)) == {provider}
    assert UsageRecord.objects.count() == 4, "two rounds a turn"
    assert set(Turn.objects.values_list("provider", flat=True)) == {provider}
