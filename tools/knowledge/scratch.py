"""A knowledge base beside the live one, for as long as something is tried out."""

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import override_settings

from tools.knowledge.index import get_index
from tools.knowledge.index.postgres import PostgresIndex

_SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA synchronous=OFF;"},
    "ATOMIC_REQUESTS": False,
    "AUTOCOMMIT": True,
    "CONN_MAX_AGE": None,
    "CONN_HEALTH_CHECKS": False,
    "TIME_ZONE": None,
    "USER": "",
    "PASSWORD": "",
    "HOST": "",
    "PORT": "",
    "TEST": {},
}


class NoScratch(Exception):
    """The database server lets this user make no database to try things out in."""


@contextmanager
def scratch_base() -> Iterator[Path]:
    """An empty database in the place of the live one, until the block ends. Yields a folder for files
    that go with it.

    The in-process index ranks alike over any database, so that SQLite does for it; that of the server
    gets a database there. It is for a process of its own, such as a command: all of a process's threads
    see the same database. Raises NoScratch.
    """
    live_settings, live = connections.settings[DEFAULT_DB_ALIAS], connections[DEFAULT_DB_ALIAS]
    with (
        TemporaryDirectory(prefix="knowledge-", ignore_cleanup_errors=True) as folder,
        override_settings(DATA_DIR=Path(folder)),
        _database(live, Path(folder)) as scratch,
    ):
        connections.settings[DEFAULT_DB_ALIAS] = scratch
        connections[DEFAULT_DB_ALIAS] = connections.create_connection(DEFAULT_DB_ALIAS)
        try:
            call_command("migrate", verbosity=0, interactive=False)
            yield Path(folder)
        finally:
            connections[DEFAULT_DB_ALIAS].close()
            connections.settings[DEFAULT_DB_ALIAS] = live_settings
            connections[DEFAULT_DB_ALIAS] = live


def _database(live: BaseDatabaseWrapper, folder: Path) -> AbstractContextManager[dict[str, Any]]:
    if isinstance(get_index(), PostgresIndex) and live.vendor == "postgresql":
        return _on_the_server(live)
    return _in_a_file(folder)


@contextmanager
def _in_a_file(folder: Path) -> Iterator[dict[str, Any]]:
    yield {**_SQLITE, "NAME": f"{folder}/db.sqlite3"}


@contextmanager
def _on_the_server(live: BaseDatabaseWrapper) -> Iterator[dict[str, Any]]:
    """The settings of a new database beside the live one. Raises NoScratch."""
    name = f"supportbot_scratch_{secrets.token_hex(6)}"
    outside = live.copy()  # a connection of its own: no transaction of the live one is in the way
    try:
        with outside.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
    except DatabaseError as error:
        outside.close()
        raise NoScratch(str(error).strip()) from error
    options = {key: value for key, value in live.settings_dict["OPTIONS"].items() if key != "pool"}
    try:
        yield {**live.settings_dict, "NAME": name, "OPTIONS": options}
    finally:
        with outside.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        outside.close()
