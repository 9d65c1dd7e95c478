"""A test that commits leaves the tables to be emptied. Django truncates all of them, for which
PostgreSQL makes fifty new files and waits for the disk: most of a second. The few rows of a test are
deleted in some milliseconds."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql import operations

from supportbot.postgresql import base


class DatabaseOperations(operations.DatabaseOperations):
    def sql_flush(
        self,
        style: Any,
        tables: Sequence[str],
        *,
        reset_sequences: bool = False,
        allow_cascade: bool = False,
    ) -> list[str]:
        """In any order, for Django's foreign keys are looked at when the transaction ends."""
        statements = [f"DELETE FROM {self.quote_name(table)}" for table in tables]  # noqa: S608
        return ["; ".join(statements)] if statements else []


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
