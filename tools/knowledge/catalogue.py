"""The lists of the public help centre: its articles by category, and the languages they are in."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from tools.knowledge import languages, pages
from tools.knowledge.models import Article

WITHOUT = "-"
"""Stands in an address for articles without a category: no name of one makes this slug."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An article in a list."""

    title: str
    url: str
    language: str
    summary: str


@dataclass(frozen=True, slots=True)
class Category:
    """A category with its entries; `entries` may be empty where only the number is told."""

    name: str
    url: str
    size: int
    entries: Sequence[Entry] = ()


@dataclass(frozen=True, slots=True)
class Language:
    """A language that articles are in. `code` is without region: pages in pt-br are listed as pt."""

    code: str
    name: str
    url: str
    size: int


def language_of(article: Article) -> str:
    """The locale of an article; the site's own where it is not known."""
    return article.locale or settings.LANGUAGE_CODE


def written_in(code: str) -> QuerySet[Article]:
    """The public articles in a language, with or without a region."""
    wanted = Q(locale=code) | Q(locale__startswith=f"{code}-")
    if code == languages.base(settings.LANGUAGE_CODE):
        wanted |= Q(locale="")
    return pages.published().filter(wanted)


def in_category(slug: str) -> tuple[str, QuerySet[Article]]:
    """The name of a category and its public articles; an empty name where there is none.

    Two categories whose names make one slug are one page.
    """
    found = [category for category in sizes(pages.published()) if category.slug == slug]
    names = [category.name for category in found]
    shown = " · ".join(name or _("More") for name in names)
    return shown, pages.published().filter(category__in=names)


@dataclass(frozen=True, slots=True)
class Size:
    """How many articles a category has. `name` is empty for those without one."""

    name: str
    slug: str
    articles: int


def sizes(articles: QuerySet[Article]) -> list[Size]:
    """The categories of articles by name, those without one last. One query."""
    counted = articles.order_by().values_list("category").annotate(size=Count("pk"))
    ordered = sorted(counted, key=lambda row: (not row[0], row[0]))
    return [Size(name, _slug(name), size) for name, size in ordered]


def overview(articles: QuerySet[Article]) -> list[Category]:
    """The categories of a help centre that is too large to list. One query."""
    return [
        Category(size.name or _("More"), _page(size.slug), size.articles)
        for size in sizes(articles)
    ]


def by_category(articles: Iterable[Article]) -> list[Category]:
    """Articles under their categories, in order of names; what has none comes last. One query for
    how they begin."""
    ordered = sorted(articles, key=lambda a: (not a.category, a.category, a.title))
    listed = dict(zip((a.pk for a in ordered), entries(ordered), strict=True))
    return [
        _with_entries(name, [listed[article.pk] for article in group])
        for name, group in groupby(ordered, key=lambda a: a.category)
    ]


def entries(articles: Sequence[Article]) -> list[Entry]:
    """Articles as entries of a list, in their order. One query."""
    summaries = pages.summaries(articles)
    return [
        Entry(a.title, a.get_absolute_url(), language_of(a), summaries.get(a.pk, ""))
        for a in articles
    ]


def all_languages() -> list[Language]:
    """The languages of the public articles, the one with most of them first. One query."""
    counted: Counter[str] = Counter()
    rows = pages.published().order_by().values_list("locale").annotate(size=Count("pk"))
    for locale, size in rows:
        counted[languages.base(locale or settings.LANGUAGE_CODE)] += size
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [
        Language(code, language_name(code), reverse("help:language", args=[code]), size)
        for code, size in ordered
    ]


def language_name(code: str) -> str:
    """The name of a language in itself; its code where Django has no name for it."""
    try:
        return str(get_language_info(code)["name_local"]).capitalize()
    except KeyError:
        return code


def direction(locale: str) -> str:
    """`rtl` for a language that is written from right to left, `ltr` for others."""
    try:
        return "rtl" if get_language_info(locale)["bidi"] else "ltr"
    except KeyError:
        return "ltr"


def category_url(name: str) -> str:
    """The page of a category; empty for none."""
    return _page(_slug(name)) if name else ""


def _page(slug: str) -> str:
    return reverse("help:category", args=[slug])


def _slug(name: str) -> str:
    """The part of an address that stands for a category, or for none."""
    return (slugify(name, allow_unicode=True) or "category") if name else WITHOUT


def _with_entries(name: str, listed: Sequence[Entry]) -> Category:
    return Category(name or _("More"), _page(_slug(name)), len(listed), listed)
