"""What the admin's pages have in common."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """What is recorded cannot be added or changed by hand; deleting stays a permission."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def dollars(cost: Decimal | None, *, estimated: bool = False) -> str:
    """An amount to read; a dash where it is not known."""
    if cost is None:
        return "—"
    return f"≈ ${cost:.4f}" if estimated else f"${cost:.4f}"


def badge(kind: str, text: object) -> str:
    """A small label; `kind` is what its colour goes by."""
    return format_html('<span class="badge badge-{}">{}</span>', kind, text)


def conversation_link(conversation: UUID, text: object) -> str:
    """A link to the page of a conversation."""
    url = reverse("admin:chat_conversation_change", args=[conversation])
    return format_html('<a href="{}">{}</a>', url, text)
