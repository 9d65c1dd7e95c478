"""`manage.py delete_old`: the end of what is older than the settings keep it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from chat.privacy import retention


class Command(BaseCommand):
    help = "Deletes what is older than SUPPORTBOT_RETAIN_… says, as happens once a day by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what, and delete nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        counts = retention.due() if options["dry_run"] else retention.sweep()
        for rule in retention.rules():
            count = counts.get(rule.name)
            told = "kept for ever" if count is None else f"{count:,} older than {rule.days} days"
            self.stdout.write(f"{rule.name:16} {told}")
        if not options["dry_run"]:
            self.stdout.write("Deleted.")
