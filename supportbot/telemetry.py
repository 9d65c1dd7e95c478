"""Whether this process tells anybody about its work: set up once, shut down at its end.

Where nobody wants to know, without an OTLP endpoint and without a token for `/metrics`, nothing is set
up, and the exporters are not even imported: they take 0.2 s.
"""

import atexit
import os
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from supportbot.exports import Exports

SHUTDOWN_TIMEOUT = 2.0
"""Seconds that a process which ends may spend on sending the last of it: a collector that is away must
not hold up a Ctrl-C."""

_exports: "Exports | None" = None
_pid = 0


def set_up(service: str) -> None:
    """Begins to record and export in this process, as `service`. A second call changes nothing.

    Threads do the exporting and do not survive a fork: a process that forks leaves this to its
    children.
    """
    global _exports, _pid
    if _pid == os.getpid() or not (settings.OTLP_ENDPOINT or settings.METRICS_TOKEN):
        return
    from supportbot.exports import Exports  # noqa: PLC0415  # see the module's docstring

    _pid = os.getpid()
    _exports = Exports(
        service,
        otlp=bool(settings.OTLP_ENDPOINT),
        prometheus=bool(settings.METRICS_TOKEN),
        content=settings.TRACE_CONTENT,
    )
    atexit.register(shut_down)


def shut_down() -> None:
    """Sends what is left, for SHUTDOWN_TIMEOUT at most. What is recorded later goes nowhere."""
    global _exports, _pid
    if _exports and _pid == os.getpid():
        _exports.close(SHUTDOWN_TIMEOUT)
        _exports, _pid = None, 0


def exposition() -> bytes:
    """The metrics of this process in Prometheus' text format; empty where none are recorded."""
    return _exports.exposition() if _exports else b""
