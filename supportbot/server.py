"""The server process: daphne, the embedded worker where there is no broker, a clean stop."""

import asyncio
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server, twisted_loop
from twisted.internet import defer
from twisted.internet import reactor as _reactor

from chat import limits, providers, turns
from supportbot import telemetry
from supportbot.asgi import application
from supportbot.background import Background

MAX_FRAME = 64 * 1024
"""Bytes of one WebSocket message: sixteen times the longest customer message."""


class PortTaken(Exception):
    """Nothing can listen on the port that was asked for."""


def run(*, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM; calls `ready` once the port is open. Raises PortTaken."""
    telemetry.set_up("supportbot")
    providers.shared()  # imports the SDKs now rather than in the first customer's turn
    background = Background()
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
        ready_callable=partial(reactor.callWhenRunning, _open, background, ready),
    )
    reactor.addSystemEventTrigger("before", "shutdown", _wind_down)
    server.run()
    _end_tasks(twisted_loop)
    background.stop()
    telemetry.shut_down()
    if server.abort_start:
        raise PortTaken(f"Port {port} of {host} is in use.")


def _open(background: Background, ready: Callable[[], None]) -> None:
    background.start()
    ready()


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


def _wind_down() -> defer.Deferred[None]:
    return defer.Deferred.fromFuture(asyncio.ensure_future(_down()))


async def _down() -> None:
    await turns.shut_down()
    await providers.shared().close()
    await limits.close()
