"""What a run came to: a table for people, and one JSON object for everybody else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.scenario import Control
from chaos.stage import Figure, Outcome

COUNTED = (
    *("lost", "duplicate_messages", "duplicate_replies", "duplicate_tickets", "not_terminal"),
    *("late_writes", "spliced", "transcripts_differ", "kills_mid_turn", "leaks", "closes_1011"),
)
"""Figures that add up over the scenarios."""


@dataclass(frozen=True, slots=True)
class Played:
    """One scenario's end."""

    name: str
    outcome: Outcome
    seconds: float

    @property
    def kept(self) -> bool:
        """Whether it kept all that it promised."""
        return all(self.outcome.aims.values())


@dataclass(frozen=True, slots=True)
class Shown:
    """What a figure was without its guard."""

    scenario: str
    control: Control
    figure: Figure
    seconds: float

    @property
    def kept(self) -> bool:
        """Whether it showed that the figure can be something."""
        return bool(self.figure)


def total(
    seed: int, short: bool, played: Sequence[Played], shown: Sequence[Shown]
) -> dict[str, Any]:
    """The last line's object."""
    figures = [entry.outcome.figures for entry in played]
    return {
        **{name: _sum(figures, name) for name in COUNTED},
        "recovery_p99_s": max((float(f.get("recovery_p99_s", 0)) for f in figures), default=0.0),
        "kept": all(p.kept for p in played) and all(s.kept for s in shown),
        "seed": seed,
        "short": short,
        "broken": [
            f"{entry.name}: {aim}"
            for entry in played
            for aim, kept in entry.outcome.aims.items()
            if not kept
        ],
        "scenarios": {entry.name: entry.outcome.figures for entry in played},
        "controls": [
            {"scenario": s.scenario, "without": s.control.guard, s.control.shows: s.figure}
            for s in shown
        ],
    }


def _sum(figures: Sequence[Mapping[str, Figure]], name: str) -> int:
    return sum(int(found.get(name, 0)) for found in figures)


def tell(entry: Played) -> None:
    """Prints one scenario's end."""
    print(f"\n{entry.name}: {'kept' if entry.kept else 'BROKEN'} ({entry.seconds:.0f} s)")
    for aim, kept in entry.outcome.aims.items():
        print(f"  {'ok    ' if kept else 'BROKEN'} {aim}")
    width = max(map(len, entry.outcome.figures), default=0)
    for name, figure in entry.outcome.figures.items():
        print(f"    {name:{width}} {figure}")
    for example in entry.outcome.examples:
        print(f"    ! {example}")


def tell_control(entry: Shown) -> None:
    """Prints one negative control's end."""
    verdict = "shown" if entry.kept else "SHOWS NOTHING"
    name = entry.control.shows
    print(
        f"  {entry.scenario} without {entry.control.guard}: {name} {entry.figure} "
        f"({verdict}, {entry.seconds:.0f} s)"
    )


def tell_total(figures: Mapping[str, Any]) -> None:
    """The last line."""
    print(f"\n{json.dumps(figures)}", flush=True)
