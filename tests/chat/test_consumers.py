"""The chat as a client of the WebSocket sees it."""

import asyncio
import json
import logging
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from chat import identity, limits, providers
from chat.consumers import chat
from chat.identity import Visitor
from chat.limits import Counters
from chat.llm.base import Request, ToolMessage
from chat.models import Conversation, Feedback, Message, Turn
from chat.open_sockets import OpenSockets
from chat.windows import MemoryWindows, Windows
from tests.chat.socket import TIMEOUT, Socket
from tests.chat.test_windows import Clock
from tests.fakes import ScriptedProvider, says

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_question_is_answered_in_a_stream(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("Hello", ", Ada", ".")))
    async with Socket(ada) as socket:
        assert (await socket.receive())["type"] == "ready"
        client_id = await socket.say("Hi")
        accepted = await socket.until("message.accepted")
        assert accepted["id"] == client_id
        completed = await socket.until("answer.completed")
    assert completed["message"]["text"] == socket.streamed == "Hello, Ada."
    reply = await Message.objects.aget(role=Message.Role.ASSISTANT)
    assert reply.text == "Hello, Ada."
    assert str(reply.public_id) == completed["message"]["id"]


async def test_the_same_message_id_again_gets_the_same_answer(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("Once.")))
    async with Socket(ada) as socket:
        await socket.say("Hi", "id-1")
        first = await socket.until("message.accepted")
        await socket.until("answer.completed")
        await socket.say("Hi", "id-1")
        again = await socket.until("message.accepted")
        assert await socket.nothing()
    assert first == again
    assert await Message.objects.acount() == 2


async def test_the_same_message_id_with_another_text_is_refused(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("Once.")))
    async with Socket(ada) as socket:
        await socket.say("Hi", "id-1")
        await socket.until("answer.completed")
        await socket.say("Something else", "id-1")
        error = await socket.until("error")
    assert (error["code"], error["id"]) == ("message_conflict", "id-1")


async def test_two_tabs_of_one_conversation_show_the_same(ada: Visitor) -> None:
    providers.install(
        ScriptedProvider(says(*["A", "longer", "answer", "in", "pieces."], pause=0.02))
    )
    async with Socket(ada) as one, Socket(ada) as two:
        await one.until("ready")
        await two.until("ready")
        client_id = await one.say("Hi")
        created = await two.until("message.created")
        ends = [await tab.until("answer.completed") for tab in (one, two)]
    assert created["message"]["client_id"] == client_id
    assert ends[0] == ends[1]
    assert one.streamed == two.streamed == ends[0]["message"]["text"]
    assert not [frame for frame in one.frames if frame["type"] == "message.created"]


async def test_a_client_that_comes_back_in_mid_answer_gets_the_text_so_far(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("One ", "two ", "three ", "four.", pause=0.1)))
    async with Socket(ada) as socket:
        await socket.say("Hi")
        await socket.until("answer.delta")
    async with Socket(ada) as socket:
        ready = await socket.until("ready")
        assert ready["turn"]["text"].startswith("One")
        completed = await socket.until("answer.completed")
    deltas = [frame for frame in socket.frames if frame["type"] == "answer.delta"]
    text = ready["turn"]["text"]
    for delta in deltas:
        text = text[: delta["offset"]] + delta["text"]
    assert text == completed["message"]["text"] == "One two three four."


async def test_sync_fills_a_gap(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("One ", "two ", "three.", pause=0.15)))
    async with Socket(ada) as socket:
        await socket.say("Hi")
        turn = (await socket.until("answer.started"))["turn"]
        await socket.until("answer.delta")
        await socket.until("answer.delta")
        await socket.send({"type": "sync", "turn": turn, "offset": 0})
        delta = await socket.until("answer.delta")
        assert (delta["offset"], delta["text"][:7]) == (0, "One two")
        await socket.until("answer.completed")
        await socket.send({"type": "sync", "turn": turn, "offset": 3})
        assert (await socket.receive())["message"]["text"] == "One two three."


