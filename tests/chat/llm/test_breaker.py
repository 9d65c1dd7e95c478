"""When a provider is no longer asked, and how it comes back."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from chat.llm.base import (
    AuthenticationFailed,
    BudgetExceeded,
    CircuitOpen,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    Malformed,
    Overloaded,
    ProviderError,
    RateLimited,
    ServerFailed,
    TextDelta,
    TimedOut,
    Truncated,
    Unsupported,
)
from chat.llm.breaker import REFRESH, Breaker, Breakers, BreakerState, State
from chat.llm.circuits import (
    COOL_DOWN,
    FAILURES_IN_A_ROW,
    FEWEST_CALLS,
    LONGEST_COOL_DOWN,
    WINDOW,
    MemoryStore,
    Opening,
    Tally,
)
from tests.chat.llm.scripted import ANSWER, Script, Scripted
from tests.chat.llm.support import QUESTION, Verdict, collect

DOWN: Script = [Overloaded("HTTP 529")]


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class CountingStore(MemoryStore):
    """Counts how often it is asked."""

    trips = 0

    async def add(self, name: str, calls: int, failures: int) -> Tally:
        self.trips += 1
        return await super().add(name, calls, failures)


class SlowToClaim:
    """The store as a process sees it in which something happens before its claim arrives."""

    def __init__(self, store: MemoryStore, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self.add, self.open, self.close = store.add, store.open, store.close
        self.end_trial = store.end_trial
        self._claim, self._meanwhile = store.claim_trial, meanwhile

    async def claim_trial(self, name: str, seconds: float) -> bool:
        await self._meanwhile()
        return await self._claim(name, seconds)


@dataclass
class Vendor:
    """A provider and the processes that ask it, each behind a breaker of its own."""

    clock: Clock = field(default_factory=Clock)
    script: Script = ANSWER
    changes: list[tuple[str, State]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = CountingStore(self.clock)
        self.provider = Scripted(self.script)

    def process(self) -> Breakers:
        return Breakers(
            self.store, clock=self.clock, on_change=lambda *change: self.changes.append(change)
        )

    def breaker(self) -> Breaker:
        return self.process().around(self.provider)

    def turns(self, script: Script) -> None:
        """From now on it does this."""
        self.provider.scripts = (script,)

    async def opened(self) -> Breaker:
        """A breaker that has just opened, in front of a provider that is well again."""
        breaker = self.breaker()
        self.turns(DOWN)
        await asks(breaker, FEWEST_CALLS)
        self.turns(ANSWER)
        assert await asks(breaker, 1) == ["CIRCUIT_OPEN"]
        return breaker


async def asks(breaker: Breaker, times: int = 1) -> list[str]:
    """What came of each request: an error's code, or "ok"."""
    outcomes = []
    for _ in range(times):
        try:
            await collect(breaker, QUESTION)
        except ProviderError as error:
            outcomes.append(error.code)
        else:
            outcomes.append("ok")
    return outcomes


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


# Closed


async def test_an_answer_passes(vendor: Vendor) -> None:
    assert await collect(vendor.breaker(), QUESTION) == list(ANSWER)


async def test_a_healthy_provider_costs_the_store_one_visit_a_second(vendor: Vendor) -> None:
    breaker = vendor.breaker()

    await asks(breaker, 50)
    assert vendor.store.trips == 1
    vendor.clock.now += REFRESH
    await asks(breaker, 50)

    assert vendor.store.trips == 2


async def test_it_opens_once_half_of_enough_calls_fail(vendor: Vendor) -> None:
    breaker = vendor.breaker()
    await asks(breaker, 3)
    vendor.turns(DOWN)

    assert await asks(breaker, 4) == [*["OVERLOADED"] * 3, "CIRCUIT_OPEN"]
    assert vendor.changes == [("scripted", State.OPEN)]


async def test_it_stays_closed_below_that_rate(vendor: Vendor) -> None:
    breaker = vendor.breaker()

    for _ in range(20):
        vendor.turns(ANSWER)
        await asks(breaker, 2)
        vendor.turns(DOWN)
        assert await asks(breaker) == ["OVERLOADED"]

    assert vendor.changes == []


