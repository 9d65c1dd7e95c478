"""Fetching: what a site may answer, how long, how much, how often, and who it has to be."""

import gzip
import ssl
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler

import pytest
import trustme

from tests.tools.knowledge.fetching.network import Routes
from tests.tools.knowledge.fetching.site import HTML, Page, Shop, page
from tools.knowledge.fetching import body, pace
from tools.knowledge.fetching.errors import NotThere, Refused, Unreachable
from tools.knowledge.fetching.fetcher import SITEMAPS, Fetcher
from tools.knowledge.fetching.network import GuardedBackend

pytestmark = pytest.mark.any_storage

# What comes back ---------------------------------------------------------------------------------


def test_a_page_comes_with_its_type_and_encoding(site: Shop) -> None:
    site.pages["/returns?a=1"] = page(b"Lin\xe9n")
    found = site.fetcher().get("http://shop.example/returns?a=1#part")
    assert (found.url, found.data) == ("http://shop.example/returns?a=1", b"Lin\xe9n")
    assert (found.content_type, found.charset) == ("text/html", "iso-8859-1")
    assert site.asked[-1] == ("shop.example", "/returns?a=1")


def test_redirects_are_followed_up_to_five(site: Shop) -> None:
    for number in range(5):
        site.pages[f"/{number}"] = page(status=302, Location=f"/{number + 1}")
    site.pages["/5"] = page()
    assert site.fetcher().get("http://shop.example/0").url == "http://shop.example/5"
    site.pages["/5"] = page(status=301, Location="http://other.example/6")
    with pytest.raises(Refused, match="more than 5 times"):
        site.fetcher().get("http://shop.example/0")


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_told_from_one_that_cannot_be_had_now(
    site: Shop, status: int
) -> None:
    site.pages["/gone"] = page(status=status)
    site.pages["/busy"] = page(status=503)
    with pytest.raises(NotThere, match=str(status)):
        site.fetcher().get("http://shop.example/gone")
    with pytest.raises(Unreachable, match="503"):
        site.fetcher().get("http://shop.example/busy")


@pytest.mark.parametrize("content_type", ["image/png", "application/zip", "text/plain", "nonsense"])
def test_other_types_are_refused(site: Shop, content_type: str) -> None:
    site.pages["/file"] = page(content_type=content_type)
    with pytest.raises(Refused, match="which is not read"):
        site.fetcher().get("http://shop.example/file")


def test_a_sitemap_is_fetched_where_it_is_asked_for(site: Shop) -> None:
    site.pages["/sitemap.xml"] = page(b"<urlset/>", content_type="application/xml")
    with pytest.raises(Refused):
        site.fetcher().get("http://shop.example/sitemap.xml")
    found = site.fetcher().get("http://shop.example/sitemap.xml", types=SITEMAPS)
    assert found.data == b"<urlset/>"


# How much ----------------------------------------------------------------------------------------


def test_five_megabytes_are_read_and_not_a_byte_more(site: Shop) -> None:
    site.pages["/most"] = page(b"x" * body.LARGEST)
    site.pages["/more"] = page(b"x" * (body.LARGEST + 1))
    site.pages["/said"] = page(b"", Content_Length="5000001")
    assert len(site.fetcher().get("http://shop.example/most").data) == body.LARGEST
    for path in ("/more", "/said"):
        with pytest.raises(Refused, match="larger than 5 MB"):
            site.fetcher().get(f"http://shop.example{path}")


def test_what_is_packed_is_measured_unpacked(site: Shop) -> None:
    site.pages["/small"] = page(gzip.compress(b"small"), Content_Encoding="gzip")
    site.pages["/bomb"] = page(gzip.compress(bytes(100_000_000)), Content_Encoding="gzip")
    site.pages["/broken"] = page(gzip.compress(b"x" * 999)[:-9], Content_Encoding="gzip")
    site.pages["/brotli"] = page(b"x", Content_Encoding="br")
    assert site.fetcher().get("http://shop.example/small").data == b"small"
    with pytest.raises(Refused, match="larger than 5 MB"):
        site.fetcher().get("http://shop.example/bomb")
    with pytest.raises(Unreachable, match="before it was complete"):
        site.fetcher().get("http://shop.example/broken")
    with pytest.raises(Refused, match="packed as br"):
        site.fetcher().get("http://shop.example/brotli")


