"""`make bench-sizing`: what production takes of a machine, process by process.

Starts the processes of `make prod-local`, a fake provider beside them, and puts them under the
questions of new customers through nginx. Memory is the proportional set size (what is shared between
processes is divided among them): when all have started and a question is answered, and the most seen
while questions come in. CPU is user and system time of a process and its children, from the first
question to the last piece of work after the last answer, divided by the questions. It differs between
machines; docs/deployment.md names the one its figures were taken on.
"""

import asyncio
import json
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import psycopg
import uvloop

from benchmarks.processes import Server, cores, free_port, running
from benchmarks.sockets import Answer, AnswerBroken, Socket, ask_all, open_app
from benchmarks.systems import NO_LIMITS
from deploy.processes import Process
from deploy.prod_local import Stack

TOKENS, GAP_MS = 150, 10.0
"""An answer of a hundred words that takes a second and a half."""

LOOK_EVERY = 0.5
"""Seconds between two looks at the memory."""

AFTERWARDS = 8.0
"""Seconds for the worker to classify what the last customers said."""

_MB = 1024 * 1024


@dataclass(slots=True)
class Use:
    """What one process and its children took."""

    memory: float = 0.0
    most: float = 0.0
    cpu: float = 0.0


@dataclass(slots=True)
class Sizing:
    """All that was measured. `socket_kb` is what an idle chat takes of a server."""

    turns: int
    uses: dict[str, Use] = field(default_factory=dict)
    socket_kb: float = 0.0
    turn_kb: float = 0.0
    broken: int = 0


def family(process: Process) -> list[psutil.Process]:
    """A process of the stack and all below it."""
    top = psutil.Process(process.pid)
    return [top, *top.children(recursive=True)]


def memory(process: Process) -> float:
    """In megabytes."""
    total = 0
    for member in family(process):
        with suppress(psutil.NoSuchProcess):  # PostgreSQL's come and go
            total += member.memory_full_info().pss
    return total / _MB


def cpu(process: Process) -> float:
    """In seconds, with the children that have ended."""
    total = 0.0
    for member in family(process):
        with suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            total += times.user + times.system
            total += times.children_user + times.children_system
    return total


@contextmanager
def started() -> Iterator[tuple[Stack, Server]]:
    """The stack and the fake provider it asks."""
    with ExitStack() as kept:
        folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="bench-sizing-")))
        port = free_port()
        fake = ["-m", "benchmarks.fake_anthropic", "--port", str(port)]
        (folder / "provider").mkdir()
        provider = kept.enter_context(
            running(
                "provider",
                fake,
                port=port,
                folder=folder / "provider",
                on=frozenset.union(*cores()),
            )
        )
        answering = {
            "SUPPORTBOT_PROVIDERS": "anthropic",
            "ANTHROPIC_API_KEY": "bench",
            "ANTHROPIC_BASE_URL": provider.origin,
        }
        stack = Stack(folder, extra_environment={**NO_LIMITS, **answering})
        yield kept.enter_context(stack), provider


def plan(provider: Server) -> None:
    body = json.dumps({"tokens": TOKENS, "gap_ms": GAP_MS}).encode()
    urlopen(Request(f"{provider.origin}/plan", body, method="PUT"), timeout=10).close()


def database_kb(stack: Stack) -> float:
    """What the database takes of the disk."""
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as database:
        (size,) = database.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
    return float(size) / 1024


def server(process: Process, port: int) -> Server:
    """What the load client connects to."""
    return Server(process.name, port, psutil.Process(process.pid), process.log)


async def opened(target: Server, count: int) -> list[Socket]:
    """So many customers, eight at a time."""
    gate = asyncio.Semaphore(8)

    async def one() -> Socket:
        async with gate:
            return await open_app(target)

    return list(await asyncio.gather(*(one() for _ in range(count))))


async def measure(stack: Stack, options: Namespace) -> Sizing:
    """Everything, in turn."""
    sizing = Sizing(options.turns)
    processes = stack.processes
    sizing.uses = {process.name: Use() for process in processes}
    front = server(stack.nginx, stack.port)
    await ask_all(await opened(front, 4), 1.0)
    await asyncio.sleep(AFTERWARDS)
    for process in processes:
        sizing.uses[process.name].memory = memory(process)
    sizing.socket_kb = await _idle_sockets(stack, options.sockets)
    size = database_kb(stack)
    await _load(front, processes, sizing, options.seconds)
    sizing.turn_kb = (database_kb(stack) - size) / sizing.turns
    return sizing


async def _idle_sockets(stack: Stack, count: int) -> float:
    first = stack.web[0]
    target = server(first, first.port)
    before = memory(first)
    sockets = await opened(target, count)
    await asyncio.sleep(1)
    grown = memory(first) - before
    for socket in sockets:
        socket.close()
    return grown * 1024 / count


async def _load(front: Server, processes: list[Process], sizing: Sizing, seconds: float) -> None:
    sockets = await opened(front, sizing.turns)
    await asyncio.sleep(1)
    before = {process.name: cpu(process) for process in processes}
    watching = asyncio.create_task(_watch(processes, sizing))
    answers = await ask_all(sockets, seconds)
    await asyncio.sleep(AFTERWARDS)
    watching.cancel()
    for process in processes:
        sizing.uses[process.name].cpu = cpu(process) - before[process.name]
    sizing.broken = sum(map(_broken, answers))


async def _watch(processes: list[Process], sizing: Sizing) -> None:
    while True:
        for process in processes:
            use = sizing.uses[process.name]
            use.most = max(use.most, await asyncio.to_thread(memory, process))
        await asyncio.sleep(LOOK_EVERY)


def _broken(answer: Answer) -> bool:
    try:
        return len(answer.arrivals()) < TOKENS
    except AnswerBroken:
        return True


def show(sizing: Sizing, seconds: float) -> None:
    """A table, and all of it in one line of JSON at the end."""
    print(f"{sizing.turns} turns of {TOKENS} tokens in {seconds:.0f} s; {sizing.broken} broken\n")
    print(f"{'process':10} {'started MB':>11} {'at most MB':>11} {'CPU ms a turn':>14}")
    for name, use in sizing.uses.items():
        each = use.cpu * 1000 / sizing.turns
        print(f"{name:10} {use.memory:11.0f} {use.most:11.0f} {each:14.1f}")
    web = sum(use.cpu for name, use in sizing.uses.items() if name.startswith("web-"))
    everything = sum(use.cpu for use in sizing.uses.values())
    figures = {
        "turns_per_second_per_core_of_web": round(sizing.turns / web, 1),
        "turns_per_second_per_core_of_all": round(sizing.turns / everything, 1),
        "idle_chat_kb": round(sizing.socket_kb, 1),
        "turn_on_disk_kb": round(sizing.turn_kb, 1),
        "broken": sizing.broken,
    }
    print(f"\n{json.dumps(figures)}")


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60.0, help="over which they are asked")
    parser.add_argument("--sockets", type=int, default=1000, help="idle chats, on one server")
    options = parser.parse_args()
    with started() as (stack, provider):
        plan(provider)
        sizing = uvloop.run(measure(stack, options))
    show(sizing, options.seconds)
    return 1 if sizing.broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
