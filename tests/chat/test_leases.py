"""Leases: of two that reach for a turn at once, each knows whether it is theirs."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from chat import conversations, leases
from chat.identity import Visitor
from chat.models import Turn

pytestmark = pytest.mark.django_db


@pytest.fixture
def turn(ada: Visitor) -> UUID:
    """A turn that waits."""
    conversation = conversations.open_conversation(ada)
    return conversations.receive(conversation, client_id="1", text="Hi").turn


def test_a_claim_has_the_next_number(turn: UUID) -> None:
    held = leases.claim(turn)
    assert held
    assert (held.fence, held.attempt) == (1, 1)
    assert (Turn.objects.get().fence, Turn.objects.get().attempts) == (1, 1)


def test_a_turn_that_is_held_is_not_to_be_had(turn: UUID) -> None:
    assert leases.claim(turn)
    assert leases.claim(turn) is None


def test_a_claim_that_is_frozen_half_way_does_not_take_the_number_of_another(turn: UUID) -> None:
    """Between its two statements another process claims the turn and loses it again."""
    statements: list[str] = []
    others: list[leases.Claim | None] = []

    def freeze(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        if len(statements) == 2:
            others.append(leases.claim(turn))
            over = timezone.now() - timedelta(seconds=1)
            Turn.objects.update(lease_expires_at=over)
        return execute(sql, params, many, context)

    Turn.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    with connection.execute_wrapper(freeze):
        mine = leases.claim(turn)
    (theirs,) = others
    assert theirs and theirs.fence == 1
    assert mine is None or mine.fence != theirs.fence
