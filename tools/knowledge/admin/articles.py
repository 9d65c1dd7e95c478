"""Articles in the admin: where staff write what the bot and the help centre say."""

import re
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chat.admin.parts import badge
from tools.knowledge import articles, reminders
from tools.knowledge.admin.filters import AtItsSource, ToReadAgain
from tools.knowledge.admin.previews import PreviewPages
from tools.knowledge.admin.versions import VersionPages
from tools.knowledge.models import Article, Audience, Chunk, Status

_LOCALE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})?\Z")

_COLOURS = {Status.PUBLISHED: "ok", Status.DRAFT: "medium", Status.ARCHIVED: "closed"}


class ArticleForm(forms.ModelForm[Article]):
    class Meta:
        model = Article
        fields = (
            "title",
            "category",
            "status",
            "audience",
            "locale",
            "tags",
            "stale_after",
            "body",
        )
        widgets: ClassVar[Any] = {
            "title": forms.TextInput(attrs={"class": "vTextField article-wide"}),
            "body": forms.Textarea(attrs={"rows": 28, "class": "article-wide article-body"}),
        }

    def clean_locale(self) -> str:
        """Brings a language to the form in which pages and search name it."""
        locale = str(self.cleaned_data["locale"]).strip().replace("_", "-").lower()
        if locale and not _LOCALE.match(locale):
            raise forms.ValidationError(_("Write a language such as en or pt-br."))
        return locale


class PassageInline(admin.TabularInline[Chunk, Article]):
    """What search sees of an article. Its heading stands above each passage."""

    model = Chunk
    fields = readonly_fields = ("text",)
    can_delete = False
    extra = 0
    verbose_name_plural = _("passages, as search sees them")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # whoever sees the article sees them


