"""The Redis in which all processes count together, and what is known of its being there.

A Redis that is away must cost nobody the time-out for each message: after a failure one caller a
second tries again, and everybody else goes on without it.
"""

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError

from chat.llm.transport import PerLoop

logger = logging.getLogger(__name__)

UNAVAILABLE = (OSError, RedisError)
"""What a Redis that is away raises. Chats go on without it."""

PROCESS = secrets.token_hex(8)
"""The name of this process among those that share a Redis."""

TIMEOUT = 1.0
"""Seconds for a command. A Redis next door answers in less than a millisecond, but a busy event loop
may be tenths of a second late to notice. So long the first waits when it hangs."""

PAUSE = 1.0
"""Seconds after a failure until somebody tries again."""

DOUBT = 5.0
"""Seconds a failure is believed where nobody tries again: each message does, and each turn follows
one, so that a process to which nobody writes does not stay closed for ever."""

CONNECTIONS = 8
"""Connections of one event loop. A command takes a fraction of a millisecond: more of them would
only queue in Redis instead."""

Clock = Callable[[], float]


class Unavailable(Exception):
    """The shared state cannot be had now."""


class Circuit:
    """Whether to try Redis: after a failure one caller each PAUSE seconds may."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._failed_at: float | None = None
        self._retry_at = 0.0

    def may_try(self) -> bool:
        """Whether the caller is to try. Who is told so must say how it went."""
        if self._failed_at is None:
            return True
        now = self._clock()
        if now < self._retry_at:
            return False
        self._retry_at = now + PAUSE
        return True

    def failed(self, error: BaseException) -> None:
        """Redis did not answer."""
        if self._failed_at is None:
            logger.warning("Redis is away, each process goes on by itself: %s", error)
        self._failed_at = self._clock()
        self._retry_at = self._failed_at + PAUSE

    def worked(self) -> None:
        """Redis answered."""
        if self._failed_at is not None:
            logger.info("Redis is back, the processes work together again")
        self._failed_at = None

    def is_down(self) -> bool:
        """Whether Redis failed at the last try, and that not long ago."""
        return self._failed_at is not None and self._clock() - self._failed_at < DOUBT


@dataclass(frozen=True)
class Script:
    """A Lua script, which Redis runs as one step."""

    text: str

    @cached_property
    def sha(self) -> str:
        """The name that Redis knows it by."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class _Client:
    def __init__(self, url: str) -> None:
        self.free = asyncio.Semaphore(CONNECTIONS)
        self.redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            # A connection that idled may be closed: a second one is tried. A time-out is one.
            retry=Retry(NoBackoff(), 1, (RedisConnectionError,)),
        )

    async def close(self) -> None:
        await self.redis.aclose()


class SharedState:
    """Scripts run on the Redis at `url`, from any event loop."""

    def __init__(self, url: str, clock: Clock = time.monotonic) -> None:
        self.circuit = Circuit(clock)
        self._clients = PerLoop(lambda: _Client(url))

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """The script's answer. Raises Unavailable, at once where Redis is known to be away."""
        client = self._clients.get()
        async with client.free:
            if not self.circuit.may_try():
                raise Unavailable
            try:
                answer = await _run(client.redis, script, keys, arguments)
            except UNAVAILABLE as error:
                self.circuit.failed(error)
                raise Unavailable from error
        self.circuit.worked()
        return answer

    async def close(self) -> None:
        """Closes the running loop's connections; the next script opens new ones."""
        await self._clients.close()


async def _run(
    client: redis.Redis, script: Script, keys: Sequence[str], arguments: Sequence[str | int]
) -> Any:
    operands = [*keys, *arguments]
    try:
        return await cast(Any, client.evalsha(script.sha, len(keys), *operands))
    except NoScriptError:
        return await cast(Any, client.eval(script.text, len(keys), *operands))
