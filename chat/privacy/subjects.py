"""Whose data: one customer, or a guest, by what their conversations are filed under."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from chat import spending
from chat.models import Conversation, UsageRecord

FINGERPRINT = 16
"""Hexadecimal digits: enough to tell customers apart, and too few to be looked up in a table."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One or more owners (see `chat.identity`), and the e-mail addresses the shop verified of them."""

    owners: frozenset[str]
    emails: frozenset[str]
    names: frozenset[str]

    @property
    def conversations(self) -> QuerySet[Conversation]:
        """All that they ever said is in these."""
        return Conversation.objects.filter(owner__in=self.owners)

    @property
    def is_known(self) -> bool:
        """Whether there may be anything of them: what requests cost is kept for longer than what was
        said, and whatever has an address is for other apps to know."""
        return (
            bool(self.emails)
            or self.conversations.exists()
            or UsageRecord.objects.filter(customer__in=self.owners).exists()
            or spending.of_owners(self.owners).exists()
        )

    @property
    def fingerprint(self) -> str:
        """What the audit log calls them, from which nobody reads who it was. Whoever has the key and
        knows the customer can tell whether they were erased."""
        whole = "\n".join(sorted(self.owners))
        return salted_hmac("supportbot.privacy", whole, algorithm="sha256").hexdigest()[
            :FINGERPRINT
        ]


def of_customer(customer_id: str, email: str | None = None) -> Subject:
    """A customer whom the shop vouches for, by the shop's own id; with all who had the address too."""
    by_address = of_email(email) if email else Subject(frozenset(), frozenset(), frozenset())
    return _of({f"customer:{customer_id}", *by_address.owners}, by_address.emails)


def of_email(email: str) -> Subject:
    """Every customer to whom the shop gave this address. An address that a guest only wrote proves
    nothing, and finds nothing."""
    found = Conversation.objects.filter(customer_email__iexact=email)
    return _of(set(found.values_list("owner", flat=True)), {email.lower()})


def of_conversations(conversations: Iterable[UUID]) -> Subject:
    """Whoever had these conversations, with all their others: the only way to a guest."""
    found = Conversation.objects.filter(pk__in=conversations)
    return _of(set(found.values_list("owner", flat=True)))


def _of(owners: set[str], emails: Iterable[str] = ()) -> Subject:
    known = Conversation.objects.filter(owner__in=owners).values_list(
        "customer_email", "customer_name"
    )
    told = list(known)
    return Subject(
        frozenset(owners),
        frozenset({*emails, *(email.lower() for email, _ in told if email)}),
        frozenset(name for _, name in told if name),
    )
