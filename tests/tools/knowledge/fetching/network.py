"""A small internet on loopback: names with their addresses, sites, and a listener nobody may reach.

Addresses that no machine here has are dialled as the routers of a shop would carry them: a public
one leads to the site that has it, one with an IPv4 address inside to that address.
"""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from tools.knowledge.fetching.addresses import is_public
from tools.knowledge.fetching.fetcher import Fetcher
from tools.knowledge.fetching.network import GuardedBackend, resolve
from tools.knowledge.fetching.pace import Pace

PUBLIC = "93.184.216.34"
"""A public address. Nothing is ever sent to it: the dialler leads it to a site on loopback."""


class Listener:
    """Listens on every address of this machine, and counts who comes."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(
            ("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=50
        )
        self.port: int = self._socket.getsockname()[1]
        self._last: tuple[str, int] | None = None
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops, once everybody who waits at the door was counted."""
        with socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            self._last = last.getsockname()
            last.connect(("127.0.0.1", self.port))
            self._thread.join(10)
        self._socket.close()

    def _count(self) -> None:
        while True:
            connection, peer = self._socket.accept()
            connection.close()
            if self._last and peer[1] == self._last[1]:
                return
            self.connections += 1


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


class Names:
    """A resolver. A name with several answers gives the next one each time, and then the last."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._answers = {name: list(found) for name, found in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self._answers:
            return resolve(host, port) if _is_address(host) else self._unknown()
        left = self._answers[host]
        return left.pop(0) if len(left) > 1 else left[0]

    def _unknown(self) -> Sequence[str]:
        raise OSError("not known")


class Routes:
    """Dials what was asked for, as long as it stays on this machine."""

    def __init__(self, sites: Mapping[str, int] | None = None) -> None:
        self.sites = dict(sites or {})
        self.dialled: list[str] = []

    def __call__(self, address: str, port: int, timeout: float) -> socket.socket:
        self.dialled.append(address)
        if address in self.sites:
            return socket.create_connection(("127.0.0.1", self.sites[address]), timeout)
        inner = ip_address(_inside(address))
        if not (inner.is_loopback or inner.is_unspecified or _is_ours(str(inner))):
            raise OSError("no route in this test")
        return socket.create_connection((str(inner), port), timeout)


def fetcher(
    names: Names, routes: Routes, *, guarded: bool = True, http: bool = True, **options: Any
) -> Fetcher:
    """A fetcher over this internet, in no hurry to wait. Without its guard it goes everywhere."""
    allowed = is_public if guarded else lambda address: True
    backend = partial(GuardedBackend, resolve=names, dial=routes, allowed=allowed)
    return Fetcher(http=http, pace=Pace(0), backend=backend, **options)


def _is_address(host: str) -> bool:
    try:
        socket.getaddrinfo(host, 0, flags=socket.AI_NUMERICHOST)
    except OSError:
        return False
    return True


def _inside(address: str) -> str:
    """The IPv4 address that a gateway of this network would carry a packet on to."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    found = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo and parsed.teredo[1])
    if found:
        return str(found)
    if parsed in _NAT64 or (parsed.packed[:12] == bytes(12) and int(parsed) > 1):
        return str(IPv4Address(int(parsed) & 0xFFFFFFFF))
    return str(parsed)


class _Prefixes:
    """The prefixes of NAT64, the well-known one and the local ones."""

    def __contains__(self, address: IPv6Address) -> bool:
        return address.packed[:4] == bytes.fromhex("0064ff9b")


_NAT64 = _Prefixes()


def _is_ours(address: str) -> bool:
    """Whether this machine has the address: it can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
