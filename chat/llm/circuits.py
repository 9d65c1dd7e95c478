"""What the processes know together of how providers are doing, and when that means "stop asking".

A breaker in each process keeps to this knowledge (see `chat.llm.breaker`); a `BreakerStore` shares
it. Times are wall-clock seconds, because processes on several machines compare them.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

WINDOW = 30.0
"""Seconds of calls that the failure rate is taken from."""

FEWEST_CALLS = 5
"""A rate of fewer calls than this is chance."""

FAILURE_RATE = 0.5
"""The share of failed calls from which on a provider costs customers more time than it saves."""

FAILURES_IN_A_ROW = 8
"""Failures with no success in between that open at once: after a busy, healthy half minute the rate
would take hundreds of failures to rise."""

COOL_DOWN = 5.0
"""Seconds until a provider is tried again after it first failed, doubled with every failed trial."""

LONGEST_COOL_DOWN = 60.0
"""Seconds a provider that is back may at most stay unused."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Since when and until when nobody is to ask; the `times`-th time in a row. `cause` is the code
    of the error that did it."""

    opened_at: float
    until: float
    times: int
    cause: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How a provider did of late: calls and failures in the window, failures since the last
    success, and the opening there is until a trial succeeds."""

    calls: int = 0
    failures: int = 0
    in_a_row: int = 0
    opening: Opening | None = None

    @property
    def tripped(self) -> bool:
        """Whether these figures are reason enough to stop asking."""
        rate = self.failures >= FAILURE_RATE * self.calls and self.calls >= FEWEST_CALLS
        return rate or self.in_a_row >= FAILURES_IN_A_ROW


def reopened(before: Opening | None, now: float, cause: str) -> Opening:
    """The opening that follows `before`, which is None for a provider that was doing well."""
    times = before.times + 1 if before else 1
    cool_down = min(LONGEST_COOL_DOWN, COOL_DOWN * 2 ** (times - 1))
    return Opening(now, now + cool_down, times, cause)


class BreakerStore(Protocol):
    """Where processes share their knowledge, by the name of a provider. Raises nothing: a store that
    cannot reach the others does what it can alone."""

    async def add(self, name: str, calls: int, failures: int) -> Tally:
        """Adds to the window, and tells how it stands now. With no failure among them, the calls
        also end the row of failures. Zeros only read."""
        ...

    async def open(self, name: str, opening: Opening) -> None:
        """Tells everybody not to ask."""
        ...

    async def close(self, name: str) -> None:
        """Forgets the opening and the failures that led to it."""
        ...

    async def claim_trial(self, name: str, seconds: float) -> bool:
        """Takes the right to try the provider, which one request has at a time and loses after
        `seconds`. False if another has it."""
        ...

    async def end_trial(self, name: str) -> None:
        """Gives that right back."""
        ...


@dataclass
class _Record:
    calls: list[tuple[float, int, int]] = field(default_factory=list)
    in_a_row: int = 0
    opening: Opening | None = None
    trial_until: float = 0.0


class MemoryStore:
    """The knowledge of one process alone."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._records: dict[str, _Record] = defaultdict(_Record)

    async def add(self, name: str, calls: int, failures: int) -> Tally:
        record, now = self._records[name], self._clock()
        record.calls = [entry for entry in record.calls if entry[0] > now - WINDOW]
        if calls:
            record.calls.append((now, calls, failures))
            record.in_a_row = record.in_a_row + failures if failures else 0
        return Tally(
            sum(calls for _, calls, _ in record.calls),
            sum(failures for _, _, failures in record.calls),
            record.in_a_row,
            record.opening,
        )

    async def open(self, name: str, opening: Opening) -> None:
        self._records[name].opening = opening

    async def close(self, name: str) -> None:
        record = self._records[name]
        self._records[name] = replace(record, calls=[], in_a_row=0, opening=None)

    async def claim_trial(self, name: str, seconds: float) -> bool:
        record, now = self._records[name], self._clock()
        if now < record.trial_until:
            return False
        record.trial_until = now + seconds
        return True

    async def end_trial(self, name: str) -> None:
        self._records[name].trial_until = 0.0
