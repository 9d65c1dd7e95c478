"""What other apps store of a customer. Each registers when it is ready, as receivers of
`chat.signals` do: chat never imports them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from django.db.models import Model, QuerySet

from chat.privacy.subjects import Subject

Rows = list[dict[str, Any]]


class Contribution(Protocol):
    """One app's part in an export and in an erasure."""

    @property
    def named(self) -> Sequence[type[Model]]:
        """Its models that may bear a customer's name: where the admin's log tells of these, it is
        searched for the name."""
        ...

    def export(self, subject: Subject) -> Mapping[str, Rows]:
        """Its rows about the customer, by what they are called in the export."""
        ...

    def erase(self, subject: Subject) -> Mapping[str, int]:
        """Erases them, or who they are about, and returns how many. Runs in the transaction of the
        erasure, before the conversations go."""
        ...


_registered: list[Contribution] = []


def register(contribution: Contribution) -> None:
    """Adds an app's part, once."""
    if contribution not in _registered:
        _registered.append(contribution)


def registered() -> Iterator[Contribution]:
    """All parts, in the order in which their apps were loaded."""
    return iter(_registered)


def rows_of(rows: QuerySet[Any], leave_out: Sequence[str] = ()) -> Rows:
    """Rows as they are stored, each column: one that is added tomorrow is exported too."""
    return [
        {name: value for name, value in row.items() if name not in leave_out}
        for row in rows.values()
    ]
