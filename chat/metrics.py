"""The metrics: what each is called, what it means, and the instrument behind it.

Names come from OpenTelemetry's conventions for generative AI where they have one (see
`chat.llm.tracing`). Attributes take few values: no id, no address, nothing that a customer or a model
wrote. docs/operations.md explains all of them.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

from chat.llm.tracing import ERROR_TYPE, OPERATION, PROVIDER, REQUEST_MODEL, SCOPE

TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105  # no secret
TOOL_NAME = "gen_ai.tool.name"
STATUS = "supportbot.status"
CACHED = "supportbot.cached"
PURPOSE = "supportbot.purpose"
FROM, TO = "supportbot.from", "supportbot.to"
REASON = "supportbot.reason"
STATE = "supportbot.state"
RESULT = "supportbot.result"
RATING = "supportbot.rating"
LIMIT = "supportbot.limit"
BUDGET, LEVEL = "supportbot.budget", "supportbot.level"

LATENCIES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Seconds: the buckets that the conventions ask for, so that other people's dashboards fit."""

WAITS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 120.0)
"""Seconds a customer waits: close together where patience ends, up to the longest turn."""

TOKENS = tuple(float(4**power) for power in range(14))
"""Tokens of a request: powers of four, as the conventions ask."""

MOMENTS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds of work of our own: a search takes milliseconds, a back office up to its time limit."""

Labels = Mapping[str, str | bool]


def _nothing(value: float, labels: Labels) -> None:
    """Records nothing: nobody has asked for metrics."""


@dataclass(slots=True)
class Metric:
    """One metric. `record(value, labels)` does nothing until `install`.

    `unit` is UCUM's, with what is counted in braces; `labels` names what a value may carry; `buckets`
    are the upper bounds of a histogram's.
    """

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    record: Callable[[float, Labels], None] = field(default=_nothing, repr=False)

    def bind(self, meter: Meter) -> None:
        """Records with `meter` from now on."""
        if self.kind == "histogram":
            self.record = meter.create_histogram(
                self.name, self.unit, self.meaning, explicit_bucket_boundaries_advisory=self.buckets
            ).record
            return
        values = _Values()
        self.record = values.add if self.kind == "counter" else values.set
        create = (
            meter.create_observable_counter
            if self.kind == "counter"
            else meter.create_observable_gauge
        )
        create(self.name, [values.observe], self.unit, self.meaning)


class _Values:
    """The values of a counter or gauge, which a reader takes when it wants them.

    To count here costs a twentieth of what it costs the SDK for each call.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[tuple[str, str | bool], ...], float] = {}

    def add(self, value: float, labels: Labels) -> None:
        key = tuple(labels.items())
        with self._lock:
            self._values[key] = self._values.get(key, 0) + value

    def set(self, value: float, labels: Labels) -> None:
        with self._lock:
            self._values[tuple(labels.items())] = value

    def observe(self, _: CallbackOptions) -> list[Observation]:
        with self._lock:
            return [Observation(value, dict(key)) for key, value in self._values.items()]


# What customers get ------------------------------------------------------------------------------

TURNS = Metric(
    "counter",
    "supportbot.turns",
    "{turn}",
    "Turns that ended; `error.type` says why one failed.",
    (STATUS, ERROR_TYPE, PROVIDER, REQUEST_MODEL, CACHED),
)
TURN_DURATION = Metric(
    "histogram",
    "supportbot.turn.duration",
    "s",
    "From the start of a turn to its end.",
    (STATUS, PROVIDER, CACHED),
    WAITS,
)
FIRST_TOKEN = Metric(
    "histogram",
    "supportbot.turn.first_token",
    "s",
    "From the start of a turn to the first text that the customer sees.",
    (PROVIDER, CACHED),
    WAITS,
)
RESETS = Metric(
    "counter",
    "supportbot.resets",
    "{reset}",
    "Times that text on a customer's screen was taken back.",
    (REASON,),
)
CLAIMS_CAUGHT = Metric(
    "counter",
    "supportbot.claims_caught",
    "{answer}",
    "Answers that claimed an action which no tool call proves.",
)
CITATIONS_INVENTED = Metric(
    "counter",
    "supportbot.citations_invented",
    "{citation}",
    "Sources that an answer named and no tool had returned: dropped before anybody saw them.",
)
THUMBS = Metric(
    "counter",
    "supportbot.thumbs",
    "{thumb}",
    "Thumbs that customers gave replies: `up` or `down`.",
    (RATING,),
)
LIMITED = Metric(
    "counter",
    "supportbot.limited",
    "{refusal}",
    "Messages, requests and sockets that a rate limit refused.",
    (LIMIT,),
)
CACHE_LOOKUPS = Metric(
    "counter",
    "supportbot.cache.lookups",
    "{lookup}",
    "Questions looked up in the response cache: `hit` or `miss`.",
    (RESULT,),
)

