"""How a command is told whose data it is about."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from chat.privacy import subjects
from chat.privacy.subjects import Subject


def add(parser: ArgumentParser) -> None:
    """Three ways to name a customer, one of which is taken."""
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--customer", help="the shop's own id of a customer it vouched for")
    whose.add_argument("--email", help="an e-mail address that the shop verified")
    whose.add_argument("--conversation", type=UUID, help="any conversation of theirs, as a guest's")


def subject(options: dict[str, Any]) -> Subject:
    """Whom they name. Raises CommandError where nothing is known of them."""
    if options["customer"]:
        found = subjects.of_customer(options["customer"])
    elif options["email"]:
        found = subjects.of_email(options["email"])
    else:
        found = subjects.of_conversations([options["conversation"]])
    if not found.conversations.exists() and not found.emails:
        raise CommandError("Nothing is stored of such a customer.")
    return found
