"""The public help centre."""

from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from chat.limits import as_page, limited
from tools.knowledge import catalogue, extract, pages
from tools.knowledge.models import Article
from tools.knowledge.search import Passage, search

BY_CATEGORY = 200
"""Articles that fit one page by category. More of them are a list to leaf through."""

PER_PAGE = 50
RESULTS = 10
RELATED = 4
LONGEST_QUERY = 200
"""Characters. Longer than any question somebody types into a search box."""


@require_safe
@limited("help", as_page)
def index(request: HttpRequest) -> HttpResponse:
    """All articles by category, or what was found for `?q=`."""
    query = request.GET.get("q", "").replace("\0", "").strip()[:LONGEST_QUERY]
    if query:
        results = [_result(p, query) for p in search(query, RESULTS).passages]
        return _page(request, "help/search.html", query=query, results=results)
    languages = catalogue.all_languages()
    contents = _contents(request, pages.published(), sum(language.size for language in languages))
    return _page(request, "help/index.html", languages=languages, **contents)


@require_safe
@limited("help", as_page)
def language(request: HttpRequest, code: str) -> HttpResponse:
    """The articles in one language."""
    languages = catalogue.all_languages()
    chosen = next((there for there in languages if there.code == code), None)
    if chosen is None:
        raise Http404
    articles = catalogue.written_in(code)
    contents = _contents(request, articles, chosen.size, overview=False)
    return _page(request, "help/index.html", code, languages=languages, chosen=chosen, **contents)


@require_safe
@limited("help", as_page)
def category(request: HttpRequest, slug: str) -> HttpResponse:
    """The articles of one category."""
    name, articles = catalogue.in_category(slug)
    if not name:
        raise Http404
    return _page(request, "help/category.html", name=name, **_leaf(request, articles))


@require_safe
@limited("help", as_page)
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """One public article."""
    if "\0" in slug:  # PostgreSQL cannot even be asked for it
        raise Http404
    found = get_object_or_404(pages.published(), slug=slug)
    shown = pages.shown(found)
    related = _related(found)
    locale = catalogue.language_of(found)
    category = {"name": found.category, "url": catalogue.category_url(found.category)}
    return _page(
        request, "help/article.html", locale, shown=shown, category=category, related=related
    )


@require_safe
@limited("help", as_page)
def robots(request: HttpRequest) -> HttpResponse:
    """What crawlers may read, and where the list of it is."""
    return render(request, "help/robots.txt", content_type="text/plain; charset=utf-8")


def _page(request: HttpRequest, template: str, locale: str = "", /, **context: Any) -> HttpResponse:
    """A page of the help centre, in the language of what it shows."""
    locale = locale or settings.LANGUAGE_CODE
    shared = {
        "shop_name": settings.SHOP_NAME,
        "locale": locale,
        "direction": catalogue.direction(locale),
        "canonical": _canonical(request, context.get("page")),
    }
    return render(request, template, shared | context)


def _canonical(request: HttpRequest, page: Page[Article] | None) -> str:
    """The one address of a page, whatever a link to it carries. Each page of a list has its own."""
    further = f"?page={page.number}" if page and page.number > 1 else ""
    return request.build_absolute_uri(request.path) + further


def _contents(
    request: HttpRequest, articles: QuerySet[Article], size: int, *, overview: bool = True
) -> dict[str, Any]:
    """Articles as far as they fit one page: all, by category; or the categories; or a list."""
    if size <= BY_CATEGORY:
        shown = articles.only("title", "slug", "category", "locale")
        return {"categories": catalogue.by_category(shown)}
    if overview and len(categories := catalogue.overview(articles)) > 1:
        return {"overview": categories}
    return _leaf(request, articles)


def _leaf(request: HttpRequest, articles: QuerySet[Article]) -> dict[str, Any]:
    ordered = articles.only("title", "slug", "category", "locale").order_by("title", "pk")
    page = Paginator(ordered, PER_PAGE).get_page(request.GET.get("page", ""))
    return {"page": page, "entries": catalogue.entries(list(page.object_list))}


def _result(passage: Passage, query: str) -> dict[str, str]:
    return {
        "title": passage.title,
        "heading": passage.heading,
        "url": passage.url,
        "snippet": extract.snippet(passage.text, query),
    }


def _related(found: Article) -> list[dict[str, str]]:
    """Articles that a search for this one's title finds beside it."""
    passages = search(found.title, 3 * RELATED).passages
    urls = {p.article: p for p in passages if p.article != found.pk}
    related = list(urls.values())[:RELATED]
    return [{"title": p.title, "url": p.url.partition("#")[0]} for p in related]
