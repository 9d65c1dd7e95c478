"""Thousands of idle sockets on one server; a thousand cut at once; readers that read nothing."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import psutil
import psycopg
from aiohttp import ClientSession, TCPConnector
from redis import Redis

from chaos import alone, idle
from chaos.figures import percentile
from chaos.idle import Line, Visitor
from chaos.scenario import Scenario
from chaos.stage import Outcome, Stage, meanwhile
from deploy.prod_local import Stack

AT_ONCE = 40
"""Sockets that are opened side by side: a server that starts is met by hundreds a second."""

LARGEST_SOCKET = 60.0
"""KB of the server's memory for one idle socket that watches a conversation."""

SLOWEST_ECHO = 0.1
"""Seconds for 99 of 100 pings."""

HERD_BACK = 30.0
"""Seconds until 95 of 100 customers whose lines broke at once are back."""

MOST_FOR_THE_STALLED = 60.0
"""MB of the server's memory for a hundred clients that read nothing."""

ASKED_FOR = 2_000
"""Answers that each stalled client asks for and does not read: more than the server keeps for it, which
a quarter of them would not fill."""

SMALL_BUFFER = 4_096
"""Bytes that the kernel may keep for a stalled client, so that the server's own memory fills."""

WARMING = 20
"""Visitors who ask something before anything is measured."""

WATCHED = 70
"""Seconds for which the server's memory is watched while clients stall: longer than the minute after
which it may close them."""


@dataclass
class Server:
    """The process under load."""

    stack: Stack
    port: int = 0
    process: psutil.Process = field(init=False)

    def __post_init__(self) -> None:
        self.port = self.stack.web[0].port
        self.process = psutil.Process(self.stack.web[0].pid)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> float:
        """MB."""
        return float(self.process.memory_info().rss) / 2**20

    def held(self) -> dict[str, int]:
        """What sockets must not have one of each: threads, connections, subscriptions."""
        with psycopg.connect(self.stack.environment["DATABASE_URL"]) as database:
            found = database.execute("SELECT count(*) FROM pg_stat_activity").fetchone()
        redis = Redis.from_url(self.stack.environment["REDIS_URL"])
        return {
            "threads": self.process.num_threads(),
            "database_connections": found[0] if found else 0,
            "redis_connections": len(redis.client_list()),
            "redis_subscriptions": len(redis.pubsub_channels()),
        }


async def tokens(url: str, count: int) -> list[str]:
    """Sessions of new visitors."""
    async with ClientSession(connector=TCPConnector(limit=8)) as http:

        async def one() -> str:
            async with http.post(f"{url}/api/session", json={}) as answer:
                answer.raise_for_status()
                return str((await answer.json())["token"])

        return await asyncio.gather(*(one() for _ in range(count)))


async def seated(port: int, rng: Random, every: Sequence[str], quiet: float) -> list[Visitor]:
    """Visitors with a greeted line each, who say something after so many seconds."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(token: str) -> Visitor:
        async with room:
            line = await idle.opened(port, token)
            return Visitor(port, token, Random(rng.random()), quiet, line)

    return await asyncio.gather(*map(one, every))


async def warm(port: int, every: Sequence[str]) -> None:
    """Lets the server do everything once: what it keeps for all is not any socket's."""
    for token in every:
        line = await idle.opened(port, token)
        await asked(line)
        line.abort()


async def asked(line: Line) -> str:
    """Asks a question and waits for the end of the answer. Returns its turn."""
    line.say(type="message.send", id="question", text="How long does delivery take?")
    end = json.loads(await line.until(b'"answer.completed"'))
    return str(end["turn"])


async def stalled(port: int, every: Sequence[str]) -> list[Line]:
    """Clients that ask for a lot and read none of it."""
    lines = []
    for token in every:
        line = await idle.opened(port, token, buffer=SMALL_BUFFER)
        turn = await asked(line)
        line.stall()
        for _ in range(ASKED_FOR):
            line.say(type="sync", turn=turn, offset=0)
        lines.append(line)
    return lines


async def highest(server: Server, seconds: float) -> float:
    """The most memory of the server while some time passes, in MB."""
    most, until = 0.0, time.monotonic() + seconds
    while time.monotonic() < until:
        most = max(most, server.memory())
        await asyncio.sleep(0.25)
    return most


