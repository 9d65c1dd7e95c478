"""Plays the scenarios: `python -m chaos`. Exits with 1 where a promise was broken."""

import asyncio
import secrets
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from chaos import scoreboard
from chaos.model import Model
from chaos.scenario import Control, Scenario
from chaos.scenarios import ALL
from chaos.scoreboard import Played, Shown
from chaos.stage import Stage, environment
from chaos.weakened import WeakenedStack
from deploy.prod_local import Stack


@asynccontextmanager
async def _running(stack: Stack) -> AsyncIterator[Stack]:
    """A stack is started and stopped with blocking calls, and the model answers meanwhile."""
    await asyncio.to_thread(stack.__enter__)
    try:
        yield stack
    finally:
        await asyncio.to_thread(stack.__exit__, None, None, None)


async def _play(
    scenario: Scenario, stack: Stack, model: Model, seed: int, *, short: bool, guard: str = ""
) -> Played:
    # Each scenario's chance is its own: with --only it is played as it was among all.
    rng = Random(f"{seed} {scenario.name}")
    began = time.monotonic()
    outcome = await scenario.play(Stage(scenario.name, stack, model, rng, short, guard))
    return Played(scenario.name, outcome, time.monotonic() - began)


@dataclass(frozen=True)
class _Plan:
    """A run of scenarios on one stack."""

    options: Namespace
    stack: Stack
    model: Model

    async def play_each(self, scenarios: Sequence[Scenario]) -> list[Played]:
        """One after the other."""
        found = []
        for scenario in scenarios:
            options = self.options
            entry = await _play(scenario, self.stack, self.model, options.seed, short=options.short)
            scoreboard.tell(entry)
            found.append(entry)
        return found

    async def play_briefly(self, scenarios: Sequence[Scenario]) -> list[Played]:
        """Those that have processes of their own beside the others: short ones mostly wait. Before that the
        first, for servers that are killed every other second need the machine to start again."""
        common = [scenario for scenario in scenarios if not scenario.alone]
        alone = [scenario for scenario in scenarios if scenario.alone]
        played = await self.play_each(common[:1])
        for part in await asyncio.gather(self.play_each(common[1:]), self.play_each(alone)):
            played += part
        return played


async def _play_all(options: Namespace, chosen: Sequence[Scenario], folder: Path) -> list[Played]:
    async with Model() as model, AsyncExitStack() as running:
        stack = Stack(folder, extra_environment=environment(model))
        if not all(scenario.alone for scenario in chosen):
            await running.enter_async_context(_running(stack))
        plan = _Plan(options, stack, model)
        return await (plan.play_briefly if options.short else plan.play_each)(chosen)


async def _show(scenario: Scenario, control: Control, folder: Path, seed: int) -> Shown:
    began = time.monotonic()
    async with Model() as model, AsyncExitStack() as running:
        stack = WeakenedStack(folder, control.guard, extra_environment=environment(model))
        if not scenario.alone:
            await running.enter_async_context(_running(stack))
            await asyncio.to_thread(stack.weaken_database)
        played = await _play(scenario, stack, model, seed, short=True, guard=control.guard)
    figure = played.outcome.figures[control.shows]
    return Shown(scenario.name, control, figure, time.monotonic() - began)


async def _show_all(options: Namespace, chosen: Sequence[Scenario], folder: Path) -> list[Shown]:
    print("\nNegative controls:", flush=True)
    found = []
    for scenario in chosen:
        for n, control in enumerate(scenario.controls):
            place = folder / f"{scenario.name}-{n}"
            place.mkdir()
            shown = await _show(scenario, control, place, options.seed)
            scoreboard.tell_control(shown)
            found.append(shown)
    return found


async def _run(options: Namespace, chosen: Sequence[Scenario], folder: Path) -> int:
    played = [] if options.controls_only else await _play_all(options, chosen, folder)
    shown = [] if options.short else await _show_all(options, chosen, folder)
    figures = scoreboard.total(options.seed, options.short, played, shown)
    scoreboard.tell_total(figures)
    return 0 if figures["kept"] else 1


def main() -> int:
    """Plays what was asked for."""
    names = [scenario.name for scenario in ALL]
    parser = ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="under 3 minutes, without controls")
    parser.add_argument("--only", choices=names, action="append", help="this one; may be repeated")
    parser.add_argument("--controls-only", action="store_true", help="the negative controls alone")
    parser.add_argument("--seed", type=int, help="of all chance; a new one if none")
    parser.add_argument("--folder", type=Path, help="keeps logs and data; a temporary one if none")
    options = parser.parse_args()
    options.seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    chosen = [scenario for scenario in ALL if scenario.name in (options.only or names)]
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream
    print(f"Seed {options.seed}; {', '.join(scenario.name for scenario in chosen)}", flush=True)
    if options.folder:
        return asyncio.run(_run(options, chosen, options.folder))
    with TemporaryDirectory(prefix="chaos-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL, another user, has its data further down
        return asyncio.run(_run(options, chosen, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
