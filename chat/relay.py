"""Frames on their way to whoever watches a conversation.

Sockets of this process get a frame directly: the one that asked, its other tabs, staff. Sockets of
other processes get it through the channel layer, which may lose it; text carries offsets and a
snapshot of it is kept, so a client that sees a gap asks again and ends up exact.

Most conversations are watched by one socket, in the process that answers, and a trip of every frame
through Redis would cost more than all else. So frames leave the process only where somebody elsewhere
has announced to watch, or where nobody watches here. Whoever begins to watch announces it, and is
answered by the other processes that do.
"""

import asyncio
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.core.cache import cache
from redis.exceptions import RedisError

from chat.protocol import (
    AnswerReset,
    Receipt,
    ServerFrame,
    ToolFinished,
    ToolStarted,
    ToolView,
    TurnView,
    encode,
    encode_delta,
)

logger = logging.getLogger(__name__)

UNAVAILABLE = (OSError, RedisError)
"""What a Redis that is away raises. An answer goes on without it."""

Sink = Callable[[str], Awaitable[None]]

PROCESS = secrets.token_hex(8)
"""Marks what this process sent through the channel layer: its own sockets have it already."""

FLUSH_INTERVAL = 0.03
"""Seconds that deltas are gathered. Half the frames of a fast model, too short to be seen."""

HARDLY = 0.005
"""Seconds that are not worth a timer: providers read at about the interval's pace as well."""

SNAPSHOT_INTERVAL = 0.15
"""Seconds between snapshots for other processes: the oldest a resumed text can be."""

SNAPSHOT_TTL = 600
"""Seconds a snapshot is kept: longer than any turn may take."""


_sinks: dict[UUID, set[Sink]] = defaultdict(set)
_abroad: set[UUID] = set()
"""Conversations that are watched here, and in another process as well."""

_live: dict[UUID, "LiveAnswer"] = {}


def subscribe(conversation: UUID, sink: Sink) -> Callable[[], None]:
    """Sends every frame of the conversation to `sink` from now on; returns how to stop that."""
    _sinks[conversation].add(sink)

    def unsubscribe() -> None:
        _sinks[conversation].discard(sink)
        if not _sinks[conversation]:
            del _sinks[conversation]
            _abroad.discard(conversation)

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
    if leaves_process(conversation):
        await _elsewhere(conversation, type="relay.frame", text=text)


def leaves_process(conversation: UUID) -> bool:
    """Whether somebody may watch the conversation in another process."""
    # The sets first: they answer for nearly every piece of text, and the layer has to be looked up.
    return (conversation in _abroad or conversation not in _sinks) and crosses_processes()


async def announce(conversation: UUID) -> None:
    """Tells the other processes that somebody here watches the conversation."""
    if crosses_processes():
        await _elsewhere(conversation, type="relay.watch", answer=True)


async def watched_elsewhere(conversation: UUID, *, answer: bool) -> None:
    """Somebody in another process announced to watch: what is written here goes there from now on.
    `answer` asks to be told that somebody watches here as well: a process that is new knows nothing
    of us, however well we knew the one before it."""
    _abroad.add(conversation)
    if answer:
        await _elsewhere(conversation, type="relay.watch", answer=False)
    for live in tuple(_live.values()):
        if live.conversation == conversation:
            await live.tell_all()


async def stop(conversation: UUID, turn: UUID) -> None:
    """Passes the customer's wish to stop on to the process that runs the turn, if it is another.
    One in which nobody watches sees it with its next heartbeat."""
    if leaves_process(conversation):
        await _elsewhere(conversation, type="relay.stop", turn=str(turn))


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

    The first piece of text goes out at once; what follows within FLUSH_INTERVAL is gathered.
    """

    conversation: UUID
    turn: UUID
    text: str = ""
    tools: dict[int, ToolView] = field(default_factory=dict)
    _receipts: dict[int, Receipt] = field(default_factory=dict)
    _sent: int = 0
    _flusher: asyncio.Task[None] | None = None
    _flushed_at: float = float("-inf")
    _snapshot_at: float = 0.0

    def __post_init__(self) -> None:
        self._id = str(self.turn)

    def __enter__(self) -> "LiveAnswer":
        _live[self.turn] = self
        return self

    def __exit__(self, *_: object) -> None:
        if self._flusher:
            self._flusher.cancel()
        _live.pop(self.turn, None)

    async def write(self, text: str) -> None:
        """Adds text to the answer."""
        self.text += text
        if self._flusher is not None and not self._flusher.done():
            return
        wait = self._flushed_at + FLUSH_INTERVAL - time.monotonic()
        if wait < HARDLY:
            await self.flush()
        else:
            self._flusher = asyncio.create_task(self._flush_in(wait))

    async def _flush_in(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.flush()

    async def flush(self) -> None:
        """Sends what was written since the last delta."""
        offset, self._sent = self._sent, len(self.text)
        if offset == self._sent:
            return
        self._flushed_at = time.monotonic()
        text = encode_delta(self._id, offset, self.text[offset:])
        await _here(self.conversation, text)
        if leaves_process(self.conversation):
            await self._cross(text)

    async def tell_all(self) -> None:
        """Sends what there is to the other processes: one of them begins to watch."""
        if self._sent:
            await self._cross(encode_delta(self._id, 0, self.text[: self._sent]))

    async def _cross(self, text: str) -> None:
        await _elsewhere(self.conversation, type="relay.frame", text=text)
        await self._snapshot()

    async def close(self) -> None:
        """Sends what is left. Nothing of the answer goes out after this: its end comes next."""
        if self._flusher:
            self._flusher.cancel()
            await asyncio.wait({self._flusher})
        await self.flush()

    async def reset(self, reason: str) -> None:
        """Throws the text away: the next attempt starts clean."""
        self.text, self._sent, self._flushed_at = "", 0, float("-inf")
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
        now = time.monotonic()
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


def forget(turns: Iterable[UUID]) -> None:
    """Deletes the snapshots of turns. One that Redis keeps while it is away ends by itself."""
    try:
        cache.delete_many([_snapshot_key(turn) for turn in turns])
    except UNAVAILABLE as error:
        logger.warning("snapshots cannot be deleted: %s", error)


def _snapshot_key(turn: UUID) -> str:
    return f"snapshot:{turn.hex}"
