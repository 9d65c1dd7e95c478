"""One turn: claim it, stream the answer, commit the reply.

A turn runs as a task of the server process that took the message, not of the socket: closing the
tab does not stop it. `run` is safe to call twice, or from anywhere: the claim lets one runner in.
"""

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError

from chat import agent, conversations, history, leases, prompt, providers, relay, transcript
from chat.citations import CitationFilter
from chat.conversations import Reply, TurnRecord
from chat.database import in_database
from chat.identity import VerifiedCustomer
from chat.leases import Claim, LeaseLost
from chat.llm.base import (
    Message,
    ProviderError,
    ProviderFailed,
    Request,
    StopReason,
    TextDelta,
    ToolMessage,
    UsageReport,
)
from chat.models import Conversation
from chat.protocol import AnswerCompleted, AnswerFailed, AnswerStarted, MessageView
from chat.relay import LiveAnswer
from chat.tool_calls import ToolRunner
from chat.toolbox import load_tools

logger = logging.getLogger(__name__)

APOLOGY = (
    "Sorry, I could not answer that just now. Please try again in a moment, "
    "or write “open a ticket” and our team will get back to you."
)
STOPPED = "You stopped this answer."

RERUN_DELAY = 1.0
"""Seconds before a turn that lost its database runs again: a restart of it takes about as long."""

_tasks: dict[UUID, asyncio.Task[None]] = {}
_stops: dict[UUID, asyncio.Event] = {}


@dataclass
class _Progress:
    """What a run has gathered so far, for the turn's row."""

    started: float = field(default_factory=time.monotonic)
    first_token: float | None = None
    attempts: list[UsageReport | ProviderFailed] = field(default_factory=list)
    prompt_hash: str = ""
    partial: bool = False

    def record(self) -> TurnRecord:
        return TurnRecord(
            attempts=tuple(self.attempts),
            prompt_hash=self.prompt_hash,
            duration=time.monotonic() - self.started,
            first_token=self.first_token,
        )


def start(turn_id: UUID) -> None:
    """Runs a turn in the background of this process."""
    if turn_id not in _tasks:
        task = asyncio.create_task(run(turn_id), name=f"turn {turn_id}")
        _tasks[turn_id] = task
        task.add_done_callback(lambda _: _tasks.pop(turn_id, None))


async def resume(conversation: UUID) -> None:
    """Starts what waits in a conversation: a queued turn, or one whose runner is gone."""
    turn = await in_database(leases.waiting)(conversation)
    if turn:
        start(turn)


def stop_soon(turn_id: UUID) -> None:
    """Wakes the runner, if it is in this process, to see that its turn was asked to stop.

    A runner elsewhere sees it with its next heartbeat.
    """
    if turn_id in _stops:
        _stops[turn_id].set()


async def shut_down() -> None:
    """Stops the turns of this process; each is given back, to be run again by another."""
    tasks = list(_tasks.values())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def run(turn_id: UUID) -> None:
    """Runs a turn to its end, then whatever was asked meanwhile. Does nothing if it is taken."""
    claim = await _claim(turn_id)
    if claim is None:
        abandoned = await in_database(leases.abandoned)(turn_id)
        if abandoned:
            start(abandoned)
        return
    try:
        with LiveAnswer(claim.conversation, claim.turn) as live:
            await _Run(claim, live).to_its_end()
    except LeaseLost as lost:
        logger.warning("%s", lost)
        return
    except asyncio.CancelledError:
        await in_database(leases.release)(claim, counts=False)
        raise
    except DatabaseError:
        logger.exception("turn %s lost its database; it runs again", turn_id)
        await asyncio.sleep(RERUN_DELAY)
        await in_database(leases.release)(claim)
        await run(turn_id)  # as often as its attempts allow; the last one only fails it
        return
    await resume(claim.conversation)


async def _claim(turn_id: UUID) -> Claim | None:
    """Claims a turn. A claim that is cancelled half-way is given back when it is there."""
    claiming = asyncio.ensure_future(in_database(leases.claim)(turn_id))
    try:
        return await asyncio.shield(claiming)
    except asyncio.CancelledError:
        claim = await claiming
        if claim:
            await in_database(leases.release)(claim, counts=False)
        raise


