"""One message, sent many times at once under its id, on both servers: a double click at its worst."""

import asyncio
from collections.abc import Sequence

from chaos.customer import Customer
from chaos.scenario import Control, Scenario
from chaos.stage import Outcome, Stage

AT_ONCE = 50
CONVERSATIONS = 4
"""Side by side: one alone would mostly wait for its answers."""


async def _rounds(stage: Stage, tabs: Sequence[Customer], name: str, count: int) -> None:
    for n in range(count):
        question = stage.question(f"{name}-{n}", longest=0.5)
        await asyncio.gather(*(tab.ask(question.key, question.text) for tab in tabs))


async def play(stage: Stage) -> Outcome:
    conversations = stage.scale(CONVERSATIONS, 1)
    rounds = stage.scale(25, 4)
    names = [str(n) for n in range(conversations)]
    async with asyncio.TaskGroup() as group:
        played = [group.create_task(_conversation(stage, name, rounds)) for name in names]
    outcome = Outcome()
    for task in played:
        _add(outcome, task.result())
    ids = conversations * rounds
    outcome.figures |= {"ids": ids, "sends": ids * AT_ONCE}
    outcome.aims[f"turns: {ids}"] = outcome.figures["turns"] == ids
    outcome.aims[f"replies: {ids}"] = outcome.figures["answered"] == ids
    return outcome


async def _conversation(stage: Stage, name: str, rounds: int) -> Outcome:
    async with stage.tabs(AT_ONCE, f"{stage.name}-{name}") as tabs:
        await _rounds(stage, tabs, name, rounds)
        return await stage.audited(tabs)


def _add(outcome: Outcome, part: Outcome) -> None:
    for name, figure in part.figures.items():
        before = outcome.figures.get(name, 0)
        outcome.figures[name] = int(before) + int(figure)
    for aim, kept in part.aims.items():
        outcome.aims[aim] = outcome.aims.get(aim, True) and kept
    outcome.examples += part.examples


SCENARIO = Scenario("duplicates", play, (Control("unique ids", shows="duplicate_messages"),))
