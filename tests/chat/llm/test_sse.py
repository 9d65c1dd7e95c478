"""Events are the same however the network cuts them."""

import random

import pytest

from chat.llm.sse import EventTooLong, Splitter

BODY = (
    "\ufeffdata: first\n\n"
    ": a comment without data: nothing\n\n"
    "event: delta\nid: 7\ndata: æ 🚢 ø\nretry: 10\n\n"
    "data: one\ndata:two\ndata:  three\n\n\n"
    "event: ping\n\n"
    'event: x data: y\ndata: {"data: ": "\\n"}\n\n'
    "data:\n\n"
    "data: last\n\n"
    "data: cut off"
).encode()

EVENTS = ["first", "æ 🚢 ø", "one\ntwo\n three", '{"data: ": "\\n"}', "last"]

NEWLINES = [b"\n", b"\r\n", b"\r"]


def split(*chunks: bytes) -> list[str]:
    splitter = Splitter()
    return [data.decode() for chunk in chunks for data in splitter.feed(chunk)]


@pytest.mark.parametrize("newline", NEWLINES)
def test_a_body_in_one_chunk_gives_the_data_of_its_events(newline: bytes) -> None:
    assert split(BODY.replace(b"\n", newline)) == EVENTS


@pytest.mark.parametrize("newline", NEWLINES)
def test_a_cut_at_any_byte_changes_nothing(newline: bytes) -> None:
    body = BODY.replace(b"\n", newline)

    for cut in range(len(body) + 1):
        assert split(body[:cut], body[cut:]) == EVENTS, cut
    assert split(*(body[n : n + 1] for n in range(len(body)))) == EVENTS


def test_random_cuts_and_mixed_newlines_change_nothing() -> None:
    rng = random.Random(20261125)
    for _ in range(500):
        body = b"".join(
            # A return before a line feed would be one newline, not two.
            line.rstrip(b"\n") + rng.choice([b"\n", b"\r\n"])
            for line in BODY.splitlines(keepends=True)[:-1]
        )
        cuts = sorted(rng.randrange(len(body)) for _ in range(rng.randrange(8)))
        starts, ends = [0, *cuts], [*cuts, len(body)]

        chunks = [body[start:end] for start, end in zip(starts, ends, strict=True)]

        assert split(*chunks) == EVENTS, chunks


def test_an_event_is_given_with_its_last_byte() -> None:
    splitter = Splitter()

    assert splitter.feed(b"data: a\r") == []
    assert splitter.feed(b"\n\r") == [b"a"]
    assert splitter.feed(b"") == []
    assert splitter.feed(b"\ndata: b\n") == []
    assert splitter.feed(b"\ndata: c\n\ndata: d\n\n") == [b"b", b"c", b"d"]


def test_an_event_without_end_is_refused() -> None:
    splitter = Splitter(longest=100)
    for _ in range(50):
        assert splitter.feed(b"data: short enough\n\n") == [b"short enough"]

    with pytest.raises(EventTooLong):
        for _ in range(101):
            splitter.feed(b"x")
