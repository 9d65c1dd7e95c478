"""`manage.py export_customer`: all that is stored of one customer."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat.privacy import arguments
from chat.privacy.export import as_json, export


class Command(BaseCommand):
    help = "Writes everything that is stored of one customer as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        arguments.add(parser)
        parser.add_argument("--out", type=Path, help="a new file; standard output if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        document = export(arguments.subject(options))
        text = as_json(document)
        out: Path | None = options["out"]
        if out is None:
            self.stdout.write(text)
            return
        try:
            out.touch(mode=0o600, exist_ok=False)
            out.write_text(text, "utf-8")
        except OSError as error:
            raise CommandError(f"{out}: {error.strerror}.") from error
        rows = sum(len(rows) for rows in document.values() if isinstance(rows, list))
        self.stdout.write(f"{rows:,} rows in {out}, for its owner's eyes alone.")
