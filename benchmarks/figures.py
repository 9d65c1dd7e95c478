"""What a run came to, and what several runs come to together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.sockets import Answer, AnswerBroken

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """What a run asks for: `conversations`, each of one answer of `tokens` tokens, `gap_ms` apart.

    The provider's first token comes after one gap as well. `spread_ms` is over how long they start.
    """

    name: str
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
    """One run of one system under one load. Times are in milliseconds.

    `cpu` is the server's for the whole run, with what it did once the answers were complete.
    `first_token` is added time: the provider's own first gap is taken off.
    """

    cpu: float
    first_token_p50: float
    first_token_p95: float
    delay_p50: float
    delay_p95: float
    provider_late_p95: float
    lost: int
    broken: tuple[str, ...]


Metric = Callable[[Figures], float]


def figures(load: Load, answers: Sequence[Answer], cpu: float) -> Figures:
    """Reads what arrived. `cpu` is in seconds."""
    first, delays, late, lost, broken = [], [], [], 0, []
    for answer in answers:
        try:
            tokens = answer.arrivals()
        except AnswerBroken as error:
            tokens = []
            broken.append(str(error))
        lost += load.tokens - len({number for number, _, _ in tokens})
        if tokens:
            first.append((tokens[0][2] - answer.asked) / _NS_PER_MS - load.gap_ms)
            delays += [(arrived - sent) / _NS_PER_MS for _, sent, arrived in tokens]
            late += _lateness(load, tokens)
    return Figures(
        cpu=cpu * 1000,
        first_token_p50=percentile(first, 50),
        first_token_p95=percentile(first, 95),
        delay_p50=percentile(delays, 50),
        delay_p95=percentile(delays, 95),
        provider_late_p95=percentile(late, 95),
        lost=lost,
        broken=tuple(broken),
    )


def _lateness(load: Load, tokens: list[tuple[int, int, int]]) -> list[float]:
    """How far the provider itself was behind its schedule: what the machine, not a server, took."""
    start = tokens[0][1]
    return [(sent - start) / _NS_PER_MS - number * load.gap_ms for number, sent, _ in tokens]


def percentile(values: Sequence[float], rank: int) -> float:
    """The value that `rank` percent stay below; not a number when there are none."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return quantiles(values, n=100, method="inclusive")[rank - 1]


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer costs a server, in milliseconds of CPU: a fixed part, and one for each token."""

    fixed: float
    per_token: float


def cost(short: tuple[Load, Figures], long: tuple[Load, Figures]) -> Cost:
    """The two parts apart, from answers of two lengths under otherwise the same load: what the longer
    ones cost more is their tokens', and what the shorter ones cost beyond theirs is the fixed part."""
    (brief, of_brief), (full, of_full) = short, long
    per_token = (of_full.cpu - of_brief.cpu) / (full.total - brief.total)
    fixed = of_brief.cpu / brief.conversations - brief.tokens * per_token
    return Cost(fixed, per_token)


def tokens_per_cpu_second(load: Load, run: Figures) -> float:
    """How many tokens one core relays in a second of work, all that a turn takes included."""
    return load.total / (run.cpu / 1000)


def middle(rounds: Sequence[Figures], metric: Metric) -> float:
    """A metric's median over the rounds."""
    return median(map(metric, rounds))


def ratio(ours: Sequence[float], baseline: Sequence[float]) -> float:
    """The median of each round's own ratio: a machine that slows down slows both of a round."""
    return median(a / b for a, b in zip(ours, baseline, strict=True))
