"""The books: what accounts spent and reserved, the only writer of Spending and Reservation.

A request reserves its worst case on all of its accounts or on none, with their rows locked, so that
`spent + reserved` of an account is at no moment above its limit; afterwards the reservation gives
way to what the request took. Locks are taken in one order, so that nobody waits in a circle: a
Reservation before the accounts, these by name, an Alert last.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from chat import alerts, telemetry
from chat.accounts import Limits, topic, whose
from chat.models import Reservation, Spending

NOTHING = Decimal(0)


def over_soft(limits: Limits, accounts: Sequence[str]) -> bool:
    """Whether one of the accounts has spent or reserved up to its soft limit."""
    for row in Spending.objects.filter(account__in=accounts):
        if _at_soft(limits, row):
            telemetry.budget_reached(_kind(row), "soft")
            return True
    return False


def reserve(
    limits: Limits, accounts: Sequence[str], amount: Decimal, lifetime: timedelta
) -> UUID | None:
    """Sets `amount` aside on all accounts; None, and staff are told, where one has no room for it.
    Whoever does not settle the reservation within `lifetime` is taken for dead."""
    with transaction.atomic():
        rows = _locked(accounts)
        for row in rows:
            limit = limits.of(row.account)
            if limit is not None and row.spent + row.reserved + amount > limit:
                telemetry.budget_reached(_kind(row), "hard")
                _tell_hard(row, limit)
                return None
        _book(rows, reserved=amount)
        reservation = Reservation(accounts=accounts, amount=amount, expires_at=Now() + lifetime)
        reservation.save(force_insert=True)
    return reservation.pk


def settle(
    limits: Limits, reservation: UUID, accounts: Sequence[str], amount: Decimal, cost: Decimal
) -> None:
    """Replaces a reservation of `amount` on `accounts` by the `cost` of its request."""
    with transaction.atomic():
        deleted, _ = Reservation.objects.filter(pk=reservation).delete()
        rows = _locked(accounts)
        if deleted:
            _book(rows, reserved=-amount, spent=cost)
        else:  # so late that it was swept: all of it has been counted as spent
            _book(rows, spent=cost - amount)
        for row in rows:
            if row.soft_told_at is None and _at_soft(limits, row):
                _tell_soft(limits, row)


def sweep() -> int:
    """Counts as spent what was reserved by processes that died: nobody knows what their requests
    took. Returns how many there were."""
    with transaction.atomic():
        expired = Reservation.objects.filter(expires_at__lte=Now()).order_by("pk")
        dead = list(expired.select_for_update(skip_locked=True))
        if not dead:
            return 0
        rows = {row.account: row for row in _locked(a for held in dead for a in held.accounts)}
        for held in dead:
            for account in held.accounts:
                rows[account].reserved -= held.amount
                rows[account].spent += held.amount
        _book(list(rows.values()))
        Reservation.objects.filter(pk__in=[held.pk for held in dead]).delete()
    return len(dead)


def of_owners(owners: Collection[str]) -> QuerySet[Spending]:
    """The accounts of customers, of all their days and months."""
    theirs = Q(pk=None)
    for owner in owners:
        theirs |= Q(account__startswith="customer:", account__endswith=f":{owner}")
    return Spending.objects.filter(theirs)


def forget(owners: Collection[str], conversations: Collection[UUID]) -> int:
    """Deletes the accounts of customers and of conversations, and takes their names out of what is
    reserved. What they spent stays in the accounts of its days and months. Returns how many."""
    of_conversations = {f"conversation:{pk}" for pk in conversations}
    with transaction.atomic():
        names = of_conversations | set(of_owners(owners).values_list("account", flat=True))
        for held in Reservation.objects.select_for_update().order_by("pk"):
            kept = [name for name in held.accounts if name not in names]
            if len(kept) < len(held.accounts):
                held.accounts = kept
                held.save(update_fields=["accounts"])
        return Spending.objects.filter(account__in=names).delete()[0]


def _locked(accounts: Iterable[str]) -> list[Spending]:
    """The rows of the accounts, by name, nobody else's until the transaction ends."""
    names = sorted(set(accounts))
    rows = Spending.objects.select_for_update().filter(account__in=names).order_by("account")
    found = list(rows)
    if len(found) < len(names):
        new = [Spending(account=name) for name in names]
        Spending.objects.bulk_create(new, ignore_conflicts=True)
        found = list(rows.all())
    return found


def _book(
    rows: Sequence[Spending], *, reserved: Decimal = NOTHING, spent: Decimal = NOTHING
) -> None:
    """Stores locked rows with so much more reserved and spent.

    The sums are made here, in Decimal: SQLite would make them in floating point.
    """
    for row in rows:
        row.reserved += reserved
        row.spent += spent
        row.save(update_fields=["reserved", "spent", "updated_at"])


def _kind(row: Spending) -> str:
    """Which of the budgets an account is of: `conversation`, `customer`, `day` or `month`."""
    return row.account.partition(":")[0]


def _at_soft(limits: Limits, row: Spending) -> bool:
    limit = limits.of(row.account)
    return limit is not None and row.spent + row.reserved >= limit * limits.soft


def _tell_soft(limits: Limits, row: Spending) -> None:
    Spending.objects.filter(pk=row.pk).update(soft_told_at=Now())
    alerts.tell(
        f"budget:soft:{topic(row.account)}",
        f"{whose(row.account)} has used {limits.soft:.0%} of its budget of "
        f"${limits.of(row.account)}. Cheaper models answer from now on.",
    )


def _tell_hard(row: Spending, limit: Decimal) -> None:
    if row.hard_told_at is not None:
        return
    Spending.objects.filter(pk=row.pk).update(hard_told_at=Now())
    alerts.tell(
        f"budget:hard:{topic(row.account)}",
        f"{whose(row.account)} has no room left in its budget of ${limit}: ${row.spent:.2f} spent, "
        f"${row.reserved:.2f} reserved. What does not fit is answered by the offline engine.",
    )