async def play(stage: Stage) -> Outcome:
    outcome = Outcome()
    async with alone.stack(stage) as stack:
        server = Server(stack)
        count, stalling = stage.scale(5_000, 200), stage.scale(100, 10)
        every = await tokens(server.url, count + stalling + WARMING)
        await warm(server.port, every[count + stalling :])
        visitors = await _idle(stage, server, every[:count], outcome)
        sitting = [asyncio.create_task(visitor.sit()) for visitor in visitors]
        await asyncio.sleep(stage.scale(300, 8))
        _judge_idle(stage, visitors, outcome)
        for task in sitting:
            task.cancel()
        await _herd(stage, visitors[: stage.scale(1_000, 50)], outcome)
        await _stall(stage, server, visitors, every[count : count + stalling], outcome)
        for visitor in visitors:
            if visitor.line:
                visitor.line.abort()
    return outcome


async def _idle(
    stage: Stage, server: Server, every: Sequence[str], outcome: Outcome
) -> list[Visitor]:
    before, held = server.memory(), server.held()
    began = time.monotonic()
    visitors = await seated(server.port, stage.rng, every, stage.scale(idle.QUIET, 3))
    took = time.monotonic() - began
    await asyncio.sleep(2)
    each = (server.memory() - before) * 1024 / len(visitors)
    grown = {name: value - held[name] for name, value in server.held().items()}
    outcome.figures |= {
        "idle_sockets": len(visitors),
        "kb_a_socket": round(each, 1),
        "greeted_a_second": round(len(visitors) / took),
        **{f"more_{name}": value for name, value in grown.items()},
    }
    outcome.aims |= {
        f"an idle socket: {LARGEST_SOCKET:.0f} KB at most": each <= LARGEST_SOCKET,
        "no thread, connection or subscription for each": max(grown.values()) < len(visitors) / 10,
    }
    return visitors


def _judge_idle(stage: Stage, visitors: Sequence[Visitor], outcome: Outcome) -> None:
    echoes = [echo for visitor in visitors for echo in visitor.echoes]
    drops = sum(visitor.drops for visitor in visitors)
    p99 = percentile(echoes, 99)
    outcome.figures |= {
        "echoes": len(echoes),
        "echo_p50_ms": round(percentile(echoes, 50) * 1000, 1),
        "echo_p99_ms": round(p99 * 1000, 1),
        "drops": drops,
    }
    outcome.aims |= {"sockets dropped: none": not drops, "echoes were heard": bool(echoes)}
    in_time = f"echo p99: {SLOWEST_ECHO * 1000:.0f} ms at most"
    stage.promise_time(outcome, in_time, p99 <= SLOWEST_ECHO)


async def _herd(stage: Stage, visitors: Sequence[Visitor], outcome: Outcome) -> None:
    returning = [asyncio.create_task(visitor.come_back()) for visitor in visitors]
    _, late = await asyncio.wait(returning, timeout=2 * HERD_BACK)
    for task in late:
        task.cancel()
    back = [visitor.returned for visitor in visitors if visitor.returned is not None]
    in_time = sum(seconds <= HERD_BACK for seconds in back) / len(visitors)
    outcome.figures |= {
        "cut_at_once": len(visitors),
        "back_p95_s": round(percentile(back, 95), 1),
        "back_in_time": round(in_time, 3),
    }
    stage.promise_time(outcome, f"95% back within {HERD_BACK:.0f} s", in_time >= 0.95)


async def _stall(
    stage: Stage,
    server: Server,
    visitors: Sequence[Visitor],
    every: Sequence[str],
    outcome: Outcome,
) -> None:
    before = server.memory()
    echoes: list[float] = []

    async def others() -> None:
        while True:
            for visitor in visitors[:50]:
                if visitor.line and not visitor.line.lost.is_set():
                    echoes.append(await visitor.line.echo())
                await asyncio.sleep(0.02)

    async with meanwhile(others):
        lines = await stalled(server.port, every)
        more = await highest(server, stage.scale(WATCHED, 5)) - before
    gone = sum(line.lost.is_set() for line in lines)
    for line in lines:
        line.abort()
    outcome.figures |= {
        "stalled": len(lines),
        "stalled_more_mb": round(more, 1),
        "stalled_closed": gone,
        "echo_p99_beside_the_stalled_ms": round(percentile(echoes, 99) * 1000, 1),
    }
    most = f"{len(lines)} stalled readers: {MOST_FOR_THE_STALLED:.0f} MB more at most"
    outcome.aims[most] = more <= MOST_FOR_THE_STALLED


SCENARIO = Scenario("sockets", play, alone=True)
