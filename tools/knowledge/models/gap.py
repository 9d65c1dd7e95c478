"""What customers asked and the knowledge base did not answer."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from tools.knowledge.models.article import Article


class Gap(models.Model):
    """Questions that mean the same, and that no article answers well. Written through
    `tools.knowledge.gaps` only.

    `centre` is the sum of the questions' embeddings and `stems` counts their informative stems: what
    a new question is compared with. A draft is being written since `drafting_at`; `draft_error` is
    the code of what went wrong with the last one.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DRAFTED = "drafted", _("drafted")
        CLOSED = "closed", _("closed")
        IGNORED = "ignored", _("ignored")

    title = models.CharField(_("question"), max_length=300)
    locale = models.CharField(_("language"), max_length=10, blank=True, editable=False)
    state = models.CharField(
        _("state"), max_length=10, choices=State.choices, default=State.OPEN, editable=False
    )
    draft = models.ForeignKey(
        Article,
        models.SET_NULL,
        related_name="gaps",
        null=True,
        blank=True,
        editable=False,
        verbose_name=_("article"),
    )
    drafting_at = models.DateTimeField(null=True, blank=True, editable=False)
    draft_error = models.CharField(max_length=40, blank=True, editable=False)
    centre = models.BinaryField(default=bytes, help_text="Little-endian float32.")
    stems = models.JSONField(default=dict, editable=False)
    first_at = models.DateTimeField(_("first asked"), editable=False)
    last_at = models.DateTimeField(_("last asked"), editable=False)
    checked_at = models.DateTimeField(_("checked"), null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-last_at", "-pk"]
        verbose_name = _("knowledge gap")
        verbose_name_plural = _("knowledge gaps")
        indexes: ClassVar = [models.Index(fields=["state", "-last_at"], name="knowledge_open_gaps")]

    def __str__(self) -> str:
        return self.title


class GapQuestion(models.Model):
    """One customer's question. `origin` names the row that tells of it: counted once.

    `answered_by` is the article that search found for it when it was last checked, None where
    nothing answered; `confidence` is the search's own then, None before the first check.
    """

    class Reason(models.TextChoices):
        UNANSWERED = "unanswered", _("no good answer")
        THUMB_DOWN = "thumb_down", _("thumb down")
        TICKET = "ticket", _("ticket after a search")

    gap = models.ForeignKey(
        Gap, models.CASCADE, related_name="questions", verbose_name=_("knowledge gap")
    )
    text = models.TextField(_("question"))
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices)
    origin = models.CharField(max_length=100, unique=True, editable=False)
    conversation = models.ForeignKey(
        "chat.Conversation", models.CASCADE, related_name="+", verbose_name=_("conversation")
    )
    asked_at = models.DateTimeField(_("asked"))
    answered_by = models.ForeignKey(
        Article,
        models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("answered by"),
    )
    confidence = models.FloatField(_("confidence"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-asked_at", "-pk"]
        verbose_name = _("question")
        verbose_name_plural = _("questions")

    def __str__(self) -> str:
        return self.text
