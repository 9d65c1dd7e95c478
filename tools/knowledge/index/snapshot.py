"""What an index knows at one moment, how it is built, and how it follows the database."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tools.knowledge.index import source
from tools.knowledge.index.block import AUDIENCES, Entry
from tools.knowledge.index.lexical import Lexicon
from tools.knowledge.index.passages import Passages
from tools.knowledge.index.source import Revision, Row

DELETED_SHARE = 20
"""One deleted passage in so many, and a language is written anew: BM25 counts deleted ones until
then, and no rank may depend on what there once was."""

NewLexicon = Callable[[str], Lexicon]
"""Makes an empty lexicon for a language."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Immutable: following the database makes another one. `vector` is the id of the youngest vector
    that was seen."""

    revision: Revision
    vector: int
    lexicons: Mapping[str, Lexicon]
    passages: Passages

    @property
    def worn(self) -> frozenset[str]:
        """The languages in which too many passages were deleted."""
        return frozenset(
            locale
            for locale, lexicon in self.lexicons.items()
            if lexicon.deleted(AUDIENCES) * DELETED_SHARE > len(lexicon)
        )


def build(now: Revision, model: str, new: NewLexicon) -> Snapshot:
    """Reads the whole base. Of what is written meanwhile a part may be in it: `now`, read before,
    makes the next refresh read it again."""
    vector = source.newest_vector()
    entries: list[Entry] = []
    lexicons = {
        locale: new(locale).changed((), _noted(source.of_locales(locales, model), entries))
        for locale, locales in source.languages().items()
    }
    return Snapshot(now, vector, lexicons, Passages.of(entries))


def refresh(before: Snapshot, now: Revision, model: str, new: NewLexicon) -> Snapshot:
    """Takes over what changed since `before`."""
    since = before.revision[1]
    vector = source.newest_vector()
    rows = list(source.written(since, model))
    changed = source.changed(since) | {row.article for row in rows}
    if now[2] > since:
        changed |= before.passages.articles - source.remaining()
    lexicons = _changed(before.lexicons, changed, rows, new)
    if vector > before.vector:
        rows += [r for r in source.embedded(before.vector, model) if r.article not in changed]
    entries = [_entry(row) for row in rows]
    gone = changed | {row.article for row in rows}
    passages = before.passages.changed(gone, entries) if gone else before.passages
    return Snapshot(now, vector, lexicons, passages)


def renewed(before: Snapshot, locales: Collection[str], model: str, new: NewLexicon) -> Snapshot:
    """Writes the lexicons of some languages anew, from what the database has now."""
    if not locales:
        return before
    lexicons = dict(before.lexicons)
    stored = source.languages()
    for locale in locales:
        if locale in stored:
            lexicons[locale] = new(locale).changed((), source.of_locales(stored[locale], model))
        else:
            del lexicons[locale]
    return replace(before, lexicons=lexicons)


def _changed(
    lexicons: Mapping[str, Lexicon], changed: set[int], rows: list[Row], new: NewLexicon
) -> dict[str, Lexicon]:
    by_locale: dict[str, list[Row]] = {}
    for row in rows:
        by_locale.setdefault(row.locale, []).append(row)
    after = dict(lexicons)
    for locale in {*lexicons, *by_locale}:
        lexicon = lexicons[locale] if locale in lexicons else new(locale)
        gone = {article for article in changed if lexicon.has(article)}
        if gone or locale in by_locale:
            after[locale] = lexicon.changed(gone, by_locale.get(locale, ()))
    return after


def _noted(rows: Iterable[Row], entries: list[Entry]) -> Iterator[Row]:
    for row in rows:
        entries.append(_entry(row))
        yield row


def _entry(row: Row) -> Entry:
    return Entry(row.chunk, row.article, row.audience, row.vector)
