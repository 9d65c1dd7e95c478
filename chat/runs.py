"""One runner's work on one claimed turn: stream the answer, commit the reply."""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import Error

from chat import (
    agent,
    answer_cache,
    claims,
    conversations,
    history,
    leases,
    prompt,
    providers,
    relay,
    telemetry,
    transcript,
    usage,
)
from chat.agent import AgentEvent, Objection
from chat.citations import CitationFilter
from chat.conversations import Reply
from chat.database import in_database
from chat.hold import Hold
from chat.identity import VerifiedCustomer
from chat.leases import Claim, LeaseLost
from chat.llm.base import (
    AttemptStarted,
    Message,
    Payer,
    ProviderError,
    Request,
    Reset,
    TextDelta,
    ToolMessage,
)
from chat.models import Conversation
from chat.progress import Progress, TurnRecord
from chat.protocol import AnswerCompleted, AnswerFailed, AnswerStarted, MessageView, Receipt
from chat.relay import LiveAnswer
from chat.tool_calls import ToolRunner
from chat.toolbox import load_tools

logger = logging.getLogger(__name__)

APOLOGY = (
    "Sorry, I could not answer that just now. Please try again in a moment, "
    "or write “open a ticket” and our team will get back to you."
)
STOPPED = "You stopped this answer."

RECOVERED = "recovered"
"""Why a turn starts clean that another runner left behind."""


