"""Pages of a site as a source: named one by one, or listed by a sitemap."""

import gzip

import pytest

from tests.tools.knowledge.documents import pdf
from tests.tools.knowledge.fetching.site import Page, Shop, page
from tests.tools.knowledge.importing.support import counts, reasons
from tools.knowledge.conversion.converter import Converter
from tools.knowledge.importing import ArticleReport, claims, runs
from tools.knowledge.importing.source import Source
from tools.knowledge.importing.web import Pages, SitePages, is_sitemap
from tools.knowledge.importing.work import Work
from tools.knowledge.models import Article, ImportRun

pytestmark = pytest.mark.django_db

BASE = "http://shop.example"


def article(title: str, text: str = "Wash it cold.") -> bytes:
    return f'<html lang="en"><main><h1>{title}</h1><p>{text}</p></main></html>'.encode()


def sitemap(*paths: str, index: bool = False) -> bytes:
    outer, inner = ("sitemapindex", "sitemap") if index else ("urlset", "url")
    urls = "".join(
        f"<{inner}><loc> {path if '://' in path else BASE + path} </loc></{inner}>"
        for path in paths
    )
    return f'<{outer} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</{outer}>'.encode()


def xml(content: bytes) -> Page:
    return page(content, content_type="application/xml")


def run_of(source: Source) -> ArticleReport:
    run = ImportRun.objects.create(name="site", kind=ImportRun.Kind.ADDRESSES)
    claimed = claims.claim(run.pk)
    assert claimed
    Work(claimed).through([source])
    return runs.report(run)


def imported(site: Shop, *addresses: str) -> ArticleReport:
    with Converter() as converter:
        return run_of(Pages(list(addresses), site.fetcher(), converter))


def crawled(site: Shop, path: str = "/sitemap.xml") -> ArticleReport:
    with Converter() as converter:
        return run_of(SitePages(BASE + path, site.fetcher(), converter))


def gone() -> set[str]:
    return set(Article.objects.exclude(gone_at=None).values_list("source", flat=True))


def test_a_page_is_an_article_known_by_its_address(site: Shop) -> None:
    site.pages["/help/linen"] = page(article("Linen", '<a href="../wool">Wool</a>'))
    site.pages["/care.pdf"] = page(pdf([(11, "Wash it.")]), content_type="application/pdf")
    site.pages["/a.md"] = page(b"# A\n\nx", content_type="text/markdown")
    report = imported(site, f"{BASE}/help/linen#top", f"{BASE}/care.pdf", f"{BASE}/a.md")
    assert counts(report) == (3, 0, 0, 0)
    linen = Article.objects.get(title="Linen")
    assert (linen.source, linen.category, linen.locale) == (f"{BASE}/help/linen", "", "en")
    assert "[Wool](http://shop.example/wool)" in linen.body
    assert Article.objects.get(title="Care").source == f"{BASE}/care.pdf"
    assert counts(imported(site, f"{BASE}/help/linen")) == (0, 0, 1, 0)


def test_each_address_that_cannot_be_read_is_told(site: Shop) -> None:
    site.pages["/a"] = page(article("A"))
    site.pages["/empty"] = page(b"")
    site.pages["/picture"] = page(content_type="image/png")
    report = imported(
        site, f"{BASE}/a", f"{BASE}/empty", f"{BASE}/picture", "http://127.0.0.1/", "x"
    )
    assert counts(report) == (1, 0, 0, 4)
    assert reasons(report) == {
        f"{BASE}/empty": "is empty",
        f"{BASE}/picture": "is image/png, which is not read",
        "http://127.0.0.1/": "leads to an address that is not public",
        "x": "is not an address that begins with https://",
    }


def test_a_page_that_the_site_has_no_more_is_gone_and_one_that_is_not_named_is_not(
    site: Shop,
) -> None:
    site.pages["/a"] = page(article("A"))
    site.pages["/b"] = page(article("B"))
    imported(site, f"{BASE}/a", f"{BASE}/b")
    del site.pages["/a"]
    report = imported(site, f"{BASE}/a")
    assert (counts(report), report.gone, gone()) == ((0, 0, 0, 1), 1, {f"{BASE}/a"})
    site.pages["/a"] = page(article("A"))
    imported(site, f"{BASE}/a")
    assert gone() == set()


def test_the_pages_of_a_sitemap_and_of_those_it_lists_are_imported_once_each(site: Shop) -> None:
    site.pages["/sitemap.xml"] = xml(sitemap("/one.xml", "/two.xml.gz", "/one.xml", index=True))
    site.pages["/one.xml"] = xml(sitemap("/a", "/b"))
    site.pages["/two.xml.gz"] = page(
        gzip.compress(sitemap("/b", "/c")), content_type="application/gzip"
    )
    for name in "abc":
        site.pages[f"/{name}"] = page(article(name.upper()))
    report = crawled(site)
    assert (counts(report), report.gone) == ((3, 0, 0, 0), 0)
    assert counts(crawled(site)) == (0, 0, 3, 0)


def test_what_a_whole_sitemap_does_not_list_any_more_is_gone(site: Shop) -> None:
    site.pages["/a"], site.pages["/b"] = page(article("A")), page(article("B"))
    site.pages["/sitemap.xml"] = xml(sitemap("/a", "/b"))
    crawled(site)
    site.pages["/a"] = page(status=500)  # listed, and not to be had now
    site.pages["/sitemap.xml"] = xml(sitemap("/a"))
    assert (crawled(site).gone, gone()) == (1, {f"{BASE}/b"})


def test_nothing_is_gone_while_a_part_of_the_sitemap_cannot_be_read(site: Shop) -> None:
    site.pages["/a"], site.pages["/b"] = page(article("A")), page(article("B"))
    site.pages["/sitemap.xml"] = xml(sitemap("/one.xml", "/two.xml", index=True))
    site.pages["/one.xml"], site.pages["/two.xml"] = xml(sitemap("/a")), xml(sitemap("/b"))
    crawled(site)
    site.pages["/two.xml"] = page(status=503)
    report = crawled(site)
    assert (counts(report), gone()) == ((0, 0, 1, 1), set())
    assert reasons(report)[f"{BASE}/two.xml"] == "is not given out: the site answers 503"


BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "a"><!ENTITY b "&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>'
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<urlset><url>", "is no XML"),
        (b"<html></html>", "is XML, but no sitemap"),
        (BOMB, "document type or entities"),
        (gzip.compress(bytes(50_000_000)), "is larger than 5 MB"),
        (sitemap("http://other.example/a"), "is on another host than its sitemap"),
        (sitemap("file:///etc/passwd"), "is on another host than its sitemap"),
    ],
    ids=["broken", "page", "entities", "packed", "other", "file"],
)
def test_a_sitemap_that_cannot_be_used_is_told(site: Shop, content: bytes, reason: str) -> None:
    site.pages["/sitemap.xml"] = xml(content)
    report = crawled(site)
    assert counts(report) == (0, 0, 0, 1)
    assert reason in report.failed[0].reason


def test_sitemaps_that_list_each_other_come_to_an_end(site: Shop) -> None:
    site.pages["/sitemap.xml"] = xml(sitemap("/two.xml", index=True))
    site.pages["/two.xml"] = xml(sitemap("/sitemap.xml", "/two.xml", index=True))
    assert counts(crawled(site)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("address", "expected"),
    [(f"{BASE}/sitemap.xml", True), (f"{BASE}/a.XML.gz", True), (f"{BASE}/a?b.xml", False)],
)
def test_a_sitemap_is_told_by_its_name(address: str, expected: bool) -> None:
    assert is_sitemap(address) is expected