# How long and how often --------------------------------------------------------------------------


def drip(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then: never silent for long, and never done."""
    handler.send_response(200)
    handler.send_header("Content-Type", HTML)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.05)


def test_the_time_limit_is_for_the_whole_page(site: Shop) -> None:
    site.pages["/slow"] = drip
    started = time.monotonic()
    with pytest.raises(Unreachable, match="too long"):
        site.fetcher(time_limit=0.4).get("http://shop.example/slow")
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


def test_what_robots_txt_forbids_is_not_asked_for(site: Shop) -> None:
    site.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /\nAllow: /help")
    site.pages["/help"] = site.pages["/other"] = page()
    fetching = site.fetcher()
    assert fetching.get("http://shop.example/help").data
    with pytest.raises(Refused, match=r"robots\.txt"):
        fetching.get("http://shop.example/other")
    assert [path for _, path in site.asked] == ["/robots.txt", "/help"]


def test_rules_for_us_by_name_count_before_those_for_all(site: Shop) -> None:
    site.pages["/robots.txt"] = robots(
        "User-agent: *\nDisallow:\n\nUser-agent: SupportbotImport\nDisallow: /"
    )
    with pytest.raises(Refused, match=r"robots\.txt"):
        site.fetcher().get("http://shop.example/help")


def test_a_redirect_to_what_is_forbidden_is_not_followed(site: Shop) -> None:
    site.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /private")
    site.pages["/a"] = page(status=302, Location="/private")
    site.pages["/private"] = page()
    with pytest.raises(Refused, match=r"robots\.txt"):
        site.fetcher().get("http://shop.example/a")
    assert ("shop.example", "/private") not in site.asked


@pytest.mark.parametrize(("status", "read"), [(404, True), (403, True), (500, False)])
def test_without_a_robots_txt_all_may_be_read_but_not_when_it_cannot_be_had(
    site: Shop, status: int, read: bool
) -> None:
    site.pages["/robots.txt"] = page(status=status)
    site.pages["/a"] = page()
    if read:
        assert site.fetcher().get("http://shop.example/a").data
    else:
        fetching = site.fetcher()
        for _ in range(2):
            with pytest.raises(Unreachable, match=r"robots\.txt .* 500"):
                fetching.get("http://shop.example/a")
        assert len(site.asked) == 1


# Who it is ---------------------------------------------------------------------------------------


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def serving(
    site: Shop, authority: trustme.CA, name: str
) -> tuple[ssl.SSLContext, list[str | None]]:
    """Has the shop speak TLS with a certificate of `name`. Returns what trusts the authority, and
    the names that clients ask for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asked: list[str | None] = []
    authority.issue_cert(name).configure_cert(context)
    context.sni_callback = lambda _, asked_for, __: asked.append(asked_for)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    trusts = ssl.create_default_context()
    authority.configure_trust(trusts)
    return trusts, asked


def test_the_connection_goes_to_the_address_and_proves_the_name(
    site: Shop, authority: trustme.CA
) -> None:
    trusts, asked = serving(site, authority, "shop.example")
    site.pages["/a"] = page()
    assert site.fetcher(tls=trusts, http=False).get("https://shop.example/a").data
    assert site.asked[-1] == ("shop.example", "/a")
    assert set(asked) == {"shop.example"}


def test_a_certificate_of_another_name_is_refused(site: Shop, authority: trustme.CA) -> None:
    trusts, _ = serving(site, authority, "other.example")
    site.pages["/a"] = page()
    with pytest.raises(Unreachable, match="certificate that does not prove its name"):
        site.fetcher(tls=trusts).get("https://shop.example/a")
    assert site.asked == []