async def test_sync_beyond_the_end_starts_over(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("One ", "two.", pause=0.2)))
    async with Socket(ada) as socket:
        await socket.say("Hi")
        turn = (await socket.until("answer.delta"))["turn"]
        await socket.send({"type": "sync", "turn": turn, "offset": 99})
        assert (await socket.until("answer.reset"))["reason"] == "resync"
        assert (await socket.receive())["offset"] == 0


async def test_stop_keeps_what_was_said_and_says_that_it_is_not_all(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("One ", "two ", "three.", pause=0.5)))
    async with Socket(ada) as socket:
        await socket.say("Hi")
        turn = (await socket.until("answer.delta"))["turn"]
        await socket.send({"type": "answer.stop", "turn": turn})
        completed = await socket.until("answer.completed")
    assert completed["message"]["partial"] is True
    assert completed["message"]["text"].strip() == "One"
    assert (await Turn.objects.aget()).status == Turn.Status.STOPPED


async def test_stop_before_any_text_ends_the_turn_visibly(ada: Visitor) -> None:
    providers.install(ScriptedProvider([5.0]))
    async with Socket(ada) as socket:
        await socket.say("Hi")
        turn = (await socket.until("answer.started"))["turn"]
        await socket.send({"type": "answer.stop", "turn": turn})
        failed = await socket.until("answer.failed")
    assert failed["code"] == "stopped"


async def test_messages_that_arrive_meanwhile_are_answered_together(ada: Visitor) -> None:
    provider = ScriptedProvider(says("First.", pause=0.3), says("Second."))
    providers.install(provider)
    async with Socket(ada) as socket:
        await socket.say("one")
        await socket.until("answer.started")
        await socket.say("two")
        await socket.say("three")
        await socket.until("answer.completed")
        await socket.until("answer.completed")
    assert texts(provider.requests[0]) == ["one"]
    assert texts(provider.requests[1]) == ["one", "First.", "two", "three"]
    assert await Turn.objects.acount() == 2


def texts(request: Request) -> list[str]:
    return [m.text for m in request.messages if not isinstance(m, ToolMessage)]


async def test_closing_the_tab_does_not_stop_the_answer(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("One ", "two.", pause=0.1)))
    async with Socket(ada) as socket:
        await socket.say("Hi")
        await socket.until("answer.started")
    async with Socket(ada) as socket:
        ready = await socket.until("ready")
        if ready.get("turn"):
            await socket.until("answer.completed")
    assert (await Message.objects.aget(role=Message.Role.ASSISTANT)).text == "One two."


async def test_a_thumb_is_stored_and_can_be_turned(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("Here you are.")))
    async with Socket(ada) as socket:
        reply = (await socket.ask("Hi"))["message"]["id"]
        thumb = {"type": "feedback.send", "message": reply}
        await socket.send(thumb | {"rating": "up"})
        await socket.send(thumb | {"rating": "down", "comment": "Too short"})
        await socket.send({"type": "ping"})
        await socket.until("pong")
    feedback = await Feedback.objects.aget()
    assert (feedback.rating, feedback.comment) == ("down", "Too short")


