"""Frames on their way to whoever watches a conversation.

Sockets of this process get a frame directly: the one that asked, its other tabs, staff. Sockets of
other processes get it through the channel layer, which may lose it; text carries offsets and a
snapshot of it is kept, so a client that sees a gap asks again and ends up exact.

Most answers are watched by one socket, in the process that writes them, and a trip of every piece of
text through Redis would cost more than all else. So pieces leave the process only where somebody
elsewhere announced to watch, or where nobody watches here. What is rare always leaves it.
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.core.cache import cache
from redis.exceptions import RedisError

from chat.protocol import (
    AnswerDelta,
    AnswerReset,
    AnswerStarted,
    Receipt,
    ServerFrame,
    ToolFinished,
    ToolStarted,
    ToolView,
    TurnView,
    encode,
)

logger = logging.getLogger(__name__)

UNAVAILABLE = (OSError, RedisError)
"""What a Redis that is away raises. An answer goes on without it."""

Sink = Callable[[str], Awaitable[None]]

PROCESS = secrets.token_hex(8)
"""Marks what this process sent through the channel layer: its own sockets have it already."""

FLUSH_INTERVAL = 0.03
"""Seconds that deltas are gathered. Half the frames of a fast model, too short to be seen."""

SNAPSHOT_INTERVAL = 0.15
"""Seconds between snapshots for other processes: the oldest a resumed text can be."""

SNAPSHOT_TTL = 600
"""Seconds a snapshot is kept: longer than any turn may take."""


_sinks: dict[UUID, set[Sink]] = defaultdict(set)
_live: dict[UUID, "LiveAnswer"] = {}


def subscribe(conversation: UUID, sink: Sink) -> Callable[[], None]:
    """Sends every frame of the conversation to `sink` from now on; returns how to stop that."""
    _sinks[conversation].add(sink)

    def unsubscribe() -> None:
        _sinks[conversation].discard(sink)
        if not _sinks[conversation]:
            del _sinks[conversation]

    return unsubscribe


def group(conversation: UUID) -> str:
    """The channel layer's group of a conversation."""
    return f"conversation.{conversation.hex}"


def crosses_processes() -> bool:
    """Whether sockets in other processes may watch. An in-memory layer has none."""
    return not isinstance(get_channel_layer(), InMemoryChannelLayer)


async def publish(conversation: UUID, frame: ServerFrame, *, skip: Sink | None = None) -> None:
    """Sends a frame to everybody who watches the conversation but `skip`."""
    text = encode(frame)
    await _here(conversation, text, skip)
    if crosses_processes():
        begins = isinstance(frame, AnswerStarted)
        await _elsewhere(conversation, type="relay.frame", text=text, begins=begins)


async def announce(conversation: UUID) -> None:
    """Tells the process that writes an answer of this conversation, if another one does, that
    somebody here watches it."""
    if crosses_processes():
        await _elsewhere(conversation, type="relay.watch")


async def watched_elsewhere(conversation: UUID) -> None:
    """Somebody in another process announced to watch: what is written here goes there from now on."""
    for live in tuple(_live.values()):
        if live.conversation == conversation:
            await live.cross_over()


async def _here(conversation: UUID, text: str, skip: Sink | None = None) -> None:
    for sink in tuple(_sinks.get(conversation, ())):
        if sink != skip:
            await sink(text)


async def _elsewhere(conversation: UUID, **event: object) -> None:
    try:
        await get_channel_layer().group_send(group(conversation), {**event, "origin": PROCESS})
    except UNAVAILABLE as error:  # the layer is a doorbell: others catch up through `sync`
        logger.warning("channel layer unavailable: %s", error)


