"""No request that the budget cannot bear: its worst case is reserved before, and settled after.

The purse is whoever keeps the accounts (`chat.budgets`, in the database). Reservations of requests
under way count against a budget like what is spent, so that many at once cannot exceed it together.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from chat.llm import tokens
from chat.llm.base import (
    Event,
    Payer,
    Progress,
    Provider,
    ProviderError,
    Request,
    Schema,
    Structured,
    TextDelta,
    Usage,
    UsageReport,
)

CHARACTERS_OF_PROGRESS = 16
"""What a Progress counts for where nobody counted: a piece of a thought or of a tool call, four
tokens."""


class Tier(StrEnum):
    """Which models a payer's budgets allow: below the soft limit all, above it the cheap ones."""

    FULL = "full"
    ECONOMY = "economy"


@dataclass(frozen=True, slots=True)
class Hold:
    """A reservation of `amount` US dollars on some accounts, until it is settled."""

    id: UUID
    provider: str
    model: str
    amount: Decimal
    accounts: tuple[str, ...]


class Purse(Protocol):
    """Keeps the budgets. Where it cannot answer, nothing is spent."""

    async def tier(self, payer: Payer | None) -> Tier:
        """Which models may answer."""
        ...

    async def reserve(
        self, payer: Payer | None, provider: str, model: str, worst: Usage
    ) -> Hold | None:
        """Sets the price of `worst` aside; None where nothing is charged or limited. Raises
        BudgetExceeded where it does not fit."""
        ...

    async def settle(self, hold: Hold, usage: Usage | None) -> None:
        """Replaces a reservation by what the request took; None: the vendor processed nothing.
        Never raises for an account that cannot be reached: its reservation stands."""
        ...


class Budgeted:
    """Asks `provider` only for what `purse` can bear, one reservation a request.

    What asks `provider` more than once for one answer (Retry, Repair) belongs around it.
    """

    def __init__(self, provider: Provider, purse: Purse) -> None:
        self.name = provider.name
        self.model = provider.model
        self._provider = provider
        self._purse = purse

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError, and BudgetExceeded for a request
        that was not made."""
        hold = await self._reserve(request)
        usage: Usage | None = None
        written = 0
        events = self._provider.stream(request)
        try:
            async for event in events:
                if isinstance(event, TextDelta):
                    written += len(event.text)
                elif isinstance(event, Progress):
                    written += CHARACTERS_OF_PROGRESS
                elif isinstance(event, UsageReport):
                    usage = event.usage
                yield event
            usage = usage or tokens.estimate(request, written)
        except ProviderError as error:
            usage = usage or _at_least(error.usage, request, written)
            raise
        except BaseException:  # stopped by its reader, or broken: the vendor may charge for it
            usage = usage or tokens.estimate(request, written)
            raise
        finally:
            try:
                # Ends the request upstream at once when the reader stops early.
                if isinstance(events, AsyncGenerator):
                    await events.aclose()
            finally:
                if hold:
                    await _finished(self._purse.settle(hold, usage))

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError, and BudgetExceeded for
        a request that was not made."""
        hold = await self._reserve(request, schema)
        usage: Usage | None = None
        try:
            structured = await self._provider.complete_structured(request, schema)
            usage = structured.report.usage
            return structured
        except ProviderError as error:
            usage = _at_least(error.usage, request, 0, schema)
            raise
        except BaseException:  # as in `stream`; nothing tells how much was written
            usage = _worst(request, schema)
            raise
        finally:
            if hold:
                await _finished(self._purse.settle(hold, usage))

    async def close(self) -> None:
        """Lets go of the provider's connections."""
        await self._provider.close()

    async def _reserve(self, request: Request, schema: type[Schema] | None = None) -> Hold | None:
        """A reservation; one that is cancelled half-way is given back when it is there."""
        worst = _worst(request, schema)
        reserving = asyncio.ensure_future(
            self._purse.reserve(request.payer, self.name, self.model, worst)
        )
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            await _finished(self._give_back(reserving))
            raise

    async def _give_back(self, reserving: asyncio.Future[Hold | None]) -> None:
        try:
            hold = await reserving
        except ProviderError:  # it did not fit, so there is nothing to give back
            return
        if hold:
            await self._purse.settle(hold, None)


def _worst(request: Request, schema: type[Schema] | None = None) -> Usage:
    return Usage(tokens.upper_bound(request, schema), request.max_output_tokens)


def _at_least(
    usage: Usage | None, request: Request, written: int, schema: type[Schema] | None = None
) -> Usage | None:
    """What a failed request took, which may be estimated: never less than our own estimate."""
    if usage is None:
        return None
    ours = tokens.estimate(request, written, schema)
    return Usage(
        input_tokens=max(usage.input_tokens, ours.input_tokens),
        output_tokens=max(usage.output_tokens, ours.output_tokens),
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )


_running: set[asyncio.Task[None]] = set()


async def _finished(work: Coroutine[Any, Any, None]) -> None:
    """Runs `work` to its end even when whoever waits for it is cancelled."""
    task = asyncio.create_task(work)
    _running.add(task)  # the loop itself holds tasks only weakly
    task.add_done_callback(_running.discard)
    await asyncio.shield(task)


class Economy:
    """Asks `main`, or `cheap` for a payer whose budget has passed its soft limit.

    Both are whole chains of providers with their own fallbacks.
    """

    name = "economy"

    def __init__(self, main: Provider, cheap: Provider, purse: Purse) -> None:
        self.model = main.model
        self._main = main
        self._cheap = cheap
        self._purse = purse

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of the chain that the payer's budgets allow; raises ProviderError."""
        events = (await self._chain(request)).stream(request)
        try:
            async for event in events:
                yield event
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError."""
        return await (await self._chain(request)).complete_structured(request, schema)

    async def close(self) -> None:
        """Lets go of every provider's connections."""
        await asyncio.gather(self._main.close(), self._cheap.close())

    async def _chain(self, request: Request) -> Provider:
        tier = await self._purse.tier(request.payer)
        return self._cheap if tier is Tier.ECONOMY else self._main
