"""Providers that talk to a scripted server on loopback, never to a vendor."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx2
import pytest
import pytest_asyncio
from llmock.pytest_plugin import LLMock

from chat.llm.anthropic import AnthropicProvider
from chat.llm.base import Provider
from chat.llm.openai import OpenAIProvider
from chat.llm.openai_compatible import OpenAICompatibleProvider
from tests.chat.llm.support import KEY, Build

NOWHERE = "http://127.0.0.1:9"
"""Where a provider points that was given no server: nobody listens, nothing leaves the machine."""

ADAPTERS: dict[str, Callable[..., Provider]] = {
    "anthropic": AnthropicProvider,
    "openai": OpenAIProvider,
    "openai_compatible": OpenAICompatibleProvider,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`chat.llm` imports no model of Django's, which a contract holds: no storage changes it."""
    for item in items:
        if "tests/chat/llm/" in item.path.as_posix():
            item.add_marker(pytest.mark.any_storage)


@pytest_asyncio.fixture
async def build_any() -> AsyncIterator[Callable[..., Provider]]:
    made: list[Provider] = []

    def build(
        adapter: str,
        *,
        base_url: str | None = None,
        connect_timeout: float = 5.0,
        timeout: float = 5.0,
        http_client: httpx2.AsyncClient | None = None,
        **options: object,
    ) -> Provider:
        provider = ADAPTERS[adapter](
            api_key=KEY,
            model="model-1",
            base_url=base_url or NOWHERE,
            connect_timeout=connect_timeout,
            timeout=timeout,
            http_client=http_client,
            **options,
        )
        made.append(provider)
        return provider

    yield build
    for provider in made:
        await provider.close()


@dataclass(frozen=True)
class Wire:
    """One adapter, and the scripted server that speaks its vendor's protocol."""

    adapter: str
    server: LLMock
    build: Build

    @property
    def vendor(self) -> str:
        return "anthropic" if self.adapter == "anthropic" else "openai"

    def provider(self, timeout: float = 5.0) -> Provider:
        return self.build(base_url=self.server.base_url(self.vendor), timeout=timeout)


@pytest.fixture(params=sorted(ADAPTERS))
def adapter(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def build(adapter: str, build_any: Callable[..., Provider]) -> Build:
    def build(**options: object) -> Provider:
        return build_any(adapter, **options)

    return build


@pytest.fixture
def wire(adapter: str, build: Build, llmock: LLMock) -> Wire:
    llmock.tool_mode("off")
    return Wire(adapter, llmock, build)
