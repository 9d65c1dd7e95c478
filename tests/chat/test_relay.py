"""Frames on their way to whoever watches."""

import asyncio
import json
from uuid import uuid4

from chat import relay
from chat.protocol import AnswerDelta, encode_delta
from chat.relay import LiveAnswer


class Watcher:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.frames: list[dict[str, object]] = []

    async def __call__(self, text: str) -> None:
        self.frames.append(json.loads(text))


async def test_the_first_piece_goes_out_at_once_and_the_rest_gathered() -> None:
    conversation, watcher = uuid4(), Watcher()
    relay.subscribe(conversation, watcher)
    with LiveAnswer(conversation, uuid4()) as live:
        await live.write("One")
        assert [frame["text"] for frame in watcher.frames] == ["One"]
        for piece in (" two", " three", " four"):
            await live.write(piece)
        assert len(watcher.frames) == 1
        await asyncio.sleep(2 * relay.FLUSH_INTERVAL)
    assert [frame["text"] for frame in watcher.frames] == ["One", " two three four"]


def test_a_delta_is_encoded_as_its_frame_is() -> None:
    frame = AnswerDelta(turn=str(uuid4()), offset=7, text='“é" \n🦊')
    assert json.loads(encode_delta(frame.turn, frame.offset, frame.text)) == frame.model_dump()


async def test_offsets_count_code_points() -> None:
    conversation, watcher = uuid4(), Watcher()
    relay.subscribe(conversation, watcher)
    with LiveAnswer(conversation, uuid4()) as live:
        await live.write("🦊é")
        await live.write("!")
        await live.flush()
    assert [frame["offset"] for frame in watcher.frames] == [0, 2]


async def test_a_reset_starts_over() -> None:
    conversation, watcher = uuid4(), Watcher()
    relay.subscribe(conversation, watcher)
    with LiveAnswer(conversation, uuid4()) as live:
        await live.write("Wrong")
        await live.reset("provider")
        await live.write("Right")
    assert [frame["type"] for frame in watcher.frames] == [
        "answer.delta",
        "answer.reset",
        "answer.delta",
    ]
    assert watcher.frames[-1]["offset"] == 0


async def test_who_left_gets_nothing_more() -> None:
    conversation, watcher = uuid4(), Watcher()
    leave = relay.subscribe(conversation, watcher)
    leave()
    with LiveAnswer(conversation, uuid4()) as live:
        await live.write("Hello")
    assert watcher.frames == []


async def test_a_snapshot_is_the_text_so_far() -> None:
    turn = uuid4()
    with LiveAnswer(uuid4(), turn) as live:
        await live.write("Hello")
        snapshot = await relay.snapshot(turn)
        assert snapshot is not None
        assert snapshot.text == "Hello"
    assert await relay.snapshot(turn) is None
