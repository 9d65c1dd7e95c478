"""Sitemaps: the pages that a site lists (https://www.sitemaps.org/protocol.html)."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tools.knowledge.conversion.document import Unreadable
from tools.knowledge.fetching import body, target
from tools.knowledge.fetching.errors import FetchError
from tools.knowledge.fetching.fetcher import SITEMAPS, Fetcher

DEEPEST = 3
"""Sitemaps in sitemaps. The protocol allows one level; some tools write two."""

MOST_PAGES = 50_000
"""Pages of one import: the most that the protocol has in one sitemap. At one a second they take
fourteen hours."""


class Sitemap:
    """The pages of a sitemap and of those that it lists.

    After `pages` has ended, `problems` are the parts that could not be read, with their reasons: while
    there are any, nobody knows what is gone.
    """

    def __init__(self, url: str, fetcher: Fetcher) -> None:
        self._url, self._fetcher = url, fetcher
        self.problems: list[tuple[str, str]] = []

    def pages(self) -> Iterator[str]:
        """The addresses, each once. Those on another host are problems: a site speaks for itself."""
        seen: set[str] = set()
        host = target.parse(self._url, http=True).host
        for url in self._listed(self._url, DEEPEST, {self._url}):
            if url in seen:
                continue
            seen.add(url)
            if len(seen) > MOST_PAGES:
                self.problems.append((self._url, f"lists more than {MOST_PAGES:,} pages"))
                return
            if _host(url) != host:
                self.problems.append((url, "is on another host than its sitemap"))
            else:
                yield url

    def _listed(self, url: str, depth: int, read: set[str]) -> Iterator[str]:
        try:
            root = _parsed(self._fetcher.get(url, types=SITEMAPS).data)
        except (FetchError, Unreadable) as error:
            self.problems.append((url, str(error)))
            return
        nested = root.tag.rpartition("}")[2] == "sitemapindex"
        for found in _locations(root):
            if not nested:
                yield found
            elif depth == 1:
                self.problems.append((found, f"is a sitemap more than {DEEPEST} levels down"))
            elif found not in read:
                read.add(found)
                yield from self._listed(found, depth - 1, read)


def _host(url: str) -> str:
    try:
        return target.parse(url, http=True).host
    except FetchError:
        return ""


def _parsed(data: bytes) -> Element:
    if data.startswith(b"\x1f\x8b"):
        data = body.read([data], encoding="gzip")
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise Unreadable("has a document type or entities, which a sitemap has not") from error
    except (ParseError, ValueError) as error:
        raise Unreadable("is no XML that can be read") from error
    if root.tag.rpartition("}")[2] not in ("urlset", "sitemapindex"):
        raise Unreadable("is XML, but no sitemap")
    return root


def _locations(root: Element) -> Iterator[str]:
    for entry in root:
        for child in entry:
            if child.tag.rpartition("}")[2] == "loc" and child.text and child.text.strip():
                yield child.text.strip()
