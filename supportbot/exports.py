"""The ways out of a process: OpenTelemetry's SDK with OTLP over HTTP, and Prometheus' text.

What the SDK reads from `OTEL_*` variables keeps working: headers, sampler, intervals, queue sizes,
resource attributes.
"""

import logging
import threading
import time
import tomllib
from collections.abc import Callable

from django.conf import settings
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracerProvider
from prometheus_client import CollectorRegistry, generate_latest

from chat import telemetry

COMPLAINT_INTERVAL = 600.0
"""Seconds between two lines of one kind about a collector that is away. One for every try would bury
what else the log says."""

COMPLAINERS = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.sdk._shared_internal",
    "opentelemetry.sdk.metrics._internal.export",
)
"""The loggers that write them."""


class Exports:
    """Sends what `chat.telemetry` records, from construction until `close`.

    Spans wait in a queue of 2,048 (`OTEL_BSP_MAX_QUEUE_SIZE`) and are dropped when it is full; a
    thread sends them, so no turn ever waits for a collector.
    """

    def __init__(self, service: str, *, otlp: bool, prometheus: bool, content: bool) -> None:
        resource = _resource(service)
        self._registry = CollectorRegistry()
        self._closers: list[_Closer] = []
        readers: list[MetricReader] = []
        tracers: trace.TracerProvider = NoOpTracerProvider()
        if prometheus:
            readers.append(
                PrometheusMetricReader(registry=self._registry, scope_info_enabled=False)
            )
        if otlp:
            _quieten()
            readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
            tracers = self._traces(resource)
        meters = MeterProvider(readers, resource, shutdown_on_exit=False)
        self._closers.append(_Closer(meters.shutdown))
        metrics.set_meter_provider(meters)  # for instrumentation that a deployment adds
        telemetry.install(tracers, meters, content=content)

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def close(self, timeout: float) -> None:
        """Sends what is left, for `timeout` seconds at most. What is recorded later goes nowhere."""
        telemetry.install(NoOpTracerProvider(), NoOpMeterProvider())
        deadline = time.monotonic() + timeout
        for closer in self._closers:
            closer.wanted.set()
        for closer in self._closers:
            closer.join(max(0.0, deadline - time.monotonic()))

    def _traces(self, resource: Resource) -> TracerProvider:
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._closers.append(_Closer(tracers.shutdown))
        trace.set_tracer_provider(tracers)
        return tracers


class _Closer(threading.Thread):
    """Calls `close` once that is wanted. The SDK waits up to 30 s there, which nobody else need do.

    It is started ahead of time, because an interpreter on its way out starts no thread.
    """

    def __init__(self, close: Callable[[], None]) -> None:
        super().__init__(name="telemetry closer", daemon=True)
        self.wanted = threading.Event()
        self._close = close
        self.start()

    def run(self) -> None:
        self.wanted.wait()
        self._close()


class Seldom(logging.Filter):
    """Lets a kind of line through once in `interval` seconds. A kind is what it says before its
    arguments are put in."""

    def __init__(self, interval: float = COMPLAINT_INTERVAL) -> None:
        super().__init__()
        self._interval = interval
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now, kind = time.monotonic(), str(record.msg)
        if now - self._last.get(kind, -self._interval) < self._interval:
            return False
        self._last[kind] = now
        return True


def _quieten() -> None:
    seldom = Seldom()
    for name in COMPLAINERS:
        logging.getLogger(name).addFilter(seldom)


def _resource(service: str) -> Resource:
    """Who sends: `service` and our version, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES say
    otherwise."""
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text("utf-8"))["project"]
    ours = Resource.create({"service.name": service, "service.version": project["version"]})
    return ours.merge(OTELResourceDetector().detect())
