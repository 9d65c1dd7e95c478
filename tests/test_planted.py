"""The marked rows that other tests look for: they are there, of every model."""

import pytest

from tests import planted

pytestmark = pytest.mark.django_db


def test_every_model_has_a_row_and_every_row_a_mark() -> None:
    rows = planted.plant("CANARY")
    assert set(rows) == set(planted.every_model())
    assert planted.unmarked(rows, "CANARY") == []


def test_a_row_without_its_mark_is_noticed() -> None:
    assert "orders.Order" in planted.unmarked(planted.plant("CANARY"), "ANOTHER")
