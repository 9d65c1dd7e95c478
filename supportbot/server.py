"""The server process: daphne, the embedded worker where there is no broker, a clean stop."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from django.conf import settings
from django.db import connection
from twisted.internet import defer
from twisted.internet import reactor as _reactor

from chat import providers, turns
from chat.llm.embedding import embed
from supportbot.asgi import application
from supportbot.worker import EmbeddedWorker
from tools.knowledge.search import search

MAX_FRAME = 64 * 1024
"""Bytes of one WebSocket message: sixteen times the longest customer message."""


class PortTaken(Exception):
    """Nothing can listen on the port that was asked for."""


def run(*, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM; calls `ready` once the port is open. Raises PortTaken."""
    providers.shared()  # imports the SDKs now rather than in the first customer's turn
    worker = EmbeddedWorker() if settings.EMBEDDED_WORKER else None
    server = Server(
        application=application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        websocket_max_message_size=MAX_FRAME,
        websocket_max_frame_size=MAX_FRAME,
        ping_interval=20,  # routers and proxies drop a connection that is silent for a minute
        ping_timeout=30,
        server_name="supportbot",
        ready_callable=partial(_open, worker, ready),
    )
    # Twisted installs its reactor at run time, so its type is not known before.
    reactor: Any = _reactor
    reactor.addSystemEventTrigger("before", "shutdown", _stop_turns)
    server.run()
    if worker:
        worker.stop()
    if server.abort_start:
        raise PortTaken(f"Port {port} of {host} is in use.")


def _open(worker: EmbeddedWorker | None, ready: Callable[[], None]) -> None:
    if worker:
        worker.start()
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    ready()


def _warm_up() -> None:
    """Loads what the first question needs: the embeddings and the search index."""
    embed(["hello"])
    search("hello", limit=1)
    connection.close()


def _stop_turns() -> defer.Deferred[None]:
    return defer.Deferred.fromFuture(asyncio.ensure_future(turns.shut_down()))
