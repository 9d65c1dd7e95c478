"""Whom a connection comes from, whatever its headers say."""

from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.test import RequestFactory
from pytest_django import Settings

from chat import clients

PROXY = "10.0.0.1"


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"host", b"shop.example")]
    headers += [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": headers,
        "client": (peer, 40_000) if peer else None,
    }


def asgi(peer: str | None, *forwarded: str) -> HttpRequest:
    return ASGIRequest(scope(peer, *forwarded), BytesIO())


CASES: list[tuple[str, int, str | None, tuple[str, ...], str]] = [
    ("the peer", 0, "203.0.113.9", (), "203.0.113.9"),
    ("no proxy: the header is the client's own", 0, "203.0.113.9", ("1.1.1.1",), "203.0.113.9"),
    ("one proxy", 1, PROXY, ("203.0.113.9",), "203.0.113.9"),
    ("one proxy, and a forged entry", 1, PROXY, ("1.1.1.1, 203.0.113.9",), "203.0.113.9"),
    ("a forged header before the proxy's", 1, PROXY, ("1.1.1.1", "203.0.113.9"), "203.0.113.9"),
    ("two proxies", 2, PROXY, ("1.1.1.1, 203.0.113.9, 10.0.0.2",), "203.0.113.9"),
    ("two proxies, a header each", 2, PROXY, ("203.0.113.9", "10.0.0.2"), "203.0.113.9"),
    ("two proxies, one passed", 2, PROXY, ("1.1.1.1",), PROXY),
    ("a proxy that adds nothing", 1, PROXY, (), PROXY),
    ("a port", 1, PROXY, ("203.0.113.9:5123",), "203.0.113.9"),
    ("IPv6", 1, PROXY, ("2001:db8:1:2:3:4:5:6",), "2001:db8:1:2::/64"),
    ("IPv6 in brackets", 1, PROXY, ("[2001:db8:1:2::7]",), "2001:db8:1:2::/64"),
    ("IPv6 with a port", 1, PROXY, ("[2001:db8:1:2::7]:443",), "2001:db8:1:2::/64"),
    ("IPv6 with a zone", 1, PROXY, ("fe80::1%eth0",), "fe80::/64"),
    ("IPv4 in IPv6", 1, PROXY, ("::ffff:203.0.113.9",), "203.0.113.9"),
    ("IPv4 in IPv6, in hexadecimal", 1, PROXY, ("::ffff:cb00:7109",), "203.0.113.9"),
    ("a dual-stack peer", 0, "::ffff:203.0.113.9", (), "203.0.113.9"),
    ("an IPv6 peer", 0, "2001:db8:1:2::9", (), "2001:db8:1:2::/64"),
    ("nonsense from the proxy", 1, PROXY, ("1.1.1.1, unknown",), PROXY),
    ("nonsense from the outer proxy", 2, PROXY, ("1.1.1.1, unix:, 10.0.0.2",), "10.0.0.2"),
    ("an empty entry from the proxy", 1, PROXY, ("1.1.1.1, ",), PROXY),
    ("a Unix socket", 0, None, ("1.1.1.1",), clients.UNKNOWN),
    ("a proxy at a Unix socket", 1, None, ("1.1.1.1, 203.0.113.9",), "203.0.113.9"),
    ("a proxy at a Unix socket that adds nothing", 1, None, (), clients.UNKNOWN),
]


@pytest.mark.parametrize(
    ("hops", "peer", "forwarded", "client"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_the_client_is_counted_from_the_right(
    settings: Settings, hops: int, peer: str | None, forwarded: tuple[str, ...], client: str
) -> None:
    settings.TRUSTED_PROXIES = hops
    assert clients.of_scope(scope(peer, *forwarded)) == client
    assert clients.of_request(asgi(peer, *forwarded)) == client


def test_a_header_whose_name_only_looks_like_it_is_not_taken_for_it(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    forged = scope(PROXY, "203.0.113.9")
    forged["headers"].append((b"x_forwarded_for", b"1.1.1.1"))
    assert clients.of_scope(forged) == "203.0.113.9"
    assert clients.of_request(ASGIRequest(forged, BytesIO())) == "203.0.113.9"


def test_a_wsgi_request_has_a_client_too(settings: Settings, rf: RequestFactory) -> None:
    settings.TRUSTED_PROXIES = 1
    request = rf.get("/", headers={"x-forwarded-for": "1.1.1.1, 203.0.113.9"})
    assert clients.of_request(request) == "203.0.113.9"


def test_neighbours_in_a_64_are_one_client_and_the_next_network_is_another() -> None:
    here = clients.of_scope(scope("2001:db8:1:2::1"))
    assert clients.of_scope(scope("2001:db8:1:2:ffff:ffff:ffff:ffff")) == here
    assert clients.of_scope(scope("2001:db8:1:3::1")) != here
