"""Redis is gone for a minute, while customers go on writing."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from chaos.customer import Customer
from chaos.ledger import TERMINAL
from chaos.scenario import Control, Scenario
from chaos.stage import Outcome, Stage

TERMINAL_WITHIN = 30.0
"""Seconds after its return in which all turns have ended."""


async def _write(stage: Stage, crowd: Sequence[Customer], seconds: float, each: int) -> None:
    """Every customer sends so many messages within the time, without waiting for the answers."""

    async def one(customer: Customer, number: int) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time() + stage.rng.random() * seconds / each
        for n in range(each):
            await asyncio.sleep(max(0.0, began + n * seconds / each - loop.time()))
            question = stage.question(f"{number}-{n}")
            await customer.say(question.key, question.text)

    with suppress(TimeoutError):  # what was not acknowledged is counted
        async with asyncio.timeout(seconds + stage.patience):
            await asyncio.gather(*(one(customer, n) for n, customer in enumerate(crowd)))


async def _all_ended(stage: Stage) -> float:
    """Seconds until every turn has ended."""
    began = time.monotonic()
    while time.monotonic() - began < stage.patience:
        turns = (await asyncio.to_thread(stage.books)).turns.values()
        if all(turn.status in TERMINAL for turn in turns):
            break
        await asyncio.sleep(0.25)
    return time.monotonic() - began


async def play(stage: Stage) -> Outcome:
    seconds, each = stage.scale(60, 8), stage.scale(8, 2)
    redis = stage.stack.redis
    async with stage.customers(stage.scale(25, 8)) as crowd:
        await asyncio.to_thread(redis.kill)
        away_until = time.monotonic() + seconds
        try:
            await _write(stage, crowd, seconds * 0.9, each)
            await asyncio.sleep(max(0.0, away_until - time.monotonic()))
            accepted = sum(len(customer.transcript.accepted) for customer in crowd)
            losses = sum(customer.closes.total() for customer in crowd)
        finally:
            await asyncio.to_thread(redis.restart)
        took = await _all_ended(stage)
        outcome = await stage.audited(crowd)
    sent = len(crowd) * each
    outcome.figures |= {
        "sent_during_outage": sent,
        "unacknowledged": sent - accepted,
        "sockets_lost": losses,
        "all_ended_after_s": round(took, 1),
    }
    outcome.aims |= {
        "messages that were not acknowledged during the outage: none": accepted == sent,
        "sockets that were lost with it: none": not losses,
    }
    in_time = f"all turns ended {TERMINAL_WITHIN:.0f} s after its return"
    stage.promise_time(outcome, in_time, took <= TERMINAL_WITHIN)
    return outcome


SCENARIO = Scenario("redis-outage", play, (Control("Redis errors", shows="unacknowledged"),))
