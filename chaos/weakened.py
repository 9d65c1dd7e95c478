"""The product without one of its guards, for the negative controls.

The product itself has no switch for this. A control's processes start through this module, which
swaps one object after Django is set up and then runs what was to be run:
`python -m chaos.weakened GUARD supportbot.production …`
"""

import os
import runpy
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import django
import psycopg

from deploy.processes import Process
from deploy.prod_local import Stack

CONSTRAINTS: Mapping[str, tuple[str, str]] = {
    "unique ids": ("chat_message", "one_message_per_client_id"),
}
"""Guards that stand in the database: the table and the constraint or index that is dropped."""

ENVIRONMENT: Mapping[str, Mapping[str, str]] = {
    "tickets that remember": {"SUPPORTBOT_TICKET_BACKEND": "chaos.tickets.ForgetfulTickets"},
}
"""Guards in a class that a setting names. Those that are neither here nor above, nor a client's, are
`chaos.guards.SWAPS`."""


class WeakenedStack(Stack):
    """A stack without one guard."""

    def __init__(
        self, folder: Path, guard: str, *, extra_environment: Mapping[str, str] | None = None
    ) -> None:
        environment = {**(extra_environment or {}), **ENVIRONMENT.get(guard, {})}
        super().__init__(folder, extra_environment=environment)
        self.guard = guard

    def weaken_database(self) -> None:
        """Takes out what stands in the database. The migrations have run by then."""
        if self.guard in CONSTRAINTS:
            table, name = CONSTRAINTS[self.guard]
            with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as database:
                database.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
                database.execute(f"DROP INDEX IF EXISTS {name}")

    def _process(self, name: str, *command: str, port: int = 0) -> Process:
        python, dash_m, *rest = command
        return super()._process(
            name, python, dash_m, "chaos.weakened", self.guard, *rest, port=port
        )


def main() -> None:
    """Runs a module without a guard."""
    guard, module, *arguments = sys.argv[1:]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportbot.settings")
    django.setup()
    swap = import_module("chaos.guards").SWAPS.get(guard)
    if swap:
        swap()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
