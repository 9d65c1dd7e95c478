"""Articles, their versions, the passages they are searched by, and the revision that search follows."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """Only what is published is read by anybody but staff."""

    PUBLISHED = "published", _("published")
    DRAFT = "draft", _("draft")
    ARCHIVED = "archived", _("archived")


class Audience(models.TextChoices):
    """Who may read a published article."""

    PUBLIC = "public", _("everybody")
    CUSTOMERS = "customers", _("verified customers")
    STAFF = "staff", _("staff only")


class Tag(models.Model):
    """A word that staff sort articles by."""

    name = models.CharField(_("name"), max_length=50, unique=True)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("tag")
        verbose_name_plural = _("tags")

    def __str__(self) -> str:
        return self.name


class Article(models.Model):
    """A help article. Written through `tools.knowledge.articles` only, which keeps its chunks, its
    versions and its revision in step."""

    slug = models.CharField(_("slug"), max_length=120, unique=True, editable=False)
    title = models.CharField(_("title"), max_length=200)
    category = models.CharField(_("category"), max_length=100, blank=True)
    body = models.TextField(_("body"), help_text=_("Markdown."))
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PUBLISHED
    )
    locale = models.CharField(
        _("language"),
        max_length=10,
        blank=True,
        help_text=_("Such as en or pt-br. Left empty, it is told from the text."),
    )
    audience = models.CharField(
        _("audience"), max_length=10, choices=Audience.choices, default=Audience.PUBLIC
    )
    tags = models.ManyToManyField(Tag, related_name="articles", blank=True, verbose_name=_("tags"))
    stale_after = models.DateField(
        _("stale after"),
        null=True,
        blank=True,
        help_text=_("The day from which somebody should read it again."),
    )
    source = models.CharField(
        _("source"), max_length=300, blank=True, editable=False, help_text=_("Its id in an import.")
    )
    content_hash = models.CharField(max_length=64, blank=True, editable=False)
    gone_at = models.DateTimeField(_("gone from its source"), null=True, blank=True, editable=False)
    revision = models.BigIntegerField(default=0, editable=False, db_index=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated"), default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["category", "title", "pk"]
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source"], condition=~models.Q(source=""), name="knowledge_one_per_source"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["status", "audience", "category", "title"], name="knowledge_help_centre"
            )
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """The article's public page."""
        return reverse("help:article", args=[self.slug])

    @property
    def public_url(self) -> str:
        """Where anybody may read it; empty for what has no page in the help centre."""
        is_public = self.status == Status.PUBLISHED and self.audience == Audience.PUBLIC
        return self.get_absolute_url() if is_public else ""


class Chunk(models.Model):
    """A passage of an article, as plain text. Replaced as a whole when the article changes."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="chunks")
    position = models.PositiveIntegerField()
    heading = models.TextField(blank=True)
    anchor = models.CharField(max_length=100, blank=True)
    text = models.TextField()

    class Meta:
        ordering: ClassVar = ["article_id", "position"]
        verbose_name = _("passage")
        verbose_name_plural = _("passages")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["article", "position"], name="knowledge_one_chunk_per_position"
            )
        ]

    def __str__(self) -> str:
        return self.heading or str(self.article)


class Vector(models.Model):
    """A passage's embedding by one model. A change of the model adds new ones beside the old."""

    chunk = models.ForeignKey(Chunk, on_delete=models.CASCADE, related_name="vectors")
    model = models.CharField(max_length=100)
    values = models.BinaryField(help_text="Unit length, as little-endian float16.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["chunk", "model"], name="knowledge_one_vector_per_chunk_and_model"
            )
        ]

    def __str__(self) -> str:
        return self.model


class Version(models.Model):
    """What an article said from one change to the next."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    title = models.CharField(_("title"), max_length=200)
    category = models.CharField(_("category"), max_length=100, blank=True)
    body = models.TextField(_("body"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        null=True,
        verbose_name=_("author"),
    )
    origin = models.CharField(
        _("origin"), max_length=100, blank=True, help_text=_("Where no person wrote it: an import.")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        ordering: ClassVar = ["article_id", "-number"]
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["article", "number"], name="knowledge_one_version_per_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} · {self.number}"


class Revision(models.Model):
    """One row that counts the changes of the knowledge base.

    `epoch` tells one count from another: a database that was restored or emptied starts a new one.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    epoch = models.UUIDField(default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(default=0)
    last_removal = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(id=1), name="knowledge_one_revision_row")
        ]

    def __str__(self) -> str:
        return str(self.number)
