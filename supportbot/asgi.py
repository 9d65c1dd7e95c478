"""The ASGI application: HTTP, the chat's WebSocket, and the life of its server."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportbot.settings")
http = get_asgi_application()  # before the imports below: it loads the apps they need

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from chat.consumers import chat  # noqa: E402
from supportbot.lifespan import lifespan  # noqa: E402
from supportbot.origins import OriginGuard  # noqa: E402
from supportbot.startup import refuse_bad_configuration  # noqa: E402

refuse_bad_configuration()


async def nowhere(scope: Any, receive: Any, send: Any) -> None:
    """Any other address: refused before it is accepted, which the client sees as a 403."""
    await receive()
    await send({"type": "websocket.close"})


application = ProtocolTypeRouter(
    {
        "http": http,
        "lifespan": lifespan,
        "websocket": OriginGuard(
            URLRouter([path("ws/chat/", chat), re_path("", nowhere)]),  # type: ignore[arg-type]  # typed for views
        ),
    }
)
