"""How the sockets of a server that ends are told to come back, so that not all do so at once."""

import random
from typing import Protocol

from chat.protocol import Restarting, ServerFrame

FIRST_RETURN = 0.25
"""Seconds until the first customer of a server that ends comes back: another one is there already, or
this one's successor needs longer anyway."""

SHORTEST_WINDOW = 1.0
"""Seconds over which those of a nearly empty server are spread."""

RETURNS = 200
"""Customers of one server that come back in a second. It greets more, but it has turns to run too."""


class Guest(Protocol):
    """Whoever wants to be told: an open socket."""

    async def warn(self, frame: ServerFrame) -> None:
        """Sends a frame without waiting for the client."""


_open: set[Guest] = set()


def came(guest: Guest) -> None:
    """A socket is open."""
    _open.add(guest)


def left(guest: Guest) -> None:
    """A socket is gone, whether it had come or not."""
    _open.discard(guest)


async def announce_restart() -> None:
    """Tells every socket of this process to come back, each at a moment of its own."""
    window = max(SHORTEST_WINDOW, len(_open) / RETURNS)
    for guest in tuple(_open):
        wait = FIRST_RETURN + random.uniform(0, window)  # noqa: S311  # spreads a load
        await guest.warn(Restarting(retry_after_ms=round(wait * 1000)))
