"""A customer's orders in an export. An erasure leaves them alone: they are the shop's books, which
the shop has to keep, and the next import would bring them back."""

from collections.abc import Mapping

from django.db.models import Q

from chat.privacy import contributions
from chat.privacy.contributions import Rows, rows_of
from chat.privacy.subjects import Subject
from tools.orders.models import Order


class Orders:
    """Those of the addresses that the shop verified."""

    named = (Order,)

    def export(self, subject: Subject) -> Mapping[str, Rows]:
        """See `Contribution`."""
        theirs = Q(pk=None)
        for email in subject.emails:
            theirs |= Q(email__iexact=email)
        return {"orders": rows_of(Order.objects.filter(theirs))}

    def erase(self, subject: Subject) -> Mapping[str, int]:
        """Nothing: see above."""
        return {}


def register() -> None:
    """Has its part from now on."""
    contributions.register(Orders())
