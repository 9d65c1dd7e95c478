"""The order of the policies, and what each adapter is given."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from llmock.pytest_plugin import LLMock

from chat.llm import stack
from chat.llm.base import (
    AttemptStarted,
    CircuitOpen,
    Event,
    Provider,
    ProviderFailed,
    TextDelta,
    TimedOut,
)
from chat.llm.breaker import Breakers, State
from tests.chat.llm.conftest import NOWHERE
from tests.chat.llm.support import KEY, QUESTION, collect, gather, report_of, text_of

REMOTE = ("anthropic", "openai", "openai_compatible")

Configure = Callable[..., stack.Configuration]


@pytest.fixture
def configure(llmock: LLMock) -> Iterator[Configure]:
    llmock.tool_mode("off")

    def configure(
        *providers: str, address: str | None = None, **limits: float
    ) -> stack.Configuration:
        def account(vendor: str, model: str) -> stack.Account:
            return stack.Account(KEY, address or llmock.base_url(vendor), model)

        seconds = {"connect_timeout": 5.0, "first_token_timeout": 5.0, "token_gap_timeout": 5.0}
        return stack.Configuration(
            providers,
            anthropic=account("anthropic", "claude-1"),
            openai=account("openai", "gpt-1"),
            openai_compatible=account("openai", "qwen-1"),
            **(seconds | limits),
        )

    yield configure


async def everything(provider: Provider) -> list[Event]:
    events: list[Event] = []
    try:
        await gather(provider.stream(QUESTION), events)
    finally:
        await provider.close()
    return events


@pytest.mark.parametrize(
    ("name", "model"), [*zip(REMOTE, ("claude-1", "gpt-1", "qwen-1"), strict=True)]
)
async def test_each_vendor_has_an_account_of_its_own(
    configure: Configure, llmock: LLMock, name: str, model: str
) -> None:
    llmock.reply("Yes, we do.")

    events = await everything(stack.build(configure(name, "offline")))

    assert events[0] == AttemptStarted(name, model, 1)
    assert text_of(events) == "Yes, we do."
    assert (report_of(events).provider, report_of(events).model) == (name, model)


async def test_two_attempts_each_in_the_configured_order(
    configure: Configure, llmock: LLMock
) -> None:
    llmock.outage(status=529)

    events = await everything(stack.build(configure("openai", "anthropic", "offline")))

    assert [
        (event.provider, event.attempt, event.final)
        for event in events
        if isinstance(event, ProviderFailed)
    ] == [
        ("openai", 1, False),
        ("openai", 2, True),
        ("anthropic", 1, False),
        ("anthropic", 2, True),
    ]
    assert report_of(events).provider == "offline"
    assert len(llmock.requests) == 4


@pytest.mark.parametrize("name", REMOTE)
async def test_a_first_token_that_does_not_come_is_a_time_out(
    configure: Configure, llmock: LLMock, name: str
) -> None:
    llmock.delay(30)

    events = await everything(stack.build(configure(name, "offline", first_token_timeout=0.2)))

    details = {event.detail for event in events if isinstance(event, ProviderFailed)}
    assert details == {"no first token within 0.2 s"}


@pytest.mark.parametrize("name", REMOTE)
async def test_a_gap_in_the_answer_is_a_time_out(
    configure: Configure, llmock: LLMock, name: str
) -> None:
    llmock.reply("word " * 20).stall(after_chunks=5, seconds=30)

    with pytest.raises(TimedOut, match=r"no token for 0\.2 s"):
        await everything(stack.build(configure(name, token_gap_timeout=0.2)))


async def test_a_provider_that_is_down_is_left_alone(configure: Configure, llmock: LLMock) -> None:
    llmock.outage(status=529)
    breakers = Breakers()
    provider = stack.build(configure("anthropic", "offline"), breakers=breakers)
    for _ in range(4):
        await collect(provider, QUESTION)

    events = await everything(provider)

    (failed,) = [event for event in events if isinstance(event, ProviderFailed)]
    assert (failed.code, failed.asked) == (CircuitOpen.code, False)
    assert len(llmock.requests) == 5
    assert [(state.name, state.state) for state in breakers.states()] == [("anthropic", State.OPEN)]


async def test_without_shared_breakers_a_stack_has_its_own(
    configure: Configure, llmock: LLMock
) -> None:
    llmock.outage(status=529)

    for _ in range(2):
        provider = stack.build(configure("anthropic", "offline"))
        await collect(provider, QUESTION)
        await collect(provider, QUESTION)
        await provider.close()

    assert len(llmock.requests) == 8


async def test_a_server_that_is_not_there_is_not_waited_for(configure: Configure) -> None:
    events = await everything(stack.build(configure(*REMOTE, "offline", address=NOWHERE)))

    codes = [event.code for event in events if isinstance(event, ProviderFailed)]
    assert codes == ["CONNECTION"] * 6
    assert any(isinstance(event, TextDelta) for event in events)


async def test_the_offline_engine_needs_no_protection_from_itself(configure: Configure) -> None:
    breakers = Breakers()

    events = await everything(stack.build(configure("offline"), breakers=breakers))

    assert events[0] == AttemptStarted("offline", "examples", 1)
    assert breakers.states() == []


def test_an_unknown_name_is_a_mistake(configure: Configure) -> None:
    with pytest.raises(KeyError):
        stack.build(configure("anthropic", "nobody"))


def test_no_sdk_is_imported_for_a_provider_that_is_not_configured() -> None:
    code = (
        "import sys; from chat.llm.stack import *\n"
        "none = Account('', None, '')\n"
        "build(Configuration(('offline',), none, none, none, 1.0, 1.0, 1.0))\n"
        "print([name for name in ('anthropic', 'openai', 'django') if name in sys.modules])"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"
