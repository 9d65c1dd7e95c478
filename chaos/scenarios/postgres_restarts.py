"""PostgreSQL restarts, again and again, now orderly, now as after a crash."""

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass

from chaos.customer import Customer
from chaos.scenario import Control, Scenario
from chaos.script import Question
from chaos.stage import Outcome, Stage, meanwhile

BETWEEN = 3.0
"""Seconds between two restarts."""

LONG = 8.0
"""Seconds without it in the negative control: longer than a server waits for a connection."""


@dataclass
class Restarter:
    """Restarts the database; every other time without giving it time to close its files. While it is
    away `talker` says something."""

    stage: Stage
    talker: Customer
    enough: asyncio.Event
    restarts: int = 0

    async def run(self) -> None:
        """As often as is wanted."""
        async with asyncio.TaskGroup() as said:
            while self.restarts < self.stage.scale(20, 2):
                await asyncio.sleep(self.stage.rng.uniform(0.5, 1.5) * BETWEEN)
                await self._restart(said)
                self.restarts += 1
            self.enough.set()

    async def _restart(self, said: asyncio.TaskGroup) -> None:
        postgres = self.stage.stack.postgres
        if self.restarts % 2:
            await asyncio.to_thread(postgres.kill, signal.SIGQUIT)
        await asyncio.to_thread(postgres.stop)
        question = self.stage.question(f"away-{self.restarts}", longest=0.5)
        said.create_task(self._say(question))
        await asyncio.sleep(LONG if self.stage.guard else 0)
        await asyncio.to_thread(postgres.restart)

    async def _say(self, question: Question) -> None:
        with suppress(TimeoutError):  # the audit finds what was promised and not kept
            async with asyncio.timeout(self.stage.patience):
                await self.talker.say(question.key, question.text)


async def play(stage: Stage) -> Outcome:
    async with stage.customers(stage.scale(24, 8)) as crowd:
        restarter = Restarter(stage, crowd[-1], asyncio.Event())
        async with meanwhile(restarter.run) as restarting:
            await stage.converse(crowd[:-1], stage.questions(until=restarter.enough))
            await restarting
        outcome = await stage.audited(crowd)
    sent = sum(len(customer.texts) for customer in crowd)
    enough = stage.scale(300, 8)
    outcome.figures |= {"restarts": restarter.restarts, "sent": sent}
    outcome.aims[f"messages sent: {enough} or more"] = sent >= enough
    return outcome


SCENARIO = Scenario(
    "postgres-restarts", play, (Control("commit before acknowledgement", shows="lost"),)
)
