"""Ticket systems as slow as a remote one: a kill may come between the ticket and its row's result."""

import time

from chat.toolbox import ToolContext
from tools.tickets.backends import DatabaseTickets, TicketView
from tools.tickets.models import Ticket

ANSWER_TIME = 0.5
"""Seconds that a ticket system takes to answer after it has opened the ticket."""


class SlowTickets(DatabaseTickets):
    """Opens a ticket at once and takes its time to say so."""

    def create(self, context: ToolContext, title: str, description: str) -> TicketView:
        """See `TicketBackend.create`."""
        ticket = super().create(context, title, description)
        time.sleep(ANSWER_TIME)
        return ticket


class ForgetfulTickets(DatabaseTickets):
    """As slow, and opens another ticket each time it is asked: for a negative control."""

    def create(self, context: ToolContext, title: str, description: str) -> TicketView:
        """See `TicketBackend.create`, whose promise this breaks."""
        ticket = Ticket.objects.create(
            turn_id=context.turn,
            conversation_id=context.conversation,
            title=title,
            description=description,
        )
        time.sleep(ANSWER_TIME)
        return TicketView(ticket.reference, ticket.title, ticket.get_status_display())
