"""Tickets: what a person of the team takes over from the bot."""

import secrets
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_TITLE_LENGTH = 120
MAX_DESCRIPTION_LENGTH = 4000

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0, 1, I, L and O: a reference is read out on the telephone."""


def new_reference() -> str:
    """A reference that cannot be guessed from another, such as `T-7K3QF`; 28 million exist."""
    return "T-" + "".join(secrets.choice(_ALPHABET) for _ in range(5))


class Ticket(models.Model):
    """One request to the team. `turn` and `ordinal` name the tool call that opened it, if any."""

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        IN_PROGRESS = "in_progress", _("in progress")
        WAITING = "waiting", _("waiting for the customer")
        RESOLVED = "resolved", _("resolved")
        CLOSED = "closed", _("closed")

    class Priority(models.TextChoices):
        LOW = "low", _("low")
        NORMAL = "normal", _("normal")
        HIGH = "high", _("high")

    reference = models.CharField(
        _("reference"), max_length=20, unique=True, default=new_reference, editable=False
    )
    title = models.CharField(_("title"), max_length=MAX_TITLE_LENGTH)
    description = models.TextField(_("description"), max_length=MAX_DESCRIPTION_LENGTH)
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.OPEN
    )
    resolution = models.TextField(
        _("resolution"),
        max_length=MAX_DESCRIPTION_LENGTH,
        blank=True,
        help_text=_(
            "How it was settled, as the next customer with the same question could be told. Drafts "
            "of help articles are made from it: leave out names and numbers of this customer."
        ),
    )
    priority = models.CharField(
        _("priority"), max_length=10, choices=Priority.choices, default=Priority.NORMAL
    )
    # The work that a ticket stands for outlives the transcript, which a customer may have erased.
    conversation = models.ForeignKey(
        "chat.Conversation",
        models.SET_NULL,
        related_name="tickets",
        null=True,
        blank=True,
        verbose_name=_("conversation"),
    )
    turn = models.ForeignKey(
        "chat.Turn", models.SET_NULL, related_name="tickets", null=True, blank=True, editable=False
    )
    ordinal = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    customer_name = models.CharField(_("customer"), max_length=200, blank=True)
    customer_email = models.CharField(_("customer's e-mail"), max_length=254, blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="tickets",
        null=True,
        blank=True,
        verbose_name=_("assignee"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["turn", "ordinal"], name="one_ticket_per_tool_call")
        ]
        indexes: ClassVar = [
            models.Index(fields=["status", "-created_at"], name="ticket_by_status")
        ]
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")

    def __str__(self) -> str:
        return f"{self.reference} · {self.title}"
