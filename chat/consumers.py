"""The WebSocket edge: decode a frame, call a use case, encode the answer.

Nothing a client sends closes the socket with an error: what is wrong with a frame is told in an
`error` frame, and the conversation goes on.
"""

import logging
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer

from chat import clients, conversations, identity, limits, relay, runs, transcript, turns
from chat.conversations import Received
from chat.database import in_database
from chat.models import Conversation, Message, Turn
from chat.protocol import (
    AnswerCompleted,
    AnswerDelta,
    AnswerFailed,
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
    MessageView,
    Ping,
    Pong,
    Ready,
    Restarting,
    ServerFrame,
    Sync,
    TurnView,
    Typing,
    decode,
    encode,
)

logger = logging.getLogger(__name__)

TOO_MANY = 4429
"""The close code of a socket too many: HTTP's 429 among the codes that applications may use."""


FIRST_RETURN = 0.25
"""Seconds until the first customer of a server that ends comes back: another one is there already, or
this one's successor needs longer anyway."""

SHORTEST_WINDOW = 1.0
"""Seconds over which those of a nearly empty server are spread."""

RETURNS = 200
"""Customers of one server that come back in a second. It greets more, but it has turns to run too."""

_open: set["ChatConsumer"] = set()


async def announce_restart() -> None:
    """Tells every socket of this process to come back, each at a moment of its own."""
    window = max(SHORTEST_WINDOW, len(_open) / RETURNS)
    for consumer in tuple(_open):
        wait = FIRST_RETURN + random.uniform(0, window)  # noqa: S311  # spreads a load
        await consumer.tell(Restarting(retry_after_ms=round(wait * 1000)))


