"""Every frame with every id in it, sent by those whose it is not: no leak, no change.

Made from the protocol's union of frames: one that is added, and a field that is added to one, fails
the test until it is in the matrix.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pytest
from pydantic import BaseModel

from chat import identity, providers, relay
from chat.database import in_database
from chat.identity import Visitor
from chat.models import Conversation, Message, Turn
from chat.protocol import ClientFrame, Hello, MessageCreated, Ping
from chat.transcript import view
from tests import planted
from tests.chat.socket import Socket
from tests.fakes import ScriptedProvider, says
from tests.routes import Rows
from tests.tokens import expired_session

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "canary-7f3a"
CLIENT_ID = "an-id-of-the-owner"

Frame = type[BaseModel]
Value = Callable[[Rows, str], Any]


def _field(model: type[Conversation | Turn | Message], name: str) -> Value:
    return lambda rows, token: str(getattr(rows[model], name))


def _plain(value: Any) -> Value:
    return lambda rows, token: value


VALUES: dict[tuple[str, str], Value] = {
    ("hello", "token"): lambda rows, token: token,
    ("hello", "conversation"): _field(Conversation, "pk"),
    ("hello", "turn"): _field(Turn, "pk"),
    ("hello", "offset"): _plain(0),
    ("message.send", "id"): _plain(CLIENT_ID),
    ("message.send", "text"): _plain("What did I say before?"),
    ("answer.stop", "turn"): _field(Turn, "pk"),
    ("sync", "turn"): _field(Turn, "pk"),
    ("sync", "offset"): _plain(0),
    ("feedback.send", "message"): _field(Message, "public_id"),
    ("feedback.send", "rating"): _plain("down"),
    ("feedback.send", "comment"): _plain("I was here."),
}
"""What each field of each frame says: an id of the owner's wherever there is room for one."""

ALTERS = {"feedback.send", "answer.stop", "message.send"}
"""What the owner changes by these."""

ENDS = ("answer.completed", "answer.failed")


@dataclass(frozen=True)
class Persona:
    """Somebody who is not the owner, and the token that they have; "" for none at all."""

    name: str
    token: str
    greets: bool = True


def every_frame() -> tuple[Frame, ...]:
    """The frames a client may send."""
    frames: tuple[Frame, ...] = get_args(get_args(ClientFrame)[0])
    return frames


def name_of(frame: Frame) -> str:
    name: str = frame.model_fields["type"].default
    return name


def fields_of(frames: Iterable[Frame]) -> set[tuple[str, str]]:
    return {(name_of(f), field) for f in frames for field in f.model_fields if field != "type"}


def filled(frame: Frame, rows: Rows, token: str) -> dict[str, Any]:
    """The frame as somebody sends it who has read the owner's ids over their shoulder."""
    name = name_of(frame)
    fields = [field for field in frame.model_fields if field != "type"]
    return {"type": name} | {field: VALUES[name, field](rows, token) for field in fields}


@pytest.fixture
def rows(transactional_db: None, ada: Visitor) -> Rows:
    """The owner's: a conversation with a reply, and one row of all else."""
    providers.install(ScriptedProvider(says("I do not know.")))
    values = {
        "chat.Conversation.owner": ada.owner,
        "chat.Message.client_id": CLIENT_ID,
        "chat.Feedback.rating": "up",
        "knowledge.Article.status": "draft",
    }
    return planted.plant(CANARY, values)


@pytest.fixture
def personas(ada: Visitor, mallory: Visitor) -> list[Persona]:
    return [
        Persona("nobody", "", greets=False),
        Persona("anonymous", identity.issue_session(identity.new_visitor())),
        Persona("another customer", identity.issue_session(mallory)),
        Persona("expired", expired_session(ada)),
        Persona("forged", forged_session(ada, mallory)),
    ]


def forged_session(of: Visitor, by: Visitor) -> str:
    """The claims of one, with the signature of another's token."""
    claims, _, _ = identity.issue_session(of).rpartition(":")
    _, _, signature = identity.issue_session(by).rpartition(":")
    return f"{claims}:{signature}"


async def told(persona: Persona, frame: Frame, rows: Rows) -> str:
    """All that a persona's socket hears after it has sent one frame."""
    async with Socket() as socket:
        if persona.greets and frame is not Hello:
            await socket.send({"type": "hello", "token": persona.token})
            if (await socket.receive())["type"] == "ready":
                socket.frames.clear()
        await socket.send(filled(frame, rows, persona.token))
        await _publish(rows)
        await socket.send({"type": "ping"})
        await socket.until("pong")
        if frame is Ping:
            await socket.until("pong")
        heard = {frame["type"] for frame in socket.frames}
        if "message.accepted" in heard and heard.isdisjoint(ENDS):
            await socket.until(*ENDS)
    return str(socket.frames)


async def _publish(rows: Rows) -> None:
    """What the owner's own sockets hear meanwhile."""
    message = await Message.objects.aget(pk=rows[Message].pk)
    news = MessageCreated(message=await in_database(view)(message))
    await relay.publish(message.conversation_id, news)


@pytest.mark.parametrize("frame", every_frame(), ids=name_of)
async def test_nobody_reads_or_changes_what_is_the_owners(
    frame: Frame, rows: Rows, personas: list[Persona]
) -> None:
    before = await in_database(planted.snapshot)(rows.values())
    for persona in personas:
        assert CANARY not in await told(persona, frame, rows), persona.name
        assert await in_database(planted.snapshot)(rows.values()) == before, persona.name


@pytest.mark.parametrize("frame", every_frame(), ids=name_of)
async def test_the_owner_does(frame: Frame, rows: Rows, ada: Visitor) -> None:
    """The control: with the owner's token the same frames show it, and change it."""
    before = await in_database(planted.snapshot)(rows.values())
    heard = await told(Persona("the owner", identity.issue_session(ada)), frame, rows)
    assert CANARY in heard
    if name_of(frame) in ALTERS:
        assert await in_database(planted.snapshot)(rows.values()) != before


def test_every_frame_and_each_of_its_fields_is_in_the_matrix() -> None:
    assert fields_of(every_frame()) == VALUES.keys()


def test_a_frame_that_is_missing_from_the_matrix_is_noticed() -> None:
    class TranscriptExport(BaseModel):
        type: Literal["transcript.export"] = "transcript.export"
        conversation: str

    missing = fields_of([*every_frame(), TranscriptExport]) - VALUES.keys()
    assert missing == {("transcript.export", "conversation")}
