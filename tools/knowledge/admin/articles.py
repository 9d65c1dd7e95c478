"""Articles in the admin: where staff write what the bot and the help centre say."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from tools.knowledge import articles
from tools.knowledge.models import Article, Chunk, Status

_WIDE = "width: 100%; max-width: 60em"
_TEXT = f"{_WIDE}; padding: 1em; line-height: 1.6; font-family: var(--font-family-monospace)"


class ArticleForm(forms.ModelForm[Article]):
    class Meta:
        model = Article
        fields = ("title", "category", "status", "body")
        widgets: ClassVar[Any] = {
            "title": forms.TextInput(attrs={"class": "vTextField", "style": _WIDE}),
            "body": forms.Textarea(attrs={"rows": 28, "style": _TEXT}),
        }


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
class ArticleAdmin(admin.ModelAdmin[Article]):
    form = ArticleForm
    list_display = ("title", "category", "status", "passages", "updated_at")
    list_filter = ("status", "category", "updated_at")
    list_per_page = 50
    search_fields = ("title", "category", "body", "source")
    search_help_text = _("Words of the title, the category or the text, or the source")
    date_hierarchy = "updated_at"
    readonly_fields = ("source", "slug", "revision", "created_at", "updated_at")
    actions = ("publish", "unpublish")
    save_on_top = True
    fieldsets: ClassVar[Any] = [
        (None, {"fields": ["title", ("category", "status"), "body"]}),
        (
            _("Origin"),
            {
                "fields": ["source", "slug", ("created_at", "updated_at", "revision")],
                "description": _(
                    "An edit of an imported article stays until its source changes. Deleted, the "
                    "article comes back with the next import: make it a draft instead."
                ),
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Article]:
        there = Chunk.objects.filter(article=OuterRef("pk")).order_by().values("article")
        size = Coalesce(Subquery(there.annotate(size=Count("pk")).values("size")), 0)
        found: QuerySet[Article] = super().get_queryset(request)
        return found.annotate(size=size)

    def get_fieldsets(self, request: HttpRequest, obj: Article | None = None) -> Any:
        """A new article has no origin yet."""
        return super().get_fieldsets(request, obj) if obj else self.fieldsets[:1]

    def get_inlines(self, request: HttpRequest, obj: Article | None) -> list[Any]:
        """Passages are for reading: a form that is sent must not wait for rows that an import may
        have replaced meanwhile."""
        return [PassageInline] if obj and request.method != "POST" else []

    def view_on_site(self, article: Article) -> str | None:
        """The public page, where there is one."""
        return article.get_absolute_url() if article.status == Status.PUBLISHED else None

    @admin.display(description=_("passages"), ordering="size")
    def passages(self, article: Any) -> int:
        """How many pieces search has of the article."""
        return int(article.size)

    def save_model(self, request: HttpRequest, obj: Article, form: Any, change: bool) -> None:
        articles.save(obj)

    def delete_model(self, request: HttpRequest, obj: Article) -> None:
        articles.delete([obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Article]) -> None:
        articles.delete(queryset.values_list("pk", flat=True))

    @admin.action(description=_("Publish the chosen articles"), permissions=["change"])
    def publish(self, request: HttpRequest, chosen: QuerySet[Article]) -> None:
        """Shows the chosen articles to everybody."""
        count = articles.publish(chosen.values_list("pk", flat=True))
        told = ngettext("%d article was published.", "%d articles were published.", count) % count
        self.message_user(request, told, messages.SUCCESS)

    @admin.action(description=_("Unpublish the chosen articles"), permissions=["change"])
    def unpublish(self, request: HttpRequest, chosen: QuerySet[Article]) -> None:
        """Takes the chosen articles back from everybody but staff."""
        count = articles.unpublish(chosen.values_list("pk", flat=True))
        told = ngettext("%d article is a draft now.", "%d articles are drafts now.", count) % count
        self.message_user(request, told, messages.SUCCESS)
