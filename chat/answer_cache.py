"""Answers that serve more than one customer: the first question of a conversation, asked before.

An answer is kept only where it holds for others too: it was the first of its conversation, the
question tells nothing of who asks, no tool ran but such as tell nothing of one customer
(`Tool.version`), and the model of the key ended it normally. The key holds all that the answer
depends on, with the version of what those tools read for whoever asks: an article that is withdrawn
takes its answers along, and one that only verified customers may read never answers a guest.

Customers who ask the same at the same moment wait for the one who came first, for a while.
"""

import asyncio
import hashlib
import json
import logging
import re
import secrets
import time
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis import Redis
from redis.exceptions import RedisError

from chat import telemetry
from chat.agent import AgentEvent, Answered, RunTool
from chat.database import in_database
from chat.identity import VerifiedCustomer
from chat.llm.base import (
    Citation,
    Message,
    Reset,
    StopReason,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UsageReport,
    UserMessage,
)
from chat.personal import personal
from chat.toolbox import Tool

logger = logging.getLogger(__name__)

TTL = 3600
"""Seconds an answer is kept. Prices and dates of the model's own wording should not grow old."""

PATIENCE = 5.0
"""Seconds to wait for somebody who asked the same first: most of an answer's time, and little enough
to ask on one's own afterwards."""

POLL = 0.1
"""Seconds between looks for the answer of another process."""

LOCK_TTL = 30
"""Seconds after which a process that died no longer makes others wait. They wait PATIENCE at most."""

PACE = 0.015
"""Seconds between pieces of an answer: it is read as it comes, like any other."""

WORDS = 4
"""Words in a piece: a hundred take 0.4 s."""

FORMAT = "1"
"""Part of the key: a version of this module that keeps something else must not read this."""

SCAN = 1000
"""Keys that Redis looks at for one answer, when all answers are looked for."""

UNAVAILABLE = (OSError, RedisError)
"""What a Redis that is away raises. Every question is then a new one."""

Run = Callable[[RunTool], AsyncIterator[AgentEvent]]
"""Answers anew, with this way to run tools."""

_PIECE = re.compile(rf"(?:\S+\s*){{1,{WORDS}}}|\s+")
_ENDING = " \t\n?!.…¿¡。"

_flights: dict[str, asyncio.Future[None]] = {}
"""The questions that this process answers at the moment."""

_stored: set[str] = set()
"""The names of the answers that this process stored, for `forget`: hashes, some megabytes a million."""


@dataclass(frozen=True)
class Question:
    """A question whose answer may be shared, with all that the answer depends on."""

    text: str
    prompt_hash: str
    model: str
    locale: str
    tools: Mapping[str, Tool] = field(repr=False)
    customer: VerifiedCustomer | None = field(repr=False)

    def key(self) -> str:
        """Its name in the cache, at this moment. Reads what the tools' versions are read from."""
        versions = {
            name: tool.version(self.customer)
            for name, tool in sorted(self.tools.items())
            if tool.version
        }
        parts = [FORMAT, settings.SHOP_NAME, self.prompt_hash, self.model, self.locale, versions]
        whole = json.dumps([*parts, normalised(self.text)])
        return f"answer:{hashlib.sha256(whole.encode()).hexdigest()}"

    def is_shareable(self, call: ToolCall) -> bool:
        """Whether a call's result is the same for all who share the key."""
        tool = self.tools.get(call.name)
        return tool is not None and tool.shareable


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer in the cache: the model's own text, with the ids that it cites, and who wrote it."""

    text: str
    citations: tuple[Citation, ...]
    provider: str
    model: str


def normalised(question: str) -> str:
    """The question in the form in which equal ones are equal."""
    folded = unicodedata.normalize("NFKC", question).casefold()
    return " ".join(folded.split()).strip(_ENDING)


def question(
    messages: Sequence[Message],
    *,
    prompt_hash: str,
    model: str,
    locale: str,
    tools: Iterable[Tool],
    customer: VerifiedCustomer | None,
) -> Question | None:
    """What `messages` ask, if the answer may come from the cache. `model` is the one that is to
    answer, `customer` who asks: None for a guest. Reads nothing but its arguments and the settings."""
    if not settings.RESPONSE_CACHE or len(messages) != 1:
        return None
    first = messages[0]
    if not isinstance(first, UserMessage) or not normalised(first.text) or personal(first.text):
        return None
    by_name = {tool.spec.name: tool for tool in tools}
    return Question(first.text, prompt_hash, model, locale, by_name, customer)


def answered(asked: Question | None, run_tool: RunTool, run: Run) -> AsyncIterator[AgentEvent]:
    """The events of the answer: the one that is kept, or those of `run`, whose answer is then kept
    if it may be. None is asked of `run` as it is."""
    return run(run_tool) if asked is None else _answered(asked, run_tool, run)


async def _answered(asked: Question, run_tool: RunTool, run: Run) -> AsyncGenerator[AgentEvent]:
    started = time.monotonic()
    key = await in_database(asked.key)()
    async with _Flight(key) as flight:
        kept = await flight.landed()
        telemetry.cache_lookup(hit=kept is not None)
        if kept is None:
            watched = _Watched(asked)
            async with _closing(run(watched.around(run_tool))) as events:
                async for event in events:
                    watched.see(event)
                    yield event
            await _keep(key, asked, watched.outcome())
    if kept is not None:
        async for event in _replayed(kept, started):
            yield event


