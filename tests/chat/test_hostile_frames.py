"""Frames that no client of ours sends: a typed error, or the end of that socket, and no fault of ours.

The chaos suite sends ten thousand of them to a real server (`chaos.scenarios.frames`).
"""

import logging
from random import Random
from typing import Any

import pytest

from chaos import fuzz
from chat import providers
from chat.identity import Visitor
from chat.protocol import ErrorCode
from tests import shared_data
from tests.chat.socket import Socket
from tests.fakes import ScriptedProvider, says

pytestmark = pytest.mark.django_db(transaction=True)

SEED = 3
COUNT = 600


class Closed(Exception):
    """The server ended the socket. The argument is its code."""


async def answer(socket: Socket, frame: fuzz.Hostile) -> list[dict[str, Any]]:
    """What the server says to one frame, up to the pong after it. Raises Closed."""
    text = frame.data.decode() if frame.text else None
    await socket.send_raw(text=text, data=None if frame.text else frame.data)
    await socket.send({"type": "ping"})
    said = []
    while True:
        event = await socket.event()
        if event["type"] == "websocket.close":
            raise Closed(event.get("code"))
        said.append(event["frame"])
        if event["frame"]["type"] == "pong":
            return said


async def outcome(guest: Visitor, frames: list[fuzz.Hostile]) -> tuple[list[Any], list[str]]:
    """The codes that sockets were closed with, and those of all errors."""
    closes: list[Any] = []
    errors: list[str] = []
    waiting = list(frames)
    while waiting:
        async with Socket(guest) as socket:
            await socket.until("ready")
            try:
                while waiting:
                    said = await answer(socket, waiting.pop())
                    errors += [frame["code"] for frame in said if frame["type"] == "error"]
            except Closed as closed:
                closes.append(closed.args[0])
    return closes, errors


def readable(frames: list[fuzz.Hostile]) -> list[fuzz.Hostile]:
    """Those that reach a consumer: the server's end of the socket refuses the others itself."""
    return [f for f in frames if len(f.data) <= fuzz.BEYOND and f.kind != "not UTF-8"]


async def test_hostile_frames_are_answered(
    guest: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    providers.install(ScriptedProvider(says("Fine.")))
    strings = [row["text"] for row in shared_data.rows("attacks/attacks.jsonl")]
    with caplog.at_level(logging.WARNING):
        closes, errors = await outcome(guest, readable(fuzz.frames(Random(SEED), COUNT, strings)))
    assert not set(closes) - {1008}
    assert errors
    assert ErrorCode.INTERNAL not in errors
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def test_every_field_of_every_frame_may_be_of_any_type(
    guest: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    providers.install(ScriptedProvider(says("Fine.")))
    closes, errors = await outcome(guest, readable(fuzz.mistyped()))
    assert not set(closes) - {1008}
    assert ErrorCode.INTERNAL not in errors
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def test_real_questions_are_answered_and_none_is_blocked(guest: Visitor) -> None:
    providers.install(ScriptedProvider(says("Of course.")))
    questions = [row["text"] for row in shared_data.rows("attacks/benign.jsonl")]
    async with Socket(guest) as socket:
        await socket.until("ready")
        for question in questions:
            assert (await socket.ask(question))["message"]["text"] == "Of course."
    assert not [frame for frame in socket.frames if frame["type"] == "error"]


def test_the_frames_are_of_all_kinds_and_the_same_for_a_seed() -> None:
    made = fuzz.frames(Random(SEED), 2_000)
    assert made == fuzz.frames(Random(SEED), 2_000)
    kinds = {frame.kind for frame in made}
    assert {"binary", "broken JSON", "deep", "NUL", "lone surrogates", "huge"} <= kinds
    assert max(len(frame.data) for frame in made) > 1_000_000
    assert min(len(frame.data) for frame in made) <= 1