class ChatConsumer(AsyncWebsocketConsumer):
    """One socket of one visitor; after `hello` it watches one conversation."""

    conversation: Conversation | None = None
    _client: str = clients.UNKNOWN
    _counted: bool = False
    _unsubscribe: Callable[[], None] | None = None
    _held: list[str] | None = None
    _watched: UUID | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The whole life of the socket. However it ends, it no longer counts."""
        self._client = clients.of_scope(scope)
        try:
            await super().__call__(scope, receive, send)
        finally:
            _open.discard(self)
            if self._counted:
                limits.close_socket(self._client)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handles an event of the socket or of the channel layer. Channels' own also lets go of old
        database connections, at the price of a trip to another thread; here `in_database` does."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        """Accepts the socket. One too many is told so first: a browser cannot read a refusal."""
        self._counted = await limits.open_socket(self._client)
        await self.accept()
        if self._counted:
            _open.add(self)
        else:
            await self._turn_away()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame of the client."""
        if not self._counted:
            return  # it came before the client saw that its socket is closed
        try:
            if text_data is None:
                raise FrameError(ErrorCode.BINARY_FRAME, "Frames are JSON text, not binary.")
            await self._act(decode(text_data))
        except FrameError as error:
            await self.tell(Error(code=error.code, detail=error.detail, id=error.id))
        except Exception:  # the consumer's edge: a fault of ours must not cost a client its socket
            logger.exception("a frame could not be handled")
            detail = "Something went wrong on our side. Please try again."
            await self.tell(Error(code=ErrorCode.INTERNAL, detail=detail))

    async def disconnect(self, code: int) -> None:
        """The socket is gone; a turn it started goes on."""
        self._unwatch()
        if self._watched:
            await self.channel_layer.group_discard(relay.group(self._watched), self.channel_name)

    async def relay_frame(self, event: dict[str, Any]) -> None:
        """A frame that another process published; this process's own came directly."""
        if event["origin"] != relay.PROCESS:
            await self._deliver(event["text"])

    async def relay_watch(self, event: dict[str, Any]) -> None:
        """Somebody watches this conversation in another process."""
        if event["origin"] != relay.PROCESS and self._watched:
            await relay.watched_elsewhere(self._watched, answer=event["answer"])

    async def relay_stop(self, event: dict[str, Any]) -> None:
        """Somebody in another process wants a turn stopped, and it is asked so in its row."""
        runs.stop_soon(UUID(event["turn"]))

    async def _turn_away(self) -> None:
        code, wait = ErrorCode.TOO_MANY_CONNECTIONS, limits.SOCKET_RETRY
        detail = "Too many chats are open from your network. Please close some of them."
        await self.tell(Error(code=code, detail=detail, retry_after=wait))
        with suppress(OSError, RuntimeError):  # it is closed already
            await self.close(TOO_MANY)

    async def _act(self, frame: ClientFrame) -> None:
        match frame:
            case Hello():
                await self._on_hello(frame)
            case Ping():
                await self.tell(Pong())
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
        try:
            await self._watch(conversation)
            self.conversation = conversation
        finally:
            if self.conversation is None:  # another hello may succeed
                self._unwatch()
        await turns.resume(conversation.pk)

    async def _watch(self, conversation: Conversation) -> None:
        """Sends the transcript and whatever comes after it.

        Frames that come while the transcript is read are held back, so that none falls between.
        """
        self._held = []
        self._unsubscribe = relay.subscribe(conversation.pk, self._deliver)
        if relay.crosses_processes():
            await self.channel_layer.group_add(relay.group(conversation.pk), self.channel_name)
            self._watched = conversation.pk
            await relay.announce(conversation.pk)
        messages, going_on = await in_database(_read)(conversation)
        turn = await relay.snapshot(going_on) if going_on else None
        if going_on and turn is None:
            turn = TurnView(turn=str(going_on), text="")
        ready = Ready(conversation=str(conversation.pk), messages=messages, turn=turn)
        await self.tell(ready)
        while self._held:
            await self._write(self._held.pop(0))
        self._held = None

    def _unwatch(self) -> None:
        if self._unsubscribe:
            self._unsubscribe()
        self._unsubscribe = self._held = None

    async def _on_message(self, conversation: Conversation, frame: MessageSend) -> None:
        try:
            counted = await limits.message(conversation, self._client, frame.id)
        except limits.RateLimited as limited:
            if not await in_database(_is_stored)(conversation, frame):
                code, wait = ErrorCode.RATE_LIMITED, limited.wait
                await self.tell(
                    Error(code=code, detail=str(limited), retry_after=wait, id=frame.id)
                )
                return
            counted = False
        try:
            received, view = await in_database(_receive)(conversation, frame)
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
        runs.stop_soon(frame.turn)
        await relay.stop(conversation.pk, frame.turn)

    async def _on_sync(self, conversation: Conversation, frame: Sync) -> None:
        """Brings a client that saw a gap up to date."""
        ended = await in_database(_ended)(conversation, frame.turn)
        if ended is not None:
            await self.tell(ended)
            return
        live = await relay.snapshot(frame.turn)
        if live is None:
            return  # it has not begun, or its runner is silent: what it writes will come by itself
        text = live.text
        offset = frame.offset
        if offset > len(text):
            await self.tell(AnswerReset(turn=str(frame.turn), reason="resync"))
            offset = 0
        await self.tell(AnswerDelta(turn=str(frame.turn), offset=offset, text=text[offset:]))

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
            await self._write(text)

    async def tell(self, frame: ServerFrame) -> None:
        """Sends a frame to this socket alone."""
        await self._write(encode(frame))

    async def _write(self, text: str) -> None:
        """Writes to the socket. One that is closing takes no more, and `disconnect` follows: what
        was for it must not fail the turn that sent it, nor the sockets after it."""
        try:
            await self.base_send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError) as error:  # ASGI's word for it, and daphne's
            logger.debug("a frame came too late for a closing socket: %s", error)


def _read(conversation: Conversation) -> tuple[tuple[MessageView, ...], UUID | None]:
    messages = transcript.load(conversation)
    going_on = conversation.turns.filter(status__in=[Turn.Status.RUNNING, Turn.Status.QUEUED])
    return messages, going_on.values_list("pk", flat=True).order_by("-status").first()


def _is_stored(conversation: Conversation, frame: MessageSend) -> bool:
    return conversation.messages.filter(client_id=frame.id).exists()


def _receive(conversation: Conversation, frame: MessageSend) -> tuple[Received, MessageView]:
    received = conversations.receive(conversation, client_id=frame.id, text=frame.text)
    return received, transcript.view(received.message)


def _ended(conversation: Conversation, turn_id: UUID) -> AnswerCompleted | AnswerFailed | None:
    """How a turn ended; None while it goes on. Raises FrameError for one of another conversation."""
    turn = conversation.turns.filter(pk=turn_id).first()
    if turn is None:
        raise FrameError(ErrorCode.NOT_FOUND, "There is no such turn in this conversation.")
    if turn.status in {Turn.Status.QUEUED, Turn.Status.RUNNING}:
        return None
    last = turn.messages.exclude(role=Message.Role.CUSTOMER).get()
    if last.role == Message.Role.ASSISTANT:
        return AnswerCompleted(turn=str(turn_id), message=transcript.view(last))
    return AnswerFailed(turn=str(turn_id), code=turn.error_code, text=last.text, retryable=True)
