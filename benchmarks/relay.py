"""`make bench-relay`: the whole app beside a bare relay and pydantic-ai, under the same loads.

All relay the same answers of a fake provider on loopback, in turns. The bare relay is Starlette and the
SDK's `messages.stream` and nothing else, so the ratios say what the rest costs or saves; they travel
between machines better than the figures do. The app writes to PostgreSQL and Redis where they answer
on loopback, to a database made for the run; DATABASE_URL and REDIS_URL name others, which must hold
nothing else. Their own CPU is not counted, and with Redis nor is the work after an answer, which is a
worker's.

The fixed CPU of a turn and the marginal CPU of a token come apart by answers of two lengths at the same
pace, started alike. 50 conversations begin within the time of one answer, 200 within ten seconds (a
question every 50 ms, all day more than any shop has), and 200 once more within the time of one answer:
that many tokens at once are more than a core can do, for any of the systems, and shows what gives way.
--spread-ms sets another time for all; flat out all start at once.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import uvloop

from benchmarks import report
from benchmarks.figures import Figures, Load, figures
from benchmarks.processes import Server, ServerFailed, cores, free_port, running
from benchmarks.sockets import Socket, ask_all
from benchmarks.systems import APPS, BASELINE, NAMES, System, started

TOKENS = 100
GAP_MS = 20.0

SHORT, LONG = 20, 220
"""Tokens of the two lengths that tell fixed from marginal: far enough apart that a percent of noise in
either is a percent in the difference."""

PACED = {
    "1": (1, 0.0),
    "50": (50, TOKENS * GAP_MS),
    "200": (200, 10_000.0),
    "200_burst": (200, TOKENS * GAP_MS),
}
"""Conversations, and over how many milliseconds they begin."""

CPU_SPREAD_MS = 1000.0
"""Over what the conversations of the two lengths start: a server that falls behind gathers tokens, and
a gathered token costs less."""

WARM_UP = 5
"""Conversations before the first round: imports, connections and caches are no running cost."""

SLACK = 60.0
"""Seconds a run may take beyond what the provider needs, before it counts as stuck."""

QUIET = 0.05
"""The share of a core below which a server has nothing left to do. An idle app polls its queue."""

SETTLE_STEP = 0.2
"""Seconds over which that share is taken."""

SETTLE_TIMEOUT = 20.0
"""Seconds after which a server that is still busy is measured as it is."""

OPENING = 8
"""Conversations opened at once: a server's accept queue is not what is measured."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The systems under load, by name, and the provider behind them."""

    provider: Server
    systems: dict[str, System]

    def plan(self, load: Load) -> None:
        """Tells the provider what its answers are like from now on."""
        plan = json.dumps({"tokens": load.tokens, "gap_ms": load.gap_ms}).encode()
        urlopen(Request(f"{self.provider.origin}/plan", plan, method="PUT"), timeout=10).close()


def loads(options: Namespace) -> dict[str, Load]:
    """What each system is put under, by name."""
    many = options.conversations
    all_loads = [
        *(
            Load(name, count, TOKENS, GAP_MS, options.spread_ms or spread)
            for name, (count, spread) in PACED.items()
        ),
        Load("short", many, SHORT, GAP_MS, CPU_SPREAD_MS),
        Load("long", many, LONG, GAP_MS, CPU_SPREAD_MS),
        Load("flat", many, TOKENS, 0.0, 0.0),
    ]
    return {load.name: load for load in all_loads}


async def measure(bench: Bench, system: System, load: Load) -> Figures:
    """Puts the load on a system once. Raises ServerFailed."""
    bench.plan(load)
    opening = asyncio.Semaphore(OPENING)

    async def opened() -> Socket:
        async with opening:
            return await system.opening(system.server)

    try:
        sockets = await asyncio.gather(*(opened() for _ in range(load.conversations)))
        before = await _settled(system.server)
        async with asyncio.timeout((load.tokens * load.gap_ms + load.spread_ms) / 1000 + SLACK):
            answers = await ask_all(sockets, load.spread_ms / 1000)
    except (OSError, TimeoutError) as error:
        raise system.server.failed(f"gave no answer ({error!r})") from error
    spent = await _settled(system.server) - before
    for socket in sockets:
        socket.close()
    system.server.check()
    return figures(load, answers, spent)


async def _settled(server: Server) -> float:
    """The server's CPU in seconds, once it has nothing left to do."""
    spent = server.cpu()
    for _ in range(round(SETTLE_TIMEOUT / SETTLE_STEP)):
        before = spent
        await asyncio.sleep(SETTLE_STEP)
        spent = server.cpu()
        if spent - before < QUIET * SETTLE_STEP:
            break
    return spent


