"""`manage.py erase_customer`: the end of what is stored of one customer."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat.privacy import arguments
from chat.privacy.erasure import Busy, erase

WORD = "erase"


class Command(BaseCommand):
    help = "Erases everything that is stored of one customer. There is no way back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add(parser)
        parser.add_argument("--no-input", action="store_true", help="do not ask before")

    def handle(self, *args: Any, **options: Any) -> None:
        subject = arguments.subject(options)
        conversations = subject.conversations.count()
        if not options["no_input"]:
            self.stdout.write(f"{conversations:,} conversations, and what hangs on them, will go.")
            if input(f"Write “{WORD}” to go on: ").strip() != WORD:
                raise CommandError("Nothing was erased.")
        try:
            counts = erase(subject)
        except Busy as error:
            raise CommandError(str(error)) from error
        for what, count in counts.items():
            self.stdout.write(f"{count:6,} {what}")
        self.stdout.write(f"Erased: customer {subject.fingerprint}.")
