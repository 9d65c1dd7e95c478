"""The WebSocket edge: decode a frame, call a use case, encode the answer.

What is wrong with a frame is told in an `error` frame, and the conversation goes on; a client that
sends one frame after the other that is none is closed. An idle socket is one task that waits for the
client: no thread, no database connection, no subscription.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from django.db import DatabaseError

from chat import (
    clients,
    conversations,
    farewell,
    hold,
    identity,
    limits,
    relay,
    socket_state,
    transcript,
    turns,
)
from chat.database import in_database
from chat.line import Line, Send
from chat.models import Conversation
from chat.protocol import (
    AnswerDelta,
    AnswerReset,
    AnswerStop,
    ClientFrame,
    Error,
    ErrorCode,
    FeedbackSend,
    FrameError,
    HandoffRequest,
    Hello,
    MessageAccepted,
    MessageCreated,
    MessageSend,
    Ping,
    Pong,
    Ready,
    ServerFrame,
    Sync,
    TurnView,
    Typing,
    decode,
    encode,
)

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]

TOO_MANY = 4429
"""The close code of a socket too many: HTTP's 429 among the codes that applications may use."""


STRIKES = 5
"""Frames that are none until the socket is closed: a client in good order sends not one."""

POLICY = 1008
"""The close code for that (RFC 6455, 7.4.1)."""

NO_FRAME = {
    ErrorCode.BINARY_FRAME,
    ErrorCode.INVALID_JSON,
    ErrorCode.INVALID_FRAME,
    ErrorCode.UNKNOWN_TYPE,
}
"""What counts as one. What a customer can write or do never does."""


async def chat(scope: Any, receive: Receive, send: Send) -> None:
    """The ASGI application of the chat's WebSocket."""
    await ChatConsumer(scope, send).live(receive)