class _Run:
    """One runner's work on one claimed turn."""

    def __init__(self, claim: Claim, live: LiveAnswer) -> None:
        self.claim = claim
        self.live = live
        self.progress = _Progress()
        self.citations = CitationFilter()

    async def to_its_end(self) -> None:
        """Answers, or fails visibly: the turn is closed either way. Raises LeaseLost."""
        await relay.publish(self.claim.conversation, AnswerStarted(turn=str(self.claim.turn)))
        if self.claim.attempt > leases.MAX_ATTEMPTS:
            await self._fail("ATTEMPTS", APOLOGY)
            return
        if self.claim.stop_requested:
            await self._fail("stopped", STOPPED)
            return
        answering = asyncio.create_task(self._answer())
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.wait(
                {answering, watching},
                timeout=settings.TURN_TIMEOUT,
                return_when=asyncio.FIRST_COMPLETED,
            )
            await self._conclude(answering, watching)
        finally:
            await _cancel(answering)
            await _cancel(watching)

    async def _watch(self) -> None:
        """Keeps the lease; returns when the customer wants the answer stopped."""
        wake = _stops[self.claim.turn] = asyncio.Event()
        try:
            stopped = False
            while not stopped:
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), leases.HEARTBEAT)
                wake.clear()
                stopped = await self._renew()
        finally:
            _stops.pop(self.claim.turn, None)

    async def _renew(self) -> bool:
        """Renews the lease; tells whether to stop. A beat that fails is made up by the next: the
        lease lasts for several."""
        try:
            return await in_database(leases.renew)(self.claim)
        except DatabaseError as error:
            logger.warning("turn %s missed a heartbeat: %s", self.claim.turn, error)
            return False

    async def _answer(self) -> None:
        conversation = await in_database(Conversation.objects.get)(pk=self.claim.conversation)
        tools = load_tools()
        run_tool = ToolRunner(self.claim, _customer(conversation), tools, self.live)
        done = await run_tool.resume()
        messages = await in_database(history.load)(self.claim.conversation, self.claim.turn)
        for message in messages:
            self._learn(message)
        system, self.progress.prompt_hash = prompt.system(tools.values(), run_tool.customer)
        request = Request(
            system=system,
            messages=messages,
            tools=tuple(tool.spec for tool in tools.values()),
            max_output_tokens=settings.MAX_OUTPUT_TOKENS,
        )
        async for event in agent.answer(providers.shared(), request, run_tool, done):
            match event:
                case TextDelta(text):
                    await self._show(self.citations.feed(text))
                case ToolMessage():
                    self._learn(event)
                case UsageReport() | ProviderFailed():
                    self.progress.attempts.append(event)
                case agent.Answered(reason):
                    self.progress.partial = reason is StopReason.MAX_TOKENS
        await self._show(self.citations.finish())

    def _learn(self, message: Message) -> None:
        if isinstance(message, ToolMessage):
            for result in message.results:
                self.citations.offer(result.citations)

    async def _show(self, text: str) -> None:
        if not text:
            return
        if self.progress.first_token is None:
            self.progress.first_token = time.monotonic() - self.progress.started
        await self.live.write(text)

    async def _conclude(self, answering: asyncio.Task[None], watching: asyncio.Task[None]) -> None:
        if not answering.done():
            await _cancel(answering)
            await self._interrupted(watching)
            return
        error = answering.exception()
        match error:
            case None:
                await self._complete(partial=self.progress.partial)
            case LeaseLost() | DatabaseError():
                raise error
            case ProviderError():
                logger.error("turn %s failed: %s", self.claim.turn, error)
                await self._fail(error.code, APOLOGY)
            case agent.NoAnswer():
                logger.error("turn %s ended without an answer", self.claim.turn)
                await self._fail("NO_ANSWER", APOLOGY)
            case _:
                logger.error("turn %s failed", self.claim.turn, exc_info=error)
                await self._fail("INTERNAL", APOLOGY)

    async def _interrupted(self, watching: asyncio.Task[None]) -> None:
        """The answer was not done when its watcher ended, or its time was over."""
        if not watching.done():
            logger.error("turn %s took longer than %s s", self.claim.turn, settings.TURN_TIMEOUT)
            await self._fail("TIMEOUT", APOLOGY)
            return
        watching.result()
        if self.live.text:
            await self._complete(partial=True)
        else:
            await self._fail("stopped", STOPPED)

    async def _complete(self, *, partial: bool) -> None:
        await self.live.close()
        reply = Reply(self.live.text, self.citations.cited, partial)
        view = await in_database(_commit)(self.claim, reply, self.progress.record())
        completed = AnswerCompleted(turn=str(self.claim.turn), message=view)
        await relay.publish(self.claim.conversation, completed)

    async def _fail(self, code: str, text: str) -> None:
        await self.live.close()
        record = self.progress.record()
        await in_database(conversations.fail)(self.claim, code=code, text=text, record=record)
        failed = AnswerFailed(turn=str(self.claim.turn), code=code, text=text, retryable=True)
        await relay.publish(self.claim.conversation, failed)


def _commit(claim: Claim, reply: Reply, record: TurnRecord) -> MessageView:
    return transcript.view(conversations.complete(claim, reply, record))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _customer(conversation: Conversation) -> VerifiedCustomer | None:
    if not conversation.customer_id:
        return None
    return VerifiedCustomer(
        conversation.customer_id, conversation.customer_email, conversation.customer_name
    )
