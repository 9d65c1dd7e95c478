"""daphne's WebSocket, which waits for a client that does not read.

Daphne writes whatever it is given: 200 MB to a client that reads nothing were buffered in a quarter of
a second. Twisted tells when a connection's buffer is full and when it is empty again, to whoever
registers as its producer; here a `send` of the application waits in between.
"""

import asyncio
from typing import Any

from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol

from chat.line import ABORT, WRITABLE


class DaphneSocket(WebSocketProtocol):
    """One connection, as a producer that Twisted may pause."""

    def __init__(self) -> None:
        super().__init__()
        self.writable = asyncio.Event()
        self.writable.set()

    def onOpen(self) -> None:
        super().onOpen()
        # The HTTP channel that the connection began as is registered still.
        self.unregisterProducer()
        self.registerProducer(self, True)

    def pauseProducing(self) -> None:
        self.writable.clear()

    def resumeProducing(self) -> None:
        self.writable.set()

    def stopProducing(self) -> None:
        self.writable.set()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.writable.set()
        super().onClose(wasClean, code, reason)

    def serverClose(self, code: int | None = None) -> None:
        """Autobahn's `sendClose`, which daphne calls, knows few of the registered codes."""
        self.sendCloseFrame(code=code or self.CLOSE_STATUS_CODE_NORMAL)

    def abort(self) -> None:
        """Ends the connection without waiting for what is buffered."""
        self.dropConnection(abort=True)


class DaphneServer(Server):
    """daphne, which stops listening before it stops. Its sockets' scopes have the extensions that
    `chat.line` asks for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ports: list[Any] = []
        self._closed = asyncio.Event()

    def listen_success(self, port: Any) -> None:
        self.ws_factory.protocol = DaphneSocket
        self.ws_factory.setProtocolOptions(failByDrop=False)  # a client is told why it is closed
        self.ports.append(port)
        super().listen_success(port)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if isinstance(protocol, DaphneSocket):
            writable = protocol.writable.is_set
            scope["extensions"] = {ABORT: protocol.abort, WRITABLE: writable}
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if isinstance(protocol, DaphneSocket):
            await protocol.writable.wait()
        await super().handle_reply(protocol, message)

    def protocol_disconnected(self, protocol: Any) -> None:
        super().protocol_disconnected(protocol)
        self._closed.set()

    async def wait_until_closed(self) -> None:
        """Returns when no socket is open."""
        while self.sockets():
            self._closed.clear()
            await self._closed.wait()

    def sockets(self) -> list[DaphneSocket]:
        """The open ones."""
        return [
            protocol
            for protocol, details in self.connections.items()
            if isinstance(protocol, DaphneSocket) and "disconnected" not in details
        ]
