"""The server of production: uvicorn, which says goodbye before it goes.

`python -m supportbot.production` serves until SIGTERM or SIGINT. Then it accepts nothing more, tells
its sockets to come back, gives its turns time to end, closes the sockets with 1012 (service restart)
and exits with 0. A second SIGINT cuts that short.
"""

import asyncio
import logging
import socket
from types import FrameType

import uvicorn

from supportbot.asgi import application  # first: it sets Django up

from django.conf import settings  # isort: skip

from chat import recovery
from supportbot import address, ending
from supportbot.sockets import MAX_FRAME, PING_INTERVAL, PING_TIMEOUT
from supportbot.uvicorn_socket import UvicornSocket

logger = logging.getLogger(__name__)

KEEP_ALIVE = 75
"""Seconds for which a connection may be idle: longer than nginx keeps one for its next request (60 by
default), so that none of its requests meets a connection that is being closed."""

GRACE = 10
"""Seconds for requests in progress and for the closing handshakes, once turns have ended."""


class ProductionServer(uvicorn.Server):
    """uvicorn, in which turns end before their sockets are closed."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # The port is ours: whoever had it is gone.
        await recovery.succeed(address.of(self.config.port))
        logger.info("Ready: %s:%s", self.config.host, self.config.port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        draining = asyncio.create_task(ending.drain())
        while not draining.done() and not self.force_exit:
            await asyncio.wait({draining}, timeout=0.1)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn's own lets the signal kill the process once all is done; this one ends by itself."""
        self.force_exit = self.force_exit or self.should_exit
        self.should_exit = True


def main() -> None:
    """Serves at HOST and PORT."""
    config = uvicorn.Config(
        application,
        host=settings.HOST,
        port=settings.PORT,
        loop="uvloop",
        http="httptools",
        ws=UvicornSocket,
        ws_max_size=MAX_FRAME,
        ws_ping_interval=PING_INTERVAL,
        ws_ping_timeout=PING_TIMEOUT,
        ws_per_message_deflate=False,  # a window for each socket costs more memory than all else
        lifespan="on",
        log_config=None,  # Django's is set up: its lines are redacted
        access_log=False,
        proxy_headers=False,  # chat.clients counts the trusted hops itself
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
    ProductionServer(config).run()


if __name__ == "__main__":
    main()
