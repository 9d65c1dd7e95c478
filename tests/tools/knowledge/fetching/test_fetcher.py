"""Fetching: what a site may answer, how long, how much, how often, and who it has to be."""

import gzip
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from tests.tools.knowledge.fetching.network import PUBLIC, Names, Routes, fetcher
from tools.knowledge.fetching import body, pace
from tools.knowledge.fetching.errors import NotThere, Refused, Unreachable
from tools.knowledge.fetching.fetcher import SITEMAPS, Fetcher
from tools.knowledge.fetching.network import GuardedBackend

Page = Callable[[BaseHTTPRequestHandler], None]
HTML = "text/html; charset=iso-8859-1"


class Shop:
    """A site at http://shop.example whose pages a test writes. `asked` is what was asked of it."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str]] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.asked.append((self.headers["Host"], self.path))
                shop.pages.get(self.path, missing)(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def fetcher(self, **options: object) -> Fetcher:
        names = Names({"shop.example": [[PUBLIC]], "other.example": [[PUBLIC]]})
        return fetcher(names, Routes({PUBLIC: self.server.server_port}), **options)


def missing(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


def page(
    content: bytes = b"<p>Hello</p>", *, content_type: str = HTML, status: int = 200, **headers: str
) -> Page:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return write


@pytest.fixture
def shop() -> Iterator[Shop]:
    found = Shop()
    thread = threading.Thread(target=partial(found.server.serve_forever, 0.01), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join(10)


# What comes back ---------------------------------------------------------------------------------


def test_a_page_comes_with_its_type_and_encoding(shop: Shop) -> None:
    shop.pages["/returns?a=1"] = page(b"Lin\xe9n")
    found = shop.fetcher().get("http://shop.example/returns?a=1#part")
    assert (found.url, found.data) == ("http://shop.example/returns?a=1", b"Lin\xe9n")
    assert (found.content_type, found.charset) == ("text/html", "iso-8859-1")
    assert shop.asked[-1] == ("shop.example", "/returns?a=1")


def test_redirects_are_followed_up_to_five(shop: Shop) -> None:
    for number in range(5):
        shop.pages[f"/{number}"] = page(status=302, Location=f"/{number + 1}")
    shop.pages["/5"] = page()
    assert shop.fetcher().get("http://shop.example/0").url == "http://shop.example/5"
    shop.pages["/5"] = page(status=301, Location="http://other.example/6")
    with pytest.raises(Refused, match="more than 5 times"):
        shop.fetcher().get("http://shop.example/0")


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_told_from_one_that_cannot_be_had_now(
    shop: Shop, status: int
) -> None:
    shop.pages["/gone"] = page(status=status)
    shop.pages["/busy"] = page(status=503)
    with pytest.raises(NotThere, match=str(status)):
        shop.fetcher().get("http://shop.example/gone")
    with pytest.raises(Unreachable, match="503"):
        shop.fetcher().get("http://shop.example/busy")


@pytest.mark.parametrize("content_type", ["image/png", "application/zip", "text/plain", "nonsense"])
def test_other_types_are_refused(shop: Shop, content_type: str) -> None:
    shop.pages["/file"] = page(content_type=content_type)
    with pytest.raises(Refused, match="which is not read"):
        shop.fetcher().get("http://shop.example/file")


def test_a_sitemap_is_fetched_where_it_is_asked_for(shop: Shop) -> None:
    shop.pages["/sitemap.xml"] = page(b"<urlset/>", content_type="application/xml")
    with pytest.raises(Refused):
        shop.fetcher().get("http://shop.example/sitemap.xml")
    found = shop.fetcher().get("http://shop.example/sitemap.xml", types=SITEMAPS)
    assert found.data == b"<urlset/>"


# How much ----------------------------------------------------------------------------------------


def test_five_megabytes_are_read_and_not_a_byte_more(shop: Shop) -> None:
    shop.pages["/most"] = page(b"x" * body.LARGEST)
    shop.pages["/more"] = page(b"x" * (body.LARGEST + 1))
    shop.pages["/said"] = page(b"", Content_Length="5000001")
    assert len(shop.fetcher().get("http://shop.example/most").data) == body.LARGEST
    for path in ("/more", "/said"):
        with pytest.raises(Refused, match="larger than 5 MB"):
            shop.fetcher().get(f"http://shop.example{path}")


def test_what_is_packed_is_measured_unpacked(shop: Shop) -> None:
    shop.pages["/small"] = page(gzip.compress(b"small"), Content_Encoding="gzip")
    shop.pages["/bomb"] = page(gzip.compress(bytes(100_000_000)), Content_Encoding="gzip")
    shop.pages["/broken"] = page(gzip.compress(b"x" * 999)[:-9], Content_Encoding="gzip")
    shop.pages["/brotli"] = page(b"x", Content_Encoding="br")
    assert shop.fetcher().get("http://shop.example/small").data == b"small"
    with pytest.raises(Refused, match="larger than 5 MB"):
        shop.fetcher().get("http://shop.example/bomb")
    with pytest.raises(Unreachable, match="before it was complete"):
        shop.fetcher().get("http://shop.example/broken")
    with pytest.raises(Refused, match="packed as br"):
        shop.fetcher().get("http://shop.example/brotli")


# How long and how often --------------------------------------------------------------------------


def drip(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then: never silent for long, and never done."""
    handler.send_response(200)
    handler.send_header("Content-Type", HTML)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.05)


