"""What a run of a turn has gathered so far, for the turn's row and the ledger."""

import time
from dataclasses import dataclass, field

from chat import agent, telemetry
from chat.agent import AgentEvent, Answered
from chat.llm.base import (
    AttemptStarted,
    ProviderFailed,
    Request,
    Reset,
    StopReason,
    UsageReport,
)
from chat.usage import Attempt, Stopped


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """What is known of a turn when it ends, for the staff: who answered, from what, how fast.

    `duration` and `first_token` are seconds; `crowded` tells that the history had to be cut.
    """

    attempts: tuple[Attempt, ...]
    prompt_hash: str
    duration: float
    first_token: float | None
    claims_caught: int = 0
    citations_invented: int = 0
    crowded: bool = False

    @property
    def answered(self) -> UsageReport | None:
        """The attempt that wrote the reply."""
        reports = (a for a in reversed(self.attempts) if isinstance(a, UsageReport))
        return next(reports, None)

    @property
    def passed_over(self) -> tuple[ProviderFailed, ...]:
        """Why the providers before it did not, in order."""
        return tuple(a for a in self.attempts if isinstance(a, ProviderFailed) and a.final)


@dataclass
class Progress:
    """Follows the events of one run."""

    started: float = field(default_factory=time.monotonic)
    first_token: float | None = None
    partial: bool = False
    _prompt_hash: str = ""
    _crowded: bool = False
    _attempts: list[Attempt] = field(default_factory=list)
    _claims_caught: int = 0
    _request: Request | None = None
    _open: AttemptStarted | None = None
    _opened: float = 0.0
    _characters: int = 0

    def begin(self, request: Request, *, prompt_hash: str, crowded: bool) -> None:
        """The turn asks with this request first. `crowded`: its history had to be cut."""
        self._request, self._prompt_hash, self._crowded = request, prompt_hash, crowded

    def shown(self) -> None:
        """The customer sees text; only the first time counts."""
        if self.first_token is None:
            self.first_token = time.monotonic() - self.started

    def heard(self, characters: int) -> None:
        """So much more text came."""
        self._characters += characters

    def see(self, event: AgentEvent) -> None:
        """Takes note of any other event."""
        match event:
            case AttemptStarted():
                self._told(event)
                self._open, self._opened, self._characters = event, time.monotonic(), 0
            case UsageReport() | ProviderFailed():
                self._open = None
                self._attempts.append(event)
            case Reset(agent.UNPROVEN):
                self._claims_caught += 1
                telemetry.claim_caught()
            case Reset(reason):
                telemetry.reset(reason)
            case Answered(reason):
                self.partial = reason is StopReason.MAX_TOKENS

    def record(self, *, citations_invented: int = 0) -> TurnRecord:
        """All of it, at the end. A request that was still going on was stopped.

        `citations_invented` is how many sources the answer named that no tool had returned.
        """
        stopped = (self._stopped(self._open),) if self._open else ()
        return TurnRecord(
            attempts=(*self._attempts, *stopped),
            prompt_hash=self._prompt_hash,
            duration=time.monotonic() - self.started,
            first_token=self.first_token,
            claims_caught=self._claims_caught,
            citations_invented=citations_invented,
            crowded=self._crowded,
        )

    def _stopped(self, attempt: AttemptStarted) -> Stopped:
        assert self._request is not None  # noqa: S101  # nothing is asked before `begin`
        latency = time.monotonic() - self._opened
        return Stopped.estimated(attempt, self._request, self._characters, latency)

    def _told(self, event: AttemptStarted) -> None:
        """A provider that is asked after another was given up took over."""
        last = self._attempts[-1] if self._attempts else None
        if isinstance(last, ProviderFailed) and last.final:
            telemetry.fallback(last, event.provider)
