"""A server stops in mid-turn, others take its turns over, and then it goes on as if nothing were."""

import asyncio
import signal
from dataclasses import dataclass

from chaos.scenario import Control, Scenario
from chaos.stage import Outcome, Stage, meanwhile

REFUSED = ("is no longer this runner's", "was not kept for")
"""How a server logs that it was told so, or told itself (chat.leases.LeaseLost)."""

BETWEEN = 3.0
"""Seconds between two freezes: the one that goes on finds out, and turns begin on both."""


@dataclass
class Freezer:
    """Freezes the servers alternately, in mid-turn."""

    stage: Stage
    enough: asyncio.Event
    freezes: int = 0
    running: int = 0
    """Answers that were being written when a freeze began, on both servers."""

    async def run(self) -> None:
        """So many freezes as there is time for."""
        seconds = self.stage.scale(30, 14)  # longer than a lease and a sweep
        count = self.stage.scale(20, 1)
        while self.freezes < count:
            await asyncio.sleep(BETWEEN)
            victim = self.stage.stack.web[self.freezes % 2]
            self.running += self.stage.running
            await asyncio.to_thread(victim.kill, signal.SIGSTOP)
            try:
                await asyncio.sleep(seconds)
            finally:
                await asyncio.to_thread(victim.kill, signal.SIGCONT)
            self.freezes += 1
        self.enough.set()


async def play(stage: Stage) -> Outcome:
    # Long enough that the second runner is often still at it when the first goes on.
    longest = float(stage.scale(25, 8))
    freezer = Freezer(stage, asyncio.Event())
    refused = sum(map(stage.logged, REFUSED))
    async with stage.customers(8) as crowd:
        async with meanwhile(freezer.run):
            await stage.converse(crowd, stage.questions(until=freezer.enough, longest=longest))
        outcome = await stage.audited(crowd)
    refused = sum(map(stage.logged, REFUSED)) - refused
    outcome.figures |= {
        "freezes": freezer.freezes,
        "running_at_freeze": freezer.running,
        "late_writes_refused": refused,
    }
    outcome.aims[f"late writes that were tried: {freezer.freezes} or more"] = (
        refused >= freezer.freezes > 0
    )
    return outcome


SCENARIO = Scenario("freezes", play, (Control("fence", shows="late_writes"),))
