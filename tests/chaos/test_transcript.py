"""What a customer sees, put together from frames that come late, twice or not at all."""

from typing import Any

from chaos.transcript import Said, Transcript


def delta(offset: int, text: str) -> dict[str, Any]:
    return {"type": "answer.delta", "turn": "t", "offset": offset, "text": text}


def completed(text: str) -> dict[str, Any]:
    message = {"id": "m", "role": "assistant", "text": text}
    return {"type": "answer.completed", "turn": "t", "message": message}


def shown(transcript: Transcript) -> str:
    assert transcript.live
    return transcript.live.text


def test_pieces_in_order_make_the_answer() -> None:
    transcript = Transcript()
    for frame in (delta(0, "one "), delta(4, "two")):
        assert transcript.apply(frame) is None
    assert shown(transcript) == "one two"


def test_a_piece_that_comes_twice_is_shown_once() -> None:
    transcript = Transcript()
    for frame in (delta(0, "one "), delta(0, "one "), delta(0, "one two")):
        assert transcript.apply(frame) is None
    assert shown(transcript) == "one two"


def test_a_gap_is_asked_for_and_filled() -> None:
    transcript = Transcript()
    transcript.apply(delta(0, "one "))
    assert transcript.apply(delta(8, "three")) == {"type": "sync", "turn": "t", "offset": 4}
    assert shown(transcript) == "one "
    transcript.apply(delta(4, "two "))
    assert shown(transcript) == "one two three"


def test_what_contradicts_the_text_is_not_believed() -> None:
    transcript = Transcript()
    transcript.apply(delta(0, "one two"))
    assert transcript.apply(delta(4, "six")) == {"type": "sync", "turn": "t", "offset": 0}
    transcript.apply(delta(0, "one six seven"))
    assert shown(transcript) == "one six seven"


def test_a_reset_voids_the_text() -> None:
    transcript = Transcript()
    transcript.apply(delta(0, "one"))
    transcript.apply({"type": "answer.reset", "turn": "t", "reason": "retry"})
    transcript.apply(delta(0, "two"))
    assert shown(transcript) == "two"


def test_a_reply_that_goes_on_from_what_was_shown_replaces_nothing() -> None:
    transcript = Transcript()
    transcript.apply(delta(0, "one "))
    transcript.apply(completed("one two"))
    assert transcript.said == [Said("assistant", "one two")]
    assert not transcript.replaced


def test_one_that_does_not_begin_with_what_was_shown_replaces_it() -> None:
    transcript = Transcript()
    transcript.apply(delta(0, "one "))
    transcript.apply(completed("two one"))
    assert transcript.replaced.keys() == {"t"}


def test_what_comes_after_the_end_changes_nothing() -> None:
    transcript = Transcript()
    for frame in (completed("one"), delta(3, "two"), completed("one")):
        transcript.apply(frame)
    assert transcript.said == [Said("assistant", "one")]
    assert transcript.live is None


def test_a_message_is_on_its_way_until_it_is_acknowledged() -> None:
    transcript = Transcript()
    transcript.send("c1", "hello")
    assert transcript.unsent
    accepted = {"type": "message.accepted", "id": "c1", "message": "m1", "turn": "t"}
    for _ in range(2):
        transcript.apply(accepted)
    assert not transcript.unsent
    assert transcript.said == [Said("customer", "hello")]
    assert transcript.accepted == {"c1": "t"}


def test_what_is_acknowledged_after_its_answer_stands_before_it() -> None:
    transcript = Transcript()
    transcript.send("a", "Hello?")
    transcript.apply(completed("Hello."))
    transcript.apply({"type": "message.accepted", "id": "a", "message": "1", "turn": "t"})
    assert transcript.said == [Said("customer", "Hello?"), Said("assistant", "Hello.")]


def test_a_greeting_brings_what_was_missed() -> None:
    transcript = Transcript()
    transcript.send("c1", "hello")
    messages = [
        {"id": "m1", "role": "customer", "text": "hello", "client_id": "c1"},
        {"id": "m2", "role": "assistant", "text": "hi"},
    ]
    transcript.apply({"type": "ready", "conversation": "c", "messages": messages})
    assert not transcript.unsent
    assert transcript.said == [Said("customer", "hello"), Said("assistant", "hi")]


def test_a_failure_is_shown_once_however_it_is_heard_of() -> None:
    transcript = Transcript()
    failed = {"type": "answer.failed", "turn": "t", "code": "X", "text": "Sorry", "retryable": True}
    stored = {"id": "m", "role": "system", "text": "Sorry"}
    transcript.apply({"type": "ready", "conversation": "c", "messages": [stored]})
    transcript.apply(failed)
    assert transcript.said == [Said("system", "Sorry")]
