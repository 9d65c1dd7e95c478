"""Every WebSocket frame, in both directions: the one definition of the chat protocol.

A frame is one JSON object whose `type` is its name; docs/protocol.md explains each to the author
of a client. Offsets count Unicode code points, as Python's `len` does.
"""

import re
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails

MAX_MESSAGE_LENGTH = 4000
"""Characters of one customer message: about a page, more than anybody types into a chat."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class ErrorCode(StrEnum):
    """What was wrong with a client's frame. Clients act on the code, people read the detail."""

    BINARY_FRAME = "binary_frame"
    INVALID_JSON = "invalid_json"
    INVALID_FRAME = "invalid_frame"
    UNKNOWN_TYPE = "unknown_type"
    HELLO_REQUIRED = "hello_required"
    ALREADY_GREETED = "already_greeted"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    MESSAGE_EMPTY = "message_empty"
    MESSAGE_TOO_LONG = "message_too_long"
    MESSAGE_INVALID = "message_invalid"
    MESSAGE_CONFLICT = "message_conflict"
    NOT_SUPPORTED = "not_supported"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    INTERNAL = "internal"


class FrameError(Exception):
    """A frame the server cannot act on. `id` is the client's message id where one is known."""

    def __init__(self, code: ErrorCode, detail: str, *, id: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.id = id


class _Frame(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


# From the client ---------------------------------------------------------------------------------

ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Hello(_Frame):
    """The first frame: who speaks, and what is known of the running turn."""

    type: Literal["hello"] = "hello"
    token: Annotated[str, StringConstraints(max_length=4096)]
    conversation: UUID | None = None
    turn: UUID | None = None
    offset: int = Field(default=0, ge=0)


class MessageSend(_Frame):
    """A customer's message, under an id of the client's."""

    type: Literal["message.send"] = "message.send"
    id: ClientId
    text: str


class AnswerStop(_Frame):
    """Ends an answer early."""

    type: Literal["answer.stop"] = "answer.stop"
    turn: UUID


class Sync(_Frame):
    """Asks for the text of a turn from an offset on."""

    type: Literal["sync"] = "sync"
    turn: UUID
    offset: int = Field(default=0, ge=0)


class FeedbackSend(_Frame):
    """A thumb on a reply, with a comment perhaps."""

    type: Literal["feedback.send"] = "feedback.send"
    message: UUID
    rating: Literal["up", "down"]
    comment: Annotated[
        str, StringConstraints(max_length=2000), AfterValidator(partial(_CONTROL.sub, ""))
    ] = ""


class HandoffRequest(_Frame):
    """Asks for a person."""

    type: Literal["handoff.request"] = "handoff.request"


class Typing(_Frame):
    """The customer is writing."""

    type: Literal["typing"] = "typing"


class Ping(_Frame):
    """Is the line alive?"""

    type: Literal["ping"] = "ping"


ClientFrame = Annotated[
    Hello | MessageSend | AnswerStop | Sync | FeedbackSend | HandoffRequest | Typing | Ping,
    Field(discriminator="type"),
]
_client_frames: TypeAdapter[
    Hello | MessageSend | AnswerStop | Sync | FeedbackSend | HandoffRequest | Typing | Ping
] = TypeAdapter(ClientFrame)


def decode(text: str) -> ClientFrame:
    """Reads one frame of a client. Raises FrameError, which says what is wrong with it."""
    try:
        frame = _client_frames.validate_json(text)
    except ValidationError as error:
        raise _frame_error(error.errors(include_url=False)[0]) from None
    if isinstance(frame, MessageSend):
        _check_message(frame)
    return frame


def _frame_error(first: ErrorDetails) -> FrameError:
    where = ".".join(str(part) for part in first["loc"][1:])
    match first["type"]:
        case "json_invalid":
            return FrameError(ErrorCode.INVALID_JSON, "The frame is not valid JSON.")
        case "union_tag_invalid":
            return FrameError(ErrorCode.UNKNOWN_TYPE, "The frame's type is not known here.")
        case "model_attributes_type" | "model_type" | "union_tag_not_found":
            detail = "A frame is one JSON object with a type."
            return FrameError(ErrorCode.INVALID_FRAME, detail)
        case _:
            return FrameError(ErrorCode.INVALID_FRAME, f"{where or 'frame'}: {first['msg']}.")


def _check_message(frame: MessageSend) -> None:
    if not frame.text.strip():
        raise FrameError(ErrorCode.MESSAGE_EMPTY, "The message is empty.", id=frame.id)
    if len(frame.text) > MAX_MESSAGE_LENGTH:
        detail = f"A message has at most {MAX_MESSAGE_LENGTH:,} characters; this one has {len(frame.text):,}."
        raise FrameError(ErrorCode.MESSAGE_TOO_LONG, detail, id=frame.id)
    if _CONTROL.search(frame.text):
        detail = "The message contains control characters, which cannot be stored."
        raise FrameError(ErrorCode.MESSAGE_INVALID, detail, id=frame.id)


# From the server ---------------------------------------------------------------------------------


class CitationView(_Frame):
    """A source of a reply."""

    title: str
    heading: str
    url: str


class ReceiptField(_Frame):
    """A line of a receipt."""

    label: str
    value: str


class Receipt(_Frame):
    """What a tool did or found, as a card. Made from the tool call's row, never from a model's words."""

    title: str
    fields: tuple[ReceiptField, ...] = ()
    tone: Literal["neutral", "success", "warning"] = "neutral"


class MessageView(_Frame):
    """A message of the transcript."""

    id: str
    role: Literal["customer", "assistant", "agent", "system"]
    text: str
    html: str
    citations: tuple[CitationView, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    partial: bool = False
    rating: Literal["up", "down"] | None = None
    client_id: str | None = None
    created_at: str


class ToolView(_Frame):
    """A tool call of a running turn."""

    ordinal: int
    name: str
    label: str
    finished: bool


class TurnView(_Frame):
    """A turn that is still going on: its text so far, and the tools it has called."""

    turn: str
    text: str
    tools: tuple[ToolView, ...] = ()


class Ready(_Frame):
    """The transcript, and the answer that is being written."""

    type: Literal["ready"] = "ready"
    conversation: str
    messages: tuple[MessageView, ...]
    turn: TurnView | None = None


class MessageAccepted(_Frame):
    """The message is stored, and will be answered by `turn`."""

    type: Literal["message.accepted"] = "message.accepted"
    id: str
    message: str
    turn: str


class MessageCreated(_Frame):
    """Somebody else added a message."""

    type: Literal["message.created"] = "message.created"
    message: MessageView


class AnswerStarted(_Frame):
    """The turn runs; text of an earlier run is void."""

    type: Literal["answer.started"] = "answer.started"
    turn: str


class AnswerDelta(_Frame):
    """A piece of the answer that begins at `offset`."""

    type: Literal["answer.delta"] = "answer.delta"
    turn: str
    offset: int
    text: str


class AnswerReset(_Frame):
    """The text of this turn is void; it starts again."""

    type: Literal["answer.reset"] = "answer.reset"
    turn: str
    reason: str


class ToolStarted(_Frame):
    """A tool is at work."""

    type: Literal["tool.started"] = "tool.started"
    turn: str
    ordinal: int
    name: str
    label: str


class ToolFinished(_Frame):
    """It is done, with what it did."""

    type: Literal["tool.finished"] = "tool.finished"
    turn: str
    ordinal: int
    name: str
    label: str
    receipt: Receipt | None = None


class AnswerCompleted(_Frame):
    """The reply as it is stored."""

    type: Literal["answer.completed"] = "answer.completed"
    turn: str
    message: MessageView


class AnswerFailed(_Frame):
    """No answer came; `text` says so to the customer."""

    type: Literal["answer.failed"] = "answer.failed"
    turn: str
    code: str
    text: str
    retryable: bool


class ConversationUpdated(_Frame):
    """The conversation was closed or taken over."""

    type: Literal["conversation.updated"] = "conversation.updated"
    status: str
    agent: str | None = None


class Restarting(_Frame):
    """The server is about to restart."""

    type: Literal["restarting"] = "restarting"
    retry_after_ms: int


class Error(_Frame):
    """The client's last frame could not be acted on."""

    type: Literal["error"] = "error"
    code: ErrorCode
    detail: str
    retry_after: float | None = None
    id: str | None = None


class Pong(_Frame):
    """The line is alive."""

    type: Literal["pong"] = "pong"


ServerFrame = (
    Ready
    | MessageAccepted
    | MessageCreated
    | AnswerStarted
    | AnswerDelta
    | AnswerReset
    | ToolStarted
    | ToolFinished
    | AnswerCompleted
    | AnswerFailed
    | ConversationUpdated
    | Restarting
    | Error
    | Pong
)


def encode(frame: ServerFrame) -> str:
    """One frame as JSON text, without the keys that are None."""
    return frame.model_dump_json(exclude_none=True)


def encode_delta(turn: str, offset: int, text: str) -> str:
    """An AnswerDelta as JSON text. It is sent dozens of times a second for every answer, and making
    a model of it first takes ten times as long."""
    return orjson.dumps(
        {"type": "answer.delta", "turn": turn, "offset": offset, "text": text}
    ).decode()


def as_json(model: BaseModel) -> dict[str, Any]:
    """A model as plain JSON values, for a JSON column."""
    return model.model_dump(mode="json")
