"""The pool of database connections after its server has restarted."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql import base as djangos
from django.db.utils import OperationalError

from supportbot.postgresql import base as ours

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server"),
]

OPEN = 3
PATIENCE = 0.8
"""Seconds for a connection: less than psycopg's pool waits after a second one that it finds broken."""


def pooled(
    engine: type[djangos.DatabaseWrapper],
) -> Iterator[djangos.DatabaseWrapper]:
    pool = {"min_size": OPEN, "max_size": OPEN, "timeout": PATIENCE}
    options = {**connection.settings_dict["OPTIONS"], "application_name": "pooled", "pool": pool}
    settings = {**connection.settings_dict, "OPTIONS": options, "CONN_HEALTH_CHECKS": True}
    if engine is ours.DatabaseWrapper:
        settings["CONN_HEALTH_CHECKS"] = False
    database = engine(settings, alias="pooled")
    database.pool.open(wait=True)
    yield database
    database.close()
    database.close_pool()


@pytest.fixture
def database() -> Iterator[djangos.DatabaseWrapper]:
    yield from pooled(ours.DatabaseWrapper)


@pytest.fixture
def plain() -> Iterator[djangos.DatabaseWrapper]:
    yield from pooled(djangos.DatabaseWrapper)


def restart() -> int:
    """Ends the pool's connections, as a restart of the server does. Returns how many they were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            " WHERE application_name = 'pooled' AND datname = current_database()"
        )
        (ended,) = cursor.fetchone()
    return int(ended)


def answer(database: BaseDatabaseWrapper) -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT 42")
        (found,) = cursor.fetchone()
    return int(found)


def test_the_first_request_after_a_restart_gets_a_new_connection(
    database: djangos.DatabaseWrapper,
) -> None:
    assert restart() == OPEN
    assert answer(database) == 42


def test_djangos_own_would_let_it_wait(plain: djangos.DatabaseWrapper) -> None:
    assert restart() == OPEN
    with pytest.raises(OperationalError):
        answer(plain)


def test_connections_that_work_are_kept(database: djangos.DatabaseWrapper) -> None:
    assert answer(database) == 42
    database.close()
    assert answer(database) == 42
    assert database.pool.get_stats()["connections_num"] == OPEN
