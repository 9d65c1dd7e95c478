"""manage.py import_orders PATH"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tools.orders.importing import import_orders


class Command(BaseCommand):
    help = "Imports orders from a JSONL file. Running it again changes only what differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the JSONL file, one order a line")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        try:
            report = import_orders(path, progress=sys.stderr)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error
        for bad in report.failed:
            self.stderr.write(f"{path}, {bad.place}: {bad.reason}")
        self.stdout.write(f"Orders: {report}.")
        if report.failed:
            raise CommandError("Correct what failed and import again; the rest is stored.")
