"""Filters of the list of articles: what somebody should look at."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tools.knowledge import reminders
from tools.knowledge.models import Article

_Choice = tuple[str, Any]


class ToReadAgain(admin.SimpleListFilter):
    """By the day from which somebody should read an article again."""

    title = _("day to read again")
    parameter_name = "again"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[_Choice]:
        """See SimpleListFilter."""
        return [("due", _("Now")), ("soon", _("Within 30 days")), ("never", _("No day set"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Article]) -> QuerySet[Article]:
        """See SimpleListFilter."""
        match self.value():
            case "due":
                return queryset.filter(pk__in=reminders.due())
            case "soon":
                return queryset.filter(pk__in=reminders.soon())
            case "never":
                return queryset.filter(stale_after=None)
        return queryset


class AtItsSource(admin.SimpleListFilter):
    """By whether an article was imported, and is still where it came from."""

    title = _("source")
    parameter_name = "at_source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[_Choice]:
        """See SimpleListFilter."""
        return [
            ("gone", _("Gone from its source")),
            ("there", _("Imported")),
            ("none", _("Written here")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Article]) -> QuerySet[Article]:
        """See SimpleListFilter."""
        match self.value():
            case "gone":
                return queryset.filter(gone_at__isnull=False)
            case "there":
                return queryset.filter(gone_at=None).exclude(source="")
            case "none":
                return queryset.filter(source="")
        return queryset
