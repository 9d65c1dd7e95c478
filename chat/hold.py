"""A runner's hold on its turn: the heartbeats that keep it, the wish to stop it, and its loss."""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import Error

from chat import leases, relay
from chat.database import in_database
from chat.leases import Claim, LeaseLost

logger = logging.getLogger(__name__)

_stops: dict[UUID, asyncio.Event] = {}


def stop_soon(turn_id: UUID) -> None:
    """Wakes the runner, if it is in this process, to see that its turn was asked to stop.

    A runner elsewhere sees it with its next heartbeat.
    """
    if turn_id in _stops:
        _stops[turn_id].set()


relay.when_asked_to_stop(stop_soon)


class Hold:
    """The lease of one claimed turn, as long as somebody sees to it."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._kept_at = claim.asked_at

    async def until_stopped(self) -> None:
        """Keeps the turn; returns when the customer wants the answer stopped. Raises LeaseLost."""
        wake = _stops[self._claim.turn] = asyncio.Event()
        try:
            stopped = False
            while not stopped:
                with suppress(TimeoutError):
                    abroad = relay.leaves_process(self._claim.conversation)
                    beat = leases.STOP_DELAY if abroad else leases.HEARTBEAT
                    await asyncio.wait_for(wake.wait(), beat)
                wake.clear()
                stopped = await self._renew()
        finally:
            _stops.pop(self._claim.turn, None)

    async def while_it_ends(self, work: "asyncio.Task[Any]") -> None:
        """Keeps the turn until `work` has ended, whoever wants it stopped: tools come to their ends, and
        may take as long as a lease. Raises LeaseLost."""
        while not work.done():
            await asyncio.wait({work}, timeout=leases.HEARTBEAT)
            if not work.done():
                await self._renew()

    def must_be_kept(self) -> None:
        """Raises LeaseLost where the turn is not this runner's by its own clock: its process was frozen,
        or without its database for long, and somebody else may answer by now."""
        if time.monotonic() - self._kept_at > leases.LEASE.total_seconds():
            raise LeaseLost(f"Turn {self._claim.turn} was not kept for {leases.LEASE}.")

    async def _renew(self) -> bool:
        """Renews the lease; tells whether to stop. A beat that fails is made up by the next: the
        lease lasts for several."""
        asked_at = time.monotonic()
        try:
            stopped = await in_database(leases.renew)(self._claim)
            self._kept_at = asked_at
            return stopped
        except Error as error:
            logger.warning("turn %s missed a heartbeat: %s", self._claim.turn, error)
            return False
