"""The product without one of its guards, for the negative controls.

The product itself has no switch for this. A control's processes start through this module, which
swaps one object after Django is set up and then runs what was to be run:
`python -m chaos.weakened GUARD uvicorn supportbot.asgi:application …`
"""

import os
import runpy
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import django
import psycopg

from deploy.processes import Process
from deploy.prod_local import Stack


def _nothing() -> None:
    """For guards that stand in the database."""


def _frames_are_trusted() -> None:
    """What is wrong with a frame is raised where it is read."""
    consumers: Any = import_module("chat.consumers")
    consumers.decode = import_module("chat.protocol")._client_frames.validate_json


GUARDS: dict[str, Callable[[], None]] = {"frame errors": _frames_are_trusted}
"""What takes each guard out, in a process."""

CONSTRAINTS: Mapping[str, tuple[str, str]] = {}
"""Guards that stand in the database: the table and the constraint or index that is dropped."""


class WeakenedStack(Stack):
    """A stack without one guard."""

    def __init__(
        self, folder: Path, guard: str, *, extra_environment: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(folder, extra_environment=extra_environment)
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
    GUARDS[guard]()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
