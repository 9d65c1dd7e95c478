"""A deployment that never ends: one server after the other is asked to stop, and starts anew."""

import asyncio
from dataclasses import dataclass

from chaos.figures import percentile
from chaos.scenario import Control, Scenario
from chaos.stage import Outcome, Stage, meanwhile

INTERVAL = 10.0
"""Seconds between two restarts."""

LONGEST_RECONNECT = 5.0
"""Seconds, p95."""


@dataclass
class Roller:
    """Restarts the servers in turn, and never two at once."""

    stage: Stage
    restarts: int = 0

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + INTERVAL
            await asyncio.to_thread(self.stage.stack.web[self.restarts % 2].restart)
            self.restarts += 1
            await asyncio.sleep(max(0.0, due - loop.time()))


async def play(stage: Stage) -> Outcome:
    asked = stage.scale(300, 40)
    roller, cut = Roller(stage), stage.model.cut
    async with stage.customers(8) as crowd:
        async with meanwhile(roller.run):
            await stage.converse(crowd, stage.questions(asked), pause=stage.scale(2, 1))
        outcome = await stage.audited(crowd)
    back = [seconds for customer in crowd for seconds in customer.reconnects]
    p95 = round(percentile(back, 95), 1)
    outcome.figures |= {
        "restarts": roller.restarts,
        "answers_cut": stage.model.cut - cut,
        "reconnects": len(back),
        "reconnect_p95_s": p95,
        "closes_without_a_word": sum(customer.closes[1006] for customer in crowd),
    }
    outcome.aims |= {
        f"turns: {asked}": outcome.figures["turns"] == asked,
        "turns that failed: none": not outcome.figures["failed"],
        "answers that were cut short: none": not outcome.figures["answers_cut"],
        "customers had to come back": bool(back),
    }
    in_time = f"reconnect p95: {LONGEST_RECONNECT:.0f} s at most"
    stage.promise_time(outcome, in_time, p95 <= LONGEST_RECONNECT)
    return outcome


SCENARIO = Scenario("rolling-restarts", play, (Control("drain", shows="answers_cut"),))
