"""The server process of `manage.py serve`: daphne, the embedded worker where there is no broker, a
clean stop."""

import asyncio
import signal
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import twisted_loop
from twisted.internet import reactor as _reactor

from chat import providers, recovery
from supportbot import address, ending, telemetry
from supportbot.asgi import application
from supportbot.background import Background
from supportbot.daphne_socket import DaphneServer
from supportbot.sockets import MAX_FRAME, PING_INTERVAL, PING_TIMEOUT, RESTARTED

CLOSING = 2.0
"""Seconds for the clients to answer the close frame. Those that read do so at once."""


class PortTaken(Exception):
    """Nothing can listen on the port that was asked for."""


def run(*, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serves until SIGINT or SIGTERM; calls `ready` once the port is open. Raises PortTaken."""
    telemetry.set_up("supportbot")
    providers.shared()  # imports the SDKs now rather than in the first customer's turn
    background = Background()
    # Twisted installs its reactor at run time, so its type is not known before.
    reactor: Any = _reactor
    server: DaphneServer = DaphneServer(
        application=application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        websocket_max_message_size=MAX_FRAME,
        websocket_max_frame_size=MAX_FRAME,
        ping_interval=PING_INTERVAL,
        ping_timeout=PING_TIMEOUT,
        server_name="supportbot",
        signal_handlers=False,  # Twisted's close the sockets before anybody is told
        # Not before the reactor runs: until then nobody would handle a Ctrl-C.
        ready_callable=partial(
            reactor.callWhenRunning,
            lambda: recovering.append(_open(server, background, port, ready)),
        ),
    )
    # Kept here: a loop forgets its tasks.
    recovering: list[asyncio.Task[None]] = [twisted_loop.create_task(recovery.forever())]
    server.run()
    for task in recovering:
        task.cancel()
    _end_tasks(twisted_loop)
    background.stop()
    telemetry.shut_down()
    if server.abort_start:
        raise PortTaken(f"Port {port} of {host} is in use.")


def _open(
    server: DaphneServer, background: Background, port: int, ready: Callable[[], None]
) -> asyncio.Task[None]:
    leaving = Leaving(server)
    for number in (signal.SIGINT, signal.SIGTERM):
        twisted_loop.add_signal_handler(number, leaving.begin)
    background.start()
    ready()
    succeeding: asyncio.Task[None] = twisted_loop.create_task(recovery.succeed(address.of(port)))
    return succeeding


class Leaving:
    """The end of the server, in order. A second signal cuts it short."""

    def __init__(self, server: DaphneServer) -> None:
        self._server = server
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        if self._task is None:
            self._task = asyncio.ensure_future(self._leave())
        else:
            self._task.cancel()

    async def _leave(self) -> None:
        try:
            for port in self._server.ports:
                port.stopListening()
            await ending.drain()
            await self._close_sockets()
            await ending.release()
        finally:
            self._server.stop()

    async def _close_sockets(self) -> None:
        for socket in self._server.sockets():
            socket.serverClose(RESTARTED)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._server.wait_until_closed(), CLOSING)


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
