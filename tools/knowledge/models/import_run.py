"""Imports as staff follow them: what was asked for, how far it is, what could not be used."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tools.knowledge.models.article import Article


class ImportRun(models.Model):
    """One import. A run that was interrupted goes on where it was: it is the same run.

    `attempt` grows with each process that works on it; what carries an older one is refused.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        FINISHED = "finished", _("finished")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")

    class Kind(models.TextChoices):
        PATH = "path", _("a path on the server")
        UPLOAD = "upload", _("uploaded files")
        ADDRESSES = "addresses", _("addresses")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.PATH)
    name = models.CharField(_("name"), max_length=300, help_text=_("A file, a folder or a site."))
    location = models.TextField(
        _("location"), blank=True, help_text=_("A path, or the addresses to read.")
    )
    options = models.JSONField(_("options"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    error = models.TextField(_("error"), blank=True)
    total = models.PositiveIntegerField(_("total"), null=True)
    done = models.PositiveIntegerField(_("done"), default=0)
    added = models.PositiveIntegerField(_("added"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    gone = models.PositiveIntegerField(_("gone from the source"), default=0)
    attempt = models.PositiveIntegerField(_("attempt"), default=0)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("author"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True)
    alive_at = models.DateTimeField(_("last sign of life"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = _("import")
        verbose_name_plural = _("imports")

    def __str__(self) -> str:
        return self.name


class ImportProblem(models.Model):
    """Something that an import could not use."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="problems")
    place = models.CharField(_("place"), max_length=500)
    reason = models.TextField(_("reason"))

    class Meta:
        ordering: ClassVar = ["run", "pk"]
        verbose_name = _("problem")
        verbose_name_plural = _("problems")

    def __str__(self) -> str:
        return self.place


class Listing(models.Model):
    """Where a source listed an article when it was last imported.

    `collection` is what lists all of its articles each time, such as a folder or a sitemap; empty
    for what was named by itself. An article of a collection that a later run does not list is gone.
    """

    article = models.OneToOneField(Article, models.CASCADE, related_name="listing")
    collection = models.CharField(max_length=500, blank=True, db_index=True)
    run = models.ForeignKey(ImportRun, models.SET_NULL, related_name="listings", null=True)
    place = models.CharField(max_length=500)

    def __str__(self) -> str:
        return self.place
