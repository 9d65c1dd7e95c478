"""Nobody who names an address reaches a machine of ours through an import.

Every hostile address below leads to a real listener on this machine. With the guard not one
connection arrives; with the guard taken out they do, which shows that the way was open.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import ANY
from urllib.parse import unquote, urlsplit

import pytest

from tests.tools.knowledge.fetching.hostile import ANSWERS, HOSTS, REDIRECTS, URLS
from tests.tools.knowledge.fetching.network import PUBLIC, Names, Routes, fetcher, listening
from tools.knowledge.fetching import target
from tools.knowledge.fetching.addresses import is_public
from tools.knowledge.fetching.errors import FetchError, Refused

pytestmark = pytest.mark.any_storage


class Site(BaseHTTPRequestHandler):
    """An honest site with a page for each way that somebody might have it send us on."""

    port = 0

    def do_GET(self) -> None:
        number = self.path[1:]
        self.send_response(302 if number.isdigit() else 404)
        if number.isdigit():
            self.send_header("Location", REDIRECTS[int(number)].format(port=self.port))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def gateway() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def tried(gateway: ThreadingHTTPServer, *, guarded: bool) -> tuple[list[str], int, Routes]:
    """Every hostile address fetched once: what was fetched all the same, the connections that the
    listener saw, and what was dialled."""
    with listening() as listener:
        Site.port = listener.port
        names = Names(ANSWERS)
        routes = Routes({PUBLIC: gateway.server_port})
        fetching = fetcher(
            names, routes, guarded=guarded, ports={80, 443, listener.port}, time_limit=2
        )
        urls = [f"http://{host}:{listener.port}/" for host in HOSTS]
        urls += [url.format(port=listener.port) for url in URLS]
        urls += [f"http://shop.example/{number}" for number in range(len(REDIRECTS))]
        fetched = []
        for url in urls:
            try:
                fetched.append(fetching.get(url).url)
            except FetchError as error:
                assert str(error)
    return fetched, listener.connections, routes


def test_no_connection_arrives_however_the_address_is_written(gateway: ThreadingHTTPServer) -> None:
    assert len(HOSTS) + len(URLS) + len(REDIRECTS) >= 60
    fetched, connections, routes = tried(gateway, guarded=True)
    assert fetched == []
    assert connections == 0
    assert all(is_public(address) for address in routes.dialled)


def test_without_the_check_of_addresses_connections_do_arrive(gateway: ThreadingHTTPServer) -> None:
    _, connections, _ = tried(gateway, guarded=False)
    assert connections >= 30  # the strict reading of URLs still refuses the rest


def test_a_client_that_reads_urls_as_they_come_arrives_with_most_of_them() -> None:
    with listening() as listener:
        names, routes = Names(ANSWERS), Routes()
        for host in HOSTS:
            with suppress(OSError, ValueError):
                url = urlsplit(f"http://{host}:{listener.port}/")
                for address in names(unquote(url.hostname or ""), listener.port):
                    routes(address, url.port or 80, 2).close()
    assert listener.connections >= 50


def test_a_name_is_resolved_once_for_a_connection_which_goes_where_was_checked(
    gateway: ThreadingHTTPServer,
) -> None:
    names = Names({"rebinding.example": [[PUBLIC], ["127.0.0.1"]]})
    routes = Routes({PUBLIC: gateway.server_port})
    with pytest.raises(Refused, match="not public"):
        fetcher(names, routes).get("http://rebinding.example/0")
    # Asked for robots.txt, answered, asked again for the page: that answer was refused.
    assert names.asked == ["rebinding.example", "rebinding.example"]
    assert routes.dialled == [PUBLIC]


@pytest.mark.parametrize("url", ["http://shop.example/", "http://shop.example:80/"])
def test_http_is_refused_unless_it_is_allowed(url: str) -> None:
    names, routes = Names(ANSWERS), Routes()
    with pytest.raises(Refused, match="not encrypted"):
        fetcher(names, routes, http=False).get(url)
    assert (names.asked, routes.dialled) == ([], [])


@pytest.mark.parametrize("port", ["22", "25", "6379", "8443", "0", ""])
def test_other_ports_are_refused(port: str) -> None:
    routes = Routes()
    with pytest.raises(Refused, match="names the port"):
        fetcher(Names(ANSWERS), routes).get(f"https://shop.example:{port}/")
    assert routes.dialled == []


def test_an_address_with_a_name_in_other_letters_is_read_as_browsers_do() -> None:
    there = target.parse("https://Bücher.example/ä b".replace(" ", "%20") + "?q=ü", http=False)
    assert there.url == "https://xn--bcher-kva.example/%C3%A4%20b?q=%C3%BC"
    assert there == target.Target("https", "xn--bcher-kva.example", 443, ANY)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::5db8:d822", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("172.32.0.1", True),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("100.100.100.200", False),
        ("198.18.0.1", False),
        ("192.0.2.1", False),
        ("224.0.0.1", False),
        ("239.255.255.250", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("2606:2800:220:1:248:1893:25c8:1946%eth0", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("100::1", False),
        ("2001:db8::1", False),
        ("2001::1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::5db8:d822", False),
        ("2002:5db8:d822::1", False),
        ("::5db8:d822", False),
        ("::ffff:0:127.0.0.1", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_an_address_is_public_or_it_is_not(address: str, public: bool) -> None:
    assert is_public(address) is public