async def test_a_few_failures_are_chance(vendor: Vendor) -> None:
    breaker = vendor.breaker()
    vendor.turns(DOWN)

    assert await asks(breaker, FEWEST_CALLS - 1) == ["OVERLOADED"] * (FEWEST_CALLS - 1)

    vendor.turns(ANSWER)
    assert await asks(breaker) == ["ok"]


async def test_an_outage_after_a_busy_healthy_time_opens_just_as_soon(vendor: Vendor) -> None:
    breaker = vendor.breaker()
    await asks(breaker, 500)
    vendor.turns(DOWN)

    outcomes = await asks(breaker, 50)

    assert outcomes.count("OVERLOADED") == FAILURES_IN_A_ROW <= 10


async def test_old_failures_are_forgotten(vendor: Vendor) -> None:
    breaker = vendor.breaker()
    vendor.turns(DOWN)
    await asks(breaker, FEWEST_CALLS - 1)

    vendor.clock.now += WINDOW + 1

    assert await asks(breaker, FEWEST_CALLS - 1) == ["OVERLOADED"] * (FEWEST_CALLS - 1)


async def test_all_processes_count_together(vendor: Vendor) -> None:
    breakers = [vendor.breaker() for _ in range(5)]
    vendor.turns(DOWN)

    outcomes = [outcome for breaker in breakers * 4 for outcome in await asks(breaker)]

    failures = outcomes.count("OVERLOADED")
    assert failures <= 10, "each may ask once more before it hears of the others' failures"
    assert set(outcomes[10:]) == {"CIRCUIT_OPEN"}


async def test_other_processes_hear_of_it_within_a_second(vendor: Vendor) -> None:
    healthy = vendor.breaker()
    await asks(healthy)
    await vendor.opened()

    assert await asks(healthy) == ["ok"], "it has looked just now"
    vendor.clock.now += REFRESH
    assert await asks(healthy) == ["CIRCUIT_OPEN"]


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("x"),
        Overloaded("x"),
        TimedOut("x"),
        ConnectionFailed("x"),
        Truncated("x"),
        ServerFailed("x"),
        AuthenticationFailed("x"),
    ],
)
async def test_what_tells_of_trouble_counts(vendor: Vendor, error: ProviderError) -> None:
    breaker = vendor.breaker()
    vendor.turns([error])

    assert (await asks(breaker, FEWEST_CALLS + 1))[-1] == "CIRCUIT_OPEN"


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest("x"),
        ContextTooLong("x"),
        ContentFiltered("x"),
        Malformed("x"),
        Unsupported("x"),
        BudgetExceeded("x"),
    ],
)
async def test_a_request_that_is_wrong_by_itself_does_not(
    vendor: Vendor, error: ProviderError
) -> None:
    breaker = vendor.breaker()
    vendor.turns([error])

    assert await asks(breaker, 20) == [error.code] * 20


async def test_a_failure_after_text_counts(vendor: Vendor) -> None:
    breaker = vendor.breaker()
    vendor.turns([TextDelta("Ye"), Truncated("cut")])

    assert (await asks(breaker, FEWEST_CALLS + 1))[-1] == "CIRCUIT_OPEN"


async def test_a_request_that_is_cancelled_counts_as_nothing(vendor: Vendor) -> None:
    breakers = vendor.process()
    breaker = breakers.around(vendor.provider)
    vendor.turns([60.0])

    for _ in range(20):
        task = asyncio.create_task(collect(breaker, QUESTION))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    vendor.clock.now += REFRESH
    vendor.turns(ANSWER)
    await asks(breaker)

    (state,) = breakers.states()
    assert (state.calls, state.failures) == (0, 0)


# Open


async def test_nobody_is_asked_until_the_cool_down_is_over(vendor: Vendor) -> None:
    breaker = await vendor.opened()
    asked, trips = vendor.provider.asked, vendor.store.trips

    vendor.clock.now += COOL_DOWN - 0.1

    assert await asks(breaker, 20) == ["CIRCUIT_OPEN"] * 20
    assert (vendor.provider.asked, vendor.store.trips) == (asked, trips)


async def test_the_refusal_says_why(vendor: Vendor) -> None:
    breaker = await vendor.opened()

    with pytest.raises(CircuitOpen, match="not asked for 5 s more, after OVERLOADED") as raised:
        await collect(breaker, QUESTION)

    assert raised.value.provider == "scripted"
    assert not raised.value.asked
    assert not raised.value.retryable


