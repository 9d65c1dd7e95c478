"""A test collection: a corpus, questions, and which article answers which question.

Files as they are usual in information retrieval: the corpus and the questions as JSON Lines, the
judgements (qrels) as rows of question, article and grade between tabs. TREC's four columns, with a
second one that says nothing, do as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from tools import jsonl
from tools.knowledge import articles
from tools.knowledge.document import first_heading
from tools.knowledge.evaluation import Question
from tools.knowledge.models import Article

BATCH_SIZE = 200
"""Articles in a transaction."""

LONGEST_TITLE = 200


class BadCollection(ValueError):
    """A file does not say what it should. The message names the file and the place."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: str
    title: str = ""
    text: str


class _Query(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: str
    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """Files read, ids as they stand in them."""

    documents: Sequence[_Document]
    queries: Sequence[_Query]
    judgements: Mapping[str, Mapping[str, int]]


_Row = TypeVar("_Row", bound=BaseModel)


def read(corpus: Path, queries: Path, qrels: Path) -> Collection:
    """Reads a collection. Raises BadCollection, and OSError for what cannot be read."""
    documents, questions = _rows(corpus, _Document), _rows(queries, _Query)
    judgements = _judgements(qrels)
    known = {document.id for document in documents}
    missing = {one for judged in judgements.values() for one in judged} - known
    if missing:
        raise BadCollection(f"{qrels}: {min(missing)} is not in {corpus.name}")
    asked = [query for query in questions if query.id in judgements]
    if not asked:
        raise BadCollection(f"{qrels}: judges no question of {queries.name}")
    return Collection(documents, asked, judgements)


def load(collection: Collection, locale: str = "") -> list[Question]:
    """Writes the corpus to the knowledge base as published articles. Returns the questions.

    `locale` is the corpus's language; where it is empty it is told from each article's text.
    """
    keys: dict[str, int] = {}
    documents = iter(collection.documents)
    while batch := list(islice(documents, BATCH_SIZE)):
        written = [_article(document, locale) for document in batch]
        articles.save_all(written, origin="evaluation")
        keys |= {document.id: a.pk for document, a in zip(batch, written, strict=True)}
    return [
        Question(query.id, query.text, _graded(collection.judgements[query.id], keys), query.kind)
        for query in collection.queries
    ]


def hide_half(questions: Sequence[Question]) -> list[Question]:
    """Takes back every second article that answers something. Returns all questions with the articles
    that are left: those without any should be answered by "I do not know"."""
    answering = dict.fromkeys(article for question in questions for article in question.relevant)
    hidden = set(list(answering)[::2])
    articles.unpublish(hidden)
    return [
        replace(q, relevant={a: grade for a, grade in q.relevant.items() if a not in hidden})
        for q in questions
    ]


def _rows(path: Path, schema: type[_Row]) -> list[_Row]:
    rows = []
    for place, row in jsonl.read(path, schema):
        if isinstance(row, jsonl.BadRow):
            raise BadCollection(f"{path}, {place}: {row.reason}")
        rows.append(row)
    return rows


def _judgements(path: Path) -> dict[str, dict[str, int]]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadCollection(f"{path}: is not UTF-8") from error
    judgements: dict[str, dict[str, int]] = {}
    for query, document, grade in _columns(path, lines):
        if grade > 0:
            judgements.setdefault(query, {})[document] = grade
    return judgements


def _columns(path: Path, lines: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    for number, line in enumerate(lines, start=1):
        parts = [part.strip() for part in line.split("\t" if "\t" in line else None)]
        if not line.strip():
            continue
        grade = parts[-1]
        if len(parts) in (3, 4) and grade.lstrip("-").isdecimal():
            yield parts[0], parts[-2], int(grade)
        elif number > 1:  # the first line may name the columns
            raise BadCollection(f"{path}, line {number}: is not question, article and grade")


def _article(document: _Document, locale: str) -> Article:
    title = document.title or first_heading(document.text) or document.id
    return Article(title=title[:LONGEST_TITLE], body=document.text, locale=locale)


def _graded(judged: Mapping[str, int], keys: Mapping[str, int]) -> dict[int, int]:
    return {keys[document]: grade for document, grade in judged.items()}
