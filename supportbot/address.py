"""The name of a server's place: the same for the one that starts there after another has died."""

import socket
import uuid


def of(port: int) -> str:
    """This machine and a port of it. Machines may have their name in common, so the address of the
    network card is part of it; one that finds none gets a number of chance, and succeeds nobody."""
    return f"{socket.gethostname()[:64]}/{uuid.getnode():012x}:{port}"