@dataclass
class LiveAnswer:
    """The answer of a running turn, as far as it has come.

    The first piece of text goes out at once; what follows is gathered for FLUSH_INTERVAL.
    """

    conversation: UUID
    turn: UUID
    text: str = ""
    tools: dict[int, ToolView] = field(default_factory=dict)
    _receipts: dict[int, Receipt] = field(default_factory=dict)
    _sent: int = 0
    _flusher: asyncio.Task[None] | None = None
    _snapshot_at: float = 0.0
    _crosses: bool = False

    def __enter__(self) -> "LiveAnswer":
        _live[self.turn] = self
        return self

    def __exit__(self, *_: object) -> None:
        if self._flusher:
            self._flusher.cancel()
        _live.pop(self.turn, None)

    async def write(self, text: str) -> None:
        """Adds text to the answer."""
        first = not self.text
        self.text += text
        if first:
            await self.flush()
        elif self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush_soon())

    async def _flush_soon(self) -> None:
        await asyncio.sleep(FLUSH_INTERVAL)
        await self.flush()

    async def flush(self) -> None:
        """Sends what was written since the last delta."""
        offset, self._sent = self._sent, len(self.text)
        if offset == self._sent:
            return
        text = encode(AnswerDelta(turn=str(self.turn), offset=offset, text=self.text[offset:]))
        await _here(self.conversation, text)
        if self._crosses or self.conversation not in _sinks:
            await self._cross(text)

    async def cross_over(self) -> None:
        """From now on the text goes to other processes too; they get what there is at once."""
        self._crosses = True
        if self._sent:
            text = self.text[: self._sent]
            await self._cross(encode(AnswerDelta(turn=str(self.turn), offset=0, text=text)))

    async def _cross(self, text: str) -> None:
        if crosses_processes():
            await _elsewhere(self.conversation, type="relay.frame", text=text, begins=False)
            await self._snapshot()

    async def close(self) -> None:
        """Sends what is left. Nothing of the answer goes out after this: its end comes next."""
        if self._flusher:
            self._flusher.cancel()
            await asyncio.wait({self._flusher})
        await self.flush()

    async def reset(self, reason: str) -> None:
        """Throws the text away: the next attempt starts clean."""
        self.text, self._sent = "", 0
        await publish(self.conversation, AnswerReset(turn=str(self.turn), reason=reason))

    async def tool_started(self, ordinal: int, name: str, label: str) -> None:
        """Shows that a tool is at work."""
        await self.flush()
        self.tools[ordinal] = ToolView(ordinal=ordinal, name=name, label=label, finished=False)
        started = ToolStarted(turn=str(self.turn), ordinal=ordinal, name=name, label=label)
        await publish(self.conversation, started)

    async def tool_finished(
        self, ordinal: int, name: str, label: str, receipt: Receipt | None
    ) -> None:
        """Shows that a tool is done, with what it did."""
        self.tools[ordinal] = ToolView(ordinal=ordinal, name=name, label=label, finished=True)
        if receipt:
            self._receipts[ordinal] = receipt
        finished = ToolFinished(
            turn=str(self.turn), ordinal=ordinal, name=name, label=label, receipt=receipt
        )
        await publish(self.conversation, finished)

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """The cards of the tools, in the order of their calls."""
        return tuple(self._receipts[ordinal] for ordinal in sorted(self._receipts))

    def view(self) -> TurnView:
        """The answer so far."""
        return TurnView(turn=str(self.turn), text=self.text, tools=tuple(self.tools.values()))

    async def _snapshot(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._snapshot_at >= SNAPSHOT_INTERVAL:
            self._snapshot_at = now
            snapshot: dict[str, Any] = self.view().model_dump()
            try:
                await cache.aset(_snapshot_key(self.turn), snapshot, SNAPSHOT_TTL)
            except UNAVAILABLE as error:
                logger.warning("no snapshot for other processes: %s", error)


async def snapshot(turn: UUID) -> TurnView | None:
    """The text of a running turn so far, from this process or from the one that runs it."""
    live = _live.get(turn)
    if live:
        return live.view()
    try:
        kept = await cache.aget(_snapshot_key(turn)) if crosses_processes() else None
    except UNAVAILABLE as error:
        logger.warning("no snapshot of another process: %s", error)
        return None
    return TurnView.model_validate(kept) if kept else None


def _snapshot_key(turn: UUID) -> str:
    return f"snapshot:{turn.hex}"
