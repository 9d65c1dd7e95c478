"""The versions of an article in the admin: its history, what each changed, and the way back."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from tools.knowledge import articles
from tools.knowledge.diff import Row, compare
from tools.knowledge.models import Article, Version
from tools.knowledge.versions import Content

PER_PAGE = 50


class VersionPages(admin.ModelAdmin[Article]):
    """Adds the pages of versions to the admin of articles."""

    def get_urls(self) -> list[URLPattern]:
        """See ModelAdmin."""
        wrap = self.admin_site.admin_view
        one = "<int:pk>/versions/<int:number>/"
        mine = [
            path(one, wrap(self.version_view), name="knowledge_article_version"),
            path(f"{one}restore/", wrap(self.restore_view), name="knowledge_article_restore"),
        ]
        return [*mine, *super().get_urls()]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Django's own history, with the versions above it."""
        # What is no number is no article; Django's own page says so.
        there = _versions().filter(article=int(object_id) if object_id.isdecimal() else 0)
        page = Paginator(there.defer("body"), PER_PAGE).get_page(request.GET.get("versions", ""))
        context = {"page": page, "can_restore": self._may_restore(request)}
        return super().history_view(request, object_id, context | (extra_context or {}))

    def version_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        """What a version changed, or how it differs from the one that `?with=` names."""
        version = self._version(request, pk, number)
        there = list(_versions().filter(article=pk).defer("body"))
        asked = request.GET.get("with", "")
        other_number = int(asked) if asked.isdecimal() and len(asked) < 10 else number - 1
        other = _versions().filter(article=pk, number=other_number).first()
        context = {
            "title": _("Version %(number)d of %(article)s")
            % {"number": number, "article": version.article},
            "version": version,
            "other": other,
            "versions": there,
            "is_current": _is_current(version),
            "can_restore": self._may_restore(request, version.article),
            "changes": _changes(other, version),
        }
        return self._respond(request, "version", version, context)

    def restore_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        """Asks, with what would change, and restores when it is sent."""
        version = self._version(request, pk, number)
        if not self._may_restore(request, version.article):
            raise PermissionDenied
        if request.method == "POST":
            article = articles.restore(version, cast(User, request.user))
            told = _("Restored version %(number)d.") % {"number": number}
            self.log_change(request, article, told)
            self.message_user(request, told, messages.SUCCESS)
            return redirect(reverse("admin:knowledge_article_change", args=[pk]))
        context = {
            "title": _("Restore version %(number)d?") % {"number": number},
            "version": version,
            "is_current": _is_current(version),
            "changes": _changes(version.article, version),
        }
        return self._respond(request, "restore", version, context)

    def _version(self, request: HttpRequest, pk: int, number: int) -> Version:
        version = get_object_or_404(_versions(), article=pk, number=number)
        if not self.has_view_or_change_permission(request, version.article):
            raise PermissionDenied
        return version

    def _may_restore(self, request: HttpRequest, article: Article | None = None) -> bool:
        return self.has_change_permission(request, article)

    def _respond(
        self, request: HttpRequest, page: str, version: Version, context: dict[str, Any]
    ) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": version.article,
        }
        return TemplateResponse(request, f"admin/knowledge/article/{page}.html", shared | context)


def _versions() -> QuerySet[Version]:
    return Version.objects.select_related("article", "author").order_by("-number")


def _is_current(version: Version) -> bool:
    return Content.of(version) == Content.of(version.article)


def _changes(before: Article | Version | None, after: Version) -> list[tuple[str, list[Row]]]:
    """What differs, by the name of the field. A first version is all new."""
    old = Content.of(before) if before else Content("", "", "")
    pairs = zip((_("Title"), _("Category"), _("Body")), old, Content.of(after), strict=True)
    found = [(name, compare(was, becomes)) for name, was, becomes in pairs]
    return [(name, rows) for name, rows in found if rows]
