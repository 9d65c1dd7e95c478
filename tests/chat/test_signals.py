"""What other apps may follow: told after the commit, and never at the customer's expense."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.dispatch import Signal

from chat import conversations, providers, turns
from chat.database import in_database
from chat.identity import Visitor
from chat.models import Feedback, Message, Turn
from chat.signals import reply_rated, turn_ended
from tests.fakes import ScriptedProvider, says

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def follow() -> Iterator[Callable[[Signal, Callable[..., Any]], None]]:
    """Connects a receiver for the time of a test."""
    connected: list[tuple[Signal, Callable[..., Any]]] = []

    def connect(signal: Signal, receiver: Callable[..., Any]) -> None:
        signal.connect(receiver, weak=False)
        connected.append((signal, receiver))

    yield connect
    for signal, receiver in connected:
        signal.disconnect(receiver)


async def _answered(visitor: Visitor) -> UUID:
    providers.install(ScriptedProvider(says("Hello.")))
    conversation = await in_database(conversations.open_conversation)(visitor)
    received = await in_database(conversations.receive)(conversation, client_id="1", text="Hi")
    await turns.run(received.turn)
    return received.turn


async def test_the_end_of_a_turn_is_told_when_all_of_it_is_stored(
    ada: Visitor, follow: Any
) -> None:
    told: list[tuple[UUID, str, bool]] = []

    def note(turn: UUID, **_: object) -> None:
        status = Turn.objects.get(pk=turn).status
        told.append((turn, status, connection.in_atomic_block))

    follow(turn_ended, note)
    turn = await _answered(ada)
    assert told == [(turn, Turn.Status.COMPLETED, False)]


async def test_a_receiver_that_fails_breaks_no_turn(ada: Visitor, follow: Any) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("of somebody else")

    follow(turn_ended, broken)
    turn = await _answered(ada)
    assert (await Turn.objects.aget(pk=turn)).status == Turn.Status.COMPLETED


async def test_a_thumb_is_told_with_its_turn(ada: Visitor, follow: Any) -> None:
    told: list[tuple[UUID, int]] = []

    def note(turn: UUID, **_: object) -> None:
        told.append((turn, Feedback.objects.count()))

    follow(reply_rated, note)
    turn = await _answered(ada)
    reply = await Message.objects.select_related("conversation").aget(turn=turn, role="assistant")
    await in_database(conversations.rate)(reply.conversation, reply.public_id, rating="down")
    assert told == [(turn, 1)]