class Run:
    """One runner's work on one claimed turn."""

    def __init__(self, claim: Claim, live: LiveAnswer) -> None:
        self.claim = claim
        self.live = live
        self.progress = Progress()
        self.citations = CitationFilter()
        self._hold = Hold(claim)
        self._closed = False

    async def to_its_end(self) -> UUID | None:
        """Answers, or fails visibly: the turn is closed either way. Returns the turn that waits for
        this one, if there is one. Raises LeaseLost."""
        await relay.publish(self.claim.conversation, AnswerStarted(turn=str(self.claim.turn)))
        if self.claim.fence > 1:  # text of the runner before may be on the customer's screen
            await self.live.reset(RECOVERED)
        if self._verdict:
            return await self._leave_off(*self._verdict)
        answering = asyncio.create_task(self._answer())
        watching = asyncio.create_task(self._hold.until_stopped())
        try:
            await asyncio.wait(
                {answering, watching},
                timeout=settings.TURN_TIMEOUT,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return await self._conclude(answering, watching)
        except (LeaseLost, asyncio.CancelledError):
            await _cancelled(answering)
            await self._keep_usage()
            raise
        finally:
            await _cancelled(answering)
            await _cancelled(watching)

    @property
    def _verdict(self) -> tuple[str, str] | None:
        """The code and the text with which a turn ends that is not to be answered any more."""
        if self.claim.attempt > leases.MAX_ATTEMPTS:
            return "ATTEMPTS", APOLOGY
        return ("stopped", STOPPED) if self.claim.stop_requested else None

    def _runs_tools(self) -> ToolRunner:
        return ToolRunner(self.claim, _customer(self.claim.within), load_tools(), self.live)

    async def _leave_off(self, code: str, text: str) -> UUID | None:
        """Ends the calls that an earlier runner began, then the turn: the customer is told of what they
        did. Where the attempts are over this is tried once, since it may be a call that ends its
        runners."""
        if self.claim.fence > 1 and self.claim.attempt <= leases.MAX_ATTEMPTS + 1:
            resuming = asyncio.create_task(self._runs_tools().resume())
            try:
                await self._hold.while_it_ends(resuming)
            finally:
                await _cancelled(resuming)
            resuming.result()
        return await self._fail(code, text)

    async def _answer(self) -> None:
        conversation = self.claim.within
        past = await in_database(history.load)(conversation, self.claim.turn)
        run_tool = self._runs_tools()
        tools = run_tool.tools
        done = 0
        if self.claim.fence > 1:  # somebody ran it before, and may have called tools
            done = await run_tool.resume()
            past = await in_database(history.load)(conversation, self.claim.turn)
        for message in past.messages:
            self._learn(message)
        system, prompt_hash = prompt.system(tools.values(), run_tool.customer)
        request = Request(
            system=system,
            messages=past.messages,
            tools=tuple(tool.spec for tool in tools.values()),
            max_output_tokens=settings.MAX_OUTPUT_TOKENS,
            deadline=self.progress.started + settings.TURN_TIMEOUT,
            payer=Payer(str(conversation.pk), conversation.owner),
            locale=conversation.locale,
        )
        self.progress.begin(request, prompt_hash=prompt_hash, crowded=past.crowded)
        provider = providers.shared()
        question = answer_cache.question(
            past.messages,
            prompt_hash=prompt_hash,
            model=provider.model,
            locale=conversation.locale,
            tools=tuple(tools.values()),
            customer=run_tool.customer,
        )
        await self._follow(
            answer_cache.answered(
                question,
                run_tool,
                lambda run_tool: agent.answer(provider, request, run_tool, self._check, done),
            )
        )

    async def _follow(self, events: AsyncIterator[AgentEvent]) -> None:
        """Shows and keeps what happens."""
        async for event in events:
            if isinstance(event, TextDelta):
                self.progress.heard(len(event.text))
                await self._show(self.citations.feed(event.text))
                continue
            if isinstance(event, AttemptStarted):
                self._hold.must_be_kept()  # a runner that was frozen must not ask once more
            self.progress.see(event)
            match event:
                case ToolMessage():
                    self._learn(event)
                case Reset(reason):
                    self.citations.restart()
                    await self.live.reset(reason)
        await self._show(self.citations.finish())

    async def _check(self, text: str) -> Objection | None:
        """An answer must not claim what no tool did; see `chat.claims`."""
        said = claims.read(text)
        if not said:
            return None
        unproven = claims.unproven(said, await in_database(claims.load)(self.claim.conversation))
        if not unproven:
            return None
        offer = next((tool.spec.offer for tool in load_tools().values() if tool.spec.offer), "")
        return Objection(claims.complaint(unproven), claims.honest_line(unproven, offer))

    def _learn(self, message: Message) -> None:
        if isinstance(message, ToolMessage):
            for result in message.results:
                self.citations.offer(result.citations)

    async def _show(self, text: str) -> None:
        if not text:
            return
        self._hold.must_be_kept()
        self.progress.shown()
        await self.live.write(text)

    async def _conclude(
        self, answering: asyncio.Task[None], watching: asyncio.Task[None]
    ) -> UUID | None:
        if not answering.done():
            answering.cancel()
            await self._hold.while_it_ends(answering)
            return await self._interrupted(watching)
        error = answering.exception()
        match error:
            case None:
                return await self._complete(partial=self.progress.partial)
            case LeaseLost() | Error():
                raise error
            case ProviderError():
                logger.error("turn %s failed: %s", self.claim.turn, error)
                return await self._fail(error.code, APOLOGY)
            case agent.NoAnswer():
                logger.error("turn %s ended without an answer", self.claim.turn)
                return await self._fail(agent.NO_ANSWER, APOLOGY)
            case _:
                logger.error("turn %s failed", self.claim.turn, exc_info=error)
                return await self._fail("INTERNAL", APOLOGY)

    async def _interrupted(self, watching: asyncio.Task[None]) -> UUID | None:
        """The answer was not done when its watcher ended, or its time was over."""
        if not watching.done():
            logger.error("turn %s took longer than %s s", self.claim.turn, settings.TURN_TIMEOUT)
            return await self._fail("TIMEOUT", APOLOGY)
        watching.result()
        if self.live.text:
            return await self._complete(partial=True)
        return await self._fail("stopped", STOPPED)

    async def _keep_usage(self) -> None:
        """Stores what the requests of a run cost whose answer is another runner's to write."""
        if self._closed:
            return
        keep = partial(
            usage.keep,
            self.progress.record().attempts,
            conversation=self.claim.conversation,
            customer=self.claim.within.owner,
            turn=self.claim.turn,
        )
        try:
            await in_database(keep)()
        except Error as error:
            logger.warning("turn %s: its usage could not be kept: %s", self.claim.turn, error)

    async def _complete(self, *, partial: bool) -> UUID | None:
        await self.live.close()
        reply = Reply(self.live.text, self.citations.cited, partial)
        record = self.progress.record(citations_invented=self.citations.invented)
        receipts = self.live.receipts
        view, following = await in_database(self._commit)(reply, record, receipts)
        _tell("completed", "", record)
        completed = AnswerCompleted(turn=str(self.claim.turn), message=view)
        await relay.publish(self.claim.conversation, completed)
        return following

    async def _fail(self, code: str, text: str) -> UUID | None:
        await self.live.close()
        record = self.progress.record(citations_invented=self.citations.invented)
        following = await in_database(self._commit_failure)(code, text, record)
        stopped = code == "stopped"
        _tell("stopped" if stopped else "failed", "" if stopped else code, record)
        failed = AnswerFailed(turn=str(self.claim.turn), code=code, text=text, retryable=True)
        await relay.publish(self.claim.conversation, failed)
        return following

    # In the thread of the database, where work comes to its end though its runner is cancelled.

    def _commit(
        self, reply: Reply, record: TurnRecord, receipts: tuple[Receipt, ...]
    ) -> tuple[MessageView, UUID | None]:
        message = conversations.complete(self.claim, reply, record)
        self._closed = True
        # A turn that runs again made calls before of which only the database knows.
        known = self.claim.fence == 1
        view = transcript.fresh(message, receipts) if known else transcript.view(message)
        return view, self._following()

    def _commit_failure(self, code: str, text: str, record: TurnRecord) -> UUID | None:
        conversations.fail(self.claim, code=code, text=text, record=record)
        self._closed = True
        return self._following()

    def _following(self) -> UUID | None:
        """The turn that waits for this one. A database that is away by now does not undo this one's end;
        a sweep finds what waits."""
        try:
            return leases.waiting(self.claim.conversation)
        except Error as error:
            logger.warning("what follows turn %s waits for a sweep: %s", self.claim.turn, error)
            return None


def _tell(status: str, code: str, record: TurnRecord) -> None:
    answered = record.answered
    telemetry.citations_invented(record.citations_invented)
    telemetry.turn_ended(
        status,
        code,
        record.duration,
        record.first_token,
        answered.provider if answered else "",
        answered.model if answered else "",
        cached=answered.cached if answered else False,
    )


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _customer(conversation: Conversation) -> VerifiedCustomer | None:
    if not conversation.customer_id:
        return None
    return VerifiedCustomer(
        conversation.customer_id, conversation.customer_email, conversation.customer_name
    )
