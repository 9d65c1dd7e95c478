"""What customers asked and the knowledge base did not answer."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from tools.knowledge.models.article import Article


class Gap(models.Model):
    """Questions that mean the same, and that no article answers well."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DRAFTED = "drafted", _("drafted")
        CLOSED = "closed", _("closed")

    title = models.CharField(_("question"), max_length=300)
    locale = models.CharField(_("language"), max_length=10, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    draft = models.ForeignKey(
        Article,
        models.SET_NULL,
        related_name="gaps",
        null=True,
        blank=True,
        verbose_name=_("draft"),
    )
    centre = models.BinaryField(editable=False, default=bytes)
    first_at = models.DateTimeField(_("first asked"))
    last_at = models.DateTimeField(_("last asked"))

    class Meta:
        ordering: ClassVar = ["-last_at"]
        verbose_name = _("knowledge gap")
        verbose_name_plural = _("knowledge gaps")

    def __str__(self) -> str:
        return self.title


class GapQuestion(models.Model):
    """One customer's question. `origin` names the row that tells of it: counted once."""

    class Reason(models.TextChoices):
        UNANSWERED = "unanswered", _("no good answer")
        THUMB_DOWN = "thumb_down", _("thumb down")
        TICKET = "ticket", _("ticket after a search")

    gap = models.ForeignKey(Gap, models.CASCADE, related_name="questions")
    text = models.TextField(_("question"))
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices)
    origin = models.CharField(max_length=100, unique=True, editable=False)
    conversation = models.ForeignKey(
        "chat.Conversation", models.CASCADE, related_name="+", verbose_name=_("conversation")
    )
    asked_at = models.DateTimeField(_("asked"))

    class Meta:
        ordering: ClassVar = ["-asked_at"]
        verbose_name = _("question")
        verbose_name_plural = _("questions")

    def __str__(self) -> str:
        return self.text