async def rounds(bench: Bench, all_loads: dict[str, Load], count: int) -> dict[str, report.Rounds]:
    """The figures of each system, by load, round by round. The systems take turns at each load."""
    await warm_up(bench)
    measured: dict[str, dict[str, list[Figures]]] = {
        name: {load: [] for load in all_loads} for name in bench.systems
    }
    for number in range(count):
        for load in all_loads.values():
            for name, system in bench.systems.items():
                measured[name][load.name].append(await measure(bench, system, load))
                gc.collect()
        print(f"Round {number + 1} of {count} is done.", file=sys.stderr)
    return dict(measured)


async def warm_up(bench: Bench) -> None:
    """Loads what a first answer loads. A collection of the client's would read as a server's delay."""
    for system in bench.systems.values():
        await measure(bench, system, Load("warm-up", WARM_UP, TOKENS, 1.0, GAP_MS))
    gc.freeze()
    gc.disable()


async def keep(bench: Bench, load: Load) -> None:
    """Puts one load on the systems again and again, for a profiler to look at, until it is stopped."""
    await warm_up(bench)
    while True:
        for name, system in bench.systems.items():
            run = await measure(bench, system, load)
            print(
                f"{name} (pid {system.server.process.pid}), load {load.name}: "
                f"{run.cpu / load.conversations:.2f} CPU ms a turn, "
                f"first token p95 {run.first_token_p95:.1f} ms, relay p95 {run.delay_p95:.1f} ms, "
                f"{run.lost} tokens lost",
                flush=True,
            )
            gc.collect()


@contextmanager
def benches(options: Namespace) -> Iterator[Bench]:
    """Starts the provider and the systems, and stops them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-relay-")))
        port, (_, other) = free_port(), cores()
        os.sched_setaffinity(0, other)
        fake = ["-m", "benchmarks.fake_anthropic", "--port", str(port)]
        provider = stack.enter_context(
            running("provider", fake, port=port, folder=folder, on=other)
        )
        wrapper = ["-m", "cProfile", "-o", options.profile] if options.profile else []
        systems = {
            name: stack.enter_context(
                started(name, provider.origin, folder, *wrapper, embedded=options.embedded)
            )
            for name in options.systems
        }
        yield Bench(provider, systems)


def _options() -> Namespace:
    parser = ArgumentParser(prog="make bench-relay ARGS=", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of uvicorn and the relay")
    parser.add_argument("--rounds", type=int, default=3, help="whose median counts")
    parser.add_argument(
        "--conversations", type=int, default=50, help="of the loads that tell CPU apart"
    )
    parser.add_argument("--spread-ms", type=float, help="over which conversations start")
    parser.add_argument(
        "--systems", nargs="+", choices=NAMES, default=[*APPS, BASELINE, "pydantic-ai"]
    )
    parser.add_argument("--embedded", action="store_true", help="SQLite and no Redis in any case")
    parser.add_argument("--only", choices=NAMES, help="one system, with --keep")
    parser.add_argument(
        "--keep",
        metavar="LOAD",
        nargs="?",
        const="50",
        help="this load again and again: 1, 50, 200, short, long or flat",
    )
    parser.add_argument("--profile", metavar="FILE", help="the system of --only under cProfile")
    options = parser.parse_args()
    if options.quick:
        options.systems, options.rounds = [APPS[0], BASELINE], 1
    if options.only:
        options.systems = [options.only]
    if not options.keep and BASELINE not in options.systems:
        parser.error(f"the ratios need {BASELINE} among --systems; --keep does without")
    return options


def main() -> int:
    """Runs the benchmark; 1 where a token was lost, or a server failed or logged an error."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    options = _options()
    all_loads = loads(options)
    try:
        with benches(options) as bench:
            if options.keep:
                uvloop.run(keep(bench, all_loads[options.keep]))
                return 0
            measured = uvloop.run(rounds(bench, all_loads, options.rounds))
            return report.show(_setting(bench, all_loads, options.rounds), measured)
    except ServerFailed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _setting(bench: Bench, all_loads: dict[str, Load], count: int) -> report.Setting:
    storages = [system.storage for system in bench.systems.values() if system.storage]
    complaints = [line for system in bench.systems.values() for line in system.server.complaints()]
    server, other = cores()
    return report.Setting(
        loads=all_loads,
        rounds=count,
        database=storages[0].database if storages else "none",
        redis=any(storage.redis for storage in storages),
        pinned=server != other,
        complaints=complaints,
    )


if __name__ == "__main__":
    sys.exit(main())
