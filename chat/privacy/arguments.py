"""How a command is told whose data it is about."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from chat.privacy import subjects
from chat.privacy.subjects import Subject


def add(parser: ArgumentParser) -> None:
    """Three ways to name a customer. The first two may be taken together: where conversations are gone by
    their age, what requests cost is under the id, and tickets are under the address."""
    parser.add_argument("--customer", help="the shop's own id of a customer it vouched for")
    parser.add_argument("--email", help="an e-mail address that the shop verified")
    parser.add_argument(
        "--conversation", type=UUID, help="any conversation of theirs, as a guest's"
    )


def subject(options: dict[str, Any]) -> Subject:
    """Whom they name. Raises CommandError where they name nobody, or nothing is known of them."""
    customer, email, conversation = (
        options[name] for name in ("customer", "email", "conversation")
    )
    if bool(conversation) == bool(customer or email):
        raise CommandError("Say whose: --customer, --email or both, or else --conversation.")
    if conversation:
        found = subjects.of_conversations([conversation])
    else:
        found = subjects.of_customer(customer, email) if customer else subjects.of_email(email)
    if not found.is_known:
        raise CommandError("Nothing is stored of such a customer.")
    return found
