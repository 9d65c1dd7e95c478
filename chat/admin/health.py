"""What staff should look at now: open alerts, and providers that are not asked."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chat import alerts, breakers
from chat.admin.parts import ReadOnlyAdmin, badge
from chat.llm.breaker import BreakerState, State
from chat.models import Alert


class StateFilter(admin.SimpleListFilter):
    """Open alerts, unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("closed", str(_("Closed"))), ("all", str(_("All")))]

    def choices(self, changelist: ChangeList) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": _("Open")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        match self.value():
            case "all":
                return queryset
            case "closed":
                return queryset.filter(closed_at__isnull=False)
            case _:
                return queryset.filter(closed_at=None)


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """The alerts, with how the providers are doing above them."""

    list_display = ("text", "state", "count", "latest", "first")
    list_filter = (StateFilter, "updated_at")
    search_fields = ("key", "text")
    actions = ("close",)
    change_list_template = "admin/chat/alert/change_list.html"

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Closing is the only change there is."""
        return request.user.has_perm("chat.change_alert")

    @admin.display(description=_("state"), ordering="closed_at")
    def state(self, alert: Alert) -> str:
        return badge("succeeded", _("closed")) if alert.closed_at else badge("failed", _("open"))

    @admin.display(description=_("last"), ordering="updated_at")
    def latest(self, alert: Alert) -> str:
        return naturaltime(alert.updated_at)

    @admin.display(description=_("first"), ordering="created_at")
    def first(self, alert: Alert) -> str:
        return naturaltime(alert.created_at)

    @admin.action(description=_("Close the chosen alerts"), permissions=["close"])
    def close(self, request: HttpRequest, chosen: QuerySet[Alert]) -> None:
        closed = alerts.close(chosen)
        told = ngettext("%(count)d alert was closed.", "%(count)d alerts were closed.", closed)
        self.message_user(request, told % {"count": closed}, messages.SUCCESS)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"providers": [_shown(state) for state in breakers.states()]}
        return super().changelist_view(request, {**context, **(extra_context or {})})


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """A provider's breaker in words. `badge` is what its colour goes by."""

    name: str
    badge: str
    says: str
    cause: str
    until: datetime | None
    failures: int
    calls: int


_SAID = {
    State.CLOSED: ("succeeded", _("asked")),
    State.OPEN: ("failed", _("not asked")),
    State.HALF_OPEN: ("running", _("tried again")),
}


def _shown(state: BreakerState) -> ProviderHealth:
    colour, says = _SAID[state.state]
    until = None if state.until is None else datetime.fromtimestamp(state.until, UTC)
    return ProviderHealth(
        state.name, colour, str(says), state.cause, until, state.failures, state.calls
    )
