"""The name of a server's place: the same for the one that starts there after another has died."""

import hashlib
import socket
import uuid


def of(port: int) -> str:
    """This machine and a port of it, as a number that tells nobody which: it is stored with each turn.
    Machines may have their name in common, so the address of the network card is part of it; one that
    finds none gets a number of chance, and succeeds nobody."""
    place = f"{socket.gethostname()}/{uuid.getnode():x}:{port}"
    return hashlib.sha256(place.encode()).hexdigest()[:16]
