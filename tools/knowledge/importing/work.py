"""Working through a run: item by item, in small transactions that hold the report in step.

What a batch adds and what the report says of it are committed together. A process that dies loses
the batch it was at and nothing else: the next one skips what the report already has.
"""

from collections.abc import Callable
from time import monotonic

from django.db import IntegrityError, transaction
from django.db.models import F

from tools.jsonl import BadRow
from tools.knowledge.conversion.document import Unreadable
from tools.knowledge.fetching.errors import FetchError, NotThere
from tools.knowledge.importing import claims, store
from tools.knowledge.importing.item import Item
from tools.knowledge.importing.options import Options
from tools.knowledge.importing.source import Source
from tools.knowledge.importing.store import Entry
from tools.knowledge.models import ImportProblem, ImportRun, Listing

BATCH = 25
"""Articles in a transaction. They take a quarter of a second, for which SQLite's other writers wait."""

BATCH_SECONDS = 2.0
"""Pages come slowly: so often the report is brought up to date all the same."""

LONGEST_PLACE = 500

Watch = Callable[[int, int | None], None]
"""Is told how many items are done, and how many there are where that is known."""


def nobody(done: int, total: int | None) -> None:
    """Watches nothing."""


class Work:
    """One process's part of a run that it has claimed."""

    def __init__(self, run: ImportRun, watch: Watch = nobody) -> None:
        self._run, self._watch = run, watch
        self._options = Options.model_validate(run.options)
        listed = Listing.objects.filter(run=run).values_list("article__source", "place")
        self._seen = dict(listed)
        self._failed = set(run.problems.values_list("place", flat=True))
        self._settled = {*self._seen.values(), *self._failed}
        self._total = 0
        self._done = run.done
        self._empty_hands()

    def through(self, sources: list[Source]) -> None:
        """Imports all that the sources list. Raises claims.Superseded."""
        for source in sources:
            before, known = self._total, True
            for found in source.items():
                self._total = before + (source.total or 0)
                known = self._take(found, source) and known
                if self._is_due():
                    self._flush()
            self._total = before + (source.total or 0)
            self._flush()
            if source.complete and known:
                self._mark_unlisted(source.collection)

    def _take(self, found: Item | BadRow, source: Source) -> bool:
        """Settles one item. False where it might be an article that nobody can name."""
        place = found.place[:LONGEST_PLACE]
        named = isinstance(found, Item) and found.source is not None
        if place in self._settled:
            return named or place not in self._failed
        self._settled.add(place)
        self._done += 1
        self._counted += 1
        self._watch(self._done, self._total)
        if isinstance(found, BadRow):
            self._problems.append(BadRow(place, found.reason))
            return False
        return self._load(found, place, source.collection) or named

    def _load(self, item: Item, place: str, collection: str) -> bool:
        try:
            row = item.load().completed(self._options)
        except (Unreadable, FetchError) as error:
            self._problems.append(BadRow(place, str(error)))
            if item.source is not None:
                (self._absent if isinstance(error, NotThere) else self._unread).append(item.source)
            return False
        if row.id in self._seen:
            reason = f"id: {row.id} was there before, on {self._seen[row.id]}"
            self._problems.append(BadRow(place, reason))
        else:
            self._seen[row.id] = place
            self._entries.append(Entry(row, place, collection))
        return True

    def _is_due(self) -> bool:
        waiting = self._counted and monotonic() - self._flushed_at > BATCH_SECONDS
        return len(self._entries) >= BATCH or bool(waiting)

    def _flush(self) -> None:
        """Stores what was gathered. Another run may add the same article at the same moment: then
        this one finds it there at its second try."""
        try:
            self._store()
        except IntegrityError:
            self._store()
        self._empty_hands()

    @transaction.atomic
    def _store(self) -> None:
        stored = store.store(self._entries, self._run) if self._entries else store.Stored()
        gone = store.mark_absent(self._absent) if self._absent else 0
        if self._unread:
            store.note_listed(self._unread, self._run)
        ImportProblem.objects.bulk_create(
            ImportProblem(run=self._run, place=bad.place, reason=bad.reason)
            for bad in self._problems
        )
        counts = {
            "done": self._counted,
            "added": stored.added,
            "changed": stored.changed,
            "unchanged": stored.unchanged,
            "failed": len(self._problems),
            "gone": gone,
        }
        added = {name: F(name) + count for name, count in counts.items()}
        claims.write(self._run, {**added, "total": max(self._total, self._done)})

    @transaction.atomic
    def _mark_unlisted(self, collection: str) -> None:
        gone = store.mark_unlisted(collection, self._run)
        claims.write(self._run, {"gone": F("gone") + gone})

    def _empty_hands(self) -> None:
        self._entries: list[Entry] = []
        self._problems: list[BadRow] = []
        self._absent: list[str] = []
        self._unread: list[str] = []
        self._counted = 0
        self._flushed_at = monotonic()
