"""A customer's tickets in an export, an erasure and the passing of time."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet

from chat.privacy import contributions, retention
from chat.privacy.contributions import Rows, rows_of
from chat.privacy.erasure import ERASED
from chat.privacy.subjects import Subject
from tools.tickets.models import Ticket

DONE = (Ticket.Status.RESOLVED, Ticket.Status.CLOSED)


class Tickets:
    """Those that a customer's conversations led to, and those that carry their address."""

    named = (Ticket,)

    def export(self, subject: Subject) -> Mapping[str, Rows]:
        """See `Contribution`. Who of the staff works on it is not about the customer."""
        return {"tickets": rows_of(_of(subject).order_by("created_at"), leave_out=["assignee_id"])}

    def erase(self, subject: Subject) -> Mapping[str, int]:
        """Deletes tickets, keeps them, or keeps only that there was one: as the settings say."""
        tickets = _of(subject)
        match settings.ERASED_TICKETS:
            case "delete":
                return {"tickets": tickets.delete()[1].get(Ticket._meta.label, 0)}
            case "keep":
                return {}
        return {"tickets": _anonymise(tickets)}


def _anonymise(tickets: QuerySet[Ticket]) -> int:
    """The team's statistics stay: reference, state, priority and times."""
    tickets.exclude(resolution="").update(resolution=ERASED)
    return tickets.update(
        title=ERASED,
        description=ERASED,
        customer_name="",
        customer_email="",
        conversation=None,
        turn=None,
        ordinal=None,
    )


def _of(subject: Subject) -> QuerySet[Ticket]:
    by_address = Q()
    for email in subject.emails:
        by_address |= Q(customer_email__iexact=email)
    theirs = Q(conversation__owner__in=subject.owners)
    keys = Ticket.objects.filter(theirs | by_address if subject.emails else theirs)
    return Ticket.objects.filter(pk__in=list(keys.values_list("pk", flat=True)))


def _older(moment: datetime) -> QuerySet[Ticket]:
    """Open work stays, however old."""
    return Ticket.objects.filter(updated_at__lt=moment, status__in=DONE)


_RETENTION = retention.Rule("tickets", "RETAIN_TICKETS", _older, retention.delete(Ticket))


def register() -> None:
    """Has its part from now on."""
    contributions.register(Tickets())
    retention.register(_RETENTION)
