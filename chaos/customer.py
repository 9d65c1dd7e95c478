"""A customer with the widget: a session, a socket that comes back, messages that are sent until they
are acknowledged. Hundreds of them share one process."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Self
from uuid import UUID

from aiohttp import ClientError, ClientSession, ClientTimeout
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Origin

from chaos.transcript import Frame, Transcript

# As in static/widget/connection.js and chat.js, in seconds.
FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
QUIET = 20.0
PATIENCE = 10.0
GREETING_TIMEOUT = 12.0
GOOD_AFTER = 5.0
NUDGE = 2.0
UNHEARD = 4.0
"""A turn that is waited for and not heard of for so long is asked for by `sync`; a message that is
not acknowledged is sent again under its id."""


class Leaving(Exception):
    """The server is about to restart, and it is time to go elsewhere."""


class TurnedAway(Exception):
    """The server refused the greeting. The message is its code."""


@dataclass
class Customer:
    """One visitor, who comes through nginx as everybody does. Connects between `__aenter__` and
    `__aexit__`, however often the line breaks."""

    name: str
    url: str
    http: ClientSession
    rng: Random
    transcript: Transcript = field(default_factory=Transcript)
    reconnects: list[float] = field(default_factory=list)
    """Seconds from each loss of the socket until the next greeting was answered."""
    closes: Counter[int] = field(default_factory=Counter)
    polls: int = 0
    """How often a turn had to be asked for, because nothing was heard of it."""
    errors: Counter[str] = field(default_factory=Counter)
    texts: dict[str, str] = field(default_factory=dict)
    """Everything this customer sent, by its id."""
    conversation: UUID | None = None
    token: str = ""
    at: str = ""
    """The server to connect to, where it is not to be nginx."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    _socket: ClientConnection | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _sent_at: dict[str, float] = field(default_factory=dict)
    _awaited: dict[str, float] = field(default_factory=dict)
    """Turns that are waited for, and when each was last heard of."""
    _heard_at: float = 0.0
    _asked_at: float = 0.0
    _attempts: int = 0
    _wait: float = 0.0
    _leave_at: float | None = None
    _lost_at: float | None = None
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._live(), name=self.name)
        self._task.add_done_callback(lambda _: self._changed.set())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task  # a fault of ours is raised here

    # What a customer does ---------------------------------------------------------------------

    async def ask(self, client_id: str, text: str) -> Frame:
        """Sends a message and waits for the end of its turn; cancel it where that takes too long."""
        turn = await self.say(client_id, text)
        return await self.answer(turn)

    async def say(self, client_id: str, text: str) -> str:
        """Sends a message until it is acknowledged. Returns its turn."""
        self.texts[client_id] = text
        self.transcript.send(client_id, text)
        await self._offer(client_id)
        await self._until(lambda: client_id in self.transcript.accepted)
        return self.transcript.accepted[client_id]

    async def answer(self, turn: str) -> Frame:
        """Waits for a turn's last frame."""
        await self._until(lambda: turn in self.transcript.ended)
        return self.transcript.ended[turn]

    async def rested(self) -> None:
        """Waits until the line is up, all that was said is acknowledged and all turns have ended."""
        accepted, ended = self.transcript.accepted, self.transcript.ended
        await self._until(
            lambda: (
                self.ready.is_set()
                and accepted.keys() == self.texts.keys()
                and ended.keys() >= set(accepted.values())
            )
        )

    def cut(self) -> bool:
        """Breaks the line as a lost network does: no close frame. Whether there was one to break."""
        if self._socket is None or not self.ready.is_set():
            return False
        self._socket.transport.abort()
        return True

    # The line ---------------------------------------------------------------------------------

    async def _live(self) -> None:
        while True:
            self._wait = 0.0
            try:
                if not self.token:
                    await self._open_session()
                await self._connected()
            except ConnectionClosed as closed:
                self.closes[closed.rcvd.code if closed.rcvd else 1006] += 1
            except TurnedAway as refused:
                self.errors[str(refused)] += 1
            except Leaving:
                self.errors["restarting"] += 1
            except (OSError, WebSocketException, ClientError, TimeoutError) as error:
                self.errors[type(error).__name__] += 1
            finally:
                self._lose()
            await asyncio.sleep(self._delay())

    def _lose(self) -> None:
        if self.ready.is_set():
            self._lost_at = time.monotonic()
        self.ready.clear()
        self._socket = None

    def _delay(self) -> float:
        """Seconds until the next attempt. A server that restarts has spread its customers itself."""
        leave_at, self._leave_at = self._leave_at, None
        if leave_at is not None:
            self._attempts = 0
            return max(0.0, leave_at - time.monotonic())
        self._attempts += 1
        return max(self._wait, self._backoff())

    def _backoff(self) -> float:
        ceiling = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(self._attempts, 10))
        return FIRST_DELAY + self.rng.random() * (ceiling - FIRST_DELAY)

    async def _open_session(self) -> None:
        patience = ClientTimeout(total=15)
        async with self.http.post(f"{self.url}/api/session", json={}, timeout=patience) as answer:
            answer.raise_for_status()
            session = await answer.json()
        self.token, self.conversation = session["token"], UUID(session["conversation"])

    async def _connected(self) -> None:
        address = f"{(self.at or self.url).replace('http', 'ws', 1)}/ws/chat/"
        async with asyncio.timeout(GREETING_TIMEOUT):
            socket = await connect(
                address,
                origin=Origin(self.url),
                compression=None,
                ping_interval=None,
                open_timeout=None,
                close_timeout=1,
                max_size=None,
            )
        try:
            self._socket = socket
            await self._greet(socket)
            await self._listen(socket)
        finally:
            socket.transport.abort()

    async def _greet(self, socket: ClientConnection) -> None:
        hello: Frame = {"type": "hello", "token": self.token}
        hello["conversation"] = str(self.conversation)
        if self.transcript.live:
            hello |= self.transcript.live.position()
        await self._send(hello)
        async with asyncio.timeout(GREETING_TIMEOUT):
            while not self.ready.is_set():
                frame = json.loads(await socket.recv())
                if frame["type"] == "error":
                    self._wait = frame.get("retry_after") or 0.0
                    raise TurnedAway(frame["code"])
                await self._hear(frame)

    async def _listen(self, socket: ClientConnection) -> None:
        opened = self._heard_at = time.monotonic()
        while True:
            if self._leave_at is not None and time.monotonic() >= self._leave_at:
                raise Leaving
            try:
                async with asyncio.timeout(self._patience()):
                    raw = await socket.recv()
            except TimeoutError:
                await self._nudge()
            else:
                await self._hear(json.loads(raw))
            if time.monotonic() - opened > GOOD_AFTER:
                self._attempts = 0
            if time.monotonic() - self._asked_at > NUDGE:
                await self._nudge()

    def _patience(self) -> float:
        if self._leave_at is None:
            return NUDGE
        return min(NUDGE, max(0.0, self._leave_at - time.monotonic()))

    async def _nudge(self) -> None:
        """Asks for what should have come by now. Raises TimeoutError for a line that is dead."""
        now = self._asked_at = time.monotonic()
        if now - self._heard_at > QUIET + PATIENCE:
            raise TimeoutError
        if now - self._heard_at > QUIET:
            await self._send({"type": "ping"})
        for client_id in list(self.transcript.unsent):
            if now - self._sent_at.get(client_id, 0) > UNHEARD:
                await self._offer(client_id)
        for turn, heard in list(self._awaited.items()):
            if now - heard > UNHEARD:
                self._awaited[turn] = now
                self.polls += 1
                await self._sync(turn)

    async def _sync(self, turn: str) -> None:
        live = self.transcript.live
        known = live.position() if live and live.turn == turn else {"turn": turn, "offset": 0}
        await self._send({"type": "sync", **known})

    # Frames -----------------------------------------------------------------------------------

    async def _hear(self, frame: Frame) -> None:
        self._heard_at = time.monotonic()
        if frame["type"] == "restarting":
            # Until then, what this server still writes is heard.
            self._leave_at = self._leave_at or self._heard_at + frame["retry_after_ms"] / 1000
        if frame["type"] == "error":
            self.errors[frame["code"]] += 1
        turn = frame.get("turn")  # of a greeting it is an object
        if isinstance(turn, str) and turn in self._awaited:
            self._awaited[turn] = self._heard_at
        request = self.transcript.apply(frame)
        if frame["type"] == "message.accepted" and turn not in self.transcript.ended:
            self._awaited.setdefault(frame["turn"], self._heard_at)
        for ended in self._awaited.keys() & self.transcript.ended.keys():
            del self._awaited[ended]
        if request:
            await self._send(request)
        if frame["type"] == "ready":
            await self._greeted()
        self._changed.set()

    async def _greeted(self) -> None:
        self.ready.set()
        if self._lost_at is not None:
            self.reconnects.append(time.monotonic() - self._lost_at)
            self._lost_at = None
        # Some may be stored, their acknowledgement lost: sent again, they are acknowledged again.
        for client_id in list(self._sent_at):
            if client_id not in self.transcript.accepted:
                await self._offer(client_id)
        for turn in list(self._awaited):
            if self.transcript.live is None or self.transcript.live.turn != turn:
                await self._sync(turn)  # it may have ended meanwhile

    async def _offer(self, client_id: str) -> None:
        self._sent_at[client_id] = time.monotonic()
        if self.ready.is_set():
            text = self.texts[client_id]
            await self._send({"type": "message.send", "id": client_id, "text": text})

    async def _send(self, frame: Frame) -> None:
        if self._socket:
            with suppress(ConnectionClosed):  # the loss is noticed where frames are read
                await self._socket.send(json.dumps(frame))

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            if self._task and self._task.done():
                self._task.result()  # a fault of ours: there is nobody left to wait for
            self._changed.clear()
            await self._changed.wait()
