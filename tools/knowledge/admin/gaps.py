"""Knowledge gaps in the admin: what customers ask in vain, how often, and the way to an article."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chat.admin.parts import badge
from tools.knowledge.admin import gap_steps
from tools.knowledge.gaps import collecting
from tools.knowledge.models import Gap, GapQuestion

SHOWN = 100
"""Questions on the page of a gap, the latest. Those before them repeat them."""

_COLOURS = {
    Gap.State.OPEN: "failed",
    Gap.State.DRAFTED: "running",
    Gap.State.CLOSED: "succeeded",
    Gap.State.IGNORED: "low",
}


class StateFilter(admin.SimpleListFilter):
    """What is still to be done, unless something else is asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """See SimpleListFilter."""
        states = [(state.value, str(state.label).capitalize()) for state in Gap.State]
        return [*states, ("all", str(_("All")))]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """See SimpleListFilter."""
        first, *others = super().choices(changelist)
        yield {**first, "display": _("To be done")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Gap]) -> QuerySet[Gap]:
        """See SimpleListFilter."""
        wanted = self.value()
        if wanted == "all":
            return queryset
        if wanted in Gap.State.values:
            return queryset.filter(state=wanted)
        return queryset.filter(state__in=(Gap.State.OPEN, Gap.State.DRAFTED))


