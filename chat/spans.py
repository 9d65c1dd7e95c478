"""A span that is the current one for a while, and work of ours that has one and is timed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from opentelemetry import context, trace
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from chat.llm import tracing
from chat.llm.tracing import ERROR_TYPE, code_of, fail
from chat.metrics import RESULT, Metric
from chat.redaction import redact

RESULTS = "supportbot.search.results"
CONFIDENCE = "supportbot.search.confidence"

REFUSED = "REFUSED"
"""The error of a tool call that the tool itself, or the check of its arguments, turned down."""


@contextmanager
def current_span(name: str, attributes: dict[str, AttributeValue]) -> Iterator[Span]:
    """A span that is the current one meanwhile.

    The context before it is put back by value and not by token. A token is only good in the context
    it was made in, and an async generator that nobody reads to its end is closed in another one.
    """
    span = tracing.tracer().start_span(name, attributes=attributes)
    if not span.get_span_context().is_valid:  # nothing is traced
        yield span
        return
    before = context.get_current()
    context.attach(trace.set_span_in_context(span, before))
    try:
        yield span
    except BaseException as error:
        fail(span, code_of(error))
        raise
    finally:
        context.attach(before)
        span.end()


@dataclass(slots=True)
class Work:
    """Something of ours under way: how it ends is for whoever does it to say."""

    span: Span
    labels: dict[str, str | bool]
    content: bool

    def failed(self, code: str) -> None:
        """It did not succeed. `code` is one of few: the name of an exception, say."""
        self.labels[ERROR_TYPE] = code
        fail(self.span, code)

    def found(self, results: int, confidence: float, *, weak: bool) -> None:
        """What a search found."""
        self.labels[RESULT] = "weak" if weak else "strong"
        self.span.set_attribute(RESULTS, results)
        self.span.set_attribute(CONFIDENCE, confidence)

    def returned(self, content: str, error: str = "") -> None:
        """What a tool gave back. The content is recorded only where content is; of an `error`, which
        may be a sentence, only the name of an exception."""
        if self.content:
            self.span.set_attribute("gen_ai.tool.call.result", redact(content))
        if error:
            self.failed(error if error.isidentifier() else REFUSED)


@contextmanager
def work_span(
    name: str,
    attributes: dict[str, AttributeValue],
    duration: Metric,
    labels: dict[str, str | bool],
    *,
    content: bool,
) -> Iterator[Work]:
    """Work with a span of that name, whose time goes to `duration` under `labels`. `content` lets what
    it gives back into the span, redacted."""
    started = perf_counter()
    with current_span(name, attributes) as span:
        work = Work(span, labels, content)
        try:
            yield work
        except BaseException as error:
            work.failed(code_of(error))
            raise
        finally:
            duration.record(perf_counter() - started, work.labels)
