"""Storing a batch of an import: what is new, what changed at its source, what is back."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from tools.knowledge import articles
from tools.knowledge.importing.row import ArticleRow
from tools.knowledge.models import Article, ImportRun, Listing, Status

_ORIGIN_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with where it stood, and in which collection."""

    row: ArticleRow
    place: str
    collection: str


@dataclass(frozen=True, slots=True)
class Stored:
    """How many articles were added, changed and left alone."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


def store(entries: Sequence[Entry], run: ImportRun) -> Stored:
    """Adds and changes articles, and notes that the run saw them. Part of the caller's transaction."""
    known = _known([entry.row.id for entry in entries])
    added, changed = [], []
    for entry in entries:
        article, row = known.get(entry.row.id), entry.row
        if article is None:
            status = Status.DRAFT if row.draft else Status.PUBLISHED
            added.append((_filled(Article(source=row.id, status=status), row), row))
        elif article.content_hash != row.fingerprint():
            changed.append((_filled(article, row), row))
    written = added + changed
    if written:
        origin = f"import: {run.name}"[:_ORIGIN_LENGTH]
        articles.save_all([article for article, _ in written], origin=origin)
        _add_tags(written)
    known |= {article.source: article for article, _ in added}
    back = [article.pk for article in known.values() if article.gone_at is not None]
    if back:
        articles.mark_there(back)
    _note(entries, known, run)
    return Stored(len(added), len(changed), len(entries) - len(written))


def note_listed(sources: Collection[str], run: ImportRun) -> None:
    """Notes that the run saw articles which could not be read this time: they are not gone."""
    Listing.objects.filter(article__in=_of(sources).values("pk")).update(run=run)


def mark_absent(sources: Collection[str]) -> int:
    """Marks articles as gone whose source says so. Returns how many were not known to be."""
    return articles.mark_gone(_of(sources).values_list("pk", flat=True))


def mark_unlisted(collection: str, run: ImportRun) -> int:
    """Marks what the collection had before and did not list in this run. Returns how many are new."""
    unlisted = Listing.objects.filter(collection=collection).exclude(run=run)
    return articles.mark_gone(unlisted.values_list("article", flat=True))


def _of(sources: Collection[str]) -> QuerySet[Article]:
    """The articles of these sources. Without its second half the query reads the whole table: the
    index of sources leaves out the empty ones, and has to be told that none is asked for."""
    return Article.objects.filter(source__in=sources).exclude(source="")


def _known(sources: Collection[str]) -> dict[str, Article]:
    """The articles that are there, without the body: of most it is not needed."""
    return {article.source: article for article in _of(sources).defer("body")}


def _filled(article: Article, row: ArticleRow) -> Article:
    article.title, article.category, article.body = row.title, row.category, row.text
    article.locale = row.locale or article.locale
    article.audience = row.audience or article.audience
    article.content_hash = row.fingerprint()
    return article


def _add_tags(written: Sequence[tuple[Article, ArticleRow]]) -> None:
    """The row's tags beside those that staff gave."""
    tagged = {article.pk: set(row.tags) for article, row in written if row.tags}
    if tagged:
        there = Article.tags.through.objects.filter(article__in=tagged)
        for article, name in there.values_list("article", "tag__name"):
            tagged[article].add(name)
        articles.set_tags(tagged)


def _note(entries: Sequence[Entry], known: dict[str, Article], run: ImportRun) -> None:
    """One statement for all that belong to a collection, and one for those that were named alone:
    these stay in the collection that listed them before."""
    columns: dict[bool, list[Listing]] = defaultdict(list)
    for entry in entries:
        columns[bool(entry.collection)].append(
            Listing(
                article=known[entry.row.id],
                run=run,
                place=entry.place,
                collection=entry.collection,
            )
        )
    for collected, listings in columns.items():
        fields = ["run", "place", *(["collection"] if collected else [])]
        Listing.objects.bulk_create(
            listings, update_conflicts=True, unique_fields=["article"], update_fields=fields
        )
