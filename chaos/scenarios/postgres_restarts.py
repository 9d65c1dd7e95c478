"""PostgreSQL restarts, again and again, now orderly, now as after a crash."""

import asyncio
import signal
from dataclasses import dataclass

from chaos.scenario import Control, Scenario
from chaos.stage import Outcome, Stage, meanwhile

BETWEEN = 3.0
"""Seconds between two restarts."""


@dataclass
class Restarter:
    """Restarts the database; every other time without giving it time to close its files."""

    stage: Stage
    enough: asyncio.Event
    restarts: int = 0

    async def run(self) -> None:
        """As often as is wanted."""
        postgres = self.stage.stack.postgres
        while self.restarts < self.stage.scale(20, 2):
            await asyncio.sleep(self.stage.rng.uniform(0.5, 1.5) * BETWEEN)
            if self.restarts % 2:
                await asyncio.to_thread(postgres.kill, signal.SIGQUIT)
            await asyncio.to_thread(postgres.restart)
            self.restarts += 1
        self.enough.set()


async def play(stage: Stage) -> Outcome:
    restarter = Restarter(stage, asyncio.Event())
    async with stage.customers(stage.scale(16, 8)) as crowd:
        async with meanwhile(restarter.run):
            await stage.converse(crowd, stage.questions(until=restarter.enough))
        outcome = await stage.audited(crowd)
    sent = sum(len(customer.texts) for customer in crowd)
    enough = stage.scale(300, 8)
    outcome.figures |= {"restarts": restarter.restarts, "sent": sent}
    outcome.aims[f"messages sent: {enough} or more"] = sent >= enough
    return outcome


SCENARIO = Scenario(
    "postgres-restarts", play, (Control("commit before acknowledgement", shows="lost"),)
)
