"""How a server process ends, whichever server it is.

The order matters. First it takes nothing new, then it tells its sockets, so that customers are on
their way elsewhere while turns come to their end; what those still write reaches whoever stayed.
Only then are sockets closed, and last what everything needed.
"""

from django.conf import settings

from chat import farewell, limits, providers, relay, turns
from supportbot import health


async def drain() -> None:
    """Once nothing new is accepted: tells the sockets, and lets turns end or gives them back."""
    health.leave()
    await farewell.announce_restart()
    await turns.drain(settings.DRAIN_SECONDS)


async def release() -> None:
    """Once no socket is open: closes the connections of this event loop."""
    await providers.shared().close()
    await limits.close()
    await relay.close()
