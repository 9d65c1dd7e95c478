"""What customers would see of an article: its page and an answer in the chat. For staff only, and
for drafts and text that is not saved, too."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from tools.knowledge import catalogue, pages
from tools.knowledge.models import Article
from tools.knowledge.previews import chat_answer
from tools.knowledge.versions import Content

LONGEST_QUESTION = 500


class PreviewPages(admin.ModelAdmin[Article]):
    """Adds the preview to the admin of articles."""

    def get_urls(self) -> list[URLPattern]:
        """See ModelAdmin."""
        new, there = (
            self.admin_site.admin_view(require_http_methods(methods)(self.preview_view))
            for methods in (["POST"], ["GET", "HEAD", "POST"])
        )
        mine = [
            path("preview/", new, name="knowledge_article_preview_new"),
            path("<int:pk>/preview/", there, name="knowledge_article_preview"),
        ]
        return [*mine, *super().get_urls()]

    def preview_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """An article as it is stored, or with the text that was sent, which is not stored."""
        article = self._article(request, pk)
        stored = Content.of(article)
        if request.method == "POST":
            for field in (*Content._fields, "locale"):
                setattr(article, field, _sent(request, field, getattr(article, field)))
        question = _sent(request, "question", "").strip()[:LONGEST_QUESTION] or article.title
        locale = catalogue.language_of(article)
        context = {
            "shop_name": settings.SHOP_NAME,
            "locale": locale,
            "direction": catalogue.direction(locale),
            "article": article,
            "shown": pages.shown(article),
            "category": {"name": article.category, "url": ""},
            "question": question,
            "answer": chat_answer(article, question),
            "is_saved": Content.of(article) == stored and bool(pk),
        }
        return TemplateResponse(request, "help/preview.html", context)

    def _article(self, request: HttpRequest, pk: int | None) -> Article:
        if pk is None:
            if not self.has_add_permission(request):
                raise PermissionDenied
            return Article()
        article = get_object_or_404(Article, pk=pk)
        if not self.has_view_or_change_permission(request, article):
            raise PermissionDenied
        return article


def _sent(request: HttpRequest, name: str, otherwise: Any) -> str:
    """A field as it was typed. PostgreSQL cannot be asked about a NUL, which a link may hold."""
    return str(request.POST.get(name, otherwise)).replace("\0", "").replace("\r\n", "\n")
