"""Frames on their way to whoever watches."""

import asyncio
import json
from uuid import UUID, uuid4

import pytest
from channels.layers import get_channel_layer
from django.conf import settings

from chat import relay
from chat.identity import Visitor
from chat.protocol import AnswerDelta, encode_delta
from chat.relay import LiveAnswer
from tests.chat.socket import Socket

needs_redis = pytest.mark.skipif(
    "locmem" in settings.CACHES["default"]["BACKEND"], reason="REDIS_URL is not set"
)


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
    if not relay.crosses_processes():
        assert await relay.snapshot(turn) is None


@needs_redis
async def test_other_processes_can_read_the_snapshot() -> None:
    turn = uuid4()
    with LiveAnswer(uuid4(), turn) as live:
        await live.write("Hello")
    snapshot = await relay.snapshot(turn)  # no longer in this process: it comes from the cache
    assert snapshot is not None
    assert snapshot.text == "Hello"


@needs_redis
@pytest.mark.django_db(transaction=True)
async def test_frames_of_other_processes_arrive_and_our_own_only_once(ada: Visitor) -> None:
    async with Socket(ada) as socket:
        ready = await socket.until("ready")
        group = relay.group(UUID(ready["conversation"]))
        layer = get_channel_layer()
        event = {"type": "relay.frame", "text": json.dumps({"type": "pong"})}
        await layer.group_send(group, event | {"origin": relay.PROCESS})
        assert await socket.nothing()
        await layer.group_send(group, event | {"origin": "another process"})
        assert (await socket.receive())["type"] == "pong"


@needs_redis
async def test_text_leaves_the_process_only_where_somebody_elsewhere_watches() -> None:
    conversation, layer = uuid4(), get_channel_layer()
    elsewhere = await layer.new_channel()
    await layer.group_add(relay.group(conversation), elsewhere)
    relay.subscribe(conversation, Watcher())
    with LiveAnswer(conversation, uuid4()) as live:
        await live.write("Hello")
        await layer.group_send(relay.group(conversation), {"type": "until.here.nothing"})
        assert (await layer.receive(elsewhere))["type"] == "until.here.nothing"
        await relay.watched_elsewhere(conversation, answer=False)
        await live.write(", world")
        await live.flush()
        events = [await layer.receive(elsewhere) for _ in range(2)]
    told = [json.loads(event["text"]) for event in events]
    assert [(frame["offset"], frame["text"]) for frame in told] == [(0, "Hello"), (5, ", world")]


@needs_redis
async def test_text_that_nobody_here_watches_leaves_the_process_at_once() -> None:
    conversation, layer = uuid4(), get_channel_layer()
    elsewhere = await layer.new_channel()
    await layer.group_add(relay.group(conversation), elsewhere)
    with LiveAnswer(conversation, uuid4()) as live:
        await live.write("Hello")
        event = await layer.receive(elsewhere)
    assert json.loads(event["text"])["text"] == "Hello"


@needs_redis
@pytest.mark.django_db(transaction=True)
async def test_every_newcomer_elsewhere_is_told_that_somebody_watches_here(ada: Visitor) -> None:
    async with Socket(ada) as socket:
        ready = await socket.until("ready")
        conversation, layer = UUID(ready["conversation"]), get_channel_layer()
        for newcomer in ("one process", "the process after it"):
            channel = await layer.new_channel()
            await layer.group_add(relay.group(conversation), channel)
            event = {"type": "relay.watch", "origin": newcomer, "answer": True}
            await layer.group_send(relay.group(conversation), event)
            async with asyncio.timeout(5):
                while (told := await layer.receive(channel)).get("answer"):
                    pass  # announcements, our own among them
            assert told == {"type": "relay.watch", "origin": relay.PROCESS, "answer": False}
