"""Messages between the processes, through Redis. They ring: whoever is away then has missed it.

One subscription a process, however many sockets it has: to what is said to all, and to what is said to
this process alone. A connection that is lost, or says nothing any more, is opened anew, and whoever
listens is told, because it may have missed something.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import orjson
from redis import asyncio as redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from chat.shared_state import PROCESS, TIMEOUT, UNAVAILABLE, Script, SharedState, Unavailable

logger = logging.getLogger(__name__)

SILENCE = 5.0
"""Seconds without a message until Redis is asked for a sign of life, and then for it: a Redis that
hangs, or a line that is cut without a word, is noticed in ten."""

RETRY = 1.0
"""Seconds between two attempts to listen again, give or take a half: all processes lose it at once."""

_RING = Script("""
local heard = {}
for i, channel in ipairs(KEYS) do
  heard[i] = redis.call('PUBLISH', channel, ARGV[1])
end
return heard
""")

Message = dict[str, Any]
Hear = Callable[[Message], Awaitable[None]]
Joined = Callable[[], Awaitable[None]]


class Doorbell:
    """This process's: what it says to others and hears from them. `joined` is called each time that
    it begins to hear."""

    def __init__(self, url: str, hear: Hear, joined: Joined, *, process: str = PROCESS) -> None:
        self._url = url
        self._hear = hear
        self._joined = joined
        self._shared = SharedState(url)
        self._all = f"{_prefix(url)}:all"
        self._own = self._channel(process)
        self._listening: asyncio.Task[None] | None = None

    @property
    def shared(self) -> SharedState:
        """The Redis that it rings through."""
        return self._shared

    def listen(self) -> None:
        """Listens from now on, in the running event loop, unless it does already."""
        task = self._listening
        if task is None or task.done() or not task.get_loop().is_running():
            self._listening = asyncio.create_task(self._keep_listening(), name="doorbell")

    async def ring(self, message: Message, to: Collection[str] | None = None) -> set[str]:
        """Says something to all processes, or to some; returns those of them that are gone. What is
        said while Redis is away is lost, without a wait."""
        processes = list(to) if to is not None else []
        channels = [self._channel(one) for one in processes] if to is not None else [self._all]
        if not channels:
            return set()
        try:
            heard = await self._shared.run(_RING, channels, [orjson.dumps(message).decode()])
        except Unavailable:
            return set()
        return {one for one, count in zip(processes, heard, strict=False) if not count}

    async def close(self) -> None:
        """Listens no more, and closes the running loop's connections."""
        task, self._listening = self._listening, None
        if task and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait({task})
        await self._shared.close()

    def _channel(self, process: str) -> str:
        return f"{_prefix(self._url)}:process:{process}"

    async def _keep_listening(self) -> None:
        while not _is_cancelled():
            try:
                await self._listen()
            except UNAVAILABLE as error:
                logger.warning("other processes cannot be heard: %s", error)
                await asyncio.sleep(RETRY * random.uniform(0.5, 1.5))  # noqa: S311  # spreads a load

    async def _listen(self) -> None:
        # No retries of the client's own: they would hide that something may have been missed.
        patience: dict[str, Any] = {
            "socket_connect_timeout": TIMEOUT,
            "retry": Retry(NoBackoff(), 0),
        }
        async with redis.Redis.from_url(self._url, **patience) as client, client.pubsub() as bell:
            await bell.subscribe(self._all, self._own)
            await self._follow(bell)

    async def _follow(self, bell: PubSub) -> None:
        awaited = 2
        asked = False
        while not _is_cancelled():
            event = await bell.get_message(timeout=SILENCE)
            if event is None:
                if asked:
                    raise RedisConnectionError("Redis says nothing any more")
                await bell.ping()
            asked = event is None
            match event:
                case {"type": "subscribe"}:
                    awaited -= 1
                    if not awaited:
                        # Redis answers: what is said now must not be taken for another vain attempt.
                        self._shared.circuit.worked()
                        await self._joined()
                case {"type": "message", "data": data}:
                    await self._tell(data)

    async def _tell(self, data: bytes) -> None:
        try:
            await self._hear(orjson.loads(data))
        except (KeyError, TypeError, ValueError) as error:
            # A process of another version speaks another way; this one must go on listening.
            logger.warning("a message of another process was not understood: %r", error)


def _is_cancelled() -> bool:
    """Whether somebody wants this task to end. redis-py swallows that where it comes while it connects,
    and who waits for the end of the task would wait for ever."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _prefix(url: str) -> str:
    """Of the names of channels. All databases of a Redis share them; ours keep to their own."""
    pool = redis.ConnectionPool.from_url(url)
    return f"supportbot:{pool.connection_kwargs.get('db') or 0}"
