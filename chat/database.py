"""The one way from async code to the database."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async

P = ParamSpec("P")
R = TypeVar("R")


def in_database(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Runs synchronous database work in a thread, with its connection checked before and after."""
    wrapped: Callable[P, Awaitable[R]] = database_sync_to_async(function)
    return wrapped
