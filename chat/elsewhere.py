"""The other processes that watch a conversation.

Most conversations are watched by one socket, in the process that answers, and a trip of every frame
through Redis would cost more than all else. So a process that begins to watch says so to all, and
whoever has to do with the conversation remembers it, answers if it watches too, and sends the frames
of what it runs there, to nobody else.

Nothing has to be taken back: who gets frames of a conversation that nobody watches there says so, and
a process that died is one that nothing reaches. What was lost while Redis was away is made up when a
process hears again: it says anew what it watches.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Set
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from django.core.cache import cache

from chat.doorbell import Doorbell, Message
from chat.shared_state import PROCESS, UNAVAILABLE, Script, Unavailable

logger = logging.getLogger(__name__)

ANNOUNCED_AT_ONCE = 500
"""Conversations of one message: 20 kB, which every process reads whole before anything else."""

SNAPSHOT_TTL = 600
"""Seconds a snapshot is kept: longer than any turn may take."""

UNHEARD = timedelta(seconds=15)
"""How long before it was noticed a loss may have begun."""


_KEEP = Script("return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])")
_RECALL = Script("return redis.call('GET', KEYS[1])")


class Here(Protocol):
    """What this process has to do with conversations."""

    def watched(self) -> Set[UUID]:
        """Those that somebody watches here."""

    def running(self) -> Set[UUID]:
        """Those of which a turn runs here."""

    async def deliver(self, conversation: UUID, text: str) -> None:
        """Sends a frame to whoever watches here."""

    async def tell_all(self, conversation: UUID, process: str) -> None:
        """Sends all there is of the running turn to a process that watches."""

    def stop(self, turn: UUID) -> None:
        """Stops a turn if it runs here."""


class Elsewhere:
    """The other processes, as far as this one knows of them."""

    def __init__(self, url: str, here: Here, *, process: str = PROCESS) -> None:
        self._here = here
        self._process = process
        self._bell = Doorbell(url, self._hear, self._joined, process=process)
        self._watchers: dict[UUID, set[str]] = defaultdict(set)
        self._joined_before = False
        self.lost_since: datetime | None = None
        """Since when something said elsewhere may have been missed, as of the last loss."""

    def listen(self) -> None:
        """Hears the others from now on."""
        self._bell.listen()

    def watches(self, conversation: UUID) -> bool:
        """Whether another process is known to watch."""
        return conversation in self._watchers

    async def send(self, conversation: UUID, texts: Iterable[str], *, to: str = "") -> None:
        """Sends frames to the processes that watch, or to one of them."""
        processes = {to} if to else self._watchers.get(conversation, set())
        for gone in await self._bell.ring(self._frames(conversation, texts), processes):
            self._forget(gone)

    async def send_to_all(self, conversation: UUID, texts: Iterable[str]) -> None:
        """Sends frames to every process, because none is known to watch. Those that do answer."""
        await self._bell.ring({**self._frames(conversation, texts), "ask": True})

    async def announce(self, conversations: Collection[UUID], *, to: str = "") -> None:
        """Says to all that conversations are watched here. Those that watch them too answer; said
        `to` one process, this is the answer."""
        ids = [str(conversation) for conversation in conversations]
        for start in range(0, len(ids), ANNOUNCED_AT_ONCE):
            some = ids[start : start + ANNOUNCED_AT_ONCE]
            message = self._message("watch", conversations=some, ask=not to)
            await self._bell.ring(message, {to} if to else None)

    async def stop(self, turn: UUID) -> None:
        """Asks whoever runs a turn to stop it."""
        await self._bell.ring(self._message("stop", turn=str(turn)))

    async def keep_snapshot(self, turn: UUID, text: str) -> None:
        """Keeps what a turn has come to, for processes that missed some of it."""
        with suppress(Unavailable):
            await self._bell.shared.run(_KEEP, [_snapshot_key(turn)], [text, SNAPSHOT_TTL])

    async def snapshot(self, turn: UUID) -> bytes | None:
        """What was kept last, by whichever process runs the turn."""
        try:
            kept: bytes | None = await self._bell.shared.run(_RECALL, [_snapshot_key(turn)], [])
        except Unavailable:
            return None
        return kept

    def forget(self, conversation: UUID) -> None:
        """Nobody here has to do with the conversation any more."""
        self._watchers.pop(conversation, None)

    async def close(self) -> None:
        """Closes the running loop's connections."""
        await self._bell.close()

    def _message(self, kind: str, **more: object) -> Message:
        return {"type": kind, "from": self._process, **more}

    def _frames(self, conversation: UUID, texts: Iterable[str]) -> Message:
        return self._message("frames", conversation=str(conversation), texts=list(texts))

    async def _joined(self) -> None:
        """This process hears again, or for the first time."""
        if self._joined_before:
            self.lost_since = datetime.now(UTC) - UNHEARD
        self._joined_before = True
        watched = self._here.watched()
        await self.announce(watched)
        for conversation in self._here.running() - watched:
            await self.send_to_all(conversation, ())

    async def _hear(self, message: Message) -> None:
        process = message["from"]
        if process == self._process:
            return
        match message:
            case {"type": "watch"}:
                await self._on_watch(process, message)
            case {"type": "frames"}:
                await self._on_frames(process, message)
            case {"type": "left"}:
                self._forget(process, UUID(message["conversation"]))
            case {"type": "stop"}:
                self._here.stop(UUID(message["turn"]))

    async def _on_watch(self, process: str, message: Message) -> None:
        watched, running = self._here.watched(), self._here.running()
        conversations = [UUID(one) for one in message["conversations"]]
        ours = [one for one in conversations if one in watched or one in running]
        for conversation in ours:
            self._watchers[conversation].add(process)
        if message["ask"]:
            await self.announce([one for one in ours if one in watched], to=process)
        for conversation in [one for one in ours if one in running]:
            await self._here.tell_all(conversation, process)

    async def _on_frames(self, process: str, message: Message) -> None:
        conversation = UUID(message["conversation"])
        if conversation in self._here.watched():
            for text in message["texts"]:
                await self._here.deliver(conversation, text)
            if message.get("ask"):
                await self.announce([conversation], to=process)
        elif not message.get("ask"):
            left = self._message("left", conversation=str(conversation))
            await self._bell.ring(left, {process})

    def _forget(self, process: str, conversation: UUID | None = None) -> None:
        for one in [conversation] if conversation else list(self._watchers):
            self._watchers[one].discard(process)
            if not self._watchers[one]:
                del self._watchers[one]


def delete_snapshots(turns: Iterable[UUID]) -> None:
    """Deletes what is kept of turns, from code that is not async. One that Redis keeps while it is away
    ends by itself."""
    try:
        cache.delete_many([_name(turn) for turn in turns])
    except UNAVAILABLE as error:
        logger.warning("snapshots cannot be deleted: %s", error)


def _snapshot_key(turn: UUID) -> str:
    return cache.make_key(_name(turn))


def _name(turn: UUID) -> str:
    return f"snapshot:{turn.hex}"