@admin.register(Article)
class ArticleAdmin(VersionPages, PreviewPages):
    form = ArticleForm
    list_display = ("title", "state", "read_next", "category", "locale", "passages", "updated_at")
    list_filter = (
        "status",
        ToReadAgain,
        AtItsSource,
        "audience",
        "locale",
        "category",
        "tags",
        "updated_at",
    )
    list_per_page = 50
    search_fields = ("title", "category", "body", "source", "tags__name")
    search_help_text = _("Words of the title, the category, the text or a tag, or the source")
    date_hierarchy = "updated_at"
    autocomplete_fields = ("tags",)
    readonly_fields = ("source", "at_source", "slug", "revision", "created_at", "updated_at")
    actions = ("publish", "unpublish", "archive", "read_again")
    save_on_top = True
    fieldsets: ClassVar[Any] = [
        (
            None,
            {
                "fields": [
                    "title",
                    ("category", "locale"),
                    ("status", "audience"),
                    "body",
                    ("tags", "stale_after"),
                ]
            },
        ),
        (
            _("Origin"),
            {
                "fields": [
                    ("source", "at_source"),
                    "slug",
                    ("created_at", "updated_at", "revision"),
                ],
                "description": _(
                    "An edit of an imported article stays until its source changes. Deleted, the "
                    "article comes back with the next import: archive it instead."
                ),
            },
        ),
    ]

    class Media:
        css: ClassVar[Any] = {"all": ["admin_knowledge/articles.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Article]:
        there = Chunk.objects.filter(article=OuterRef("pk")).order_by().values("article")
        size = Coalesce(Subquery(there.annotate(size=Count("pk")).values("size")), 0)
        found: QuerySet[Article] = super().get_queryset(request)
        return found.annotate(size=size)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, with what somebody should look at above it."""
        told = {"due": reminders.due().count(), "gone": reminders.gone().count()}
        return super().changelist_view(request, told | (extra_context or {}))

    def get_fieldsets(self, request: HttpRequest, obj: Article | None = None) -> Any:
        """A new article has no origin yet."""
        return super().get_fieldsets(request, obj) if obj else self.fieldsets[:1]

    def get_inlines(self, request: HttpRequest, obj: Article | None) -> list[Any]:
        """Passages are for reading: a form that is sent must not wait for rows that an import may
        have replaced meanwhile."""
        return [PassageInline] if obj and request.method != "POST" else []

    def view_on_site(self, article: Article) -> str | None:
        """The public page, where there is one."""
        return article.public_url or None

    @admin.display(description=_("status"), ordering="status")
    def state(self, article: Article) -> str:
        """Whether it is shown, and to whom where that is not everybody."""
        shown = badge(_COLOURS[Status(article.status)], article.get_status_display())
        if article.audience != Audience.PUBLIC:
            shown = format_html("{} {}", shown, badge("audience", article.get_audience_display()))
        return shown

    @admin.display(description=_("read again"), ordering="stale_after")
    def read_next(self, article: Article) -> str:
        """The day to read it again, and whether its source has it no more."""
        parts = []
        if article.stale_after:
            is_due = article.stale_after <= timezone.localdate()
            is_due &= article.status != Status.ARCHIVED
            parts.append(badge("medium" if is_due else "later", f"{article.stale_after:%Y-%m-%d}"))
        if article.gone_at:
            parts.append(badge("failed", _("gone")))
        return format_html(" ".join(["{}"] * len(parts)), *parts) if parts else "—"

    @admin.display(description=_("passages"), ordering="size")
    def passages(self, article: Any) -> int:
        """How many pieces search has of the article."""
        return int(article.size)

    @admin.display(description=_("at its source"))
    def at_source(self, article: Article) -> str:
        """Whether the import still finds it there."""
        if not article.source:
            return str(_("Written here"))
        return badge("failed", _("gone")) if article.gone_at else str(_("There"))

    def save_model(self, request: HttpRequest, obj: Article, form: Any, change: bool) -> None:
        articles.save(obj, author=cast(User, request.user))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Tags are written where all else of an article is."""
        tags = form.cleaned_data.get("tags", [])
        articles.set_tags({form.instance.pk: [tag.name for tag in tags]})

    def delete_model(self, request: HttpRequest, obj: Article) -> None:
        articles.delete([obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Article]) -> None:
        articles.delete(queryset.values_list("pk", flat=True))

    @admin.action(description=_("Publish the chosen articles"), permissions=["change"])
    def publish(self, request: HttpRequest, chosen: QuerySet[Article]) -> None:
        """Shows the chosen articles to their audience."""
        count = articles.publish(chosen.values_list("pk", flat=True))
        told = ngettext("%d article was published.", "%d articles were published.", count) % count
        self.message_user(request, told, messages.SUCCESS)

    @admin.action(description=_("Unpublish the chosen articles"), permissions=["change"])
    def unpublish(self, request: HttpRequest, chosen: QuerySet[Article]) -> None:
        """Takes the chosen articles back from everybody but staff."""
        count = articles.unpublish(chosen.values_list("pk", flat=True))
        told = ngettext("%d article is a draft now.", "%d articles are drafts now.", count) % count
        self.message_user(request, told, messages.SUCCESS)

    @admin.action(description=_("Archive the chosen articles"), permissions=["change"])
    def archive(self, request: HttpRequest, chosen: QuerySet[Article]) -> None:
        """Puts the chosen articles away for good."""
        count = articles.archive(chosen.values_list("pk", flat=True))
        told = ngettext("%d article was archived.", "%d articles were archived.", count) % count
        self.message_user(request, told, messages.SUCCESS)

    @admin.action(
        description=_("I read the chosen articles again: remind in a year"), permissions=["change"]
    )
    def read_again(self, request: HttpRequest, chosen: QuerySet[Article]) -> None:
        """Takes the chosen articles from the list of those to be read again, for a year."""
        next_on = timezone.localdate() + reminders.INTERVAL
        count = articles.read_again(chosen.values_list("pk", flat=True), next_on)
        told = ngettext(
            "%(count)d article is to be read again on %(day)s.",
            "%(count)d articles are to be read again on %(day)s.",
            count,
        ) % {"count": count, "day": f"{next_on:%Y-%m-%d}"}
        self.message_user(request, told, messages.SUCCESS)
