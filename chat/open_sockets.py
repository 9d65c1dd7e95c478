"""How many sockets are open, by client, in all processes together.

Each process knows its own and tells Redis; what it told counts for as long as it gives a sign of
life, so that a killed process takes its sockets with it. The signs, and the sockets that closed, are
told by one task of the process, whatever the number of sockets.
"""

import asyncio
from collections import Counter

from chat.shared_state import PROCESS, Script, SharedState, Unavailable
from chat.windows import allowance

BEAT = 5.0
"""Seconds between two signs of life: as long a closed socket may count in other processes."""

LIFE = 20
"""Seconds a sign of life holds. A process that was busy for three beats is not dead."""

KEPT = 24 * 3600
"""Seconds the counts of a client are kept after the last change, for those of processes that died
while nobody came from there."""

ALIVE = "limits:process:"

_OPEN = Script("""
local alive, process, limit, closed = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local known = redis.call('EXISTS', alive .. process)
redis.call('SET', alive .. process, 1, 'EX', ARGV[5])
if closed > 0 and redis.call('HINCRBY', KEYS[1], process, -closed) <= 0 then
  redis.call('HDEL', KEYS[1], process)
end
local total = 0
local counts = redis.call('HGETALL', KEYS[1])
for i = 1, #counts, 2 do
  if redis.call('EXISTS', alive .. counts[i]) == 1 then
    total = total + tonumber(counts[i + 1])
  else
    redis.call('HDEL', KEYS[1], counts[i])
  end
end
if total >= limit then return {0, known} end
redis.call('HINCRBY', KEYS[1], process, 1)
redis.call('EXPIRE', KEYS[1], ARGV[6])
return {1, known}
""")

_TELL = Script("""
local alive, process = ARGV[1], ARGV[2]
local known = redis.call('EXISTS', alive .. process)
redis.call('SET', alive .. process, 1, 'EX', ARGV[3])
for i, key in ipairs(KEYS) do
  local count = tonumber(ARGV[4 + 2 * i])
  if ARGV[3 + 2 * i] == 'closed' then
    count = tonumber(redis.call('HGET', key, process) or 0) - count
  end
  if count > 0 then
    redis.call('HSET', key, process, count)
    redis.call('EXPIRE', key, ARGV[4])
  else
    redis.call('HDEL', key, process)
  end
end
return known
""")


class OpenSockets:
    """The open sockets of this process, and through `shared` those of the others."""

    def __init__(
        self, shared: SharedState | None, *, process: str = PROCESS, beat: float = BEAT
    ) -> None:
        self._shared = shared
        self._process = process
        self._beat = beat
        self._counts: Counter[str] = Counter()
        self._closed: Counter[str] = Counter()
        """Sockets that closed since they were last told of: differences do not cross with others."""
        self._unsure: set[str] = set()
        """Keys of which Redis may have missed something: it is told their number anew."""
        self._beating: asyncio.Task[None] | None = None

    async def open(self, key: str, limit: int) -> bool:
        """Counts one more socket under `key`, unless there are `limit` already."""
        if self._shared is None:
            admitted = self._counts[key] < limit
        else:
            self._keep_beating()
            admitted = await self._open_shared(self._shared, key, limit)
        if admitted:
            self._counts[key] += 1
        return admitted

    def close(self, key: str) -> None:
        """One that was admitted is closed. The others learn of it at the next beat."""
        self._counts[key] -= 1
        if self._counts[key] <= 0:
            del self._counts[key]
        if self._shared:
            self._closed[key] += 1

    def __len__(self) -> int:
        """How many of this process are open."""
        return self._counts.total()

    async def _open_shared(self, shared: SharedState, key: str, limit: int) -> bool:
        closed = self._closed.pop(key, 0)
        try:
            admitted, known = await shared.run(
                _OPEN, [key], [ALIVE, self._process, limit, closed, LIFE, KEPT]
            )
        except Unavailable:
            self._unsure.add(key)
            return self._counts[key] < allowance(limit)
        except asyncio.CancelledError:  # it may have been counted all the same
            self._unsure.add(key)
            raise
        self._after(known)
        return bool(admitted)

    def _keep_beating(self) -> None:
        beating = self._beating
        loop = asyncio.get_running_loop()
        if beating is None or beating.done() or beating.get_loop() is not loop:
            self._beating = loop.create_task(self._keep_telling())

    async def _keep_telling(self) -> None:
        """The task of the process: while a socket is open, and until all is told."""
        while self._shared and (self._counts or self._closed or self._unsure):
            await asyncio.sleep(self._beat)
            await self._tell(self._shared)

    async def _tell(self, shared: SharedState) -> None:
        changes = {key: ("closed", number) for key, number in self._closed.items()}
        changes |= {key: ("open", self._counts[key]) for key in self._unsure}
        self._closed, self._unsure = Counter(), set()
        arguments: list[str | int] = [ALIVE, self._process, LIFE, KEPT]
        for change in changes.values():
            arguments += change
        try:
            self._after(await shared.run(_TELL, list(changes), arguments))
        except Unavailable:
            self._unsure.update(changes)

    def _after(self, known: int) -> None:
        """Where Redis did not know that this process lives, it knows none of its sockets either."""
        if not known:
            self._unsure.update(self._counts)
