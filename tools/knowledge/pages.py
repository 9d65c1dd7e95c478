"""Articles as pages: safe HTML, a table of contents, and short texts about them."""

import html
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote, urlsplit

from django.db.models import QuerySet
from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from markdown_it.token import Token

from chat import markdown
from tools.knowledge.document import Heading, parse, sections
from tools.knowledge.models import Article, Chunk, Status
from tools.knowledge.readers import Reader

SUMMARY = 160
"""Characters: two lines of a list."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A body as safe HTML, with its headings in order."""

    html: str
    headings: list[Heading]


@dataclass(frozen=True, slots=True)
class Shown:
    """An article as its page shows it. `begins` is its first words, for search engines."""

    title: str
    html: SafeString
    contents: Sequence[Heading]
    begins: str
    updated_at: datetime


def published(reader: Reader = Reader.GUEST) -> QuerySet[Article]:
    """What `reader` may read. Every public page starts from here."""
    return Article.objects.filter(status=Status.PUBLISHED, audience__in=reader.audiences)


def render(article: Article) -> Rendered:
    """The article's body as its page shows it."""
    tokens = parse(article.body, title=article.title)
    headings = [heading for heading, _ in sections(tokens) if heading]
    _lower_headings(tokens, headings)
    _resolve_links(article, tokens)
    raw = markdown.parser.renderer.render(tokens, markdown.parser.options, {})
    return Rendered(markdown.sanitize(raw), headings)


def shown(article: Article) -> Shown:
    """The article as its page shows it, stored or not."""
    rendered = render(article)
    words = Truncator(" ".join(strip_tags(rendered.html).split())).chars(SUMMARY)
    return Shown(
        title=article.title,
        html=mark_safe(rendered.html),  # noqa: S308  # sanitised by chat.markdown
        contents=[heading for heading in rendered.headings if heading.text],
        begins=html.unescape(words),
        updated_at=article.updated_at,
    )


def summaries(articles: Sequence[Article]) -> dict[int, str]:
    """How each article begins, by its primary key."""
    first = Chunk.objects.filter(article__in=[article.pk for article in articles], position=0)
    texts = first.values_list("article_id", "text")
    return {article: Truncator(" ".join(text.split())).chars(SUMMARY) for article, text in texts}


def _lower_headings(tokens: Iterable[Token], headings: Sequence[Heading]) -> None:
    """The page's own h1 is the title: where the body has one too, all its headings go down one."""
    if not any(heading.level == 1 for heading in headings):
        return
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"


def _resolve_links(article: Article, tokens: Sequence[Token]) -> None:
    """Links between imported files lead to the articles' pages. One that leads nowhere is text."""
    links = [
        child
        for token in tokens
        for child in token.children or ()
        if child.type == "link_open" and _is_relative(str(child.attrs.get("href", "")))
    ]
    sources = {_source(article, str(link.attrs["href"])) for link in links}
    slugs = dict(published().filter(source__in=sources).values_list("source", "slug"))
    for link in links:
        href = str(link.attrs.pop("href"))
        slug = slugs.get(_source(article, href))
        if slug:
            fragment = urlsplit(href).fragment
            page = Article(slug=slug).get_absolute_url()
            link.attrs["href"] = f"{page}#{fragment}" if fragment else page


def _is_relative(href: str) -> bool:
    parts = urlsplit(href)
    return not parts.scheme and not parts.netloc and bool(parts.path) and not href.startswith("/")


def _source(article: Article, href: str) -> str:
    """The source of the file that a link in this article names."""
    folder = posixpath.dirname(article.source)
    path = unquote(urlsplit(href).path).replace("\0", "")  # PostgreSQL has no such character
    return posixpath.normpath(posixpath.join(folder, path))
