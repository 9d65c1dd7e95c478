"""Conversations in the admin: everything about each is read there, and nothing edited.

The page of a conversation shows its transcript with what the bot did beside what it said: tool
calls, classification, thumbs, who answered and why others did not, how fast and for how much.
"""

from typing import Any

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from chat import markdown
from chat.admin.parts import ReadOnlyAdmin, dollars
from chat.admin.privacy import PrivacyActions
from chat.models import Classification, Conversation, Message, Turn, UsageRecord


class ClassifiedFilter(admin.SimpleListFilter):
    """Conversations with a message that was classified so."""

    field = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(v), str(label)) for v, label in self.choices_class.choices]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Conversation]
    ) -> QuerySet[Conversation]:
        if not self.value():
            return queryset
        lookup = {f"classification__{self.field}": self.value()}
        messages = Message.objects.filter(**lookup).values("conversation")
        return queryset.filter(pk__in=messages)

    choices_class: Any = None


class SentimentFilter(ClassifiedFilter):
    title = _("sentiment")
    parameter_name = field = "sentiment"
    choices_class = Classification.Sentiment


class CategoryFilter(ClassifiedFilter):
    title = _("category")
    parameter_name = field = "category"
    choices_class = Classification.Category


class UrgencyFilter(ClassifiedFilter):
    title = _("urgency")
    parameter_name = field = "urgency"
    choices_class = Classification.Urgency


@admin.register(Conversation)
class ConversationAdmin(PrivacyActions, ReadOnlyAdmin):
    """The list of conversations, and the page of one."""

    list_display = (
        "who",
        "opening",
        "reading",
        "size",
        "cost",
        "last_message",
    )
    list_filter = (UrgencyFilter, SentimentFilter, CategoryFilter, "turns__status", "updated_at")
    search_fields = ("id", "customer_email", "customer_name", "messages__text")
    date_hierarchy = "created_at"
    list_per_page = 50
    change_form_template = "admin/chat/conversation/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        asked = Message.objects.filter(conversation=OuterRef("pk"), role=Message.Role.CUSTOMER)
        latest = asked.filter(classification__isnull=False).order_by("-id")
        spent = UsageRecord.objects.filter(conversation=OuterRef("pk")).order_by()
        conversations: QuerySet[Conversation] = super().get_queryset(request)
        return conversations.annotate(
            first_text=Subquery(asked.order_by("id").values("text")[:1]),
            message_count=Count("messages", distinct=True),
            total_cost=Subquery(
                spent.values("conversation").annotate(sum=Sum("cost")).values("sum")
            ),
            **{
                f"latest_{name}": Subquery(latest.values(f"classification__{name}")[:1])
                for name in ("sentiment", "category", "urgency")
            },
        )

    @admin.display(description=_("customer"), ordering="customer_name")
    def who(self, conversation: Conversation) -> str:
        return conversation.customer_name or str(_("Guest"))

    @admin.display(description=_("first message"))
    def opening(self, conversation: Any) -> str:
        text = conversation.first_text or "—"
        return text if len(text) <= 80 else f"{text[:79]}…"

    @admin.display(description=_("latest reading"))
    def reading(self, conversation: Any) -> str:
        """Urgency, sentiment and category of the last message that was classified."""
        latest = (
            conversation.latest_urgency,
            conversation.latest_sentiment,
            conversation.latest_category,
        )
        read = [(value,) for value in latest if value]
        return format_html_join(" ", '<span class="badge badge-{0}">{0}</span>', read) or "—"

    @admin.display(description=_("messages"), ordering="message_count")
    def size(self, conversation: Any) -> int:
        return int(conversation.message_count)

    @admin.display(description=_("cost"), ordering="total_cost")
    def cost(self, conversation: Any) -> str:
        return dollars(conversation.total_cost)

    @admin.display(description=_("last message"), ordering="updated_at")
    def last_message(self, conversation: Conversation) -> str:
        return naturaltime(conversation.updated_at)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        conversation = self.get_object(request, object_id)
        entries = _transcript(conversation) if conversation else []
        context = {"transcript": entries, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)


def _transcript(conversation: Conversation) -> list[dict[str, Any]]:
    messages = conversation.messages.select_related(
        "turn", "classification", "feedback"
    ).prefetch_related("turn__tool_calls", "turn__usage")
    return [_entry(message) for message in messages]


def _entry(message: Message) -> dict[str, Any]:
    answers = message.role in {Message.Role.ASSISTANT, Message.Role.SYSTEM}
    turn = message.turn if answers else None
    return {
        "message": message,
        "html": markdown.to_html(message.text) if answers else None,
        "turn": turn,
        "tool_calls": turn.tool_calls.all() if turn else (),
        "usage": _usage(turn) if turn else (),
        "classification": getattr(message, "classification", None),
        "feedback": getattr(message, "feedback", None),
    }


def _usage(turn: Turn) -> list[tuple[UsageRecord, str]]:
    """The turn's requests in the order they were made, each with its cost."""
    rows = sorted(turn.usage.all(), key=lambda row: row.pk)
    return [(row, dollars(row.cost, estimated=row.estimated)) for row in rows]
