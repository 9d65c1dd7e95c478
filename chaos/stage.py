"""What a scenario plays on: the running stack, the scripted model, customers, and an audit at the end."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

import psycopg
from aiohttp import ClientSession, TCPConnector

from chaos import ledger
from chaos.customer import Customer
from chaos.ledger import Books, Findings
from chaos.model import Model
from chaos.script import Question
from deploy.processes import Process, answers
from deploy.prod_local import Stack

DEADLINE = 120.0
"""Seconds in which a turn ends, answered or not: SUPPORTBOT_TURN_TIMEOUT."""

IN_VAIN = 20.0
"""Seconds that a negative control waits instead: longer than a lease and a sweep."""

UNLIMITED = dict.fromkeys(
    (
        "SUPPORTBOT_MESSAGES_PER_MINUTE",
        "SUPPORTBOT_MESSAGES_PER_MINUTE_IP",
        "SUPPORTBOT_SESSIONS_PER_MINUTE_IP",
        "SUPPORTBOT_SOCKETS_PER_IP",
        "SUPPORTBOT_REQUESTS_PER_MINUTE_IP",
    ),
    "0",
)
"""All customers come from one address."""


def environment(model: Model) -> dict[str, str]:
    """What a stack needs to answer from `model`, and from nothing else: an offline answer would hide
    what became of the scripted one."""
    return {
        **UNLIMITED,
        "ANTHROPIC_API_KEY": "sk-chaos",
        "ANTHROPIC_BASE_URL": model.url,
        "SUPPORTBOT_PROVIDERS": "anthropic",
        "SUPPORTBOT_DEMO": "false",
        "SUPPORTBOT_TICKET_BACKEND": "chaos.tickets.SlowTickets",
        # Long answers are not to be summarised: the script knows no summaries.
        "SUPPORTBOT_HISTORY_TOKENS": "1000000",
        # A server that is installed has its bytecode: without, each start would compile for seconds.
        "PYTHONDONTWRITEBYTECODE": "",
    }


Figure = int | float | str


@dataclass
class Outcome:
    """What a scenario found. `aims` says of each promise, in words, whether it was kept."""

    figures: dict[str, Figure] = field(default_factory=dict)
    aims: dict[str, bool] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    """Of what went wrong, for whoever looks into it."""

    def take(self, findings: Findings) -> None:
        """Enters an audit, with the promises that hold whatever happens."""
        figures = asdict(findings)
        self.examples += figures.pop("examples")
        self.figures |= figures
        for name in ALWAYS_NONE:
            self.aims[f"{name.replace('_', ' ')}: none"] = not figures[name]


ALWAYS_NONE = (
    *("lost", "duplicate_messages", "duplicate_replies", "duplicate_tickets", "missing_tickets"),
    *("not_terminal", "spliced", "late_writes", "transcripts_differ", "unanswered"),
)


@dataclass
class Stage:
    """One scenario's. `short` asks for the smallest run that still means something; `rng` is the only
    source of chance."""

    name: str
    stack: Stack
    model: Model
    rng: Random
    short: bool
    guard: str = ""
    """What is missing, in a negative control."""

    @property
    def patience(self) -> float:
        """Seconds to wait for a turn's end. What a missing guard has lost never comes."""
        return IN_VAIN if self.guard else DEADLINE

    def scale(self, full: int, short: int) -> int:
        """A number that depends on how much time there is."""
        return short if self.short else full

    def promise_time(self, outcome: Outcome, promise: str, kept: bool) -> None:
        """Enters a promise of seconds. It is judged in full runs alone, which have the machine for
        themselves; in a short one, beside tests, it is a figure."""
        if not self.short:
            outcome.aims[promise] = kept

    def questions(
        self, count: int | None = None, *, longest: float = 3.0, until: asyncio.Event | None = None
    ) -> Iterator[Question]:
        """So many questions, all different; without a count, until the event is set."""
        for n in itertools.count():
            if n == count or (until and until.is_set()):
                return
            yield self.question(str(n), longest)

    def question(self, key: str, longest: float = 3.0) -> Question:
        """One question; `key` is unlike that of any other of this scenario."""
        return Question.drawn(self.rng, f"{self.name}-{key}", longest)

    @asynccontextmanager
    async def customers(self, count: int) -> AsyncIterator[list[Customer]]:
        """So many customers, connected."""
        async with AsyncExitStack() as open_:
            http = await open_.enter_async_context(ClientSession(connector=TCPConnector(limit=20)))
            crowd = [
                await open_.enter_async_context(
                    Customer(f"{self.name}-{n}", self.stack.url, http, Random(self.rng.random()))
                )
                for n in range(count)
            ]
            await connected(crowd)
            yield crowd

    @asynccontextmanager
    async def tabs(self, count: int, name: str) -> AsyncIterator[list[Customer]]:
        """So many sockets of one and the same customer, on all servers in turn."""
        async with AsyncExitStack() as open_, ClientSession() as http:
            found: list[Customer] = []
            for n in range(count):
                process = self.stack.web[n % len(self.stack.web)]
                tab = Customer(f"{name}-{n}", self.stack.url, http, Random(self.rng.random()))
                tab.at = f"http://127.0.0.1:{process.port}"
                if found:
                    tab.token, tab.conversation = found[0].token, found[0].conversation
                found.append(await open_.enter_async_context(tab))
                if n == 0:
                    await connected(found)
            await connected(found)
            yield found

    async def converse(
        self,
        crowd: Sequence[Customer],
        questions: Iterator[Question],
        *,
        pause: float = 0.0,
    ) -> None:
        """Asks all questions: each customer the next one as soon as the last is answered, and `pause`
        seconds have passed. Ends with the last answer, or with the deadline of the last question."""

        async def one(customer: Customer) -> None:
            for question in questions:
                try:
                    async with asyncio.timeout(self.patience):
                        await customer.ask(question.key, question.text)
                except TimeoutError:
                    return  # the audit counts it; a customer who waits asks nothing more
                await asyncio.sleep(pause)

        await asyncio.gather(*map(one, crowd))

    @property
    def running(self) -> int:
        """How many answers are being written at this moment."""
        return sum(stream.ended is None for stream in self.model.streams)

    async def settle(self, crowd: Sequence[Customer]) -> None:
        """Waits until all servers are back, and all customers with what was said meanwhile."""
        await asyncio.gather(*(back(process) for process in self.stack.web))
        with suppress(TimeoutError):  # whoever is not back yet shows in the audit
            async with asyncio.timeout(self.patience):
                await asyncio.gather(*(customer.rested() for customer in crowd))

    async def audited(self, crowd: Sequence[Customer]) -> Outcome:
        """Settles, and holds what the customers were told against the database."""
        await self.settle(crowd)
        outcome = Outcome()
        outcome.take(ledger.audit(self.books(), crowd, self.model.streams))
        outcome.figures["polls"] = sum(customer.polls for customer in crowd)
        outcome.figures["closes_1011"] = sum(customer.closes[1011] for customer in crowd)
        outcome.aims["sockets closed with 1011: none"] = not outcome.figures["closes_1011"]
        return outcome

    def books(self) -> Books:
        """What the database holds now."""
        with psycopg.connect(self.stack.environment["DATABASE_URL"]) as database:
            return ledger.read(database.cursor())

    def logged(self, needle: str) -> int:
        """How many lines of the servers' logs contain this."""
        return sum(
            process.log.read_text("utf-8", "replace").count(needle) for process in self.stack.web
        )


async def connected(crowd: Sequence[Customer]) -> None:
    """Waits until all are. Raises TimeoutError."""
    async with asyncio.timeout(60):
        await asyncio.gather(*(customer.ready.wait() for customer in crowd))


async def back(process: Process, patience: float = 60.0) -> None:
    """Waits until a process that was started listens. Raises TimeoutError."""
    async with asyncio.timeout(patience):
        while not answers(process.port):  # noqa: ASYNC110  # a port has no event to wait for
            await asyncio.sleep(0.05)


@asynccontextmanager
async def meanwhile(
    work: Callable[[], Coroutine[Any, Any, None]],
) -> AsyncIterator[asyncio.Task[None]]:
    """Runs something beside the body, and ends it with the body. What it raises is raised."""
    task = asyncio.create_task(work())
    try:
        yield task
    finally:
        if not task.done():
            task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()
