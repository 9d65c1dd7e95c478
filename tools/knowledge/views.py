"""The public help centre."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chat.limits import as_page, limited
from tools.knowledge import extract, pages
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
    context: dict[str, Any] = {"shop_name": settings.SHOP_NAME, "query": query}
    if query:
        context["results"] = [_result(p, query) for p in search(query, RESULTS).passages]
    else:
        context |= _contents(request.GET.get("page", ""))
    return render(request, "help/index.html", context)


@require_safe
@limited("help", as_page)
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """One published article."""
    if "\0" in slug:  # PostgreSQL cannot even be asked for it
        raise Http404
    found = get_object_or_404(pages.published(), slug=slug)
    body = pages.render(found)
    context = {
        "shop_name": settings.SHOP_NAME,
        "article": {
            "title": found.title,
            "category": found.category,
            "updated_at": found.updated_at,
            "html": mark_safe(body.html),  # noqa: S308  # sanitised by chat.markdown
        },
        "contents": [{"anchor": h.anchor, "heading": h.text} for h in body.headings if h.text],
        "related": _related(found),
    }
    return render(request, "help/article.html", context)


def _contents(page_number: str) -> dict[str, Any]:
    articles = pages.published().only("title", "slug", "category")
    if articles.count() <= BY_CATEGORY:
        return {"categories": _by_category(articles)}
    page = Paginator(articles.order_by("title", "pk"), PER_PAGE).get_page(page_number)
    listed = list(page.object_list)
    return {"categories": [{"name": _("All articles"), "articles": _listed(listed)}], "page": page}


def _by_category(articles: Iterable[Article]) -> list[dict[str, Any]]:
    """The categories in order of their names; what has none comes last."""
    ordered = sorted(articles, key=lambda a: (not a.category, a.category, a.title))
    return [
        {"name": name or _("More"), "articles": _listed(list(of_category))}
        for name, of_category in groupby(ordered, key=lambda a: a.category)
    ]


def _listed(articles: Sequence[Article]) -> list[dict[str, str]]:
    summaries = pages.summaries(articles)
    return [
        {"title": a.title, "url": a.get_absolute_url(), "summary": summaries.get(a.pk, "")}
        for a in articles
    ]


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
