"""The server process: daphne, the embedded worker where there is no broker, a clean stop."""

import asyncio
import threading
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server, twisted_loop
from django.conf import settings
from django.db import connection
from twisted.internet import defer
from twisted.internet import reactor as _reactor

from chat import providers, turns
from chat.llm.embedding import embed
from supportbot.asgi import application
from supportbot.worker import EmbeddedWorker
from tools.knowledge.search import search

WARM_UP_TIMEOUT = 5.0
"""Seconds the warm-up may hold up a stop. It is at work in compiled code, which cannot be told to
stop, and which must not find the interpreter gone."""

MAX_FRAME = 64 * 1024
"""Bytes of one WebSocket message: sixteen times the longest customer message."""


class PortTaken(Exception):
    """Nothing can listen on the port that was asked for."""


def run(*, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM; calls `ready` once the port is open. Raises PortTaken."""
    providers.shared()  # imports the SDKs now rather than in the first customer's turn
    worker = EmbeddedWorker() if settings.EMBEDDED_WORKER else None
    warm_up = threading.Thread(target=_warm_up, name="warm-up", daemon=True)
    # Twisted installs its reactor at run time, so its type is not known before.
    reactor: Any = _reactor
    server = Server(
        application=application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        websocket_max_message_size=MAX_FRAME,
        websocket_max_frame_size=MAX_FRAME,
        ping_interval=20,  # routers and proxies drop a connection that is silent for a minute
        ping_timeout=30,
        server_name="supportbot",
        # Not before the reactor runs: until then nobody would handle a Ctrl-C.
        ready_callable=partial(reactor.callWhenRunning, _open, worker, warm_up, ready),
    )
    reactor.addSystemEventTrigger("before", "shutdown", _stop_turns)
    server.run()
    _end_tasks(twisted_loop)
    if worker:
        worker.stop()
    if warm_up.is_alive():
        warm_up.join(WARM_UP_TIMEOUT)
    if server.abort_start:
        raise PortTaken(f"Port {port} of {host} is in use.")


def _open(
    worker: EmbeddedWorker | None, warm_up: threading.Thread, ready: Callable[[], None]
) -> None:
    if worker:
        worker.start()
    warm_up.start()
    ready()


def _warm_up() -> None:
    """Loads what the first question needs: the embeddings and the search index."""
    embed(["hello"])
    search("hello", limit=1)
    connection.close()


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Lets every task come to its end, as `asyncio.run` does. Daphne only cancels those of open
    sockets; one left half-way crashes the interpreter when that collects it on its way out."""
    loop.run_until_complete(_cancelled(asyncio.all_tasks(loop)))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


async def _cancelled(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _stop_turns() -> defer.Deferred[None]:
    return defer.Deferred.fromFuture(asyncio.ensure_future(turns.shut_down()))
