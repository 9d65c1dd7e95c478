"""Pages of sites: those that somebody named, or those that a sitemap lists."""

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from tools.jsonl import BadRow
from tools.knowledge.conversion.converter import Converter, Kind
from tools.knowledge.conversion.document import Document, Unreadable
from tools.knowledge.fetching import target
from tools.knowledge.fetching.errors import FetchError
from tools.knowledge.fetching.fetcher import Fetched, Fetcher
from tools.knowledge.importing import markdown
from tools.knowledge.importing.item import Item
from tools.knowledge.importing.row import LONGEST_SOURCE, ArticleRow
from tools.knowledge.importing.sitemap import Sitemap

_KINDS: dict[str, Kind] = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}


def is_sitemap(address: str) -> bool:
    """Whether an address is that of a sitemap, by its name."""
    path = urlsplit(address).path.lower() if "[" not in address else ""
    return path.endswith((".xml", ".xml.gz"))


class Pages:
    """Pages that were named one by one. What is not named is not gone."""

    collection = ""
    complete = False

    def __init__(self, addresses: list[str], fetcher: Fetcher, converter: Converter) -> None:
        self.total: int | None = len(addresses)
        self._addresses, self._fetcher, self._converter = addresses, fetcher, converter

    def items(self) -> Iterator[Item | BadRow]:
        """See Source."""
        for address in self._addresses:
            yield _item(address, self._fetcher, self._converter)


class SitePages:
    """The pages of a sitemap."""

    def __init__(self, address: str, fetcher: Fetcher, converter: Converter) -> None:
        self.collection, self.complete = address, False
        self.total: int | None = None
        self._fetcher, self._converter = fetcher, converter

    def items(self) -> Iterator[Item | BadRow]:
        """See Source. The sitemap is read first, so that the number of its pages is known."""
        sitemap = Sitemap(self.collection, self._fetcher)
        addresses = list(sitemap.pages())
        self.total = len(addresses) + len(sitemap.problems)
        yield from (BadRow(place, reason) for place, reason in sitemap.problems)
        for address in addresses:
            yield _item(address, self._fetcher, self._converter)
        self.complete = True


def _item(address: str, fetcher: Fetcher, converter: Converter) -> Item:
    source = _normal(address)
    return Item(address, source, partial(_article, address, source, fetcher, converter))


def _normal(address: str) -> str:
    """The address that an article is known by, however it was written."""
    try:
        return target.parse(address.partition("#")[0], http=True).url
    except FetchError:
        return address  # fetching it will say what is wrong


def _article(address: str, source: str, fetcher: Fetcher, converter: Converter) -> ArticleRow:
    if len(source) > LONGEST_SOURCE:
        raise Unreadable(f"has an address of more than {LONGEST_SOURCE} characters")
    page = fetcher.get(address)
    document = _document(page, converter)
    named = unquote(PurePosixPath(urlsplit(source).path).stem) or urlsplit(source).netloc
    return markdown.as_row(source, document, name=named, folder="")


def _document(page: Fetched, converter: Converter) -> Document:
    if not page.data.strip():
        raise Unreadable("is empty")
    if kind := _KINDS.get(page.content_type):
        return converter.convert(kind, page.data, base=page.url, charset=page.charset)
    return Document("", markdown.text_of(page.data))
