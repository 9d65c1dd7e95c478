"""Where tickets are opened. `settings.TICKET_BACKEND` names the class, as EMAIL_BACKEND does."""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

from django.conf import settings
from django.db import IntegrityError
from django.utils.module_loading import import_string

from chat.toolbox import ToolContext
from tools.tickets.models import Ticket


@dataclass(frozen=True, slots=True)
class TicketView:
    """What the customer may know of their ticket. `status` is in words."""

    reference: str
    title: str
    status: str


class TicketBackend(Protocol):
    """A ticket system. It is called in a thread and may block."""

    def create(self, context: ToolContext, title: str, description: str) -> TicketView:
        """Opens a ticket, once for each (`context.turn`, `context.ordinal`).

        A turn that runs again makes the same call again: it must get the ticket that is there,
        unchanged, also when both calls are under way at once. The customer to reply to is
        `context.customer`, never somebody a text names.
        """
        ...


class DatabaseTickets:
    """The tickets of this database, as the admin shows them."""

    def create(self, context: ToolContext, title: str, description: str) -> TicketView:
        """See `TicketBackend.create`."""
        try:
            ticket = _get_or_create(context, title, description)
        except IntegrityError:
            # The random reference was taken. A new one is drawn; twice is out of the question.
            ticket = _get_or_create(context, title, description)
        return TicketView(ticket.reference, ticket.title, ticket.get_status_display())


def _get_or_create(context: ToolContext, title: str, description: str) -> Ticket:
    customer = context.customer
    ticket, _ = Ticket.objects.get_or_create(
        turn_id=context.turn,
        ordinal=context.ordinal,
        defaults={
            "title": title,
            "description": description,
            "conversation_id": context.conversation,
            "customer_name": customer.name if customer else "",
            "customer_email": customer.email if customer else "",
        },
    )
    return ticket


def get_backend() -> TicketBackend:
    """The backend that the settings name. Raises ImportError for one that cannot be loaded."""
    return _load(settings.TICKET_BACKEND)


@cache
def _load(path: str) -> TicketBackend:
    backend: TicketBackend = import_string(path)()
    return backend