async def test_structured_requests_go_through_the_same_circuit(vendor: Vendor) -> None:
    breaker = vendor.breaker()
    vendor.turns(DOWN)
    for _ in range(FEWEST_CALLS):
        with pytest.raises(Overloaded):
            await breaker.complete_structured(QUESTION, Verdict)

    with pytest.raises(CircuitOpen):
        await breaker.complete_structured(QUESTION, Verdict)
    assert await asks(breaker) == ["CIRCUIT_OPEN"]

    vendor.turns(())
    vendor.clock.now += COOL_DOWN
    assert (await breaker.complete_structured(QUESTION, Verdict)).value.topic == "scripted"
    assert vendor.changes[-1] == ("scripted", State.CLOSED)


# Half-open


async def test_a_trial_that_succeeds_closes_it_for_all(vendor: Vendor) -> None:
    other = vendor.breaker()
    breaker = await vendor.opened()

    vendor.clock.now += COOL_DOWN

    assert await asks(breaker, 3) == ["ok"] * 3
    assert await asks(other) == ["ok"]
    assert vendor.changes == [
        ("scripted", State.OPEN),
        ("scripted", State.HALF_OPEN),
        ("scripted", State.CLOSED),
    ]


async def test_after_it_closed_the_past_is_forgotten(vendor: Vendor) -> None:
    breaker = await vendor.opened()
    vendor.clock.now += COOL_DOWN
    await asks(breaker)
    vendor.turns(DOWN)

    assert await asks(breaker, FEWEST_CALLS - 1) == ["OVERLOADED"] * (FEWEST_CALLS - 1)


async def test_a_trial_that_fails_opens_it_for_longer_up_to_a_limit(vendor: Vendor) -> None:
    breaker = await vendor.opened()
    vendor.turns(DOWN)
    cool_down, waited = COOL_DOWN, []

    for _ in range(6):
        vendor.clock.now += cool_down - 0.1
        assert await asks(breaker) == ["CIRCUIT_OPEN"]
        vendor.clock.now += 0.1
        assert await asks(breaker, 2) == ["OVERLOADED", "CIRCUIT_OPEN"]
        waited.append(cool_down)
        cool_down = min(cool_down * 2, LONGEST_COOL_DOWN)

    assert waited == [5, 10, 20, 40, 60, 60]


async def test_one_request_tries_at_a_time_of_all_processes(vendor: Vendor) -> None:
    other = vendor.breaker()
    breaker = await vendor.opened()
    vendor.clock.now += COOL_DOWN
    vendor.turns([0.1, *ANSWER])
    asked = vendor.provider.asked

    outcomes = await asyncio.gather(*(asks(either) for either in [breaker, other] * 5))

    assert sorted(outcome for (outcome,) in outcomes) == ["CIRCUIT_OPEN"] * 9 + ["ok"]
    assert vendor.provider.asked == asked + 1


@pytest.mark.parametrize("end", ["cancelled", "wrong by itself", "a mistake of ours"])
async def test_a_trial_that_tells_nothing_is_left_to_the_next(vendor: Vendor, end: str) -> None:
    breaker = await vendor.opened()
    vendor.clock.now += COOL_DOWN

    if end == "cancelled":
        vendor.turns([60.0])
        task = asyncio.create_task(collect(breaker, QUESTION))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})
    else:
        vendor.turns([InvalidRequest("x") if end == "wrong by itself" else ZeroDivisionError()])
        with pytest.raises((InvalidRequest, ZeroDivisionError)):
            await collect(breaker, QUESTION)

    assert vendor.changes[-1] == ("scripted", State.HALF_OPEN)
    vendor.turns(ANSWER)
    assert await asks(breaker) == ["ok"]


async def test_a_trial_whose_process_died_does_not_block_for_ever(vendor: Vendor) -> None:
    breaker = await vendor.opened()
    vendor.clock.now += COOL_DOWN
    assert await vendor.store.claim_trial("scripted", 30)

    assert await asks(breaker) == ["CIRCUIT_OPEN"]
    vendor.clock.now += 30
    assert await asks(breaker) == ["ok"]


