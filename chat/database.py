"""The ways from async code to the database, and to a tool's backend."""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.db import connection

P = ParamSpec("P")
R = TypeVar("R")

_backends = ThreadPoolExecutor(max_workers=8, thread_name_prefix="tool")
"""Where tools wait for their back offices, so that nobody else waits for them: five of one turn and
some of another."""


def in_database(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Runs the conversation's own database work, which is short, in the thread for it.

    The embedded database does not go away: its connection is kept. One to a server is checked, and
    goes back to the pool after each use.
    """
    runs = sync_to_async if connection.vendor == "sqlite" else database_sync_to_async
    wrapped: Callable[P, Awaitable[R]] = runs(function)
    return wrapped


def in_backend(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Runs a tool's work, which may block for as long as the tool's time limit."""
    wrapped: Callable[P, Awaitable[R]] = database_sync_to_async(
        function, thread_sensitive=False, executor=_backends
    )
    return wrapped
