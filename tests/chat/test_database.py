"""The way to the database, while that is away."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from django.db import DatabaseError, OperationalError, connection

from chat import database
from chat.database import in_database
from chat.models import Turn

pytestmark = pytest.mark.django_db(transaction=True)


@pytest_asyncio.fixture
async def away() -> AsyncIterator[None]:
    """The conversation's thread finds no database where it looks for one."""
    real = {name: connection.settings_dict[name] for name in ("NAME", "PORT")}
    nowhere = {"NAME": "/nowhere/db"} if connection.vendor == "sqlite" else {"PORT": "1"}

    def lose() -> None:
        connection.close()
        connection.settings_dict.update(nowhere)

    await in_database(lose)()
    yield
    connection.settings_dict.update(real)
    await asyncio.sleep(database.AWAY)


async def test_who_comes_after_somebody_who_waited_in_vain_is_told_at_once(away: None) -> None:
    tried = 0

    def work() -> bool:
        nonlocal tried
        tried += 1
        return Turn.objects.exists()

    for _ in range(3):
        with pytest.raises(OperationalError):
            await in_database(work)()
    assert tried == 1
    await asyncio.sleep(database.AWAY)
    with pytest.raises(OperationalError):
        await in_database(work)()
    assert tried == 2


async def test_a_statement_that_fails_keeps_nobody_else_from_trying() -> None:
    def refused() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    await in_database(Turn.objects.exists)()
    with pytest.raises(DatabaseError):
        await in_database(refused)()
    assert await in_database(Turn.objects.exists)() is False
