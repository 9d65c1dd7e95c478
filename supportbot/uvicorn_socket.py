"""uvicorn's WebSocket, with an end for clients that neither read nor answer.

uvicorn closes a connection in good order: what is buffered first. To a client that reads nothing that
takes for ever, and its socket and all that it holds stay.
"""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from chat.line import ABORT, WRITABLE

LAST_BYTES = 2.0
"""Seconds for a closed connection to send what is buffered. A client that reads needs a fraction."""


class UvicornSocket(WebSocketsSansIOProtocol):
    """One connection, with the extensions of its scope that `chat.line` asks for."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[ABORT] = self.transport.abort
            extensions[WRITABLE] = self.writable.is_set

    def shutdown(self) -> None:
        super().shutdown()
        self._abort_soon()

    def keepalive_timeout(self) -> None:
        """No pong came: nobody is there to whom a close frame could be sent."""
        self.pong_timer = self.pending_ping_payload = None
        self.transport.abort()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._abort_soon()

    def send_receive_event_to_app(self) -> None:
        """Text that is no UTF-8 fails the connection (RFC 6455, 8.1); uvicorn does so with a traceback
        in the log."""
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            self.frames = []
            self.conn.fail(1007)
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def _abort_soon(self) -> None:
        self.loop.call_later(LAST_BYTES, self.transport.abort)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
