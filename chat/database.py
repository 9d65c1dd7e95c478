"""The ways from async code to the database, and to a tool's backend."""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.db import Error, OperationalError, connection

P = ParamSpec("P")
R = TypeVar("R")

IDLE = 10.0
"""Seconds after which a connection is looked at before it is used: its server may have restarted."""

AWAY = 1.0
"""Seconds for which everybody is told at once that the database is away, after somebody has waited for
it in vain: all would wait one after the other."""

_conversations = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
"""Where the conversation's own database work is done, on one connection that is kept. Getting one
from the pool for each piece of work and giving it back costs more than the work."""

_backends = ThreadPoolExecutor(max_workers=8, thread_name_prefix="tool")
"""Where tools wait for their back offices, so that nobody else waits for them: five of one turn and
some of another."""

_used_at = 0.0
_missed_at = float("-inf")


def in_database(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Runs the conversation's own database work, which is short, in the thread for it.

    Work that has begun comes to its end even when whoever waits for it is cancelled.
    """

    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        context = contextvars.copy_context()
        call = partial(context.run, _connected, partial(function, *args, **kwargs))
        work = asyncio.get_running_loop().run_in_executor(_conversations, call)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait({work})
            work.exception()  # nobody is left to be told
            raise

    return run


def _connected(work: Callable[[], R]) -> R:
    """Does `work` on the thread's connection, and lets go of one that turns out to be broken."""
    global _used_at, _missed_at
    if time.monotonic() - _used_at > IDLE:
        _drop_broken()
    unconnected = connection.connection is None
    if unconnected and time.monotonic() - _missed_at < AWAY:
        raise OperationalError("The database was away a moment ago.")
    try:
        return work()
    except Error:
        _drop_broken()
        if unconnected and connection.connection is None:
            _missed_at = time.monotonic()
        raise
    finally:
        _used_at = time.monotonic()


def _drop_broken() -> None:
    if connection.connection is not None and not connection.is_usable():
        connection.close()


def disconnect() -> None:
    """Closes the connection that `in_database` keeps. The next piece of work opens another."""
    _conversations.submit(lambda: connection.close()).result()


def in_backend(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Runs a tool's work, which may block for as long as the tool's time limit."""
    wrapped: Callable[P, Awaitable[R]] = database_sync_to_async(
        function, thread_sensitive=False, executor=_backends
    )
    return wrapped
