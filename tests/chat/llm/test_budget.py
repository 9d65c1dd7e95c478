"""Budgets around a provider: nothing is asked that does not fit, and everything is settled once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import uuid4

import pytest

from chat.llm import tokens
from chat.llm.base import (
    BudgetExceeded,
    Event,
    Malformed,
    Overloaded,
    Payer,
    Progress,
    ProviderError,
    Request,
    Schema,
    Structured,
    TextDelta,
    TimedOut,
    Truncated,
    Usage,
)
from chat.llm.budget import CHARACTERS_OF_PROGRESS, Budgeted, Economy, Hold, Tier
from chat.llm.fallback import Fallback
from chat.llm.repair import Repair
from tests.chat.llm.support import QUESTION, Verdict, collect, gather, text_of
from tests.fakes import REPORT, ScriptedProvider, fails, says

ADA = Payer("conversation-1", "customer:C-1")
ASKED = replace(QUESTION, payer=ADA, max_output_tokens=50)
VERDICT = Verdict(topic="billing", urgency=2)


@dataclass
class Wallet:
    """A purse in memory, which keeps what it was asked. `slow` is how long it takes to reserve."""

    has_room: bool = True
    charges: bool = True
    tier_now: Tier = Tier.FULL
    slow: float = 0.0
    reserved: list[tuple[Payer | None, str, str, Usage]] = field(default_factory=list)
    settled: list[Usage | None] = field(default_factory=list)

    async def tier(self, payer: Payer | None) -> Tier:
        assert payer == ADA
        return self.tier_now

    async def reserve(
        self, payer: Payer | None, provider: str, model: str, worst: Usage
    ) -> Hold | None:
        await asyncio.sleep(self.slow)
        if not self.has_room:
            raise BudgetExceeded("no room in the budget", provider)
        self.reserved.append((payer, provider, model, worst))
        return Hold(uuid4(), provider, model, Decimal(1), ()) if self.charges else None

    async def settle(self, hold: Hold, usage: Usage | None) -> None:
        await asyncio.sleep(0)
        self.settled.append(usage)


class Reader(ScriptedProvider):
    """A scripted provider that can also be held to a schema, once it has had its `failures`."""

    takes: float = 0.0

    def __init__(self, *failures: ProviderError) -> None:
        super().__init__()
        self.failures = list(failures)

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        await asyncio.sleep(self.takes)
        if self.failures:
            raise self.failures.pop(0)
        value = schema.model_validate(VERDICT.model_dump())
        return Structured(value, REPORT)


async def _fails(budgeted: Budgeted, kind: type[ProviderError]) -> list[Event]:
    events: list[Event] = []
    with pytest.raises(kind):
        await gather(budgeted.stream(ASKED), events)
    return events


async def test_the_worst_case_is_reserved_and_what_was_taken_is_settled() -> None:
    wallet, provider = Wallet(), ScriptedProvider(says("Yes, ", "we do."))
    events = await collect(Budgeted(provider, wallet), ASKED)
    assert text_of(events) == "Yes, we do."
    worst = Usage(tokens.upper_bound(ASKED), 50)
    assert wallet.reserved == [(ADA, "scripted", "script-1", worst)]
    assert wallet.settled == [REPORT.usage]


async def test_a_request_that_does_not_fit_is_not_made() -> None:
    wallet, provider = Wallet(has_room=False), ScriptedProvider(says("Yes."))
    assert await _fails(Budgeted(provider, wallet), BudgetExceeded) == []
    assert provider.requests == []
    assert wallet.settled == []


async def test_the_next_provider_answers_what_does_not_fit() -> None:
    dear, free = ScriptedProvider(says("Dear.")), ScriptedProvider(says("Free."))
    chain = Fallback([Budgeted(dear, Wallet(has_room=False)), free])
    assert text_of(await collect(chain, ASKED)) == "Free."
    assert dear.requests == []


async def test_where_nothing_is_charged_nothing_is_settled() -> None:
    wallet = Wallet(charges=False)
    events = await collect(Budgeted(ScriptedProvider(says("Yes.")), wallet), ASKED)
    assert text_of(events) == "Yes."
    assert wallet.settled == []


async def test_a_request_that_was_refused_costs_nothing() -> None:
    wallet = Wallet()
    await _fails(Budgeted(ScriptedProvider(fails(Overloaded("busy"))), wallet), Overloaded)
    assert wallet.settled == [None]


async def test_a_request_that_broke_costs_what_the_vendor_counted() -> None:
    wallet, counted = Wallet(), Usage(5_000, 40)
    broken = Truncated("cut", usage=counted)
    await _fails(Budgeted(ScriptedProvider(fails(broken, "Yes, ")), wallet), Truncated)
    assert wallet.settled == [counted]


async def test_a_request_that_broke_costs_no_less_than_what_was_seen_of_it() -> None:
    wallet, seen = Wallet(), "Yes, we do. " * 10
    broken = TimedOut("silence", usage=Usage(0, 1))
    await _fails(Budgeted(ScriptedProvider(fails(broken, seen)), wallet), TimedOut)
    assert wallet.settled == [tokens.estimate(ASKED, len(seen))]


async def test_a_reader_that_leaves_pays_for_what_was_read() -> None:
    wallet = Wallet()
    events = Budgeted(ScriptedProvider(says("Yes, ", "we do.")), wallet).stream(ASKED)
    assert await anext(events) == TextDelta("Yes, ")
    assert isinstance(events, AsyncGenerator)
    await events.aclose()
    assert wallet.settled == [tokens.estimate(ASKED, len("Yes, "))]


async def test_thoughts_that_nobody_saw_are_paid_for() -> None:
    wallet = Wallet()
    events = Budgeted(ScriptedProvider([Progress(), Progress(), 9.0]), wallet).stream(ASKED)
    await anext(events)
    await anext(events)
    assert isinstance(events, AsyncGenerator)
    await events.aclose()
    assert wallet.settled == [tokens.estimate(ASKED, 2 * CHARACTERS_OF_PROGRESS)]


async def test_a_turn_that_is_cancelled_settles_all_the_same() -> None:
    wallet, provider = Wallet(), ScriptedProvider([TextDelta("Yes"), 9.0])
    events: list[Event] = []
    task = asyncio.create_task(gather(Budgeted(provider, wallet).stream(ASKED), events))
    await asyncio.sleep(0.02)
    assert events == [TextDelta("Yes")]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert wallet.settled == [tokens.estimate(ASKED, 3)]


async def test_a_reservation_that_is_cancelled_half_way_is_given_back() -> None:
    wallet, provider = Wallet(slow=0.05), ScriptedProvider(says("Yes."))
    task = asyncio.create_task(collect(Budgeted(provider, wallet), ASKED))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(wallet.reserved) == 1
    assert wallet.settled == [None]
    assert provider.requests == []


async def test_an_answer_without_a_count_is_not_free() -> None:
    wallet = Wallet()
    await collect(Budgeted(ScriptedProvider([TextDelta("Yes.")]), wallet), ASKED)
    assert wallet.settled == [tokens.estimate(ASKED, 4)]


async def test_a_bug_in_the_adapter_does_not_make_a_request_free() -> None:
    wallet = Wallet()
    broken = Budgeted(ScriptedProvider([TextDelta("Yes."), KeyError("oops")]), wallet)
    with pytest.raises(KeyError):
        await collect(broken, ASKED)
    assert wallet.settled == [tokens.estimate(ASKED, 4)]


async def test_a_structured_request_is_reserved_with_its_schema_and_settled() -> None:
    wallet = Wallet()
    answer = await Budgeted(Reader(), wallet).complete_structured(ASKED, Verdict)
    assert answer.value == VERDICT
    assert wallet.reserved[0][3] == Usage(tokens.upper_bound(ASKED, Verdict), 50)
    assert wallet.settled == [REPORT.usage]


@pytest.mark.parametrize(
    ("outcome", "settled"),
    [
        (Overloaded("busy"), None),
        (Truncated("cut", usage=Usage(9_000, 70)), Usage(9_000, 70)),
        (Truncated("cut", usage=Usage(0, 0)), tokens.estimate(ASKED, 0, Verdict)),
    ],
)
async def test_a_structured_request_that_fails_is_settled(
    outcome: ProviderError, settled: Usage | None
) -> None:
    wallet = Wallet()
    with pytest.raises(type(outcome)):
        await Budgeted(Reader(outcome), wallet).complete_structured(ASKED, Verdict)
    assert wallet.settled == [settled]


async def test_a_structured_output_that_is_repaired_is_two_requests_and_both_are_paid() -> None:
    wallet = Wallet()
    odd = Malformed("odd", text="{}", problems="topic", usage=Usage(9_000, 70))
    repairing = Repair(Budgeted(Reader(odd), wallet))
    assert (await repairing.complete_structured(ASKED, Verdict)).value == VERDICT
    assert len(wallet.reserved) == 2
    assert wallet.settled == [Usage(9_000, 70), REPORT.usage]


async def test_a_structured_request_that_is_cancelled_costs_its_worst_case() -> None:
    wallet, provider = Wallet(), Reader()
    provider.takes = 9.0
    task = asyncio.create_task(Budgeted(provider, wallet).complete_structured(ASKED, Verdict))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert wallet.settled == [wallet.reserved[0][3]]


@pytest.mark.parametrize(("tier", "answer"), [(Tier.FULL, "Main."), (Tier.ECONOMY, "Cheap.")])
async def test_the_payers_tier_decides_which_chain_answers(tier: Tier, answer: str) -> None:
    main, cheap = ScriptedProvider(says("Main.")), ScriptedProvider(says("Cheap."))
    economy = Economy(main, cheap, Wallet(tier_now=tier))
    assert text_of(await collect(economy, ASKED)) == answer
    assert len(main.requests) + len(cheap.requests) == 1


async def test_a_structured_request_goes_to_the_same_chain() -> None:
    main, cheap = ScriptedProvider(), Reader()
    economy = Economy(main, cheap, Wallet(tier_now=Tier.ECONOMY))
    assert (await economy.complete_structured(ASKED, Verdict)).value == VERDICT
    assert main.requests == []


async def test_both_chains_are_closed() -> None:
    main, cheap = ScriptedProvider(), ScriptedProvider()
    await Economy(Budgeted(main, Wallet()), Budgeted(cheap, Wallet()), Wallet()).close()
    assert main.closed and cheap.closed