async def test_a_trial_under_way_is_asked_about_once_a_second(vendor: Vendor) -> None:
    breaker = await vendor.opened()
    vendor.clock.now += COOL_DOWN
    assert await vendor.store.claim_trial("scripted", 30)
    assert await asks(breaker) == ["CIRCUIT_OPEN"]
    trips = vendor.store.trips

    assert await asks(breaker, 50) == ["CIRCUIT_OPEN"] * 50

    assert vendor.store.trips == trips


async def test_a_trial_that_another_process_has_just_lost_is_not_repeated(vendor: Vendor) -> None:
    """It was lost after this process looked, and before it took the right to try."""
    breaker = await vendor.opened()
    vendor.clock.now += COOL_DOWN
    vendor.turns(DOWN)
    slow = SlowToClaim(vendor.store, meanwhile=lambda: asks(breaker))
    other = Breakers(slow, clock=vendor.clock).around(vendor.provider)
    asked = vendor.provider.asked

    assert await asks(other) == ["CIRCUIT_OPEN"]

    assert vendor.provider.asked == asked + 1
    assert await vendor.store.claim_trial("scripted", 1), "nobody holds the right to try"


async def test_an_answer_that_began_before_the_outage_does_not_close_it(vendor: Vendor) -> None:
    vendor.turns([TextDelta("a"), 0.1, *ANSWER])
    breaker = vendor.breaker()
    early = asyncio.create_task(asks(breaker))
    await asyncio.sleep(0.02)
    vendor.turns(DOWN)
    await asks(breaker, FEWEST_CALLS)

    assert await early == ["ok"]

    assert await asks(breaker) == ["CIRCUIT_OPEN"]


# What is seen of it


async def test_its_state_is_told(vendor: Vendor) -> None:
    breakers = vendor.process()
    breaker = breakers.around(vendor.provider)
    vendor.turns(DOWN)
    await asks(breaker, FEWEST_CALLS)
    now = vendor.clock.now
    opened = BreakerState(
        "scripted", State.OPEN, now, now + COOL_DOWN, FEWEST_CALLS, FEWEST_CALLS, "OVERLOADED"
    )

    assert breakers.states() == [opened]
    vendor.clock.now += COOL_DOWN
    assert breakers.states() == [replace(opened, state=State.HALF_OPEN)]
    vendor.turns(ANSWER)
    await asks(breaker)
    assert breakers.states() == [BreakerState("scripted", State.CLOSED, None, None, 0, 0)]


async def test_stacks_of_one_process_share_a_circuit_by_name(vendor: Vendor) -> None:
    breakers = vendor.process()
    vendor.turns(DOWN)
    await asks(breakers.around(vendor.provider), FEWEST_CALLS)

    assert await asks(breakers.around(Scripted())) == ["CIRCUIT_OPEN"]
    assert await asks(breakers.around(Scripted(name="another"))) == ["ok"]


async def test_an_older_reading_does_not_undo_what_happened_here() -> None:
    """The reading was on its way back when this process opened the circuit."""
    clock = Clock()

    class Slow(MemoryStore):
        async def add(self, name: str, calls: int, failures: int) -> Tally:
            tally = await super().add(name, calls, failures)
            if not failures:
                await asyncio.sleep(0.05)
            return tally

    breakers = Breakers(Slow(clock), clock=clock)
    late = asyncio.create_task(asks(breakers.around(Scripted())))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    down = breakers.around(Scripted(DOWN))
    await asks(down, FEWEST_CALLS)
    await late

    assert await asks(down) == ["CIRCUIT_OPEN"]


async def test_an_opening_is_kept_for_whoever_starts_later(vendor: Vendor) -> None:
    now = vendor.clock.now
    await vendor.store.open("scripted", Opening(now, now + 60, 3, "OVERLOADED"))

    assert await asks(vendor.breaker()) == ["CIRCUIT_OPEN"]


async def test_a_reader_who_stops_early_closes_the_providers_stream(vendor: Vendor) -> None:
    stream = vendor.breaker().stream(QUESTION)
    assert isinstance(stream, AsyncGenerator)

    await anext(stream)
    assert vendor.provider.open == 1
    await stream.aclose()

    assert vendor.provider.open == 0


async def test_closing_closes_the_provider(vendor: Vendor) -> None:
    await vendor.breaker().close()

    assert vendor.provider.closed
