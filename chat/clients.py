"""Where a client is: its IP address, as far as nobody outside can choose it.

Behind `settings.TRUSTED_PROXIES` proxies the address is the entry of X-Forwarded-For that the
outermost of them wrote, counted from the right: whatever stands left of it came from outside.
"""

import logging
from collections.abc import Iterable, Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest

logger = logging.getLogger(__name__)

UNKNOWN = "unknown"
"""A peer without an address, as behind a Unix socket. All of them are one client, which is the safe
side; a server behind such a socket has a proxy to count."""

IPV6_PREFIX = 64
"""Bits. A customer's line gets a whole /64 at least, and may use any address of it."""


def of_scope(scope: Mapping[str, Any]) -> str:
    """The client of an ASGI connection: an IPv4 address, an IPv6 /64 network or UNKNOWN."""
    written = (v.decode("latin-1") for n, v in scope["headers"] if n == b"x-forwarded-for")
    peer = scope.get("client")
    return _client(peer[0] if peer else None, written)


def of_request(request: HttpRequest) -> str:
    """The client of an HTTP request; see `of_scope`."""
    # Django joins repeated headers in their order, and drops names with an underscore, which would
    # be taken for this one.
    written = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return _client(request.META.get("REMOTE_ADDR"), [written] if written else [])


def _client(peer: str | None, headers: Iterable[str]) -> str:
    hops = settings.TRUSTED_PROXIES
    entries = [entry for header in headers for entry in header.split(",")] if hops else []
    if len(entries) < hops:
        # Some proxy was not passed, so that an entry may be the client's own: only the peer is sure.
        _tell_of_missing_hops()
        entries = []
    trusted = [*entries[len(entries) - hops :], peer or ""]
    found = next((address for address in map(_parse, trusted) if address), None)
    return _network(found) if found else UNKNOWN


def _parse(entry: str) -> IPv4Address | IPv6Address | None:
    """An address as proxies write it: with a port, in brackets, with a zone perhaps."""
    text = entry.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _network(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, IPV6_PREFIX), strict=False))


@cache
def _tell_of_missing_hops() -> None:
    """Once: a number that is too high makes all customers one client."""
    logger.warning(
        "a request passed fewer proxies than SUPPORTBOT_TRUSTED_PROXIES names (%s): its client "
        "counts as the last proxy",
        settings.TRUSTED_PROXIES,
    )
