"""The response cache: what may be shared, with whom, and for how long."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisAway

from chat import agent, answer_cache
from chat.agent import AgentEvent, Answered
from chat.answer_cache import Question, normalised
from chat.identity import VerifiedCustomer
from chat.llm.base import (
    AssistantMessage,
    Message,
    Overloaded,
    Request,
    Reset,
    StopReason,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UsageReport,
    UserMessage,
)
from chat.personal import personal
from chat.toolbox import Tool, ToolContext, tool
from tests.chat import sample_tools
from tests.chat.socket import TIMEOUT
from tests.fakes import REPORT, ScriptedProvider, calls, fails, says

TEXT = "How do I clean my kettle?"
SEARCHES = calls(("manual", {"query": "kettle"}))
ANSWERS = says("Boil it with vinegar [a1-2]. ", "Rinse it twice, then let it dry. Done.")

manual_version = "1"


@tool(label="…", version=lambda customer: manual_version)
async def manual(context: ToolContext, query: str) -> str:
    """Searches the manual, which is the same for everybody."""
    return query


TOOLS: dict[str, Tool] = {"manual": manual, "track_parcel": sample_tools.track_parcel}


@pytest.fixture(autouse=True)
def _on(settings: Settings) -> None:
    settings.RESPONSE_CACHE = True


@dataclass
class Shop:
    """Answers questions through the cache, as a turn does."""

    provider: ScriptedProvider
    tools: dict[str, Tool] = field(default_factory=lambda: dict(TOOLS))
    model: str = "script-1"
    locale: str = "en"
    prompt_hash: str = "abc"
    customer: VerifiedCustomer | None = None

    def question(self, *messages: Message) -> Question | None:
        return answer_cache.question(
            messages,
            prompt_hash=self.prompt_hash,
            model=self.model,
            locale=self.locale,
            tools=self.tools.values(),
            customer=self.customer,
        )

    async def ask(self, text: str = TEXT) -> list[AgentEvent]:
        return [event async for event in self.events(text)]

    def events(self, text: str = TEXT) -> AsyncIterator[AgentEvent]:
        message = UserMessage(text)
        request = Request("Be kind.", (message,))
        return answer_cache.answered(
            self.question(message),
            self.run_tool,
            lambda run_tool: agent.answer(self.provider, request, run_tool, no_objection),
        )

    async def run_tool(self, call: ToolCall, ordinal: int, round_: int) -> ToolResult:
        (citation,) = (await sample_tools.search.run(CONTEXT, {"query": "kettle"})).output.citations
        return ToolResult(
            call.id,
            "[a1-2]",
            citations=(citation,),
            is_error=call.name == "broken",
            found=call.name != "empty",
        )


CONTEXT: Any = None


async def no_objection(text: str) -> None:
    return None


def text_of(events: Sequence[AgentEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def was_cached(events: Sequence[AgentEvent]) -> bool:
    return any(isinstance(event, UsageReport) and event.cached for event in events)


async def test_the_second_who_asks_gets_the_first_ones_answer() -> None:
    shop = Shop(ScriptedProvider(SEARCHES, ANSWERS))
    first, second = await shop.ask(), await shop.ask("  how do I clean my KETTLE")
    assert len(shop.provider.requests) == 2
    assert text_of(first) == text_of(second)
    assert (was_cached(first), was_cached(second)) == (False, True)
    assert second[-1] == Answered(StopReason.END)


async def test_a_cached_answer_streams_with_its_sources_and_costs_nothing() -> None:
    shop = Shop(ScriptedProvider(SEARCHES, ANSWERS))
    await shop.ask()
    sources, *pieces, report, _ = await shop.ask()
    assert isinstance(sources, ToolMessage)
    assert [citation.id for citation in sources.results[0].citations] == ["a1-2"]
    assert len(pieces) > 1
    assert isinstance(report, UsageReport)
    assert (report.provider, report.model, report.usage) == ("scripted", "script-1", Usage())


async def test_it_is_off_unless_the_settings_turn_it_on(settings: Settings) -> None:
    settings.RESPONSE_CACHE = False
    shop = Shop(ScriptedProvider(says("Hello.")))
    await shop.ask()
    assert not was_cached(await shop.ask())


@pytest.mark.parametrize(
    "change",
    [
        {"model": "script-2"},
        {"locale": "de"},
        {"prompt_hash": "xyz"},
        {"tools": {"track_parcel": sample_tools.track_parcel}},
        {"tools": {"manual": replace(manual, version=lambda customer: "2")}},
    ],
    ids=["model", "locale", "prompt", "tools", "knowledge"],
)
async def test_all_that_an_answer_depends_on_is_in_the_key(change: dict[str, Any]) -> None:
    shop = Shop(ScriptedProvider(says("Hello.")))
    await shop.ask()
    assert not was_cached(await replace(shop, **change).ask())
    assert was_cached(await shop.ask())


async def test_whoever_may_read_more_has_other_answers() -> None:
    """By the version that a tool gives them alone: the prompt may be the same for both."""
    levels = replace(manual, version=lambda customer: "customers" if customer else "all")
    shop = Shop(
        ScriptedProvider(says("For all."), says("For customers.")), tools={"manual": levels}
    )
    ada, bob = (VerifiedCustomer(name, f"{name}@mail.example", name) for name in ("ada", "bob"))
    assert text_of(await shop.ask()) == "For all."
    assert text_of(await replace(shop, customer=ada).ask()) == "For customers."
    assert text_of(await replace(shop, customer=bob).ask()) == "For customers."
    assert text_of(await shop.ask()) == "For all."


async def test_nobody_who_asks_is_in_what_is_logged_of_a_question() -> None:
    ada = VerifiedCustomer("ada", "ada@mail.example", "Ada")
    shop = Shop(ScriptedProvider(says(".")), customer=ada)
    assert "ada" not in repr(shop.question(UserMessage("kettle"))).lower()


async def test_another_shop_has_other_answers(settings: Settings) -> None:
    shop = Shop(ScriptedProvider(says("Hello.")))
    await shop.ask()
    settings.SHOP_NAME = "Another"
    assert not was_cached(await shop.ask())


async def test_nothing_of_the_question_is_in_the_key() -> None:
    asked = Shop(ScriptedProvider(says("."))).question(UserMessage("kettle"))
    assert asked is not None
    assert "kettle" not in asked.key()
    assert len(asked.key()) == len("answer:") + 64


@pytest.mark.parametrize(
    "script",
    [
        [calls(("track_parcel", {"number": "1"})), says("In Bath.")],
        [calls(("manual", {}), ("track_parcel", {})), says("In Bath.")],
        [calls(("invented", {})), says("Done.")],
        [calls(("broken", {})), says("The search is down.")],
        [calls(("empty", {})), says("I do not know.")],
        [says("A long", reason=StopReason.MAX_TOKENS)],
        [[TextDelta("Half"), Reset("OVERLOADED"), *says("Whole.")]],
        [[TextDelta("Hi."), replace(REPORT, model="script-0"), *says()[1:]]],
        [[TextDelta("Hi."), replace(REPORT, usage=Usage()), *says()[1:]]],
    ],
    ids=[
        "a tool of one customer", "one such among others", "an unknown tool", "a failed tool",
        "nothing found", "cut", "reset", "another model", "no model",
    ],
)  # fmt: skip
async def test_an_answer_that_may_not_hold_for_everybody_is_not_kept(script: list[Any]) -> None:
    others = {n: replace(manual, spec=replace(manual.spec, name=n)) for n in ("broken", "empty")}
    shop = Shop(ScriptedProvider(*script), tools={**TOOLS, **others})
    await shop.ask()
    shop.provider = ScriptedProvider(says("Fresh."))
    events = await shop.ask()
    assert (was_cached(events), text_of(events)) == (False, "Fresh.")


async def test_an_answer_that_was_found_with_other_words_is_kept() -> None:
    empty = replace(manual, spec=replace(manual.spec, name="empty"))
    script = [calls(("empty", {})), SEARCHES, ANSWERS]
    shop = Shop(ScriptedProvider(*script), tools={**TOOLS, "empty": empty})
    await shop.ask()
    assert was_cached(await shop.ask())


async def test_knowledge_that_changes_while_it_is_answered_is_not_kept() -> None:
    shop = Shop(ScriptedProvider(SEARCHES, [0.05, *ANSWERS]))
    versions = iter(["1", "2", "2", "1"])
    shop.tools["manual"] = replace(manual, version=lambda customer: next(versions, "1"))
    await shop.ask()
    shop.provider = ScriptedProvider(says("Fresh."))
    assert not was_cached(await shop.ask())
    assert not was_cached(await shop.ask())


def test_only_the_first_question_of_a_conversation_is_one() -> None:
    shop = Shop(ScriptedProvider(says(".")))
    first = UserMessage(TEXT)
    assert shop.question(first) is not None
    assert shop.question(first, AssistantMessage("Boil it."), UserMessage("And then?")) is None
    assert shop.question(first, UserMessage("Quickly!")) is None
    assert shop.question(UserMessage(" ?! ")) is None


@pytest.mark.parametrize(
    "text",
    [
        "Where is order 123456?", "Where is #17?", "where is W2611340", "I am Ada, do you ship?",
        "My name is ada byron. Do you ship?", "Do you ship to ada@mail.example?",
        "Call me on +44 20 7946 0958", "My card is 4111 1111 1111 1111", "Do you ship to 12 Mill Lane?",
        "Liefern Sie in die Hauptstraße 5?", "Ich heiße Jürgen. Liefern Sie?", "Me llamo Ana",
        "Je m’appelle Zoé", "Livrez-vous au 3 rue Victor Hugo ?", "Do you ship? Thanks, Ada",
        "Is my voucher SPRING-7F3A valid?", "born 03.05.1980",
    ],
)  # fmt: skip
def test_a_question_that_tells_who_asks_is_not_shared(text: str) -> None:
    assert personal(text)
    assert Shop(ScriptedProvider(says("."))).question(UserMessage(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        TEXT, "Do you ship to Canada?", "I am looking for a lamp", "How long do refunds take: 14 days?",
        "Wie lange dauert der Versand?", "Is this dishwasher safe?", "¿Cuánto cuesta el envío?",
    ],
)  # fmt: skip
def test_an_ordinary_question_is(text: str) -> None:
    assert not personal(text)


def test_equal_questions_are_equal_however_they_are_typed() -> None:
    assert normalised("  How do I\n clean it ?! ") == normalised("how do i CLEAN it")
    assert normalised("ﬁlter…") == normalised("Filter")
    assert normalised("Can I return it?") != normalised("Can I not return it?")


async def test_identical_questions_at_once_make_one_run() -> None:
    shop = Shop(ScriptedProvider(SEARCHES, [0.05, *ANSWERS]))
    async with asyncio.timeout(answer_cache.PATIENCE - 1):  # they are told, and need not give up
        answers = await asyncio.gather(*(shop.ask() for _ in range(20)))
    assert len(shop.provider.requests) == 2
    assert {text_of(events) for events in answers} == {text_of(answers[0])}
    assert sum(was_cached(events) for events in answers) == 19


async def test_whoever_waited_for_a_run_that_failed_asks_alone() -> None:
    shop = Shop(ScriptedProvider([0.05, Overloaded("busy")], says("Well.")))
    results = await asyncio.gather(*(shop.ask() for _ in range(3)), return_exceptions=True)
    assert isinstance(results[0], Overloaded)
    assert [text_of(r) for r in results[1:] if isinstance(r, list)] == ["Well.", "Well."]


async def test_whoever_waited_for_an_answer_that_is_not_theirs_asks_alone() -> None:
    shop = Shop(ScriptedProvider(*[[0.05, *calls(("track_parcel", {}))]] * 3, says("In Bath.")))
    answers = await asyncio.gather(*(shop.ask() for _ in range(3)))
    assert not any(was_cached(events) for events in answers)
    assert len(shop.provider.requests) == 6


async def is_asked(shop: Shop) -> None:
    """Waits until the provider has a request."""
    async with asyncio.timeout(TIMEOUT):
        while not shop.provider.requests:  # noqa: ASYNC110  # a fake has no event for it
            await asyncio.sleep(0.01)


async def test_nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_cache, "PATIENCE", 0.05)
    shop = Shop(ScriptedProvider([30.0, *says("Slow.")], says("Fast.")))
    slow = asyncio.create_task(shop.ask())
    await is_asked(shop)
    assert text_of(await shop.ask()) == "Fast."
    assert not slow.done()
    slow.cancel()


async def test_a_reader_that_stops_holds_nobody_up() -> None:
    shop = Shop(ScriptedProvider([*says("One. ", "Two.")[:1], 30.0], says("Well.")))
    reader = asyncio.create_task(shop.ask())
    await is_asked(shop)
    reader.cancel()
    await asyncio.wait({reader})
    async with asyncio.timeout(TIMEOUT):
        assert text_of(await shop.ask()) == "Well."


async def test_another_process_is_waited_for_through_the_cache() -> None:
    shop = Shop(ScriptedProvider(says("Mine.")))
    await shop.ask()
    asked = shop.question(UserMessage(TEXT))
    assert asked is not None
    theirs = await cache.aget(asked.key())
    await cache.adelete(asked.key())
    await cache.aadd(f"{asked.key()}:lock", "them", 30)
    waiting = asyncio.create_task(shop.ask())
    await asyncio.sleep(0.15)
    assert not waiting.done()
    await cache.aset(asked.key(), {**theirs, "text": "Theirs."}, 30)
    assert text_of(await waiting) == "Theirs."
    assert await cache.aget(f"{asked.key()}:lock") == "them"


async def test_a_process_that_failed_is_taken_over_from() -> None:
    shop = Shop(ScriptedProvider(says("Mine.")))
    asked = shop.question(UserMessage(TEXT))
    assert asked is not None
    await cache.aadd(f"{asked.key()}:lock", "them", 30)
    waiting = asyncio.create_task(shop.ask())
    await asyncio.sleep(0.05)
    await cache.adelete(f"{asked.key()}:lock")
    assert text_of(await waiting) == "Mine."
    assert await cache.aget(f"{asked.key()}:lock") is None


async def test_a_lock_that_ran_out_is_left_to_whoever_took_it() -> None:
    shop = Shop(ScriptedProvider([0.2, *says("Slow.")]))
    asked = shop.question(UserMessage(TEXT))
    assert asked is not None
    slow = asyncio.create_task(shop.ask())
    await asyncio.sleep(0.1)
    await cache.aset(f"{asked.key()}:lock", "them", 30)
    await slow
    assert await cache.aget(f"{asked.key()}:lock") == "them"


async def test_without_the_cache_every_question_is_new(settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "tests.chat.test_answer_cache.Away"}}
    shop = Shop(ScriptedProvider(says("Hello.")))
    for _ in range(2):
        events = await shop.ask()
        assert (was_cached(events), text_of(events)) == (False, "Hello.")


async def test_an_error_of_the_run_is_the_callers() -> None:
    with pytest.raises(Overloaded):
        await Shop(ScriptedProvider(fails(Overloaded("busy"), "Half"))).ask()


class Away:
    """A cache whose server is down."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        pass

    async def aget(self, key: str) -> None:
        raise RedisAway("refused")

    async def aset(self, *_: object) -> None:
        raise RedisAway("refused")

    async def aadd(self, *_: object) -> bool:
        raise RedisAway("refused")

    def clear(self) -> None:
        pass

    def close(self, **_: object) -> None:
        pass