def test_the_time_limit_is_for_the_whole_page(shop: Shop) -> None:
    shop.pages["/slow"] = drip
    started = time.monotonic()
    with pytest.raises(Unreachable, match="too long"):
        shop.fetcher(time_limit=0.4).get("http://shop.example/slow")
    assert time.monotonic() - started < 2


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    hangs = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        hangs.wait(5)
        return []

    backend = partial(GuardedBackend, resolve=resolve, dial=Routes())
    started = time.monotonic()
    with pytest.raises(Unreachable, match="too long"):
        Fetcher(http=True, pace=pace.Pace(0), backend=backend, time_limit=0.2).get(
            "http://a.example"
        )
    hangs.set()
    assert time.monotonic() - started < 2


def test_a_host_is_asked_once_a_second_and_each_by_itself() -> None:
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pacing = pace.Pace(1.0, clock=lambda: now[0], sleep=sleep)
    for host in ("a", "b", "a"):
        pacing.wait(host)
        pacing.asked(host)
    assert slept == [1.0]
    pacing.asked("a", at_least=7.0)
    pacing.wait("a")
    assert slept == [1.0, 7.0]


# robots.txt --------------------------------------------------------------------------------------


def robots(text: str) -> Page:
    return page(text.encode(), content_type="text/plain")


def test_what_robots_txt_forbids_is_not_asked_for(shop: Shop) -> None:
    shop.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /\nAllow: /help")
    shop.pages["/help"] = shop.pages["/other"] = page()
    fetching = shop.fetcher()
    assert fetching.get("http://shop.example/help").data
    with pytest.raises(Refused, match=r"robots\.txt"):
        fetching.get("http://shop.example/other")
    assert [path for _, path in shop.asked] == ["/robots.txt", "/help"]


def test_rules_for_us_by_name_count_before_those_for_all(shop: Shop) -> None:
    shop.pages["/robots.txt"] = robots(
        "User-agent: *\nDisallow:\n\nUser-agent: SupportbotImport\nDisallow: /"
    )
    with pytest.raises(Refused, match=r"robots\.txt"):
        shop.fetcher().get("http://shop.example/help")


def test_a_redirect_to_what_is_forbidden_is_not_followed(shop: Shop) -> None:
    shop.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /private")
    shop.pages["/a"] = page(status=302, Location="/private")
    shop.pages["/private"] = page()
    with pytest.raises(Refused, match=r"robots\.txt"):
        shop.fetcher().get("http://shop.example/a")
    assert ("shop.example", "/private") not in shop.asked


@pytest.mark.parametrize(("status", "read"), [(404, True), (403, True), (500, False)])
def test_without_a_robots_txt_all_may_be_read_but_not_when_it_cannot_be_had(
    shop: Shop, status: int, read: bool
) -> None:
    shop.pages["/robots.txt"] = page(status=status)
    shop.pages["/a"] = page()
    if read:
        assert shop.fetcher().get("http://shop.example/a").data
    else:
        fetching = shop.fetcher()
        for _ in range(2):
            with pytest.raises(Unreachable, match=r"robots\.txt .* 500"):
                fetching.get("http://shop.example/a")
        assert len(shop.asked) == 1


# Who it is ---------------------------------------------------------------------------------------


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def serving(
    shop: Shop, authority: trustme.CA, name: str
) -> tuple[ssl.SSLContext, list[str | None]]:
    """Has the shop speak TLS with a certificate of `name`. Returns what trusts the authority, and
    the names that clients ask for."""
    context, asked = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    authority.issue_cert(name).configure_cert(context)
    context.sni_callback = lambda _, asked_for, __: asked.append(asked_for)
    shop.server.socket = context.wrap_socket(shop.server.socket, server_side=True)
    trusts = ssl.create_default_context()
    authority.configure_trust(trusts)
    return trusts, asked


def test_the_connection_goes_to_the_address_and_proves_the_name(
    shop: Shop, authority: trustme.CA
) -> None:
    trusts, asked = serving(shop, authority, "shop.example")
    shop.pages["/a"] = page()
    assert shop.fetcher(tls=trusts, http=False).get("https://shop.example/a").data
    assert shop.asked[-1] == ("shop.example", "/a")
    assert set(asked) == {"shop.example"}


def test_a_certificate_of_another_name_is_refused(shop: Shop, authority: trustme.CA) -> None:
    trusts, _ = serving(shop, authority, "other.example")
    shop.pages["/a"] = page()
    with pytest.raises(Unreachable, match="certificate that does not prove its name"):
        shop.fetcher(tls=trusts).get("https://shop.example/a")
    assert shop.asked == []
