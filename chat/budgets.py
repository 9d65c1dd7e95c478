"""The purse of this deployment: the budgets of the settings, over the books in the database."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal

from django.conf import settings
from django.db import Error as DatabaseProblem
from django.utils import timezone

from chat import accounts, alerts, pricing, spending
from chat.accounts import Limits
from chat.database import in_database
from chat.llm.base import BudgetExceeded, Payer, Usage
from chat.llm.budget import Hold, Tier

logger = logging.getLogger(__name__)

SMALLEST = Decimal("0.00000001")
"""US dollars: the last digit that the columns keep. Amounts are rounded up to it."""

SETTLING = timedelta(seconds=60)
"""How long after the end of its turn a request may still be settled. Who has not by then is dead."""

SWEEP_INTERVAL = 60.0
"""Seconds between two looks for reservations of dead processes. Until then they count against the
budget just as after it."""


class DatabasePurse:
    """The budgets of `limits`. `stopped` tells that nothing at all may be spent for now; `lifetime`
    is how long a reservation may wait to be settled."""

    def __init__(
        self,
        limits: Limits,
        *,
        lifetime: timedelta,
        stopped: Callable[[], bool] = lambda: False,
        clock: Callable[[], datetime] = timezone.now,
    ) -> None:
        self._limits = limits
        self._lifetime = lifetime
        self._stopped = stopped
        self._clock = clock
        self._swept_at = float("-inf")

    async def tier(self, payer: Payer | None) -> Tier:
        """ECONOMY when an account of the payer's is at its soft limit, or nobody can tell."""
        charged = accounts.charged(self._limits, payer, self._clock())
        try:
            over = await in_database(spending.over_soft)(self._limits, charged)
        except DatabaseProblem as error:
            logger.warning("budgets cannot be read: %s", error)
            return Tier.ECONOMY
        return Tier.ECONOMY if over else Tier.FULL

    async def reserve(
        self, payer: Payer | None, provider: str, model: str, worst: Usage
    ) -> Hold | None:
        """Sets the price of `worst` aside on the payer's accounts; None where it is nothing. Raises
        BudgetExceeded where it does not fit, and wherever nobody can tell."""
        try:
            return await in_database(self._reserve)(payer, provider, model, worst)
        except DatabaseProblem as error:
            logger.warning("nothing is spent while budgets cannot be kept: %s", error)
            raise BudgetExceeded("the budgets cannot be kept", provider) from error

    async def settle(self, hold: Hold, usage: Usage | None) -> None:
        """Replaces a reservation by what the request took; None: the vendor processed nothing.
        Where the database fails, the reservation stands, and counts as spent in time."""
        cost = Decimal(0) if usage is None else _cost(hold, usage)
        settle = in_database(spending.settle)
        try:
            await settle(self._limits, hold.id, hold.accounts, hold.amount, cost)
        except DatabaseProblem as error:
            logger.warning("a reservation of $%s cannot be settled: %s", hold.amount, error)

    def _reserve(self, payer: Payer | None, provider: str, model: str, worst: Usage) -> Hold | None:
        amount = pricing.worst_case(provider, model, worst)
        if amount is None:
            _tell_unpriced(provider, model)
            raise BudgetExceeded(f"nobody knows the price of {model}", provider)
        if not amount:
            return None
        if self._stopped():
            raise BudgetExceeded("the counters of all processes cannot be read", provider)
        self._sweep_sometimes()
        amount = amount.quantize(SMALLEST, ROUND_UP)
        charged = accounts.charged(self._limits, payer, self._clock())
        reservation = spending.reserve(self._limits, charged, amount, self._lifetime)
        if reservation is None:
            raise BudgetExceeded("no room in the budget", provider)
        return Hold(reservation, provider, model, amount, charged)

    def _sweep_sometimes(self) -> None:
        now = time.monotonic()
        if now >= self._swept_at + SWEEP_INTERVAL:
            self._swept_at = now
            spending.sweep()


def purse(stopped: Callable[[], bool] = lambda: False) -> DatabasePurse | None:
    """The purse of this deployment; None where no budget is set, and nobody has to be asked."""
    limits = accounts.limits()
    if not limits:
        return None
    lifetime = timedelta(seconds=settings.TURN_TIMEOUT) + SETTLING
    return DatabasePurse(limits, lifetime=lifetime, stopped=stopped)


def _cost(hold: Hold, usage: Usage) -> Decimal:
    cost = pricing.price(hold.provider, hold.model, usage).cost
    if cost is None:  # counts that contradict each other: it may have cost all that was reserved
        return hold.amount
    return cost.quantize(SMALLEST, ROUND_UP)


def _tell_unpriced(provider: str, model: str) -> None:
    alerts.tell(
        f"price:{provider}:{model}",
        f"{provider} is not asked: budgets are set, and nobody knows the price of {model}. "
        "Put it into SUPPORTBOT_PRICES.",
    )
