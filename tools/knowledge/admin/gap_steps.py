"""What the buttons on the page of a gap do. Whoever gets here may change gaps."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from chat import outbox
from tools.knowledge.gaps import checking, collecting, drafting
from tools.knowledge.models import Gap, TestQuestion

_TEST_LENGTH = 500
"""Characters of a test question."""

_PROBLEMS = {
    "BUDGET": lazy("The budget for models is spent."),
    "AUTH": lazy("The model refuses the key."),
    "INVALID_REQUEST": lazy("The model refuses the request: a setting is wrong."),
    "CONTENT_FILTER": lazy("The model refuses to write about this."),
    "MALFORMED": lazy("The model wrote something that cannot be used."),
    drafting.EMPTY: lazy("The model wrote nothing."),
}
"""What a code means for staff. All others come down to a model that cannot be reached just now."""


def take(request: HttpRequest, gap: Gap) -> HttpResponse:
    """Does what the button `do` of a POST says; redirects to the gap, or to the one that came of it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    step = _STEPS.get(request.POST.get("do", ""))
    if step is None:
        return HttpResponseBadRequest()
    return redirect("admin:knowledge_gap_change", step(request, gap))


def is_drafting(gap: Gap) -> bool:
    """Whether somebody's draft is being written at this moment."""
    begun = gap.drafting_at
    return begun is not None and begun > timezone.now() - drafting.PATIENCE


def problem(gap: Gap) -> str:
    """Why the last draft failed, in words; empty where it did not."""
    if not gap.draft_error:
        return ""
    said = _PROBLEMS.get(gap.draft_error, _("The model cannot be reached just now."))
    return f"{said} ({gap.draft_error})"


def _draft(request: HttpRequest, gap: Gap, *, by_model: bool) -> int:
    if not request.user.has_perm("knowledge.add_article"):
        raise PermissionDenied
    with transaction.atomic():
        wished = drafting.wish(gap.pk)
        if wished:
            outbox.enqueue(
                "knowledge.draft_gap", gap=gap.pk, author=request.user.pk, by_model=by_model
            )
    if wished:
        messages.success(request, _("The draft is being made."))
    else:
        messages.warning(request, _("There is a draft already, or one is being made."))
    return gap.pk


def _check(request: HttpRequest, gap: Gap) -> int:
    found = checking.check(gap)
    told = ngettext(
        "Search answers %(answered)d of %(asked)d question.",
        "Search answers %(answered)d of %(asked)d questions.",
        found.asked,
    )
    messages.info(request, told % {"answered": found.answered, "asked": found.asked})
    if found.closed:
        messages.success(request, _("The article answers them: the gap is closed."))
    return gap.pk


def _change(request: HttpRequest, gap: Gap, *, how: Callable[[list[int]], int]) -> int:
    how([gap.pk])
    gap.refresh_from_db(fields=["state"])
    messages.success(request, _("The gap is %(state)s.") % {"state": gap.get_state_display()})
    return gap.pk


def _split(request: HttpRequest, gap: Gap) -> int:
    new = collecting.split(gap.pk, _chosen(request))
    if new is None:
        messages.warning(request, _("Choose some of the questions, but not all."))
        return gap.pk
    messages.success(request, _("The chosen questions have a gap of their own now: this one."))
    return new.pk


def _test(request: HttpRequest, gap: Gap) -> int:
    """The chosen questions, each with the gap's article, if it has one, as what should be found."""
    if not request.user.has_perm("knowledge.add_testquestion"):
        raise PermissionDenied
    texts = gap.questions.filter(pk__in=_chosen(request)).values_list("text", flat=True)
    added = 0
    for text in dict.fromkeys(text[:_TEST_LENGTH] for text in texts):
        _question, new = TestQuestion.objects.get_or_create(
            text=text, defaults={"article": gap.draft}
        )
        added += new
    told = ngettext("%d test question was added.", "%d test questions were added.", added)
    messages.success(request, told % added)
    return gap.pk


def _chosen(request: HttpRequest) -> list[int]:
    return [int(key) for key in request.POST.getlist("question") if key.isdecimal()]


_STEPS: dict[str, Callable[[HttpRequest, Any], int]] = {
    "draft": partial(_draft, by_model=True),
    "skeleton": partial(_draft, by_model=False),
    "check": _check,
    "close": partial(_change, how=collecting.close),
    "ignore": partial(_change, how=collecting.ignore),
    "reopen": partial(_change, how=collecting.reopen),
    "split": _split,
    "test": _test,
}
