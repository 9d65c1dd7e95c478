"""What a run came to, and what several runs come to together."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.sockets import Answer, AnswerBroken

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """What every run asks for. The provider's first token comes after one gap as well."""

    conversations: int
    tokens: int
    gap_ms: float
    spread_ms: float

    @property
    def total(self) -> int:
        """Tokens of one run."""
        return self.conversations * self.tokens


@dataclass(frozen=True, slots=True)
class Figures:
    """One run of one server. CPU is per 1,000 tokens: until the last answer was complete, and until
    the work that follows answers was done too. Times are in milliseconds."""

    cpu: float
    cpu_settled: float
    first_token_p50: float
    first_token_p95: float
    delay_p50: float
    delay_p95: float
    provider_late_p95: float
    lost: int


Metric = Callable[[Figures], float]


def figures(load: Load, answers: Sequence[Answer], cpu: float, cpu_settled: float) -> Figures:
    """Reads what arrived. `cpu` is in seconds."""
    first, delays, late, lost = [], [], [], 0
    for answer in answers:
        tokens = _tokens(answer)
        lost += load.tokens - len({number for number, _, _ in tokens})
        if tokens:
            first.append((tokens[0][2] - answer.asked) / _NS_PER_MS - load.gap_ms)
            delays += [(arrived - sent) / _NS_PER_MS for _, sent, arrived in tokens]
            late += _lateness(load, tokens)
    per_1000 = 1000 / load.total * 1000
    return Figures(
        cpu=cpu * per_1000,
        cpu_settled=cpu_settled * per_1000,
        first_token_p50=percentile(first, 50),
        first_token_p95=percentile(first, 95),
        delay_p50=percentile(delays, 50),
        delay_p95=percentile(delays, 95),
        provider_late_p95=percentile(late, 95),
        lost=lost,
    )


def _tokens(answer: Answer) -> list[tuple[int, int, int]]:
    try:
        return answer.arrivals()
    except AnswerBroken as error:
        print(f"An answer is broken: {error}", file=sys.stderr)
        return []


def _lateness(load: Load, tokens: list[tuple[int, int, int]]) -> list[float]:
    """How far the provider itself was behind its schedule: what the machine, not a server, took."""
    start = tokens[0][1]
    return [(sent - start) / _NS_PER_MS - number * load.gap_ms for number, sent, _ in tokens]


def percentile(values: Sequence[float], rank: int) -> float:
    """The value that `rank` percent stay below; not a number when there are none."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return quantiles(values, n=100, method="inclusive")[rank - 1]


def middle(rounds: Sequence[Figures], metric: Metric) -> float:
    """A metric's median over the rounds."""
    return median(map(metric, rounds))


def ratio(app: Sequence[Figures], bare: Sequence[Figures], metric: Metric) -> float:
    """The median of each round's own ratio: a machine that slows down slows both of a round."""
    return median(metric(a) / metric(b) for a, b in zip(app, bare, strict=True))