BAD_FRAMES = [
    ("empty text", {"type": "message.send", "id": "m", "text": ""}, "message_empty"),
    ("only spaces", {"type": "message.send", "id": "m", "text": " \n "}, "message_empty"),
    ("4,001 characters", {"type": "message.send", "id": "m", "text": "x" * 4001}, "message_too_long"),
    ("a NUL", {"type": "message.send", "id": "m", "text": "a\0b"}, "message_invalid"),
    ("an id that is no id", {"type": "message.send", "id": "", "text": "a"}, "invalid_frame"),
    ("text that is no text", {"type": "message.send", "id": "m", "text": 7}, "invalid_frame"),
    ("an array", [1, 2], "invalid_frame"),
    ("no type", {"text": "a"}, "invalid_frame"),
    ("an unknown type", {"type": "dance"}, "unknown_type"),
    ("a turn of nobody", {"type": "answer.stop", "turn": str(uuid4())}, "not_found"),
    ("a sync of nobody's turn", {"type": "sync", "turn": str(uuid4())}, "not_found"),
    ("a thumb on nothing", {"type": "feedback.send", "message": str(uuid4()), "rating": "up"}, "not_found"),
    ("a third rating", {"type": "feedback.send", "message": str(uuid4()), "rating": "?"}, "invalid_frame"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("frame", "code"), [f[1:] for f in BAD_FRAMES], ids=[f[0] for f in BAD_FRAMES]
)
async def test_bad_input_gets_a_typed_error_and_the_conversation_goes_on(
    ada: Visitor, frame: object, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    providers.install(ScriptedProvider(says("Fine.")))
    async with Socket(ada) as socket:
        await socket.until("ready")
        await socket.send(frame)
        error = await socket.receive()
        assert (error["type"], error["code"]) == ("error", code)
        assert error["detail"]
        assert (await socket.ask("Hi"))["type"] == "answer.completed"
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("text", "data", "code"),
    [
        (None, b"\x00\x01", "binary_frame"),
        ("{", None, "invalid_json"),
        ("", None, "invalid_json"),
        ('{"type": "message.send", "id": "m", "text": "\\ud800"}', None, "invalid_json"),
        (json.dumps({"type": "message.send", "id": "m"}) * 2, None, "invalid_json"),
        ("[" * 10_000, None, "invalid_json"),
    ],
    ids=["binary", "half JSON", "nothing", "lone surrogate", "two objects", "deep nesting"],
)
async def test_what_is_not_json_gets_a_typed_error(
    ada: Visitor, text: str | None, data: bytes | None, code: str
) -> None:
    async with Socket(ada) as socket:
        await socket.until("ready")
        await socket.send_raw(text=text, data=data)
        assert (await socket.receive())["code"] == code
        await socket.send({"type": "ping"})
        await socket.until("pong")


async def test_the_first_frame_is_hello() -> None:
    async with Socket() as socket:
        await socket.say("Hi")
        assert (await socket.receive())["code"] == "hello_required"


async def test_a_wrong_token_is_refused_and_a_right_one_then_works(ada: Visitor) -> None:
    async with Socket() as socket:
        await socket.send({"type": "hello", "token": "forged"})
        assert (await socket.receive())["code"] == "unauthorized"
        socket.visitor = ada
        await socket.hello()
        assert (await socket.receive())["type"] == "ready"


async def test_a_second_hello_is_refused(ada: Visitor) -> None:
    async with Socket(ada) as socket:
        await socket.until("ready")
        await socket.hello()
        assert (await socket.receive())["code"] == "already_greeted"


async def test_another_customers_conversation_looks_like_none(
    ada: Visitor, mallory: Visitor
) -> None:
    providers.install(ScriptedProvider(says("A secret.")))
    async with Socket(ada) as socket:
        conversation = (await socket.until("ready"))["conversation"]
        completed = await socket.ask("Hi")
    async with Socket() as socket:
        socket.visitor = mallory
        await socket.hello(conversation=conversation)
        foreign = await socket.receive()
        await socket.hello(conversation=str(uuid4()))
        missing = await socket.receive()
        assert foreign == missing
        assert foreign["code"] == "not_found"
        await socket.hello()
        assert (await socket.until("ready"))["messages"] == []
        for frame in (
            {"type": "sync", "turn": completed["turn"]},
            {"type": "answer.stop", "turn": completed["turn"]},
            {"type": "feedback.send", "message": completed["message"]["id"], "rating": "down"},
        ):
            await socket.send(frame)
            assert (await socket.receive())["code"] == "not_found"
    assert not await Feedback.objects.aexists()


async def test_a_socket_that_closes_while_it_is_written_to_costs_the_others_nothing(
    ada: Visitor,
) -> None:
    providers.install(ScriptedProvider(says("Hello", ", Ada", ".", pause=0.05)))
    frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    refused: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        """As daphne does between the close frame and the end of the connection."""
        if message["type"] == "websocket.send" and "answer" in message["text"]:
            refused.append(message)
            raise RuntimeError("Attempt to send on a closed protocol")

    await frames.put({"type": "websocket.connect"})
    hello = json.dumps({"type": "hello", "token": identity.issue_session(ada)})
    await frames.put({"type": "websocket.receive", "text": hello})
    scope = {"type": "websocket", "path": "/ws/chat/", "headers": []}
    closing = asyncio.create_task(chat(scope, frames.get, send))
    async with Socket(ada) as socket:
        completed = await socket.ask("Hi")
    await frames.put({"type": "websocket.disconnect", "code": 1001})
    await asyncio.wait_for(closing, TIMEOUT)
    assert completed["message"]["text"] == "Hello, Ada."
    assert refused


async def test_a_comment_keeps_nothing_that_cannot_be_stored(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("Hello.")))
    async with Socket(ada) as socket:
        message = (await socket.ask("Hi"))["message"]["id"]
        frame = {"type": "feedback.send", "message": message, "rating": "up"}
        await socket.send({**frame, "comment": "good\0 answer"})
        assert await socket.nothing()
    assert (await Feedback.objects.aget()).comment == "good answer"


