"""Tags in the admin: what staff sort articles by."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tools.knowledge.models import Tag


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin[Tag]):
    list_display = ("name", "size")
    ordering = ("name",)
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        found: QuerySet[Tag] = super().get_queryset(request)
        return found.annotate(size=Count("articles"))

    @admin.display(description=_("articles"), ordering="size")
    def size(self, tag: Any) -> int:
        """How many articles have it."""
        return int(tag.size)
