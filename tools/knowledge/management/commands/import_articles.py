"""manage.py import_articles PATH"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tools.knowledge.importing import import_articles


class Command(BaseCommand):
    help = (
        "Imports help articles from a folder of Markdown, or from a JSONL file with id, title and "
        "text. Running it again changes only what differs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the folder, or the JSONL file")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        try:
            report = import_articles(path, progress=sys.stderr)
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error
        for bad in report.failed:
            self.stderr.write(f"{path}, {bad.place}: {bad.reason}")
        self.stdout.write(f"Articles: {report}.")
        if report.failed:
            raise CommandError("Correct what failed and import again; the rest is stored.")
