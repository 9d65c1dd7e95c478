"""What `chat.telemetry` records, kept in memory for a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider

from chat import telemetry

Labels = frozenset[tuple[str, Any]]


class Observed:
    """Spans that ended, and metrics."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider([self._reader])

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """In the order in which they ended."""
        return self._exporter.get_finished_spans()

    def span(self, start: str) -> ReadableSpan:
        """The only span whose name begins so."""
        (span,) = [span for span in self.spans if span.name.startswith(start)]
        return span

    def parent(self, span: ReadableSpan) -> str:
        """The name of the span above; empty for a root."""
        above = span.parent.span_id if span.parent else None
        return next((s.name for s in self.spans if s.context and s.context.span_id == above), "")

    def values(self, name: str) -> dict[Labels, float]:
        """A metric's values by their labels: what was counted, the sum of a histogram."""
        data = self._reader.get_metrics_data()
        return {
            frozenset((point.attributes or {}).items()): getattr(
                point, "value", getattr(point, "sum", 0.0)
            )
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        }

    def text(self) -> str:
        """All of it, as it would leave the process."""
        data = self._reader.get_metrics_data()
        return "\n".join([*(span.to_json() for span in self.spans), data.to_json() if data else ""])


@contextmanager
def observed(*, content: bool = False) -> Iterator[Observed]:
    """Records into memory meanwhile."""
    seen = Observed()
    telemetry.install(seen.tracers, seen.meters, content=content)
    yield seen
    telemetry.install(NoOpTracerProvider(), NoOpMeterProvider())