@asynccontextmanager
async def _closing(events: AsyncIterator[AgentEvent]) -> AsyncIterator[AsyncIterator[AgentEvent]]:
    """Ends a run at once when its reader stops early."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


class _Watched:
    """Follows a run to see whether its answer may be shared."""

    def __init__(self, asked: Question) -> None:
        self._asked = asked
        self._text: list[str] = []
        self._citations: dict[str, Citation] = {}
        self._report: UsageReport | None = None
        self._found: set[bool] = set()
        self._ended = False
        self._spoilt = False

    def around(self, run_tool: RunTool) -> RunTool:
        """`run_tool`, watched."""

        async def watched(call: ToolCall, ordinal: int, round_: int) -> ToolResult:
            self._spoilt |= not self._asked.is_shareable(call)
            result = await run_tool(call, ordinal, round_)
            self._spoilt |= result.is_error
            self._found.add(result.found)
            self._citations |= {citation.id: citation for citation in result.citations}
            return result

        return watched

    def see(self, event: AgentEvent) -> None:
        """Takes note of an event."""
        match event:
            case TextDelta(text):
                self._text.append(text)
            case Reset():
                self._spoilt = True
            case UsageReport():
                # A model that answers in place of the one asked for answers its own question only.
                # One that took no tokens is none: its answer costs nothing to give again.
                self._spoilt |= event.model != self._asked.model or not event.usage.output_tokens
                self._report = event
            case Answered(reason):
                self._ended = reason is StopReason.END

    def outcome(self) -> _Kept | None:
        """The answer, if all who share the key may have it."""
        text = "".join(self._text)
        if self._spoilt or not self._ended or self._report is None:
            return None
        if self._found == {False}:  # whoever asks in vain is to be seen in the rows of the calls
            return None
        cited = tuple(c for c in self._citations.values() if c.id in text)
        return _Kept(text, cited, self._report.provider, self._report.model)


async def _replayed(kept: _Kept, started: float) -> AsyncIterator[AgentEvent]:
    if kept.citations:
        yield ToolMessage((ToolResult("cached", "", citations=kept.citations),))
    first = time.monotonic() - started
    for piece in _PIECE.findall(kept.text):
        yield TextDelta(piece)
        await asyncio.sleep(PACE)
    latency = time.monotonic() - started
    yield UsageReport(kept.provider, kept.model, Usage(), latency, first, cached=True)
    yield Answered(StopReason.END)


class _Flight:
    """One run of a question at a time: in this process by a future, among processes by a lock.

    Nobody waits longer than PATIENCE, nor for a run that has failed or must not be shared.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._lock = f"{key}:lock"
        self._token = secrets.token_hex(8)
        self._mine: asyncio.Future[None] | None = None
        self._locked = False

    async def __aenter__(self) -> "_Flight":
        return self

    async def landed(self) -> _Kept | None:
        """The answer of whoever asked first; None where the caller has to ask."""
        first = _flights.get(self._key)
        if first is not None:
            await asyncio.wait({first}, timeout=PATIENCE)
            return await _get(self._key)
        self._mine = _flights[self._key] = asyncio.get_running_loop().create_future()
        return await _get(self._key) or await self._from_elsewhere()

    async def _from_elsewhere(self) -> _Kept | None:
        """The answer of a process that is at work on it. None once the lock is this one's."""
        until = time.monotonic() + PATIENCE
        try:
            while not await cache.aadd(self._lock, self._token, LOCK_TTL):
                if time.monotonic() > until:
                    return None
                await asyncio.sleep(POLL)
                kept = await _get(self._key)
                if kept:
                    return kept
            self._locked = True
        except UNAVAILABLE as error:
            logger.warning("answer cache unavailable: %s", error)
            return None
        return await _get(self._key)  # whoever let go of the lock stored its answer before

    async def __aexit__(self, *_: object) -> None:
        if self._mine is not None:
            _flights.pop(self._key, None)
            self._mine.set_result(None)
        if self._locked:
            try:
                if await cache.aget(self._lock) == self._token:
                    await cache.adelete(self._lock)
            except UNAVAILABLE as error:
                logger.warning("answer cache unavailable: %s", error)


def forget() -> None:
    """Deletes all answers, when a customer is erased: a question that was theirs may be among those
    that tell nothing of who asks. In a process without Redis, those that it stored itself; another
    process's own memory forgets within TTL."""
    stored = [*_stored]
    _stored.clear()
    try:
        cache.delete_many(stored)
        if settings.REDIS_URL:
            with Redis.from_url(settings.REDIS_URL, socket_timeout=1) as redis:
                for key in redis.scan_iter(cache.make_key("answer:*"), count=SCAN):
                    redis.delete(key)
    except UNAVAILABLE as error:
        logger.warning("answers cannot be deleted: %s", error)


async def _get(key: str) -> _Kept | None:
    try:
        stored = await cache.aget(key)
    except UNAVAILABLE as error:
        logger.warning("answer cache unavailable: %s", error)
        return None
    if stored is None:
        return None
    return _Kept(**stored | {"citations": tuple(Citation(**c) for c in stored["citations"])})


async def _keep(key: str, asked: Question, kept: _Kept | None) -> None:
    """Stores an answer, unless what it was made of has changed since the question was read."""
    if kept is None or await in_database(asked.key)() != key:
        return
    stored: dict[str, Any] = asdict(kept)
    try:
        await cache.aset(key, stored, TTL)
        _stored.add(key)
    except UNAVAILABLE as error:
        logger.warning("answer cache unavailable: %s", error)
