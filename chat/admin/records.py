"""Thumbs and turns in the admin, for whoever looks for what went wrong."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from chat.admin.parts import ReadOnlyAdmin, conversation_link
from chat.models import Feedback, Turn


@admin.register(Feedback)
class FeedbackAdmin(ReadOnlyAdmin):
    """The thumbs, worst first reached by the filter."""

    list_display = ("rating", "comment", "reply", "updated_at")
    list_filter = ("rating", "updated_at")
    search_fields = ("comment", "message__text")
    list_select_related = ("message",)

    @admin.display(description=_("reply"))
    def reply(self, feedback: Feedback) -> str:
        return conversation_link(feedback.message.conversation_id, feedback.message.text[:100])


@admin.register(Turn)
class TurnAdmin(ReadOnlyAdmin):
    """The turns, for whoever looks for what failed, was slow, or was answered by another."""

    list_display = (
        "created_at", "status", "provider", "model", "others", "error_code", "attempts",
        "claims_caught", "citations_invented", "cached", "first_token_ms", "duration_ms",
        "transcript",
    )  # fmt: skip
    list_filter = ("status", "provider", "model", "cached", "error_code", "created_at")
    date_hierarchy = "created_at"

    @admin.display(description=_("passed over"))
    def others(self, turn: Turn) -> str:
        """Who should have answered before the one that did, and the error of each."""
        return ", ".join(f"{other['provider']}: {other['code']}" for other in turn.passed_over)

    @admin.display(description=_("conversation"))
    def transcript(self, turn: Turn) -> str:
        return conversation_link(turn.conversation_id, _("read"))
