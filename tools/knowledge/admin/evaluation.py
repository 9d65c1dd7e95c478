"""Test questions and their scores in the admin: what a change did to search, by question."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from chat import outbox
from chat.admin.parts import ReadOnlyAdmin, badge
from tools.knowledge import question_set
from tools.knowledge.evaluation import Figures
from tools.knowledge.models import Evaluation, TestQuestion
from tools.knowledge.question_set import Change, Compared, Result

SMALLEST = 0.0005
"""A difference that rounds to no thousandth is none."""

_CHANGES = {
    Change.LOST: ("failed", _("lost")),
    Change.WORSE: ("failed", _("worse")),
    Change.FOUND: ("succeeded", _("found")),
    Change.BETTER: ("succeeded", _("better")),
    Change.SAME: ("low", _("as before")),
    Change.NEW: ("running", _("new")),
}


@dataclass(frozen=True, slots=True)
class Score:
    """One figure as it is shown: now, and what it gained or lost on the common questions."""

    name: str
    now: float | None
    delta: float | None

    @property
    def shown(self) -> str:
        return "—" if self.now is None else f"{self.now:.3f}"

    @property
    def change(self) -> str:
        """The difference with its sign; empty where there is nothing to compare."""
        if self.delta is None:
            return ""
        return "±0" if abs(self.delta) < SMALLEST else f"{self.delta:+.3f}"

    @property
    def direction(self) -> str:
        """up, down, or nothing."""
        if self.delta is None or abs(self.delta) < SMALLEST:
            return ""
        return "up" if self.delta > 0 else "down"


@admin.register(TestQuestion)
class TestQuestionAdmin(admin.ModelAdmin[TestQuestion]):
    """The questions, with the last score above them."""

    list_filter = (("article", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("article",)
    list_per_page = 100
    search_fields = ("text", "article__title")
    autocomplete_fields = ("article",)
    change_list_template = "admin/knowledge/testquestion/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """See ModelAdmin."""
        view = self.admin_site.admin_view(self.measure)
        measure = path("measure/", view, name="knowledge_testquestion_measure")
        return [measure, *super().get_urls()]

    def get_list_display(self, request: HttpRequest) -> Any:
        """With the last results, read once for all rows."""
        latest = Evaluation.objects.first()
        results = question_set.results_of(latest) if latest else []
        known = {(result.text, result.article): result for result in results}

        @admin.display(description=_("last result"))
        def last_result(question: TestQuestion) -> str:
            result = known.get((question.text, question.article_id))
            return shown(result) if result else "—"

        return ("text", "expected", last_result, "created_at")

    @admin.display(description=_("should be found"), ordering="article__title")
    def expected(self, question: TestQuestion) -> str:
        return question.article.title if question.article else str(_("nothing"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With the score above the list."""
        latest = Evaluation.objects.first()
        context = {
            "latest": latest,
            "scores": scores(latest) if latest else [],
            "outdated": latest is not None and latest.revision != question_set.revision_now(),
            "can_measure": _may_measure(request),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def measure(self, request: HttpRequest) -> HttpResponse:
        """Asks all the questions, in the background."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not _may_measure(request):
            raise PermissionDenied
        outbox.enqueue("knowledge.measure", author=request.user.pk)
        told = _("The questions are being asked; the score stands here in a moment.")
        self.message_user(request, told, messages.SUCCESS)
        return redirect("admin:knowledge_testquestion_changelist")


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    """The scores, the latest first, and what became of each question."""

    list_display = (
        "created_at", "base", "questions", "first_ranks", "first_five", "first_right", "unknown",
        "slowest", "by",
    )  # fmt: skip
    list_select_related = ("author",)
    list_filter = ("created_at",)
    list_per_page = 50
    change_form_template = "admin/knowledge/evaluation/change_form.html"

    @admin.display(description=_("revision"))
    def base(self, evaluated: Evaluation) -> str:
        return evaluated.revision.partition(" ")[0]

    @admin.display(description="nDCG@10", ordering="ndcg")
    def first_ranks(self, evaluated: Evaluation) -> str:
        return _figure(evaluated.ndcg)

    @admin.display(description="recall@5", ordering="recall")
    def first_five(self, evaluated: Evaluation) -> str:
        return _figure(evaluated.recall)

    @admin.display(description="MRR@10", ordering="mrr")
    def first_right(self, evaluated: Evaluation) -> str:
        return _figure(evaluated.mrr)

    @admin.display(description=_("abstention AUROC"), ordering="auroc")
    def unknown(self, evaluated: Evaluation) -> str:
        return _figure(evaluated.auroc)

    @admin.display(description=_("p95, ms"), ordering="p95_ms")
    def slowest(self, evaluated: Evaluation) -> str:
        return f"{evaluated.p95_ms:.1f}"

    @admin.display(description=_("asked for by"))
    def by(self, evaluated: Evaluation) -> str:
        return str(evaluated.author or _("after a change"))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """With each question beside its result before."""
        evaluated = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if evaluated is not None:
            before = question_set.before(evaluated)
            compared = question_set.compare(evaluated, before)
            context = {
                "before": before,
                "base": self.base(evaluated),
                "base_before": self.base(before) if before else "",
                "scores": scores(evaluated),
                "common": compared.common,
                "rows": [_row(one) for one in compared.results],
            }
        return super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )


def scores(evaluated: Evaluation) -> list[Score]:
    """The figures of an evaluation beside those of the one before it."""
    compared = question_set.compare(evaluated, question_set.before(evaluated))
    now, old = compared.now, compared.before
    return [
        Score("nDCG@10", evaluated.ndcg, _delta(now, old, "ndcg")),
        Score("recall@5", evaluated.recall, _delta(now, old, "recall")),
        Score("MRR@10", evaluated.mrr, _delta(now, old, "mrr")),
        Score(str(_("abstention AUROC")), evaluated.auroc, _delta(now, old, "auroc")),
    ]


def shown(result: Result) -> str:
    """What became of a question, in words."""
    if result.article is None:
        return str(_("refused") if result.refused else _("answered"))
    place = _("not found") if result.rank is None else f"#{result.rank}"
    return format_html("{}{}", place, _(", unsure") if result.refused else "")


def _row(compared: Compared) -> dict[str, Any]:
    return {
        "text": compared.now.text,
        "title": compared.now.title,
        "before": shown(compared.before) if compared.before else "—",
        "now": shown(compared.now),
        "confidence": compared.now.confidence,
        "change": badge(*_CHANGES[compared.change]),
    }


def _delta(now: Figures | None, before: Figures | None, name: str) -> float | None:
    if now is None or before is None:
        return None
    new, old = getattr(now, name), getattr(before, name)
    return None if new is None or old is None else new - old


def _figure(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def _may_measure(request: HttpRequest) -> bool:
    return request.user.has_perm("knowledge.add_evaluation")
