"""No request to a provider that is known to be down.

Closed: requests pass. Open: nobody asks, until a cool-down is over. Half-open: one request at a time
tries, of all processes; its success closes, its failure opens for longer. What counts as "down" is in
`chat.llm.circuits`.
"""

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from chat.llm.base import (
    AuthenticationFailed,
    CircuitOpen,
    Event,
    Provider,
    ProviderError,
    Request,
    Schema,
    Structured,
)
from chat.llm.circuits import BreakerStore, MemoryStore, Opening, Tally, reopened

logger = logging.getLogger(__name__)

REFRESH = 1.0
"""Seconds between readings of what other processes know. A healthy request so costs the store
nothing; a process may ask a provider that others gave up for this long."""

LONGEST_TRIAL = 120.0
"""Seconds until another may try when a request without a deadline never tells how it went, because
its process died."""


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerState:
    """One provider's breaker, for people and metrics. Times are wall-clock seconds, None when
    closed; `cause` is the code of the error that opened it."""

    name: str
    state: State
    opened_at: float | None
    until: float | None
    failures: int
    calls: int
    cause: str = ""


OnChange = Callable[[str, State], None]
"""Is told the name of a provider and the state that a request of this process brought it into."""


class Circuit:
    """What this process knows of one provider. Shared by all its threads and loops: it awaits only
    the store, and every step may be repeated."""

    def __init__(
        self, name: str, store: BreakerStore, clock: Callable[[], float], on_change: OnChange
    ) -> None:
        self.name = name
        self._store = store
        self._clock = clock
        self._on_change = on_change
        self._tally = Tally()
        self._unreported = 0
        self._read_at = self._refused_at = float("-inf")
        self._version = 0

    @asynccontextmanager
    async def passage(self, deadline: float | None) -> AsyncIterator[None]:
        """Lets one request pass and learns from its end; raises CircuitOpen instead. `deadline` is
        the request's, of `time.monotonic()`."""
        trial = await self._enter(deadline)
        try:
            yield
        except ProviderError as error:
            if _tells_of_trouble(error):
                await self._failed(error.code, trial)
            raise
        else:
            await self._succeeded(trial)
        finally:
            if trial:
                await self._store.end_trial(self.name)

    def state(self) -> BreakerState:
        """As this process last saw it."""
        return state_of(self.name, self._tally, self._clock())

    async def _enter(self, deadline: float | None) -> bool:
        """Whether the request that may pass is a trial. Raises CircuitOpen."""
        opening = self._tally.opening
        now = self._clock()
        if (opening is None or now >= opening.until) and now >= self._read_at + REFRESH:
            await self._exchange()
            opening = self._tally.opening
        if opening is None:
            return False
        if now < opening.until or now < self._refused_at + REFRESH:
            raise self._refusal(opening, now)
        return await self._try(deadline)

    async def _try(self, deadline: float | None) -> bool:
        left = LONGEST_TRIAL if deadline is None else max(1.0, deadline - time.monotonic())
        claimed = await self._store.claim_trial(self.name, left)
        now = self._clock()
        # Whoever tried last may have closed or opened it since this process looked.
        opening = (await self._exchange()).opening
        if claimed and opening and now >= opening.until:
            self._change(State.HALF_OPEN)
            return True
        if claimed:
            await self._store.end_trial(self.name)
        if opening is None:
            return False
        self._refused_at = now
        raise self._refusal(opening, now)

    def _refusal(self, opening: Opening, now: float) -> CircuitOpen:
        wait = max(0.0, opening.until - now)
        return CircuitOpen(f"not asked for {wait:.0f} s more, after {opening.cause}", self.name)

    async def _succeeded(self, trial: bool) -> None:
        self._unreported += 1
        if trial:
            self._version += 1
            self._tally, self._unreported = Tally(), 0
            await self._store.close(self.name)
            self._change(State.CLOSED)
        elif self._tally.in_a_row:
            await self._exchange()

    async def _failed(self, cause: str, trial: bool) -> None:
        tally = await self._exchange(failures=1)
        if trial or (tally.opening is None and tally.tripped):
            opening = reopened(tally.opening, self._clock(), cause)
            self._version += 1
            self._tally = replace(tally, opening=opening)
            await self._store.open(self.name, opening)
            self._change(State.OPEN)

    async def _exchange(self, failures: int = 0) -> Tally:
        """Tells the store what it does not know yet, and takes over what it knows."""
        self._read_at = self._clock()
        calls, self._unreported = self._unreported, 0
        version = self._version
        tally = await self._store.add(self.name, calls + failures, failures)
        if version == self._version:  # else this is older than what has become of it here
            self._tally = tally
        return self._tally

    def _change(self, state: State) -> None:
        level = logging.WARNING if state is State.OPEN else logging.INFO
        logger.log(level, "breaker of %s: %s", self.name, state)
        self._on_change(self.name, state)


class Breaker:
    """Asks `provider` while its circuit lets requests pass."""

    def __init__(self, provider: Provider, circuit: Circuit) -> None:
        self.name = provider.name
        self.model = provider.model
        self._provider = provider
        self._circuit = circuit

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError, CircuitOpen if it does not ask."""
        async with self._circuit.passage(request.deadline):
            events = self._provider.stream(request)
            try:
                async for event in events:
                    yield event
            finally:
                # Ends the request upstream at once when the reader stops early.
                if isinstance(events, AsyncGenerator):
                    await events.aclose()

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError, CircuitOpen if it
        does not ask."""
        async with self._circuit.passage(request.deadline):
            return await self._provider.complete_structured(request, schema)

    async def close(self) -> None:
        """Lets go of the provider's connections."""
        await self._provider.close()


class Breakers:
    """The circuits of a process, one for each provider, whichever stacks it builds."""

    def __init__(
        self,
        store: BreakerStore | None = None,
        *,
        clock: Callable[[], float] = time.time,
        on_change: OnChange = lambda name, state: None,
    ) -> None:
        self._store = store or MemoryStore(clock)
        self._clock = clock
        self._on_change = on_change
        self._circuits: dict[str, Circuit] = {}

    def around(self, provider: Provider) -> Breaker:
        """The provider behind the circuit of its name."""
        circuit = self._circuits.setdefault(
            provider.name, Circuit(provider.name, self._store, self._clock, self._on_change)
        )
        return Breaker(provider, circuit)

    def states(self) -> list[BreakerState]:
        """How the providers of this process are doing, as it last saw them."""
        return [circuit.state() for circuit in self._circuits.values()]


def state_of(name: str, tally: Tally, now: float) -> BreakerState:
    """What a tally means at the moment `now`."""
    opening = tally.opening
    if opening is None:
        return BreakerState(name, State.CLOSED, None, None, tally.failures, tally.calls)
    return BreakerState(
        name,
        State.OPEN if now < opening.until else State.HALF_OPEN,
        opening.opened_at,
        opening.until,
        tally.failures,
        tally.calls,
        opening.cause,
    )


def _tells_of_trouble(error: ProviderError) -> bool:
    """A request that is wrong by itself says nothing of how the provider is doing."""
    return error.retryable or isinstance(error, AuthenticationFailed)
