"""What a scenario is, and its negative controls."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chaos.stage import Outcome, Stage

Play = Callable[[Stage], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Control:
    """The scenario again, small, without one guard: a figure that stays at nothing proves nothing.

    `guard` names what `chaos.weakened` takes out, `shows` the figure that then must not be zero.
    """

    guard: str
    shows: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault, and what must hold. `play` is given a stage of its own on the common stack; one that is
    `alone` uses nothing of that but its folder, and starts what it needs: it may be played beside others.
    """

    name: str
    play: Play
    controls: tuple[Control, ...] = ()
    alone: bool = False
