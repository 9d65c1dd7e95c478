"""What staff do when a customer asks for their data, or for its end. Both are written into the log."""

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from chat.models import Conversation
from chat.privacy import subjects
from chat.privacy.erasure import Busy, erase
from chat.privacy.export import as_json, export
from chat.privacy.subjects import Subject

EXPORTED = 4
"""An action flag of the log, beside Django's own 1 to 3: nothing was changed."""


class PrivacyActions(admin.ModelAdmin[Any]):
    """Adds both to the list of conversations: a customer is who had the chosen ones."""

    actions = ("export_customer", "erase_customer")

    @admin.action(description=lazy("Export all data of the customer…"), permissions=["view"])
    def export_customer(
        self, request: HttpRequest, chosen: QuerySet[Conversation]
    ) -> HttpResponse | None:
        """A file to give to the customer; of one at a time, so that nobody gets another's."""
        subject = _subject(chosen)
        if len(subject.owners) != 1:
            told = _("Choose conversations of one customer: a file goes to one person.")
            self.message_user(request, told, messages.WARNING)
            return None
        _log(request, subject, EXPORTED, _("All data of a customer was exported."))
        text = as_json(export(subject))
        response = HttpResponse(text, content_type="application/json; charset=utf-8")
        name = f"customer-{subject.fingerprint}.json"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    @admin.action(description=lazy("Erase all data of the customer…"), permissions=["delete"])
    def erase_customer(
        self, request: HttpRequest, chosen: QuerySet[Conversation]
    ) -> HttpResponse | None:
        """Asks first, with all that will go; there is no way back."""
        subject = _subject(chosen)
        if request.POST.get("confirmed") != "yes":
            return self._asked(request, chosen, subject)
        try:
            counts = erase(subject)
        except Busy as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        told = ", ".join(f"{count} {what}" for what, count in counts.items())
        _log(request, subject, DELETION, told)
        self.message_user(request, _("Erased: %s.") % told, messages.SUCCESS)
        return None

    def _asked(
        self, request: HttpRequest, chosen: QuerySet[Conversation], subject: Subject
    ) -> HttpResponse:
        document = export(subject)
        found = Counter({n: len(rows) for n, rows in document.items() if isinstance(rows, list)})
        context = {
            **self.admin_site.each_context(request),
            "title": _("Erase all data of the customer?"),
            "opts": self.opts,
            "checkbox": ACTION_CHECKBOX_NAME,
            "chosen": chosen.values_list("pk", flat=True),
            "subject": subject,
            "conversations": subject.conversations,
            "found": [(n.replace("_", " "), count) for n, count in (+found).items()],
        }
        return TemplateResponse(request, "admin/chat/conversation/erase.html", context)


def _subject(chosen: QuerySet[Conversation]) -> Subject:
    return subjects.of_conversations(chosen.values_list("pk", flat=True))


def _log(request: HttpRequest, subject: Subject, flag: int, what: str) -> None:
    """The log says who did it, when and what; of the customer only the fingerprint."""
    LogEntry.objects.create(
        user_id=request.user.pk or 0,  # who gets here is logged in
        content_type=ContentType.objects.get_for_model(Conversation),
        object_repr=f"customer {subject.fingerprint}",
        action_flag=flag,
        change_message=what,
    )
