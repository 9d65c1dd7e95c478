"""manage.py import_articles PATH_OR_ADDRESS..."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from pydantic import ValidationError

from tools.knowledge import imports
from tools.knowledge.importing import ImportFailed, runs
from tools.knowledge.importing.item import reason
from tools.knowledge.importing.options import Options
from tools.knowledge.models import Audience, ImportRun


class Command(BaseCommand):
    help = (
        "Imports help articles: a folder or zip of Markdown, HTML, PDF and DOCX, a CSV or JSONL file, "
        "pages of sites, sitemaps, or a .txt file of addresses. Running it again changes only what "
        "differs; interrupted, it goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sources", nargs="+", help="paths and https:// addresses")
        parser.add_argument("--locale", default="", help="their language, such as en or pt-br")
        parser.add_argument("--audience", choices=Audience.values, help="who may read them")
        parser.add_argument("--category", default="", help="for those that name none")
        parser.add_argument(
            "--tag", action="append", default=[], dest="tags", help="may be repeated"
        )
        parser.add_argument("--draft", action="store_true", help="add them as drafts")
        parser.add_argument(
            "--background", action="store_true", help="leave the work to a worker; see the admin"
        )

    def handle(self, *args: Any, sources: Sequence[str], background: bool, **given: Any) -> None:
        options = _options(given)
        failed = False
        for run in _runs(sources, options):
            if background:
                imports.enqueue(run)
                self.stdout.write(f"{run.name}: left to a worker.")
            else:
                failed |= self._finish(run)
        if failed:
            raise CommandError("Correct what failed and import again; the rest is stored.")

    def _finish(self, run: ImportRun) -> bool:
        """Works through a run and tells what it did. Returns whether anything failed."""
        try:
            told = runs.finish(run, progress=sys.stderr)
        except ImportFailed as error:
            raise CommandError(f"{run.name} cannot be imported: it {error}") from error
        for bad in told.failed:
            self.stderr.write(f"{run.location.splitlines()[0]}, {bad.place}: {bad.reason}")
        self.stdout.write(f"Articles: {told}.")
        return bool(told.failed)


def _options(given: dict[str, Any]) -> Options:
    try:
        return Options.model_validate({key: given[key] for key in Options.model_fields})
    except ValidationError as error:
        raise CommandError(reason(error)) from error


def _runs(sources: Sequence[str], options: Options) -> Iterator[ImportRun]:
    addresses = [source for source in sources if "://" in source]
    paths = [Path(source) for source in sources if "://" not in source]
    for path in paths:
        try:
            path.stat()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error
    if addresses:
        yield runs.of_addresses(addresses, options)
    for path in paths:
        yield runs.of_path(path, options)
