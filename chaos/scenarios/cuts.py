"""Sockets are cut at random moments; what customers see in the end is what is stored."""

import asyncio
from dataclasses import dataclass

from chaos.customer import Customer
from chaos.scenario import Control, Scenario
from chaos.stage import Outcome, Stage, meanwhile

PAUSE = 0.1
"""Seconds between two cuts, on average."""


@dataclass
class Cutter:
    """Cuts the sockets of a crowd."""

    stage: Stage
    crowd: list[Customer]
    enough: asyncio.Event
    cuts: int = 0
    mid_answer: int = 0

    async def run(self) -> None:
        """As many as are wanted. A customer who is away already cannot be cut off."""
        rng, count = self.stage.rng, self.stage.scale(1000, 60)
        while self.cuts < count:
            await asyncio.sleep(rng.uniform(0, 2 * PAUSE))
            customer = rng.choice(self.crowd)
            answering = customer.transcript.live is not None
            if customer.cut():
                self.cuts += 1
                self.mid_answer += answering
        self.enough.set()


async def play(stage: Stage) -> Outcome:
    enough = asyncio.Event()
    async with stage.customers(stage.scale(40, 16)) as crowd:
        for customer in crowd:
            customer.transcript.trusting = stage.guard == "offsets"
        cutter = Cutter(stage, crowd, enough)
        async with meanwhile(cutter.run):
            await stage.converse(crowd, stage.questions(until=enough))
        outcome = await stage.audited(crowd)
    outcome.figures |= {"cuts": cutter.cuts, "cuts_mid_answer": cutter.mid_answer}
    # Each turn has one attempt here: what is on screen is the beginning of its reply.
    outcome.aims["text that had to be replaced: none"] = not outcome.figures["replaced"]
    outcome.aims["order differs: none"] = not outcome.figures["order_differs"]
    outcome.aims["half of the cuts fell into an answer"] = cutter.mid_answer * 2 >= cutter.cuts
    return outcome


SCENARIO = Scenario("cuts", play, (Control("offsets", shows="replaced"),))
