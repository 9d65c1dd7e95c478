"""Whose budget is whose: the accounts that a request is charged to, their limits and their names.

An account is a row of Spending. Its name says whose it is, always in UTC:

    conversation:<id>            SUPPORTBOT_BUDGET_CONVERSATION
    customer:<day>:<owner>       SUPPORTBOT_BUDGET_CUSTOMER: one customer on one day. A guest is known
                                 by the owner id of their browser, a verified customer everywhere.
    day:<day>                    SUPPORTBOT_BUDGET_DAY: everybody
    month:<month>                SUPPORTBOT_BUDGET_MONTH: everybody
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.conf import settings

from chat.llm.base import Payer


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets in US dollars, None for no limit. From the share `soft` of one on, staff are told and
    the cheaper models answer."""

    conversation: Decimal | None = None
    customer: Decimal | None = None
    day: Decimal | None = None
    month: Decimal | None = None
    soft: Decimal = Decimal("0.8")

    def __bool__(self) -> bool:
        return any(limit is not None for limit in self._by_kind().values())

    def of(self, account: str) -> Decimal | None:
        """The limit of an account; None where it has none any more."""
        return self._by_kind().get(kind(account))

    def _by_kind(self) -> Mapping[str, Decimal | None]:
        return {
            "conversation": self.conversation,
            "customer": self.customer,
            "day": self.day,
            "month": self.month,
        }


def limits() -> Limits:
    """What the settings say."""
    return Limits(
        conversation=settings.BUDGET_CONVERSATION,
        customer=settings.BUDGET_CUSTOMER,
        day=settings.BUDGET_DAY,
        month=settings.BUDGET_MONTH,
        soft=Decimal(str(settings.BUDGET_SOFT)),
    )


def charged(limits: Limits, payer: Payer | None, now: datetime) -> tuple[str, ...]:
    """The accounts with a limit that a request of `payer` at `now` is charged to, sorted. A request
    of nobody is charged to the day and the month."""
    now = now.astimezone(UTC)
    accounts: list[str] = []
    if payer and limits.conversation is not None:
        accounts.append(f"conversation:{payer.conversation}")
    if payer and limits.customer is not None:
        accounts.append(f"customer:{now:%Y-%m-%d}:{payer.customer}")
    if limits.day is not None:
        accounts.append(f"day:{now:%Y-%m-%d}")
    if limits.month is not None:
        accounts.append(f"month:{now:%Y-%m}")
    return tuple(sorted(accounts))


def kind(account: str) -> str:
    """What an account is of: a conversation, a customer, a day, a month."""
    return account.partition(":")[0]


def topic(account: str) -> str:
    """What an alert about an account is about. Conversations, and the customers of a day, share
    theirs: on a busy day they would bury all other alerts."""
    parts = account.split(":")
    match parts[0]:
        case "conversation":
            return parts[0]
        case "customer":
            return f"customer:{parts[1]}"
        case _:
            return account


def whose(account: str) -> str:
    """An account in words for staff. It names no customer: the list of Spending does."""
    parts = account.split(":")
    match parts[0]:
        case "conversation":
            return f"Conversation {parts[1][:8]}"  # what its page is headed with
        case "customer":
            return f"A customer ({parts[1]})"
        case _:
            return f"The {parts[0]} {parts[1]}"
