"""Exports: whole processes, with a collector on loopback, without one, and with nothing to do."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.live_server import free_port

pytestmark = pytest.mark.any_storage

TURN = """
import django; django.setup()
from uuid import UUID
from supportbot import telemetry as process
process.set_up("shop-server")
from chat import telemetry
def turn(number):
    with telemetry.turn_span(UUID(int=number), UUID(int=2), 1):
        telemetry.turn_ended("completed", "", 2.0, 0.4, "anthropic", "m-1")
"""


class Collector(ThreadingHTTPServer):
    """Takes OTLP, and keeps it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.headers: list[Any] = []


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.headers.append(self.headers)
        if self.path == "/v1/traces":
            self.server.traces.append(ExportTraceServiceRequest.FromString(body))
        elif self.path == "/v1/metrics":
            self.server.metrics.append(ExportMetricsServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `code` in a process of its own, which must end well."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    clean |= {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_what_a_process_recorded_is_sent_before_it_ends(collector: Collector) -> None:
    run(
        f"{TURN}\nturn(1)",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
        OTEL_EXPORTER_OTLP_HEADERS="x-tenant=juniper",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
    )
    (traces,) = collector.traces
    (resource,) = traces.resource_spans
    who = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert who["service.name"] == "shop-server"
    assert who["service.version"] == "0.1.0"
    assert who["deployment.environment.name"] == "test"
    assert resource.scope_spans[0].spans[0].name == "invoke_agent supportbot"
    names = {
        metric.name
        for sent in collector.metrics
        for of in sent.resource_metrics
        for scope in of.scope_metrics
        for metric in scope.metrics
    }
    assert {"supportbot.turns", "supportbot.turn.duration"} <= names
    assert {headers["x-tenant"] for headers in collector.headers} == {"juniper"}


def test_the_standard_variables_choose_the_name_and_the_sampler(collector: Collector) -> None:
    run(
        f"{TURN}\nturn(1)",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
        OTEL_SERVICE_NAME="eu-shop",
        OTEL_TRACES_SAMPLER="always_off",
    )
    assert collector.traces == []
    (resource,) = collector.metrics[0].resource_metrics
    who = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert who["service.name"] == "eu-shop"


def test_a_child_exports_for_itself_when_it_is_set_up_after_the_fork(collector: Collector) -> None:
    child = (
        "import os\nif child := os.fork():\n    os._exit(os.waitpid(child, 0)[1])\n"
        'process.set_up("shop-worker")\nturn(1)\nprocess.shut_down()\nos._exit(0)'
    )
    run(
        f"{TURN}\n{child}",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
    )
    (traces,) = collector.traces
    (resource,) = traces.resource_spans
    who = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert who["service.name"] == "shop-worker"


def test_a_collector_that_is_away_costs_few_lines_and_no_time_at_the_end() -> None:
    """Twenty exports fail; each would write a line or several."""
    code = (
        f"{TURN}\nimport time\n"
        "for number in range(20):\n    turn(number)\n    time.sleep(0.05)\n"
        "started = time.monotonic()\nprocess.shut_down()\nprint(time.monotonic() - started)"
    )
    ended = run(
        code,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}",
        OTEL_BSP_SCHEDULE_DELAY="10",
        OTEL_METRIC_EXPORT_INTERVAL="50",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    )
    lines = [line for line in ended.stderr.splitlines() if "opentelemetry" in line]
    assert 1 <= len(lines) <= 6, ended.stderr
    assert float(ended.stdout) < 5.0


def test_a_collector_that_never_answers_does_not_hold_up_the_end() -> None:
    with Collector() as deaf:  # listens, and nobody serves
        started = time.monotonic()
        run(
            f"{TURN}\nturn(1)\nimport time\nstarted = time.monotonic()\nprocess.shut_down()\n"
            "assert time.monotonic() - started < 5, time.monotonic() - started",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{deaf.server_port}",
        )
        assert time.monotonic() - started < 40


def test_where_nobody_asks_no_exporter_is_even_loaded() -> None:
    run(
        f"{TURN}\nturn(1)\nimport sys, threading\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry.exporter')]\n"
        "assert threading.active_count() == 1\n"
        "assert process.exposition() == b''"
    )
