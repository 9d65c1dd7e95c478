"""A server is killed every two seconds, with whatever it was doing."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chaos import ledger
from chaos.figures import percentile
from chaos.model import Stream
from chaos.nursery import forked
from chaos.scenario import Control, Scenario
from chaos.stage import Outcome, Stage, meanwhile
from deploy.processes import answers

INTERVAL = 2.0
"""Seconds between two kills."""

LONGEST_RECOVERY = 15.0
"""Seconds from a kill until the turn runs again or has ended: a lease of 10, a sweep within 2 and what
a process takes to come back. Where another starts in the dead one's place, it is that alone."""

ASKED_IN_VAIN = 150
"""Turns of a negative control: of 24, often none is killed in the half second between a ticket and its
row's result; of so many eight were."""

SETTLE = 0.3
"""Seconds until the model's server has seen that a killed client is gone."""


@dataclass
class Killer:
    """Kills, of the servers that serve, the one that was spared the longest: a kill in mid-start hits
    nobody."""

    stage: Stage
    kills: int = 0
    mid_turn: int = 0
    """Kills that cut an answer short."""
    started: dict[str, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time() + INTERVAL
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            due = max(due + INTERVAL, loop.time())
            await self._kill_one()

    async def _kill_one(self) -> None:
        serving = [p for p in self.stage.stack.web if p.running and answers(p.port)]
        if not serving:
            return
        victim = min(serving, key=lambda process: self.started.get(process.name, 0.0))
        self.started[victim.name] = time.monotonic()
        before = self.stage.model.cut
        await asyncio.to_thread(victim.kill)
        victim.start()
        await asyncio.sleep(SETTLE)
        self.kills += 1
        self.mid_turn += self.stage.model.cut > before


def recoveries(streams: Sequence[Stream], ends: Mapping[str, float], now: float) -> list[float]:
    """Seconds from each cut of an answer until its turn ran again or ended; until now where it has
    not. `ends` are the ends of turns by their question's key."""
    found = []
    for stream in streams:
        if not stream.cut or stream.ended is None:
            continue
        key, cut = stream.question.key, stream.ended
        after = [other.began for other in streams if other.question.key == key]
        after += [ends.get(key, now), now]
        found.append(min(t for t in after if t > cut) - cut)
    return found


async def play(stage: Stage) -> Outcome:
    server = ["supportbot.production"]
    servers = forked(
        stage.stack, ["chaos.weakened", stage.guard, *server] if stage.guard else server
    )
    await asyncio.to_thread(servers.__enter__)
    try:
        return await _play(stage)
    finally:
        await asyncio.to_thread(servers.__exit__, None, None, None)


async def _play(stage: Stage) -> Outcome:
    asked = ASKED_IN_VAIN if stage.guard else stage.scale(500, 24)
    killer, first = Killer(stage), len(stage.model.streams)
    async with stage.customers(stage.scale(24, 12)) as crowd:
        async with meanwhile(killer.run):
            await stage.converse(crowd, stage.questions(asked, longest=2.0))
        outcome = await stage.audited(crowd)
        ends = ledger.ends(stage.books())
    took = recoveries(stage.model.streams[first:], ends, time.time())
    p99 = round(percentile(took, 99), 1)
    outcome.figures |= {
        "kills": killer.kills,
        "kills_mid_turn": killer.mid_turn,
        "turns_cut": len(took),
        "recovery_p99_s": p99,
    }
    enough = stage.scale(50, 1)
    outcome.aims |= {
        f"turns: {asked}": outcome.figures["turns"] == asked,
        f"kills that landed mid-turn: {enough} or more": killer.mid_turn >= enough,
    }
    in_time = f"recovery p99: {LONGEST_RECOVERY:.0f} s at most"
    stage.promise_time(outcome, in_time, p99 <= LONGEST_RECOVERY)
    return outcome


SCENARIO = Scenario(
    "kills",
    play,
    (
        Control("recovery", shows="not_terminal"),
        Control("tickets that remember", shows="duplicate_tickets"),
    ),
)
