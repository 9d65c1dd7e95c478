"""Plays the scenarios: `python -m chaos`. Exits with 1 where a promise was broken."""

import asyncio
import secrets
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from chaos import scoreboard
from chaos.model import Model
from chaos.scenario import Control, Scenario
from chaos.scenarios import ALL, GROUPS
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


async def _played(options: Namespace, group: Sequence[Scenario], folder: Path) -> list[Played]:
    """Plays scenarios one after the other, on processes that they have in common."""
    found = []
    async with Model() as model, AsyncExitStack() as running:
        stack = Stack(folder, extra_environment=environment(model))
        if not all(scenario.alone for scenario in group):
            await running.enter_async_context(_running(stack))
        for scenario in group:
            entry = await _play(scenario, stack, model, options.seed, short=options.short)
            scoreboard.tell(entry)
            found.append(entry)
    return found


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


async def _play_all(options: Namespace, chosen: Collection[Scenario], folder: Path) -> list[Played]:
    groups = [[scenario for scenario in group if scenario in chosen] for group in GROUPS]
    if not options.short:  # figures that were taken beside each other would be none
        groups = [[scenario for group in groups for scenario in group]]
    async with asyncio.TaskGroup() as beside:
        tasks = [
            beside.create_task(_played(options, group, _made(folder / f"stack-{n}")))
            for n, group in enumerate(groups, 1)
            if group
        ]
    return [entry for task in tasks for entry in task.result()]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _show_all(options: Namespace, chosen: Sequence[Scenario], folder: Path) -> list[Shown]:
    print("\nNegative controls:", flush=True)
    found = []
    for scenario in chosen:
        for n, control in enumerate(scenario.controls):
            place = _made(folder / f"{scenario.name}-{n}")
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
