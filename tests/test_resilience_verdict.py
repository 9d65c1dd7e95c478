"""llmock's own judgement of how the stack behaves towards a server that fails."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from llmock.pytest_plugin import LLMock

from chat.llm import stack
from chat.llm.anthropic import AnthropicProvider
from chat.llm.base import Provider, ProviderError, Reset
from tests.chat.llm.support import KEY, QUESTION, collect, report_of, text_of

pytestmark = pytest.mark.any_storage

ANSWER = "Yes, we ship to Norway within five days."
BEFORE_TEXT = 1
"""Chunks after which every protocol has begun and nobody has seen text."""

WITHIN_TEXT = 6

Fault = Callable[[LLMock], LLMock]

PASSING: dict[str, Fault] = {
    "429, Retry-After 1": lambda server: server.rate_limit(retry_after=1),
    "500": lambda server: server.fail(500),
    "503": lambda server: server.fail(503),
    "529": lambda server: server.fail(529),
    "cut": lambda server: server.disconnect(after_chunks=BEFORE_TEXT),
    "truncated": lambda server: server.truncate(after_chunks=BEFORE_TEXT),
    "corrupt": lambda server: server.corrupt(after_chunks=BEFORE_TEXT),
    "stall": lambda server: server.stall(after_chunks=BEFORE_TEXT, seconds=30),
}
"""Faults that a second attempt survives."""

LASTING = {500: 2, 529: 2, 400: 1, 401: 1, 403: 1, 404: 1, 413: 1, 422: 1}
"""Statuses that stay, and how often a server that answers with them is asked."""


@pytest.fixture(params=["anthropic", "openai", "openai_compatible"])
def name(request: pytest.FixtureRequest) -> str:
    provider: str = request.param
    return provider


@pytest_asyncio.fixture
async def provider(name: str, llmock: LLMock) -> AsyncIterator[Provider]:
    """The stack of one vendor, whose server is on loopback, and the offline engine."""
    # Chunks apart, as a model sends them: a server that has sent all before its client can hang up
    # takes that for an answer that was read to its end.
    llmock.tool_mode("off").pace(10)
    anthropic, openai = (
        stack.Account(KEY, llmock.base_url(vendor), "model-1") for vendor in ("anthropic", "openai")
    )
    built = stack.build(
        stack.Configuration(
            (name, "offline"),
            anthropic,
            openai,
            openai_compatible=openai,
            connect_timeout=2.0,
            first_token_timeout=1.5,
            token_gap_timeout=1.5,
        )
    )
    yield built
    await built.close()


@pytest.mark.parametrize("fault", PASSING)
async def test_a_fault_that_passes_is_survived(
    provider: Provider, name: str, llmock: LLMock, fault: str
) -> None:
    PASSING[fault](llmock).reply(ANSWER).reply(ANSWER)

    events = await collect(provider, QUESTION)

    assert (text_of(events), report_of(events).provider) == (ANSWER, name)
    assert llmock.verdict().faults == 1, "the fault landed"
    llmock.assert_resilient(strict=True)


@pytest.mark.parametrize(("status", "attempts"), LASTING.items())
async def test_a_fault_that_lasts_is_not_insisted_on(
    provider: Provider, llmock: LLMock, status: int, attempts: int
) -> None:
    llmock.outage(status=status)

    events = await collect(provider, QUESTION)

    assert report_of(events).provider == "offline"
    assert llmock.verdict().faults == attempts
    llmock.assert_resilient(strict=True)


async def test_a_wait_of_an_hour_is_left_to_others(provider: Provider, llmock: LLMock) -> None:
    llmock.rate_limit(retry_after=3600)

    events = await collect(provider, QUESTION)

    assert report_of(events).provider == "offline"
    # Not strict: from its side of the line the server sees only that nobody came again.
    llmock.assert_resilient()
    assert [finding.code for finding in llmock.verdict().findings] == ["gave_up"]


@pytest.mark.parametrize("fault", ["disconnect", "corrupt"])
async def test_after_visible_text_another_provider_starts_clean(
    provider: Provider, llmock: LLMock, fault: str
) -> None:
    """A truncation there llmock takes for one that was accepted, as nobody asks it again."""
    getattr(llmock.reply(ANSWER), fault)(after_chunks=WITHIN_TEXT)

    events = await collect(provider, QUESTION)

    assert any(isinstance(event, Reset) for event in events)
    assert report_of(events).provider == "offline"
    assert llmock.verdict().faults == 1
    llmock.assert_resilient()


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        (lambda server: server.rate_limit(retry_after=1), "retry_after_ignored"),
        (lambda server: server.fail(401), "retried_non_retryable"),
    ],
)
async def test_a_naive_loop_around_the_same_adapter_does_not_pass(
    llmock: LLMock, fault: Fault, finding: str
) -> None:
    fault(llmock.tool_mode("off"))
    adapter = AnthropicProvider(api_key=KEY, model="model-1", base_url=llmock.base_url("anthropic"))

    for _ in range(2):
        try:
            await collect(adapter, QUESTION)
        except ProviderError:
            continue
    await adapter.close()

    with pytest.raises(AssertionError, match=finding):
        llmock.assert_resilient()


async def test_a_truncation_that_the_caller_accepts_does_not_pass(llmock: LLMock) -> None:
    llmock.tool_mode("off").reply(ANSWER).truncate(after_chunks=WITHIN_TEXT)
    adapter = AnthropicProvider(api_key=KEY, model="model-1", base_url=llmock.base_url("anthropic"))

    with pytest.raises(ProviderError):
        await collect(adapter, QUESTION)
    await adapter.close()

    with pytest.raises(AssertionError, match="truncated_stream_accepted"):
        llmock.assert_resilient()
