"""How tickets were settled, for whoever writes the next help article."""

from collections.abc import Collection
from uuid import UUID

from tools.tickets.models import Ticket

SETTLED = (Ticket.Status.RESOLVED, Ticket.Status.CLOSED)
"""A resolution before that is a note of somebody who is still at work."""


class DatabaseResolutions:
    """The resolutions of this database's tickets. `settings.RESOLUTION_BACKEND` names it."""

    def of(self, conversations: Collection[UUID], limit: int) -> list[str]:
        """What settled the tickets of these conversations, the latest first, `limit` at most."""
        settled = Ticket.objects.filter(conversation__in=conversations, status__in=SETTLED)
        told = settled.exclude(resolution="").order_by("-updated_at", "-pk")
        return list(told.values_list("resolution", flat=True)[:limit])
