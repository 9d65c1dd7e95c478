"""ASGI's lifespan protocol: what a server such as uvicorn tells the application of its own life.

https://asgi.readthedocs.io/en/latest/specs/lifespan.html. Daphne does not speak it: there
`supportbot.server` does the same by hand.
"""

import asyncio
from typing import Any

from chat import providers, recovery
from supportbot import ending, telemetry
from supportbot.background import Background


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Prepares the process before the port is open, and gives its turns back when it closes."""
    await receive()
    telemetry.set_up("supportbot")
    providers.shared()  # imports the SDKs now rather than in the first customer's turn
    background = Background()
    background.start()
    sweeping = asyncio.create_task(recovery.forever())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    sweeping.cancel()
    await ending.drain()  # a server other than ours knows nothing of it; else there is nothing left
    await ending.release()
    await asyncio.to_thread(background.stop)
    await asyncio.to_thread(telemetry.shut_down)
    await send({"type": "lifespan.shutdown.complete"})
