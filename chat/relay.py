"""Frames on their way to whoever watches a conversation.

Sockets of this process get a frame directly: the one that asked, its other tabs, staff. Sockets of
other processes get it through Redis (`chat.elsewhere`), which may lose it; text carries offsets and a
snapshot of it is kept, so a client that sees a gap, or nothing for a while, asks and ends up exact.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings

from chat.elsewhere import Elsewhere, delete_snapshots
from chat.protocol import (
    AnswerReset,
    AnswerStarted,
    Receipt,
    ServerFrame,
    ToolFinished,
    ToolStarted,
    ToolView,
    TurnView,
    encode,
    encode_delta,
)

Sink = Callable[[str], Awaitable[None]]

FLUSH_INTERVAL = 0.03
"""Seconds that deltas are gathered. Half the frames of a fast model, too short to be seen."""

HARDLY = 0.005
"""Seconds that are not worth a timer: providers read at about the interval's pace as well."""

SNAPSHOT_INTERVAL = 0.15
"""Seconds between snapshots for other processes: the oldest a resumed text can be."""

_sinks: dict[UUID, set[Sink]] = defaultdict(set)
_live: dict[UUID, "LiveAnswer"] = {}
"""By turn."""

_running: dict[UUID, "LiveAnswer"] = {}
"""By conversation: at most one turn of each runs."""


class _Here:
    """What this process has to do with conversations, for the others."""

    def __init__(self) -> None:
        self.stop_here: Callable[[UUID], None] = lambda turn: None

    def watched(self) -> Set[UUID]:
        return _sinks.keys()

    def running(self) -> Set[UUID]:
        return _running.keys()

    async def deliver(self, conversation: UUID, text: str) -> None:
        await _here(conversation, text)

    async def tell_all(self, conversation: UUID, process: str) -> None:
        live = _running.get(conversation)
        if live:
            await live.tell_all(process)

    def stop(self, turn: UUID) -> None:
        self.stop_here(turn)


_this_process = _Here()
_elsewhere = Elsewhere(settings.REDIS_URL, _this_process) if settings.REDIS_URL else None


def when_asked_to_stop(stop_here: Callable[[UUID], None]) -> None:
    """Calls this with every turn that somebody in another process wants stopped."""
    _this_process.stop_here = stop_here


def subscribe(conversation: UUID, sink: Sink) -> Callable[[], None]:
    """Sends every frame of the conversation to `sink` from now on; returns how to stop that."""
    if _elsewhere:
        _elsewhere.listen()
    _sinks[conversation].add(sink)

    def unsubscribe() -> None:
        _sinks[conversation].discard(sink)
        if not _sinks[conversation]:
            del _sinks[conversation]
            _forget(conversation)

    return unsubscribe


def crosses_processes() -> bool:
    """Whether sockets in other processes may watch."""
    return _elsewhere is not None


def lost_since() -> datetime | None:
    """Since when frames of other processes may have been lost, as of the last loss; a database's
    clock may be compared with it."""
    return _elsewhere.lost_since if _elsewhere else None


async def publish(conversation: UUID, frame: ServerFrame, *, skip: Sink | None = None) -> None:
    """Sends a frame to everybody who watches the conversation but `skip`."""
    text = encode(frame)
    await _here(conversation, text, skip)
    if _elsewhere is None:
        return
    if _elsewhere.watches(conversation):
        await _elsewhere.send(conversation, [text])
    elif conversation not in _sinks:  # nobody here would have been told who else watches
        await _elsewhere.send_to_all(conversation, [text])


async def take_back(conversation: UUID, turn: UUID) -> None:
    """Takes back, on the screens of this process, the text of a runner that lost its turn: what its
    successor writes comes by itself."""
    await _here(conversation, encode(AnswerReset(turn=str(turn), reason="recovered")))


def leaves_process(conversation: UUID) -> bool:
    """Whether somebody may watch the conversation in another process."""
    if _elsewhere is None:
        return False
    return _elsewhere.watches(conversation) or conversation not in _sinks


async def announce(conversation: UUID) -> None:
    """Tells the other processes that somebody here watches the conversation. Where its turn runs, all
    there is of the answer is sent."""
    if _elsewhere:
        await _elsewhere.announce([conversation])


async def stop(turn: UUID) -> None:
    """Passes the customer's wish to stop on to the process that runs the turn, if it is another."""
    if _elsewhere and turn not in _live:
        await _elsewhere.stop(turn)


async def close() -> None:
    """Closes the running loop's connections, before the loop ends."""
    if _elsewhere:
        await _elsewhere.close()


async def _here(conversation: UUID, text: str, skip: Sink | None = None) -> None:
    for sink in tuple(_sinks.get(conversation, ())):
        if sink != skip:
            await sink(text)


def _forget(conversation: UUID) -> None:
    if _elsewhere and conversation not in _sinks and conversation not in _running:
        _elsewhere.forget(conversation)


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
        _live[self.turn] = _running[self.conversation] = self
        if _elsewhere:
            _elsewhere.listen()  # somebody may come to watch, or to stop it
        return self

    def __exit__(self, *_: object) -> None:
        if self._flusher:
            self._flusher.cancel()
        _live.pop(self.turn, None)
        if _running.get(self.conversation) is self:
            del _running[self.conversation]
            _forget(self.conversation)

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
        if _elsewhere and _elsewhere.watches(self.conversation):
            await _elsewhere.send(self.conversation, [text])
            await self._snapshot(_elsewhere)

    async def tell_all(self, process: str) -> None:
        """Sends all there is to a process that begins to watch, or comes back to it."""
        if _elsewhere:
            await _elsewhere.send(self.conversation, self._so_far(), to=process)

    def _so_far(self) -> list[str]:
        """The frames that a client has seen which was there from the start."""
        frames: list[ServerFrame] = [AnswerStarted(turn=self._id)]
        for tool in self.tools.values():
            told = {"turn": self._id, **tool.model_dump(include={"ordinal", "name", "label"})}
            frames.append(ToolStarted(**told))
            if tool.finished:
                frames.append(ToolFinished(**told, receipt=self._receipts.get(tool.ordinal)))
        return [*map(encode, frames), encode_delta(self._id, 0, self.text[: self._sent])]

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

    async def _snapshot(self, elsewhere: Elsewhere) -> None:
        now = time.monotonic()
        if now - self._snapshot_at >= SNAPSHOT_INTERVAL:
            self._snapshot_at = now
            await elsewhere.keep_snapshot(self.turn, self.view().model_dump_json())


def runs_here(turn: UUID) -> bool:
    """Whether this process runs the turn, and so knows all of its text."""
    return turn in _live


async def snapshot(turn: UUID) -> TurnView | None:
    """The text of a running turn so far, from this process or from the one that runs it."""
    live = _live.get(turn)
    if live:
        return live.view()
    kept = await _elsewhere.snapshot(turn) if _elsewhere else None
    return TurnView.model_validate_json(kept) if kept else None


def forget(turns: Iterable[UUID]) -> None:
    """Deletes the snapshots of turns."""
    delete_snapshots(turns)