async def test_an_email_that_the_shop_verified_anew_is_the_one_that_counts(ada: Visitor) -> None:
    assert ada.customer
    moved = replace(ada, customer=replace(ada.customer, email="new@mail.example"))
    for visitor in (ada, moved):
        async with Socket(visitor) as socket:
            await socket.until("ready")
    assert (await Conversation.objects.aget()).customer_email == "new@mail.example"


# Limits ------------------------------------------------------------------------------------------


class Caller(Socket):
    """A socket that comes through a proxy, and may be closed by the server."""

    def __init__(self, visitor: Visitor | None = None, *, forwarded: str = "") -> None:
        super().__init__(visitor)
        self._communicator.scope["headers"].append((b"x-forwarded-for", forwarded.encode()))

    async def closed(self) -> int:
        """The code that the server closes it with."""
        closing = await self._communicator.receive_output(TIMEOUT)
        assert closing["type"] == "websocket.close"
        code: int = closing["code"]
        return code


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The time of the limits, which passes when the test says so."""
    clock = Clock()
    limits.install(Counters(Windows(MemoryWindows(clock), None), OpenSockets(None)))
    yield clock
    limits.install(None)


async def test_a_message_too_many_is_refused_with_the_time_to_wait(
    ada: Visitor, settings: Settings, clock: Clock
) -> None:
    settings.MESSAGES_PER_MINUTE = 2
    providers.install(ScriptedProvider(says("Fine.")))
    async with Socket(ada) as socket:
        await socket.ask("one")
        clock.now += 20
        await socket.ask("two")
        await socket.say("three", "id-3")
        error = await socket.receive()
        assert error == {
            "type": "error",
            "code": "rate_limited",
            "detail": "That was too much at once. Please try again in 40 s.",
            "retry_after": 40,
            "id": "id-3",
        }
        assert await socket.nothing()
        assert not await Message.objects.filter(text="three").aexists()
        clock.now += 40
        await socket.say("three", "id-3")
        assert (await socket.until("message.accepted", "error"))["id"] == "id-3"
        await socket.until("answer.completed")
    assert await Message.objects.filter(text="three").acount() == 1


async def test_a_stored_message_gets_its_first_answer_again_at_the_limit(
    ada: Visitor, settings: Settings, clock: Clock
) -> None:
    settings.MESSAGES_PER_MINUTE = 1
    providers.install(ScriptedProvider(says("Once.")))
    async with Socket(ada) as socket:
        await socket.say("Hi", "id-1")
        first = await socket.until("message.accepted")
        await socket.until("answer.completed")
        clock.now += 61  # no window remembers it
        await socket.ask("another")
        await socket.say("Hi", "id-1")
        assert await socket.until("message.accepted", "error") == first
        await socket.say("Hello?", "id-1")
        assert (await socket.until("message.accepted", "error"))["code"] == "message_conflict"
    assert await Message.objects.filter(role=Message.Role.CUSTOMER).acount() == 2


async def test_a_message_that_comes_again_counts_once(
    ada: Visitor, settings: Settings, clock: Clock
) -> None:
    settings.MESSAGES_PER_MINUTE = 2
    providers.install(ScriptedProvider(says("Fine.")))
    async with Socket(ada) as socket:
        await socket.say("one", "id-1")
        await socket.until("answer.completed")
        for _ in range(5):
            await socket.say("one", "id-1")
            await socket.until("message.accepted")
        await socket.ask("two")
        await socket.say("three")
        assert (await socket.receive())["code"] == "rate_limited"


async def test_sending_a_message_again_does_not_make_room_for_another(
    ada: Visitor, settings: Settings, clock: Clock
) -> None:
    settings.MESSAGES_PER_MINUTE = 2
    providers.install(ScriptedProvider(says("Fine.")))
    async with Socket(ada) as socket:
        for number in ("1", "2"):
            for _ in range(3):
                await socket.say(number, f"id-{number}")
                await socket.until("message.accepted")
        for number in ("3", "4"):
            await socket.say(number)
            assert (await socket.until("error"))["code"] == "rate_limited"


async def test_a_thousand_messages_through_one_proxy_are_one_clients(
    settings: Settings, clock: Clock
) -> None:
    settings.TRUSTED_PROXIES, settings.MESSAGES_PER_MINUTE_IP = 1, 30
    providers.install(ScriptedProvider(says("Fine.")))
    dice = random.Random(7)
    answers: Counter[str] = Counter()
    for n in range(20):
        written = ".".join(str(dice.randrange(256)) for _ in range(4))
        socket = Caller(Visitor(f"visitor:{n}"), forwarded=f"{written}, 203.0.113.9")
        async with socket:
            await socket.until("ready")
            for _ in range(50):
                await socket.say("Hi")
                answers[(await socket.until("message.accepted", "error"))["type"]] += 1
    assert answers == {"message.accepted": 30, "error": 970}
    assert await Message.objects.filter(role=Message.Role.CUSTOMER).acount() == 30


async def test_a_socket_too_many_is_told_so_and_closed(ada: Visitor, settings: Settings) -> None:
    settings.SOCKETS_PER_IP = 2
    async with Socket(ada) as one, Socket(ada) as two:
        await one.until("ready")
        await two.until("ready")
        three = Caller()
        async with three:
            error = await three.receive()
            assert (error["code"], error["retry_after"]) == ("too_many_connections", 30)
            assert await three.closed() == 4429
            three.visitor = ada
            await three.hello()
            assert await three.nothing(), "what it still sends is not heard"
    async with Socket(ada) as next_one:
        assert (await next_one.receive())["type"] == "ready"


async def test_a_socket_that_breaks_no_longer_counts(ada: Visitor, settings: Settings) -> None:
    settings.SOCKETS_PER_IP = 1
    frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    accepted = asyncio.Event()

    async def send(message: dict[str, Any]) -> None:
        accepted.set()

    await frames.put({"type": "websocket.connect"})
    scope: dict[str, Any] = {"type": "websocket", "path": "/ws/chat/", "headers": []}
    broken = asyncio.create_task(chat(scope, frames.get, send))
    await asyncio.wait_for(accepted.wait(), TIMEOUT)
    broken.cancel()
    await asyncio.wait({broken})
    async with Socket(ada) as socket:
        assert (await socket.receive())["type"] == "ready"
