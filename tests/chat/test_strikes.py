"""Clients that send what is no frame."""

import json
import logging
import random
from typing import Any

import pytest

from chat import providers
from chat.consumers import POLICY, STRIKES
from chat.identity import Visitor
from tests.chat.socket import Socket
from tests.fakes import ScriptedProvider, says

pytestmark = pytest.mark.django_db(transaction=True)

NO_FRAMES: list[dict[str, Any]] = [
    {"data": b"\x00\x01"},
    {"text": ""},
    {"text": "{"},
    {"text": "[]"},
    {"text": "null"},
    {"text": "[" * 50_000},
    {"text": '{"type": "dance"}'},
    {"text": '{"type": "message.send", "id": "m", "text": "\\ud800"}'},
    {"text": '{"type": "sync", "turn": "' + "9" * 60_000 + '"}'},
    {"text": '{"type": "sync", "turn": 1e999}'},
    {"text": '{"type": "sync", "offset": ' + "9" * 5_000 + "}"},
    {"text": "\0"},
]


async def test_the_fifth_frame_that_is_none_closes_the_socket(ada: Visitor) -> None:
    async with Socket(ada) as socket:
        await socket.until("ready")
        for _ in range(STRIKES):
            await socket.send_raw(text="{")
            assert (await socket.receive())["code"] == "invalid_json"
        assert await socket.closed() == POLICY


async def test_with_one_less_the_conversation_goes_on(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("Fine.")))
    async with Socket(ada) as socket:
        await socket.until("ready")
        for _ in range(STRIKES - 1):
            await socket.send_raw(data=b"\xff")
            assert (await socket.receive())["code"] == "binary_frame"
        assert (await socket.ask("Hi"))["type"] == "answer.completed"


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "message.send", "id": "m", "text": ""},
        {"type": "message.send", "id": "m", "text": "x" * 4001},
        {"type": "message.send", "id": "m", "text": "a\0b"},
        {"type": "handoff.request"},
        {"type": "sync", "turn": "00000000-0000-4000-8000-000000000000"},
    ],
    ids=lambda frame: frame["type"],
)
async def test_what_a_customer_can_do_never_counts(ada: Visitor, frame: dict[str, Any]) -> None:
    async with Socket(ada) as socket:
        await socket.until("ready")
        for _ in range(2 * STRIKES):
            await socket.send(frame)
            assert (await socket.receive())["type"] == "error"
        await socket.send({"type": "ping"})
        await socket.until("pong")


async def test_whatever_comes_is_answered_in_kind_and_closed_as_policy_says(
    ada: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(5)
    for _ in range(20):
        async with Socket(ada) as socket:
            await socket.until("ready")
            for frame in chance.choices(NO_FRAMES, k=STRIKES):
                await socket.send_raw(**frame)
                answer = await socket.receive()
                assert answer["type"] == "error"
                assert answer["code"] in {
                    "binary_frame",
                    "invalid_json",
                    "invalid_frame",
                    "unknown_type",
                }, json.dumps(frame.get("text"))
            assert await socket.closed() == POLICY
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]
