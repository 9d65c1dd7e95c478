"""From which pages the chat's WebSocket may be opened: whole origins (scheme, host and port).

A browser lets any page open a socket to anywhere and says which page it is. Host names alone would
let in `http://` pages and other ports of an allowed host, which somebody else may serve.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

DEFAULT_PORTS = {"http": 80, "https": 443}

Application = Callable[[Any, Any, Any], Awaitable[None]]


class OriginGuard:
    """Lets in the pages of this server and of SUPPORTBOT_ORIGINS; everybody else reads a 403."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._denier = WebsocketDenier.as_asgi()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        application = self._application if may_connect(scope) else self._denier
        await application(scope, receive, send)


def may_connect(scope: Any) -> bool:
    """Whether the page that opens this socket is one of ours. A client that is no browser names one."""
    origins = _values(scope, b"origin")
    if len(origins) != 1:
        return False
    return origins[0] in settings.ORIGINS or _is_own(scope, origins[0])


def _is_own(scope: Any, origin: str) -> bool:
    hosts = _values(scope, b"host")
    if len(hosts) != 1 or not validate_host(split_domain_port(hosts[0])[0], settings.ALLOWED_HOSTS):
        return False
    own = _parts(f"{_scheme(scope)}://{hosts[0]}")
    return own is not None and _parts(origin) == own


def _scheme(scope: Any) -> str:
    """What the browser speaks: a proxy that ends TLS says so, and is believed where it is counted."""
    if settings.HTTPS:
        return "https"
    forwarded = _values(scope, b"x-forwarded-proto") if settings.TRUSTED_PROXIES else []
    return "https" if scope.get("scheme") == "wss" or forwarded == ["https"] else "http"


def _parts(origin: str) -> tuple[str, str, int] | None:
    """An origin with its port, named or not; None for what is no origin."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if origin != f"{parts.scheme}://{parts.netloc}" or "@" in origin or not parts.hostname:
        return None
    if parts.scheme not in DEFAULT_PORTS:
        return None
    return parts.scheme, parts.hostname, port or DEFAULT_PORTS[parts.scheme]


def _values(scope: Any, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
