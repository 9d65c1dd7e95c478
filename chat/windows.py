"""Sliding windows: so many events in any stretch of so many seconds, exactly.

A window remembers when each of its events was. An event that would be one too many is refused and
not remembered; the answer tells when the next one fits. Several windows are taken together: an
event counts in all of them or in none.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chat.shared_state import Clock, Script, SharedState, Unavailable

ALLOWANCE = 3
"""Without Redis a process knows a part of the events only, and allows a third of each limit: people
get through, and a few processes together stay near what is allowed."""

SWEEP_INTERVAL = 60.0
"""Seconds between two sweeps of this process's windows: what nobody uses any more is forgotten."""


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` events, 1 at least, in any `period` seconds."""

    key: str
    limit: int
    period: float


@dataclass(frozen=True, slots=True)
class Note:
    """Something to remember along with an event, for `ttl` seconds."""

    key: str
    value: str
    ttl: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an event fits. `wait` is 0 where it does, else the seconds until it would.

    `counted` is False for one that was refused, and for one that the windows knew already.
    """

    counted: bool
    wait: float = 0.0


def allowance(limit: int) -> int:
    """What one process allows of a limit while the others cannot be asked."""
    return max(1, limit // ALLOWANCE)


class MemoryWindows:
    """The windows of one process. Threads may share it."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._events: dict[str, dict[str, float]] = {}
        self._periods: dict[str, float] = {}
        self._notes: dict[str, tuple[str, float]] = {}
        self._swept_at = clock()

    def take(self, windows: Sequence[Window], member: str, note: Note | None = None) -> Verdict:
        """Counts an event, once however often it comes with the same `member`."""
        with self._lock:
            now = self._clock()
            self._sweep(now)
            if note:
                self._notes[note.key] = (note.value, now + note.ttl)
            events = [self._current(window, now) for window in windows]
            if any(member in times for times in events):
                return Verdict(counted=False)
            wait = max(map(_wait, windows, events, [now] * len(events)), default=0.0)
            if wait > 0:
                return Verdict(counted=False, wait=wait)
            for times in events:
                times[member] = now
        return Verdict(counted=True)

    def give_back(self, windows: Sequence[Window], member: str) -> None:
        """Forgets an event."""
        with self._lock:
            for window in windows:
                self._events.get(window.key, {}).pop(member, None)

    def recall(self, key: str) -> str | None:
        """What was noted."""
        value, until = self._notes.get(key, (None, 0.0))
        return value if until > self._clock() else None

    def __len__(self) -> int:
        """How many windows and notes are kept."""
        return len(self._events) + len(self._notes)

    def _current(self, window: Window, now: float) -> dict[str, float]:
        times = self._events.setdefault(window.key, {})
        self._periods[window.key] = window.period
        for member, at in list(times.items()):  # in the order of their times
            if at > now - window.period:
                break
            del times[member]
        return times

    def _sweep(self, now: float) -> None:
        if now - self._swept_at < SWEEP_INTERVAL:
            return
        self._swept_at = now
        for key, times in list(self._events.items()):
            if max(times.values(), default=0.0) <= now - self._periods[key]:
                del self._events[key], self._periods[key]
        self._notes = {k: note for k, note in self._notes.items() if note[1] > now}


def _wait(window: Window, times: dict[str, float], now: float) -> float:
    if len(times) < window.limit:
        return 0.0
    return list(times.values())[-window.limit] + window.period - now


_TAKE = Script("""
local member, note, note_ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local windows = (#ARGV - 3) / 2
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known, wait = false, 0
if note_ttl > 0 then
  redis.call('SET', KEYS[windows + 1], note, 'PX', note_ttl)
end
for i = 1, windows do
  local limit, period = tonumber(ARGV[2 + 2 * i]), tonumber(ARGV[3 + 2 * i])
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - period)
  if redis.call('ZSCORE', KEYS[i], member) then
    known = true
  elseif redis.call('ZCARD', KEYS[i]) >= limit then
    local first = redis.call('ZRANGE', KEYS[i], -limit, -limit, 'WITHSCORES')[2]
    wait = math.max(wait, first + period - now)
  end
end
if known then return {0, 0} end
if wait > 0 then return {0, wait} end
for i = 1, windows do
  redis.call('ZADD', KEYS[i], now, member)
  redis.call('PEXPIRE', KEYS[i], ARGV[3 + 2 * i])
end
return {1, 0}
""")
"""Redis's clock counts: those of the processes may differ. Times are whole milliseconds."""

_GIVE_BACK = Script("for _, key in ipairs(KEYS) do redis.call('ZREM', key, ARGV[1]) end")

_RECALL = Script("return redis.call('GET', KEYS[1])")


class Windows:
    """The windows of all processes where they share a Redis, of this one where they do not.

    One call is one round trip. While Redis is away this process counts for itself, and allows less.
    """

    def __init__(self, memory: MemoryWindows, shared: SharedState | None) -> None:
        self.memory = memory
        self.shared = shared

    async def take(
        self, windows: Sequence[Window], member: str, note: Note | None = None
    ) -> Verdict:
        """See `MemoryWindows.take`."""
        if self.shared is None:
            return self.memory.take(windows, member, note)
        try:
            return await _take(self.shared, windows, member, note)
        except Unavailable:
            return self.take_allowance(windows, member, note)

    def take_allowance(
        self, windows: Sequence[Window], member: str, note: Note | None = None
    ) -> Verdict:
        """Counts an event in this process only, against the smaller limits of one."""
        smaller = [replace(window, limit=allowance(window.limit)) for window in windows]
        return self.memory.take(smaller, member, note)

    async def give_back(self, windows: Sequence[Window], member: str) -> None:
        """See `MemoryWindows.give_back`. What Redis cannot be told stays counted there."""
        self.memory.give_back(windows, member)
        if self.shared:
            try:
                await self.shared.run(_GIVE_BACK, [window.key for window in windows], [member])
            except Unavailable:
                return

    async def recall(self, key: str) -> str | None:
        """See `MemoryWindows.recall`."""
        if self.shared is None:
            return self.memory.recall(key)
        try:
            noted = await self.shared.run(_RECALL, [key], [])
        except Unavailable:
            return self.memory.recall(key)
        return noted.decode() if noted else None


async def _take(
    shared: SharedState, windows: Sequence[Window], member: str, note: Note | None
) -> Verdict:
    keys = [window.key for window in windows]
    arguments: list[str | int] = [member, "", 0]
    if note:
        keys.append(note.key)
        arguments[1:] = [note.value, _ms(note.ttl)]
    for window in windows:
        arguments += [window.limit, _ms(window.period)]
    counted, wait = await shared.run(_TAKE, keys, arguments)
    return Verdict(counted=bool(counted), wait=wait / 1000)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
