"""Imports in the admin: started by a form, followed on a page that tells how far they are."""

from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from chat.admin.parts import badge
from tools.knowledge import imports
from tools.knowledge.admin.import_form import ImportForm
from tools.knowledge.importing import runs
from tools.knowledge.models import ImportRun
from tools.knowledge.tasks import resume_abandoned_imports

PROBLEMS = 200
"""Problems that a page or an answer lists. Whoever has more looks for what they have in common."""

State = ImportRun.State
_BADGES = {State.FINISHED: "ok", State.FAILED: "failed", State.RUNNING: "running"}


@admin.register(ImportRun)
class ImportRunAdmin(admin.ModelAdmin[ImportRun]):
    """What is recorded cannot be changed; starting, stopping and deleting are permissions."""

    list_display = (
        "name",
        "shown_state",
        "done",
        "added",
        "changed",
        "failed",
        "gone",
        "created_at",
    )
    list_filter = ("state", "kind", "created_at")
    list_per_page = 50
    search_fields = ("name", "location", "problems__place", "problems__reason")
    search_help_text = _("Words of the name, the address, or of what could not be used")
    date_hierarchy = "created_at"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("state"), ordering="state")
    def shown_state(self, run: ImportRun) -> str:
        """The state as a small label."""
        return badge(_BADGES.get(State(run.state), "none"), run.get_state_display())

    def get_urls(self) -> list[URLPattern]:
        """See ModelAdmin."""
        wrap = self.admin_site.admin_view
        mine = [
            path(
                "<uuid:pk>/progress/", wrap(self.progress_view), name="knowledge_importrun_progress"
            ),
            path("<uuid:pk>/cancel/", wrap(self.cancel_view), name="knowledge_importrun_cancel"),
            path("<uuid:pk>/resume/", wrap(self.resume_view), name="knowledge_importrun_resume"),
        ]
        return [*mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list. Whoever looks at it has abandoned imports go on."""
        resume_abandoned_imports()
        return super().changelist_view(request, extra_context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The form that starts an import."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        sent = request.method == "POST"
        form = ImportForm(request.POST, request.FILES) if sent else ImportForm()
        if form.is_valid():
            run = _started(form, cast(User, request.user))
            self.log_addition(request, run, [{"added": {}}])
            return redirect("admin:knowledge_importrun_change", run.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Import articles"),
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/knowledge/importrun/add.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """How far an import is, what it did, and what it could not use."""
        run = self.get_object(request, object_id)
        if run is None:
            raise Http404
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": run.name,
            "opts": self.opts,
            "run": run,
            "progress": _progress(run, after=0),
            "problems": run.problems.all()[:PROBLEMS],
            "may_steer": self.has_add_permission(request),
            "may_delete": self.has_delete_permission(request, run),
        }
        return TemplateResponse(request, "admin/knowledge/importrun/run.html", context)

    def progress_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """What the page asks for while an import runs: JSON."""
        return never_cache(self._progress)(request, pk)

    def _progress(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        run = get_object_or_404(ImportRun, pk=pk)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        resume_abandoned_imports()
        after = request.GET.get("after", "")
        return JsonResponse(_progress(run, after=int(after) if after.isdecimal() else 0))

    def cancel_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Stops an import."""
        return require_POST(self._cancel)(request, pk)

    def _cancel(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        self._check_may_steer(request)
        if runs.cancel(pk):
            told = _("The import was stopped. What it had stored stays.")
            self.message_user(request, told, messages.SUCCESS)
        return redirect("admin:knowledge_importrun_change", pk)

    def resume_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Goes on with an import that was stopped, or failed."""
        return require_POST(self._resume)(request, pk)

    def _resume(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        self._check_may_steer(request)
        if imports.resume(pk):
            self.message_user(request, _("The import goes on where it was."), messages.SUCCESS)
        return redirect("admin:knowledge_importrun_change", pk)

    def _check_may_steer(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied

    def delete_model(self, request: HttpRequest, obj: ImportRun) -> None:
        runs.delete(ImportRun.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ImportRun]) -> None:
        runs.delete(queryset)


def _started(form: ImportForm, author: User) -> ImportRun:
    if files := form.cleaned_data["uploads"]:
        return imports.start_uploads(files, form.options(), author)
    return imports.start_addresses(form.cleaned_data["addresses"], form.options(), author)


def _progress(run: ImportRun, *, after: int) -> dict[str, Any]:
    """What changes on a run's page while it is worked on. `after` is the last problem it has."""
    problems = run.problems.filter(pk__gt=after)[:PROBLEMS]
    return {
        "state": run.state,
        "label": str(run.get_state_display()),
        "badge": _BADGES.get(State(run.state), "none"),
        "error": run.error,
        "going": run.state in (State.QUEUED, State.RUNNING),
        "total": run.total,
        "counts": {
            name: getattr(run, name)
            for name in ("done", "added", "changed", "unchanged", "failed", "gone")
        },
        "problems": [[problem.pk, problem.place, problem.reason] for problem in problems],
        "url": reverse("admin:knowledge_importrun_progress", args=[run.pk]),
    }
