"""Tickets in the admin: the team's desk."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import ForeignKey, QuerySet
from django.db.models.functions import Now
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from tools.tickets.models import Ticket


@admin.register(Ticket)
class TicketAdmin(admin.ModelAdmin[Ticket]):
    list_display = (
        "reference",
        "title",
        "status",
        "priority",
        "assignee",
        "customer",
        "transcript",
        "created_at",
    )
    list_editable = ("status", "priority")  # the assignee by an action: a list of all staff in
    # every row would be as wide as the title
    list_filter = (
        "status",
        "priority",
        ("assignee", admin.RelatedOnlyFieldListFilter),
        "created_at",
    )
    list_select_related = ("conversation", "assignee")
    list_per_page = 50
    search_fields = (
        "reference",
        "title",
        "description",
        "resolution",
        "customer_name",
        "customer_email",
    )
    search_help_text = _("Reference, words of the text, name or e-mail")
    date_hierarchy = "created_at"
    readonly_fields = ("reference", "transcript", "created_at", "updated_at")
    actions = ("assign_to_me", "mark_in_progress", "mark_resolved", "mark_closed")
    fieldsets: ClassVar[Any] = [
        (None, {"fields": ["reference", "title", "description"]}),
        (_("Work"), {"fields": [("status", "priority"), "assignee", "resolution"]}),
        (_("Customer"), {"fields": ["customer_name", "customer_email", "transcript"]}),
        (_("Times"), {"fields": [("created_at", "updated_at")]}),
    ]

    @admin.display(description=_("customer"), ordering="customer_name")
    def customer(self, ticket: Ticket) -> str:
        """Who asked; only a verified customer has a name."""
        return ticket.customer_name or ticket.customer_email or str(_("Guest"))

    @admin.display(description=_("conversation"))
    def transcript(self, ticket: Ticket) -> str:
        """A link to the conversation that led to the ticket."""
        if ticket.conversation is None:
            return "-"
        url = reverse("admin:chat_conversation_change", args=[ticket.conversation.pk])
        return format_html('<a href="{}">{}</a>', url, ticket.conversation)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        """Offers the staff as assignees, and nobody else."""
        if db_field.name != "assignee":
            return super().formfield_for_foreignkey(db_field, request, **kwargs)
        staff = get_user_model().objects.filter(is_staff=True)
        return super().formfield_for_foreignkey(db_field, request, queryset=staff, **kwargs)

    @admin.action(description=_("Assign to me"))
    def assign_to_me(self, request: HttpRequest, tickets: QuerySet[Ticket]) -> None:
        """Makes whoever asks the assignee."""
        self._change(request, tickets, assignee=request.user)

    @admin.action(description=_("Mark as in progress"))
    def mark_in_progress(self, request: HttpRequest, tickets: QuerySet[Ticket]) -> None:
        """Moves the tickets to "in progress"."""
        self._change(request, tickets, status=Ticket.Status.IN_PROGRESS)

    @admin.action(description=_("Mark as resolved"))
    def mark_resolved(self, request: HttpRequest, tickets: QuerySet[Ticket]) -> None:
        """Moves the tickets to "resolved"."""
        self._change(request, tickets, status=Ticket.Status.RESOLVED)

    @admin.action(description=_("Mark as closed"))
    def mark_closed(self, request: HttpRequest, tickets: QuerySet[Ticket]) -> None:
        """Moves the tickets to "closed"."""
        self._change(request, tickets, status=Ticket.Status.CLOSED)

    def _change(self, request: HttpRequest, tickets: QuerySet[Ticket], **values: Any) -> None:
        count = tickets.update(**values, updated_at=Now())  # auto_now knows nothing of update()
        told = ngettext("%d ticket was changed.", "%d tickets were changed.", count) % count
        self.message_user(request, told, messages.SUCCESS)