class ChatConsumer:
    """One socket of one visitor; after `hello` it watches one conversation."""

    conversation: Conversation | None = None
    _counted: bool = False
    _strikes: int = 0
    _unsubscribe: Callable[[], None] | None = None
    _held: list[str] | None = None
    _seen_loss: datetime | None = None
    """The last loss of frames that this client has been helped over."""

    def __init__(self, scope: Any, send: Send) -> None:
        self._client = clients.of_scope(scope)
        self._send = send
        self._line = Line(send, scope.get("extensions") or {}, self._caught_up)

    async def live(self, receive: Receive) -> None:
        """The whole life of the socket. However it ends, it no longer counts."""
        try:
            while (event := await receive())["type"] != "websocket.disconnect":
                if event["type"] == "websocket.connect":
                    await self.connect()
                else:
                    await self.receive(event.get("text"))
        finally:  # a turn it started goes on
            self._line.hang_up()
            self._unwatch()
            farewell.left(self)
            if self._counted:
                limits.close_socket(self._client)

    async def connect(self) -> None:
        """Accepts the socket. One too many is told so first: a browser cannot read a refusal."""
        self._counted = await limits.open_socket(self._client)
        await self._send({"type": "websocket.accept"})
        if self._counted:
            farewell.came(self)
        else:
            await self._turn_away()

    async def receive(self, text: str | None) -> None:
        """One frame of the client; None for one that is binary."""
        if not self._counted or self._strikes >= STRIKES:
            return  # it came before the client saw that its socket is closed
        message_id = None
        try:
            if text is None:
                raise FrameError(ErrorCode.BINARY_FRAME, "Frames are JSON text, not binary.")
            frame = decode(text)
            message_id = frame.id if isinstance(frame, MessageSend) else None
            await self._act(frame)
        except FrameError as error:
            await self.tell(Error(code=error.code, detail=error.detail, id=error.id))
            if error.code in NO_FRAME:
                await self._strike()
        except Exception:  # the consumer's edge: a fault of ours must not cost a client its socket
            logger.exception("a frame could not be handled")
            detail = "Something went wrong on our side. Please try again."
            await self.tell(Error(code=ErrorCode.INTERNAL, detail=detail, id=message_id))

    async def _strike(self) -> None:
        self._strikes += 1
        if self._strikes == STRIKES:
            logger.info("a client that sends no frames is closed")
            await self._line.close(POLICY)

    async def _turn_away(self) -> None:
        code, wait = ErrorCode.TOO_MANY_CONNECTIONS, limits.SOCKET_RETRY
        detail = "Too many chats are open from your network. Please close some of them."
        await self.tell(Error(code=code, detail=detail, retry_after=wait))
        await self._line.close(TOO_MANY)

    async def _act(self, frame: ClientFrame) -> None:
        match frame:
            case Hello():
                await self._on_hello(frame)
            case Ping():
                await self.tell(Pong())
                await self._make_up_for_losses()
            case _ if self.conversation is None:
                raise FrameError(ErrorCode.HELLO_REQUIRED, "The first frame is `hello`.")
            case MessageSend():
                await self._on_message(self.conversation, frame)
            case AnswerStop():
                await self._on_stop(self.conversation, frame)
            case Sync():
                await self._on_sync(self.conversation, frame)
            case FeedbackSend():
                await self._on_feedback(self.conversation, frame)
            case HandoffRequest():
                detail = "Nobody can take over here yet. Ask for a ticket instead."
                raise FrameError(ErrorCode.NOT_SUPPORTED, detail)
            case Typing():
                pass  # nobody watches a customer type

    async def _on_hello(self, hello: Hello) -> None:
        if self.conversation is not None:
            detail = "This socket has its conversation already; open another for another one."
            raise FrameError(ErrorCode.ALREADY_GREETED, detail)
        try:
            visitor = identity.read_session(hello.token)
            conversation = await in_database(conversations.open_conversation)(
                visitor, hello.conversation
            )
        except identity.IdentityError as error:
            raise FrameError(ErrorCode.UNAUTHORIZED, str(error)) from None
        except conversations.NotFound as error:
            raise FrameError(ErrorCode.NOT_FOUND, str(error)) from None
        self._seen_loss = relay.lost_since()
        try:
            await self._watch(conversation)
            self.conversation = conversation
        finally:
            if self.conversation is None:  # another hello may succeed
                self._unwatch()
        await turns.resume(conversation.pk)

    async def _watch(self, conversation: Conversation) -> None:
        """Sends the transcript and whatever comes after it."""
        self._held = []
        self._unsubscribe = relay.subscribe(conversation.pk, self._deliver)
        await relay.announce(conversation.pk)
        await self._show(conversation)

    async def _show(self, conversation: Conversation) -> None:
        """Sends the transcript. Frames that come while it is read are held back, so that none falls
        between."""
        held: list[str] = []
        self._held = held
        try:
            messages, going_on = await in_database(socket_state.read)(conversation)
            turn = await relay.snapshot(going_on) if going_on else None
            if going_on and turn is None:
                turn = TurnView(turn=str(going_on), text="")
            shown = await asyncio.to_thread(transcript.views, messages)
            ready = Ready(conversation=str(conversation.pk), messages=shown, turn=turn)
            await self._line.insist(encode(ready))
            while held:
                await self._line.pass_on(held.pop(0))
        finally:
            self._held = None

    async def _caught_up(self) -> bool:
        """A client that was too slow for some frames has read the rest: it gets the state anew."""
        if self.conversation is None or self._held is not None:
            return True  # it is on its way
        try:
            await self._show(self.conversation)
        except DatabaseError as error:
            logger.warning("a client's state could not be sent: %s", error)
            return False
        return True

    async def _make_up_for_losses(self) -> None:
        """Frames of other processes were lost while Redis was away. Asked at the client's ping, so
        that not all of them come at once; most have missed nothing."""
        lost = relay.lost_since()
        if lost == self._seen_loss or self.conversation is None or self._held is not None:
            return
        if lost and await in_database(socket_state.has_news)(self.conversation, lost):
            await self._show(self.conversation)
        self._seen_loss = lost

    def _unwatch(self) -> None:
        if self._unsubscribe:
            self._unsubscribe()
        self._unsubscribe = self._held = None

    async def _on_message(self, conversation: Conversation, frame: MessageSend) -> None:
        try:
            counted = await limits.message(conversation, self._client, frame.id)
        except limits.RateLimited as limited:
            if not await in_database(socket_state.is_stored)(conversation, frame):
                code, wait = ErrorCode.RATE_LIMITED, limited.wait
                await self.tell(
                    Error(code=code, detail=str(limited), retry_after=wait, id=frame.id)
                )
                return
            counted = False
        try:
            received, view = await in_database(socket_state.receive)(conversation, frame)
        except conversations.MessageConflict as error:
            raise FrameError(ErrorCode.MESSAGE_CONFLICT, str(error), id=frame.id) from None
        except conversations.NotFound as error:
            raise FrameError(ErrorCode.NOT_FOUND, str(error), id=frame.id) from None
        turns.start(received.turn)
        await self.tell(MessageAccepted(id=frame.id, message=view.id, turn=str(received.turn)))
        if received.new:
            await relay.publish(conversation.pk, MessageCreated(message=view), skip=self._deliver)
        elif counted:
            await limits.message_was_stored(conversation, self._client, received.message)

    async def _on_stop(self, conversation: Conversation, frame: AnswerStop) -> None:
        try:
            await in_database(conversations.request_stop)(conversation, frame.turn)
        except conversations.NotFound as error:
            raise FrameError(ErrorCode.NOT_FOUND, str(error)) from None
        hold.stop_soon(frame.turn)
        await relay.stop(frame.turn)

    async def _on_sync(self, conversation: Conversation, frame: Sync) -> None:
        """Brings a client that saw a gap up to date."""
        ended = await in_database(socket_state.ended)(conversation, frame.turn)
        if ended is not None:
            await self.tell(ended)
            return
        live = await relay.snapshot(frame.turn)
        offset = frame.offset
        here = relay.runs_here(frame.turn)
        if live is None or (offset > len(live.text) and not here):
            # It has not begun; its runner, elsewhere, knows nothing of us; or what is kept of its text
            # is a moment old. The runner, if there is one, sends all there is.
            await relay.announce(conversation.pk)
            return
        if offset > len(live.text):
            await self.tell(AnswerReset(turn=str(frame.turn), reason="resync"))
            offset = 0
        await self.tell(AnswerDelta(turn=str(frame.turn), offset=offset, text=live.text[offset:]))

    async def _on_feedback(self, conversation: Conversation, frame: FeedbackSend) -> None:
        rate = in_database(conversations.rate)
        try:
            await rate(conversation, frame.message, rating=frame.rating, comment=frame.comment)
        except conversations.NotFound as error:
            raise FrameError(ErrorCode.NOT_FOUND, str(error)) from None

    async def _deliver(self, text: str) -> None:
        if self._held is not None:
            self._held.append(text)
        else:
            await self._line.pass_on(text)

    async def tell(self, frame: ServerFrame) -> None:
        """Sends a frame to this socket alone."""
        await self._line.reply(encode(frame))

    async def warn(self, frame: ServerFrame) -> None:
        """The same, without waiting for a client that does not read."""
        await self._line.insist(encode(frame))
