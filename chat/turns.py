"""One turn: claim it, run it to its end, go on with what was asked meanwhile.

A turn runs as a task of the server process that took the message, not of the socket: closing the
tab does not stop it. `run` is safe to call twice, or from anywhere: the claim lets one runner in.
"""

import asyncio
import logging
from contextlib import suppress
from uuid import UUID
from weakref import WeakSet

from django.db import Error

from chat import leases, relay, telemetry
from chat.database import in_database
from chat.leases import Claim, LeaseLost
from chat.relay import LiveAnswer
from chat.runs import Run

logger = logging.getLogger(__name__)

RERUN_DELAY = 1.0
"""Seconds before a turn that lost its database runs again: a restart of it takes about as long."""

_tasks: dict[UUID, asyncio.Task[None]] = {}

_draining: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
"""Event loops that take on no more turns: their process stops."""


def start(turn_id: UUID) -> None:
    """Runs a turn in the background of this process. One that drains leaves it to the others, which
    find it queued."""
    if turn_id not in _tasks and asyncio.get_running_loop() not in _draining:
        task = asyncio.create_task(run(turn_id), name=f"turn {turn_id}")
        _tasks[turn_id] = task
        task.add_done_callback(lambda _: _tasks.pop(turn_id, None))


async def resume(conversation: UUID) -> None:
    """Starts what waits in a conversation: a queued turn, or one whose runner is gone."""
    turn = await in_database(leases.waiting)(conversation)
    if turn:
        start(turn)


async def drain(limit: float) -> None:
    """Takes on no more turns, gives the running ones `limit` seconds to end, and gives back those that
    did not: another process runs them again within two seconds, and no attempt is counted."""
    _draining.add(asyncio.get_running_loop())
    with suppress(Error):  # then a successor that comes early runs some of them again
        await in_database(leases.disown)()
    tasks = _of_this_loop()
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=limit)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def idle() -> None:
    """Waits until nothing runs that was started here, what follows a turn included."""
    while tasks := _of_this_loop():
        await asyncio.wait(tasks)


def _of_this_loop() -> list[asyncio.Task[None]]:
    loop = asyncio.get_running_loop()
    return [task for task in _tasks.values() if task.get_loop() is loop]


async def run(turn_id: UUID) -> None:
    """Runs a turn to its end, then whatever was asked meanwhile. Does nothing if it is taken."""
    try:
        claim = await _claim(turn_id)
        abandoned = None if claim else await in_database(leases.abandoned)(turn_id)
    except Error as error:
        logger.warning("turn %s waits for the database, and for a sweep: %s", turn_id, error)
        return
    if abandoned:
        start(abandoned)
    if claim is None:
        return
    try:
        with (
            telemetry.turn_span(claim.turn, claim.conversation, claim.attempt),
            LiveAnswer(claim.conversation, claim.turn) as live,
        ):
            following = await Run(claim, live).to_its_end()
    except LeaseLost as lost:
        logger.warning("%s", lost)
        await relay.take_back(claim.conversation, claim.turn)
        return
    except asyncio.CancelledError:
        await in_database(leases.release)(claim, counts=False)
        raise
    except Error:
        logger.exception("turn %s lost its database; it runs again", turn_id)
        try:
            await asyncio.sleep(RERUN_DELAY)
        finally:  # a server that stops meanwhile leaves no lease behind either
            await in_database(leases.release)(claim)
        await run(turn_id)  # as often as its attempts allow; the last ones only fail it
        return
    if following:
        start(following)


async def _claim(turn_id: UUID) -> Claim | None:
    """Claims a turn. A claim that is cancelled half-way is given back when it is there."""
    claiming = asyncio.ensure_future(in_database(leases.claim)(turn_id))
    try:
        return await asyncio.shield(claiming)
    except asyncio.CancelledError:
        claim = await claiming
        if claim:
            await in_database(leases.release)(claim, counts=False)
        raise
