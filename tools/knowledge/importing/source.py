"""What a run reads from: files or pages, opened as its row says."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol
from uuid import UUID

from django.conf import settings

from tools.jsonl import BadRow
from tools.knowledge.conversion.converter import Converter
from tools.knowledge.conversion.document import Unreadable
from tools.knowledge.fetching.errors import FetchError
from tools.knowledge.fetching.fetcher import Fetcher
from tools.knowledge.fetching.pace import Pace
from tools.knowledge.importing import folder, formats, uploads, web
from tools.knowledge.importing.archive import Archive
from tools.knowledge.importing.encoding import decode
from tools.knowledge.importing.item import File, Item
from tools.knowledge.models import ImportRun

ZIP = ".zip"
ADDRESSES = ".txt"
"""A file of addresses, one a line."""


class Source(Protocol):
    """What lists articles."""

    collection: str
    """What it is called where it lists all of its articles each time; else empty."""
    total: int | None
    """How many items there are, as far as is known by now."""
    complete: bool
    """Whether, after `items` ended, it has listed all that it has, but for what it told as bad."""

    def items(self) -> Iterator[Item | BadRow]:
        """The articles, and what is no article with the reason."""
        ...


class Files:
    """Articles in files. With a `collection`, what is not among the files any more is gone."""

    def __init__(
        self,
        files: Iterable[File],
        converter: Converter,
        *,
        collection: str = "",
        alone: bool = False,
    ) -> None:
        self._files, self._converter, self._alone = list(files), converter, alone
        self.collection, self.complete = collection, False
        self.total: int | None = len(self._files)

    def items(self) -> Iterator[Item | BadRow]:
        """See Source."""
        for file in self._files:
            found, problem = self._found(file)
            self.total = (self.total or 0) + len(found) + (problem is not None) - 1
            yield from found
            if problem:
                yield problem
        self.complete = bool(self.collection)

    def _found(self, file: File) -> tuple[list[Item], BadRow | None]:
        """A broken table has good rows before the place where it broke."""
        found: list[Item] = []
        try:
            for item in formats.items(file, self._converter, alone=self._alone):
                found.append(item)
        except (Unreadable, FetchError) as error:
            return found, BadRow(file.place, str(error))
        return found, None


class Broken:
    """A source that cannot be read at all, among others that can."""

    collection = ""
    complete = False
    total: int | None = 1

    def __init__(self, place: str, reason: str) -> None:
        self._problem = BadRow(place, reason)

    def items(self) -> Iterator[Item | BadRow]:
        """See Source."""
        yield self._problem


@contextmanager
def opened(run: ImportRun) -> Iterator[list[Source]]:
    """The sources of a run. Raises Unreadable where there is nothing that could be read."""
    with ExitStack() as stack:
        converter = stack.enter_context(Converter())
        if run.kind == ImportRun.Kind.ADDRESSES:
            yield _of_addresses(run.location.splitlines(), converter)
        elif run.kind == ImportRun.Kind.UPLOAD:
            yield _of_uploads(run, converter, stack)
        else:
            yield _of_path(Path(run.location), converter, stack)


def fetcher() -> Fetcher:
    """A fetcher as the settings wish it."""
    return Fetcher(http=settings.IMPORT_HTTP, pace=Pace(1 / settings.IMPORT_RATE))


def _of_path(path: Path, converter: Converter, stack: ExitStack) -> list[Source]:
    place, suffix = str(path.resolve()), formats.suffix(path.name)
    if path.is_dir():
        return [Files(folder.files(path), converter, collection=place)]
    if suffix == ZIP:
        archive = Archive(stack.enter_context(path.open("rb")))
        return [Files(archive.files(), converter, collection=place)]
    if suffix == ADDRESSES:
        return _of_addresses(decode(folder.read(path)).splitlines(), converter)
    file = File(path.name, partial(folder.read, path))
    return [_of_file(file, converter, collection=place, alone=True)]


def _of_uploads(run: ImportRun, converter: Converter, stack: ExitStack) -> list[Source]:
    """A source each, so that one that is broken does not stop the others."""
    sources: list[Source] = []
    names = uploads.names(run.pk)
    for name in names:
        try:
            sources += _of_upload(run.pk, name, converter, stack, alone=len(names) == 1)
        except Unreadable as error:
            sources.append(Broken(name, str(error)))
    return sources


def _of_upload(
    run: UUID, name: str, converter: Converter, stack: ExitStack, *, alone: bool
) -> list[Source]:
    suffix = formats.suffix(name)
    if suffix == ZIP:
        archive = Archive(stack.enter_context(uploads.open_file(run, name)))
        return [Files(archive.files(), converter, collection=name)]
    if suffix == ADDRESSES:
        return _of_addresses(decode(uploads.read(run, name)).splitlines(), converter)
    file = File(name, partial(uploads.read, run, name))
    return [_of_file(file, converter, collection=name, alone=alone)]


def _of_file(file: File, converter: Converter, *, collection: str, alone: bool) -> Source:
    """A table lists all that it has. A document stands for itself."""
    whole = collection if formats.suffix(file.place) in formats.ROWS else ""
    return Files([file], converter, collection=whole, alone=alone)


def _of_addresses(lines: Iterable[str], converter: Converter) -> list[Source]:
    """The pages that are named are one source; each sitemap is another. All are asked by one
    fetcher, which keeps its pace."""
    addresses = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    fetching = fetcher()
    pages = [address for address in addresses if not web.is_sitemap(address)]
    sources: list[Source] = [web.Pages(pages, fetching, converter)] if pages else []
    for address in addresses:
        if web.is_sitemap(address):
            sources.append(web.SitePages(address, fetching, converter))
    return sources