class ReasonFilter(admin.SimpleListFilter):
    """Gaps with a question of this kind. By its keys, so that the counts stay those of all."""

    title = _("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """See SimpleListFilter."""
        return [(r.value, str(r.label).capitalize()) for r in GapQuestion.Reason]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Gap]) -> QuerySet[Gap]:
        """See SimpleListFilter."""
        if self.value() not in GapQuestion.Reason.values:
            return queryset
        asked = GapQuestion.objects.filter(reason=self.value()).values("gap")
        return queryset.filter(pk__in=asked)


@admin.register(Gap)
class GapAdmin(admin.ModelAdmin[Gap]):
    """The list of gaps, those of most customers first, and the page of one."""

    list_display = ("title", "standing", "asked_in", "reasons", "first_and_last", "article")
    list_filter = (StateFilter, ReasonFilter, "locale", "last_at")
    list_per_page = 50
    search_fields = ("title", "questions__text")
    search_help_text = _("Words of a question")
    fields = ("title",)
    actions = ("close", "ignore", "reopen", "merge")
    change_form_template = "admin/knowledge/gap/change_form.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: gaps come from what customers ask."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Gap | None = None) -> bool:
        """Nobody: what was deleted would be collected again. Gaps are closed or ignored, and go with
        the conversations."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Gap]:
        """With the counts that the list shows."""
        counts = {
            reason.value: Count("questions", filter=Q(questions__reason=reason), distinct=True)
            for reason in GapQuestion.Reason
        }
        found = Gap.objects.select_related("draft").annotate(
            conversations=Count("questions__conversation", distinct=True), **counts
        )
        return found.order_by(*self.get_ordering(request))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """What most customers asked first."""
        return ("-conversations", "-last_at", "-pk")

    def get_urls(self) -> list[URLPattern]:
        """See ModelAdmin."""
        act = path("<int:pk>/act/", self.admin_site.admin_view(self.act), name="knowledge_gap_act")
        return [act, *super().get_urls()]

    # The list

    @admin.display(description=_("state"), ordering="state")
    def standing(self, gap: Gap) -> str:
        return badge(_COLOURS[Gap.State(gap.state)], gap.get_state_display())

    @admin.display(description=_("conversations"), ordering="conversations")
    def asked_in(self, gap: Any) -> int:
        """How many conversations it came up in."""
        return int(gap.conversations)

    @admin.display(description=_("reasons"))
    def reasons(self, gap: Any) -> SafeString:
        return reasons(gap)

    @admin.display(description=_("asked"), ordering="last_at")
    def first_and_last(self, gap: Gap) -> str:
        """The first day and the last, if there are two."""
        return " – ".join(dict.fromkeys(_day(at) for at in (gap.first_at, gap.last_at)))

    @admin.display(description=_("article"))
    def article(self, gap: Gap) -> str:
        if gap.draft is None:
            return "—"
        url = reverse("admin:knowledge_article_change", args=[gap.draft.pk])
        said = gap.draft.get_status_display()
        return format_html('<a href="{}" title="{}">{}</a>', url, gap.draft.title, said)

    @admin.action(description=_("Close the chosen gaps"), permissions=["change"])
    def close(self, request: HttpRequest, chosen: QuerySet[Gap]) -> None:
        """Closes them until somebody asks again."""
        self._tell(request, collecting.close(_keys(chosen)))

    @admin.action(description=_("Ignore the chosen gaps"), permissions=["change"])
    def ignore(self, request: HttpRequest, chosen: QuerySet[Gap]) -> None:
        """Takes them off the list for good."""
        self._tell(request, collecting.ignore(_keys(chosen)))

    @admin.action(description=_("Open the chosen gaps again"), permissions=["change"])
    def reopen(self, request: HttpRequest, chosen: QuerySet[Gap]) -> None:
        """Puts them back on the list."""
        self._tell(request, collecting.reopen(_keys(chosen)))

    @admin.action(description=_("Make one gap of the chosen ones"), permissions=["change"])
    def merge(self, request: HttpRequest, chosen: QuerySet[Gap]) -> None:
        """Puts the questions of all into the oldest."""
        merged = collecting.merge(_keys(chosen))
        if merged is None:
            missing = _("Choose two or more gaps in one language.")
            self.message_user(request, missing, messages.WARNING)
            return
        told = _("Their questions are all in “%(gap)s” now.") % {"gap": merged}
        self.message_user(request, told, messages.SUCCESS)

    def _tell(self, request: HttpRequest, count: int) -> None:
        told = ngettext("%d gap was changed.", "%d gaps were changed.", count) % count
        self.message_user(request, told, messages.SUCCESS)

    # The page of one

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """With its questions and what can be done."""
        gap: Any = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if gap is not None:
            asked = gap.questions.select_related("answered_by")
            context = {
                "questions": asked[:SHOWN],
                "more": max(0, asked.count() - SHOWN),
                "counted": reasons(gap),
                "standing": self.standing(gap),
                "can_change": self.has_change_permission(request, gap),
                "can_draft": request.user.has_perm("knowledge.add_article"),
                "can_test": request.user.has_perm("knowledge.add_testquestion"),
                "can_read": request.user.has_perm("chat.view_conversation"),
                "draft_problem": gap_steps.problem(gap),
                "drafting": gap_steps.is_drafting(gap),
            }
        return super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A title is a whole question."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "title" and field is not None:
            field.widget.attrs["class"] = "gap-name"
        return field

    def save_model(self, request: HttpRequest, obj: Gap, form: Any, change: bool) -> None:
        """Only its title is edited: the rest may have grown meanwhile."""
        collecting.rename(obj, obj.title)

    def act(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Does what a button of the page says, and shows the page again."""
        gap = get_object_or_404(Gap.objects.select_related("draft"), pk=pk)
        if not self.has_change_permission(request, gap):
            raise PermissionDenied
        return gap_steps.take(request, gap)


def reasons(gap: Any) -> SafeString:
    """How often a gap came up, by reason. Takes a gap with the counts of `get_queryset`."""
    said = (
        (gap.unanswered, ngettext("%d unanswered", "%d unanswered", gap.unanswered)),
        (gap.thumb_down, ngettext("%d thumb down", "%d thumbs down", gap.thumb_down)),
        (gap.ticket, ngettext("%d ticket", "%d tickets", gap.ticket)),
    )
    there = [(text % count,) for count, text in said if count]
    return format_html_join(" ", '<span class="badge">{}</span>', there)


def _day(at: datetime) -> str:
    """A day to read, without the year if it is this one."""
    day = localtime(at)
    return date_format(day, "j M" if day.year == localtime().year else "j M Y")


def _keys(chosen: QuerySet[Gap]) -> list[int]:
    return list(chosen.values_list("pk", flat=True))
