"""HTML as Markdown: the main content of a page, without what stands on every page around it."""

import codecs
import re
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from bs4.dammit import EncodingDetector
from markdownify import MarkdownConverter

from tools.knowledge.conversion.document import Document, Unreadable

NEVER_TEXT = (
    "script, style, noscript, template, iframe, object, embed, svg, canvas, audio, video, picture, "
    "img, map, form, input, select, textarea, button, dialog, nav, [role=navigation], [role=search], "
    "[role=dialog], [hidden], [aria-hidden=true], [role=banner], [role=contentinfo]"
)
"""What no reader of an article misses: programs, pictures, forms, and the way around the site."""

AROUND = "header, footer, aside, [role=complementary]"
"""What stands around the content where no element is marked as the main one."""

MAIN = ("main", "[role=main]", "article", "#main-content", "#content", "body")
"""Where the content is, the surest sign first."""

_SITE = re.compile(r"\s+[|\u2013\u2014\u00b7\u2022\u00bb-]\s+[^|\u2013\u2014\u00b7\u2022\u00bb]*\Z")
"""The name of the site, as it stands behind the title of a page: `Returns | Juniper & Oak`."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LOCALE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,7})?")
_EMPTY_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_PERMALINK = re.compile(r"\A[\s#\u00b6\u00a7\u200b]*\Z")


def convert(data: bytes, *, base: str = "", charset: str = "") -> Document:
    """The main content of a page.

    `base` is the page's address: with it relative links become whole ones, without it they stay as
    they are. `charset` is what the server said; else the page's own word for it counts. Raises
    Unreadable where there is no text.
    """
    page = BeautifulSoup(data, "lxml", from_encoding=charset or _encoding(data))
    if page.contains_replacement_characters:
        raise Unreadable("has an encoding that cannot be told: save it as UTF-8")
    return _document(page, base)


def from_fragment(markup: str) -> Document:
    """As `convert`, of HTML without a head, which is all content."""
    return _document(BeautifulSoup(f"<main>{markup}</main>", "lxml"), "")


def _encoding(data: bytes) -> str | None:
    """What is UTF-8 throughout was written as such; None leaves it to the page's own word for it.
    A page without one is what browsers take it for: the author saw it there.
    https://html.spec.whatwg.org/multipage/parsing.html#determining-the-character-encoding"""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        declared = EncodingDetector.find_declared_encoding(data, is_html=True)
        return None if declared or data.startswith(_UTF16) else "windows-1252"
    return "utf-8"


def _document(page: BeautifulSoup, base: str) -> Document:
    named = page.title.get_text(" ", strip=True) if page.title else ""
    stated_language = str(page.html.get("lang") or "").strip().lower() if page.html else ""
    stated = page.find("base", href=True)
    if isinstance(stated, Tag) and base:
        base = urljoin(base, str(stated["href"]))
    content = _main(page)
    _resolve_links(content, base)
    heading = content.find("h1")
    title = heading.get_text(" ", strip=True) if heading else _SITE.sub("", named)
    text = _MARKDOWN.convert_soup(content)
    text = _EMPTY_LINES.sub("\n\n", text).strip()
    if not content.get_text(strip=True):
        raise Unreadable("has no text")
    locale = stated_language if _LOCALE.fullmatch(stated_language) else ""
    return Document(" ".join(title.split()), text, locale)


def _main(page: BeautifulSoup) -> Tag:
    for found in page.select(NEVER_TEXT):
        found.decompose()
    for selector in MAIN:
        candidates = page.select(selector)
        if len(candidates) == 1 and candidates[0].get_text(strip=True):
            content = candidates[0]
            break
    else:
        raise Unreadable("has no text")
    if content.name == "body":
        for found in content.select(AROUND):
            found.decompose()
    return content


def _resolve_links(content: Tag, base: str) -> None:
    """Whole addresses where the page has one; a mark beside a heading that links to it goes."""
    for link in content.select("a"):
        href = str(link.get("href") or "").strip()
        if _PERMALINK.match(link.get_text()) and href.startswith("#"):
            link.decompose()
        elif not href or _scheme(href) not in ("", "http", "https", "mailto", "tel"):
            link.unwrap()
        elif base and not href.startswith("#"):
            link["href"] = urljoin(base, href)


def _scheme(href: str) -> str:
    try:
        return urlsplit(href).scheme
    except ValueError:  # such as http://[
        return "none"


class _Markdown(MarkdownConverter):
    """CommonMark has no lists of terms: each is a paragraph in bold, with its meaning below it."""

    def convert_dt(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f"\n\n**{text.strip()}**\n" if text.strip() else ""

    def convert_dd(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f"\n\n{text.strip()}\n"


def _language(block: Tag) -> str:
    """The language that highlighters note as a class: `language-python`."""
    code = block.find("code")
    for element in (block, code):
        for name in (element.get_attribute_list("class") if isinstance(element, Tag) else ()) or ():
            if name and str(name).startswith(("language-", "lang-", "highlight-source-")):
                return str(name).rpartition("-")[2]
    return ""


_MARKDOWN = _Markdown(
    heading_style="atx", bullets="-", code_language_callback=_language, escape_misc=True
)
