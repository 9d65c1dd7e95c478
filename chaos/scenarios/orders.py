"""A hundred customers who ask for the orders of a hundred others."""

import asyncio
import json

from chaos.scenario import Scenario
from chaos.stage import Figure, Outcome, Stage

MOST_APART = 5.0
"""Milliseconds between the median time of a foreign order and that of one that does not exist."""


async def play(stage: Stage) -> Outcome:
    count = stage.scale(101, 15)
    asked = (
        f"from chaos.foreign_orders import measure; measure({stage.rng.randrange(10**6)}, {count})"
    )
    printed = await asyncio.to_thread(stage.stack.manage, "shell", "-v", "0", "-c", asked)
    figures: dict[str, Figure] = json.loads(printed)
    aims = {
        f"foreign look-ups: {count * (count - 1)}": figures["lookups"] == count * (count - 1),
        "leaks: none": not figures["leaks"],
        "missing and foreign answer alike, byte by byte": not figures["answers_that_differ"],
        "without the guard: leaks": int(figures["unguarded_leaks"]) > 0,
    }
    outcome = Outcome(figures, aims)
    apart, unguarded = float(figures["medians_apart_ms"]), float(figures["unguarded_apart_ms"])
    in_time = f"medians apart: {MOST_APART:.0f} ms at most, and more without the guard"
    stage.promise_time(outcome, in_time, apart < MOST_APART < unguarded)
    return outcome


SCENARIO = Scenario("orders", play)
