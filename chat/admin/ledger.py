"""The ledger of provider requests in the admin, with the sums of what is listed."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from chat.admin.parts import ReadOnlyAdmin, badge, conversation_link, dollars
from chat.models import UsageRecord

DAYS = 7
"""Days in the table of sums: more would push the list itself off the screen; the filter has them."""

_SUMS = {
    "requests": Count("pk"),
    "failed": Count("pk", filter=Q(outcome=UsageRecord.Outcome.FAILED)),
    "tokens_in": Sum("input_tokens", default=0),
    "tokens_out": Sum("output_tokens", default=0),
    "total": Sum("cost"),
    "unpriced": Count("pk", filter=Q(cost=None)),
}


@admin.register(UsageRecord)
class UsageRecordAdmin(ReadOnlyAdmin):
    """One row for every request to a provider."""

    list_display = (
        "created_at", "provider", "model", "purpose", "attempt", "result", "input_tokens",
        "output_tokens", "cache_read_tokens", "cache_write_tokens", "dollars", "price_version",
        "latency_ms", "first_token_ms", "customer", "transcript",
    )  # fmt: skip
    list_filter = (
        "created_at", "provider", "model", "purpose", "outcome", "error_code", "estimated",
        "cached",
    )  # fmt: skip
    search_fields = ("customer", "conversation__id", "error_code")
    search_help_text = _("Customer, conversation or error code")
    date_hierarchy = "created_at"
    list_per_page = 50
    change_list_template = "admin/chat/usagerecord/change_list.html"

    @admin.display(description=_("outcome"), ordering="outcome")
    def result(self, row: UsageRecord) -> str:
        """How it ended, with the error's code; or that our own cache answered."""
        if row.cached:
            return badge("succeeded", row._meta.get_field("cached").verbose_name)
        return badge(row.outcome, row.error_code or row.get_outcome_display())

    @admin.display(description=_("cost"), ordering="cost")
    def dollars(self, row: UsageRecord) -> str:
        return dollars(row.cost, estimated=row.estimated)

    @admin.display(description=_("conversation"))
    def transcript(self, row: UsageRecord) -> str:
        if row.conversation_id is None:
            return "—"
        return conversation_link(row.conversation_id, _("read"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:  # else it redirects, or runs an action
            context["sums"] = _sums(context["cl"].queryset)
        return response


def _sums(listed: QuerySet[UsageRecord]) -> dict[str, Any]:
    """What the listed requests come to: in all, by model, and by day (UTC), the latest first;
    nothing where nothing is listed."""
    rows = listed.order_by()
    dearest = F("total").desc(nulls_last=True)
    whole = rows.aggregate(**_SUMS)
    if not whole["requests"]:
        return {}
    by_model = rows.values("provider", "model").annotate(**_SUMS).order_by(dearest, "provider")
    by_day = rows.values(day=TruncDate("created_at")).annotate(**_SUMS).order_by("-day")[:DAYS]
    return {
        "all": _readable(whole),
        "by_model": [_readable(row) for row in by_model],
        "by_day": [_readable(row) for row in by_day],
        "days": DAYS,
    }


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    numbers = ("requests", "failed", "tokens_in", "tokens_out")
    return {
        **row,
        **{name: f"{row[name]:,}" for name in numbers},
        "cost": dollars(row["total"]),
    }
