"""Logins in the admin: who is locked out, and who came in."""

from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chat.admin.parts import ReadOnlyAdmin, badge


@admin.register(AccessAttempt)
class FailedLoginAdmin(ReadOnlyAdmin):
    """Failed logins by account and address. Deleting them is what unlocks."""

    list_display = ("username", "ip_address", "state", "failures_since_start", "attempt_time")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address")
    actions = ("unlock",)
    fields = ("username", "ip_address", "user_agent", "failures_since_start", "attempt_time")

    @admin.display(description=_("state"))
    def state(self, attempt: AccessAttempt) -> str:
        """Whether the account is locked for that address at the moment."""
        until = attempt.attempt_time + settings.AXES_COOLOFF_TIME
        if attempt.failures_since_start < settings.AXES_FAILURE_LIMIT or until < timezone.now():
            return "—"
        return badge("high", _("locked until %s") % f"{timezone.localtime(until):%H:%M %Z}")

    @admin.action(description=_("Unlock: forget these failures"), permissions=["delete"])
    def unlock(self, request: HttpRequest, attempts: QuerySet[AccessAttempt]) -> None:
        """Lets the accounts log in from those addresses again, at once."""
        for attempt in attempts:
            self.log_deletions(request, attempts.filter(pk=attempt.pk))
        count, _by_model = attempts.delete()
        told = ngettext("%d entry was unlocked.", "%d entries were unlocked.", count) % count
        self.message_user(request, told, messages.SUCCESS)


@admin.register(AccessLog)
class LoginAdmin(ReadOnlyAdmin):
    """Logins that succeeded."""

    list_display = ("attempt_time", "username", "ip_address", "logout_time")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address")
    fields = ("username", "ip_address", "user_agent", "attempt_time", "logout_time")
