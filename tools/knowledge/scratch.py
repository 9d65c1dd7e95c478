"""A knowledge base beside the live one, for as long as something is tried out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.test.utils import override_settings

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


@contextmanager
def scratch_base() -> Iterator[Path]:
    """An empty database in a temporary folder in the place of the live one, until the block ends.

    The ranking is the same over any database, so that SQLite does for all. It is for a process of its
    own, such as a command: all of a process's threads see the same database. Yields the folder.
    """
    live_settings, live = connections.settings[DEFAULT_DB_ALIAS], connections[DEFAULT_DB_ALIAS]
    with (
        TemporaryDirectory(prefix="knowledge-", ignore_cleanup_errors=True) as folder,
        override_settings(DATA_DIR=Path(folder)),
    ):
        connections.settings[DEFAULT_DB_ALIAS] = {**_SQLITE, "NAME": f"{folder}/db.sqlite3"}
        connections[DEFAULT_DB_ALIAS] = connections.create_connection(DEFAULT_DB_ALIAS)
        try:
            call_command("migrate", verbosity=0, interactive=False)
            yield Path(folder)
        finally:
            connections[DEFAULT_DB_ALIAS].close()
            connections.settings[DEFAULT_DB_ALIAS] = live_settings
            connections[DEFAULT_DB_ALIAS] = live