# What providers do -------------------------------------------------------------------------------

OPERATION_DURATION = Metric(
    "histogram",
    "gen_ai.client.operation.duration",
    "s",
    "A request to a provider, failed ones included.",
    (OPERATION, PROVIDER, REQUEST_MODEL, ERROR_TYPE),
    LATENCIES,
)
FIRST_CHUNK = Metric(
    "histogram",
    "gen_ai.client.operation.time_to_first_chunk",
    "s",
    "From a request to its first text or tool call.",
    (OPERATION, PROVIDER, REQUEST_MODEL),
    LATENCIES,
)
TOKEN_USAGE = Metric(
    "histogram",
    "gen_ai.client.token.usage",
    "{token}",
    "Tokens of a request: `input`, with what came from or went to the provider's cache, or `output`.",
    (OPERATION, PROVIDER, REQUEST_MODEL, TOKEN_TYPE),
    TOKENS,
)
CACHED_TOKENS = Metric(
    "counter",
    "supportbot.cached_tokens",
    "{token}",
    "Input tokens that the provider's cache gave (`read`) or took (`write`).",
    (PROVIDER, REQUEST_MODEL, TOKEN_TYPE),
)
PROVIDER_ERRORS = Metric(
    "counter",
    "supportbot.provider.errors",
    "{attempt}",
    "Attempts that failed, and providers that were not asked: breaker open, budget spent.",
    (PROVIDER, REQUEST_MODEL, ERROR_TYPE),
)
RETRIES = Metric(
    "counter",
    "supportbot.retries",
    "{attempt}",
    "Attempts at a provider after the first.",
    (PROVIDER, REQUEST_MODEL),
)
FALLBACKS = Metric(
    "counter",
    "supportbot.fallbacks",
    "{fallback}",
    "Times that a provider took over from another; `error.type` is what that one failed with.",
    (FROM, TO, ERROR_TYPE),
)
BREAKER_STATE = Metric(
    "gauge",
    "supportbot.breaker.state",
    "1",
    "A provider's breaker as this process last brought it about: 0 closed, 1 half-open, 2 open.",
    (PROVIDER,),
)
BREAKER_CHANGES = Metric(
    "counter",
    "supportbot.breaker.changes",
    "{change}",
    "Changes of a breaker's state: `closed`, `half_open` or `open`.",
    (PROVIDER, STATE),
)

# What it costs -----------------------------------------------------------------------------------

COST = Metric(
    "counter",
    "supportbot.cost",
    "USD",
    "What requests cost, as far as their price is known.",
    (PROVIDER, REQUEST_MODEL, PURPOSE),
)
UNPRICED = Metric(
    "counter",
    "supportbot.unpriced",
    "{request}",
    "Requests that took tokens of a model without a known price.",
    (PROVIDER, REQUEST_MODEL, PURPOSE),
)
BUDGET_REACHED = Metric(
    "counter",
    "supportbot.budget.reached",
    "{request}",
    "Requests that a budget moved to a cheaper model (`soft`) or refused (`hard`).",
    (BUDGET, LEVEL),
)

# What we do ourselves ----------------------------------------------------------------------------

TOOL_DURATION = Metric(
    "histogram",
    "gen_ai.execute_tool.duration",
    "s",
    "A tool call.",
    (TOOL_NAME, ERROR_TYPE),
    MOMENTS,
)
SEARCH_DURATION = Metric(
    "histogram",
    "supportbot.search.duration",
    "s",
    "A search of the help center: `strong`, or `weak` where nothing found is sure to answer.",
    (RESULT, ERROR_TYPE),
    MOMENTS,
)

METRICS = tuple(value for value in globals().copy().values() if isinstance(value, Metric))


def install(provider: MeterProvider) -> None:
    """Sends the metrics of this process to `provider`."""
    meter = provider.get_meter(SCOPE)
    for metric in METRICS:
        metric.bind(meter)
