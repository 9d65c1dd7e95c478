"""Recovery: whoever finds a turn whose runner died, or that nobody started, runs it.

Each server process looks every other second. Celery workers look as well, for turns that have been
lying about for longer: they are the last resort of a shop whose servers are all gone.
"""

import asyncio
import logging
import random
from datetime import timedelta

from django.db import Error

from chat import leases, turns
from chat.database import in_database

logger = logging.getLogger(__name__)

INTERVAL = 2.0
"""Seconds between two looks of a process: with the lease of ten seconds a turn runs again twelve
seconds after its runner was killed, and sooner where several processes look."""

LAST_RESORT = timedelta(seconds=20)
"""How long a turn has been lying about when a worker takes it. Servers, which have the customers'
sockets, come first."""


async def sweep(overdue: timedelta = timedelta(0)) -> int:
    """Starts, in this process, the turns that lie about, and returns how many were found. Others may
    find the same: the claim lets one runner in. Raises DatabaseError."""
    found = await in_database(leases.unattended)(overdue)
    random.shuffle(found)  # two processes that look at once begin with different ones
    for turn in found:
        turns.start(turn)
    if found:
        logger.info("%s turns lie about, and run again", len(found))
    return len(found)


async def succeed(runner: str) -> None:
    """For a server that has the address of one that may have died there: runs its turns at once, though
    their leases last. A database that is away leaves them to the sweeps."""
    try:
        left = await in_database(leases.succeed)(runner)
        if left:
            logger.info("%s turns were left here by the last server", left)
            await sweep()
    except Error as error:
        logger.warning("the last server's turns wait for their leases: %s", type(error).__name__)


async def sweep_to_the_end() -> int:
    """For a process that serves nobody, such as a worker: runs what lies about to its end. Returns how
    many turns were found. Raises DatabaseError."""
    found = await sweep(LAST_RESORT)
    await turns.idle()
    return found


async def forever() -> None:
    """Sweeps until it is cancelled, at once for the first time: a process often starts because another
    died. A database that is away is told of once."""
    away = False
    while True:
        try:
            await sweep()
            away = False
        except Error as error:
            if not away:
                logger.warning("no turns can be looked for: %s", type(error).__name__)
            away = True
        # Not all processes at the same moment, after a restart that they had in common.
        await asyncio.sleep(INTERVAL * random.uniform(0.75, 1.25))  # noqa: S311  # no secret
