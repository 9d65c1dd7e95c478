"""The parts of `benchmarks.search_scale`, each run in a process of its own."""

import json
import logging
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import bm25s
import django
import psutil
import Stemmer

django.setup()  # before anything below, whose models need it

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from benchmarks.figures import percentile
from benchmarks.search_scale import DATA
from tools.knowledge import articles, vectors
from tools.knowledge.embedders import get_embedder
from tools.knowledge.index import get_index
from tools.knowledge.models import Article, Chunk
from tools.knowledge.search import search

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it tells of each index

ALTERED = 0.15
"""The share of words that a copy has in a form of its own: it grows the vocabulary as other articles
would, and leaves each copy as long as what it is a copy of."""

LONG_WORD = 5
"""Letters of a word that may be altered: short ones are the glue of the language."""

BATCH = 100
"""Articles in one write."""

LIMIT = 10

NEWS = "wobblegadget"
"""What begins a word that no article has until it is edited; the size makes it another one each time."""

PATIENCE = 60.0
"""Seconds until the edit must have been found."""


def fill(size: int) -> None:
    """Stores articles until there are so many passages: first the corpus, then copies of it."""
    call_command("migrate", verbosity=0)
    if not Article.objects.exists():
        rows = [json.loads(line) for line in (DATA / "corpus.jsonl").read_text().splitlines()]
        for start in range(0, len(rows), BATCH):
            articles.save_all([_article(row) for row in rows[start : start + BATCH]])
    originals = list(Article.objects.exclude(source__contains="#").prefetch_related("chunks"))
    # The last copy of a smaller size may be a part of one.
    copy = -(-Article.objects.filter(source__contains="#").count() // len(originals))
    missing = size - Chunk.objects.count()
    while missing > 0:
        copy += 1
        for start in range(0, len(originals), BATCH):
            if missing > 0:
                missing -= _copy(originals[start : start + BATCH], copy, missing)
    if connection.vendor == "postgresql":  # as the server does by itself within a minute
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _article(row: dict[str, str]) -> Article:
    return Article(title=row["title"][:200], body=row["text"], source=row["id"], locale="en")


@transaction.atomic
def _copy(originals: Sequence[Article], number: int, most: int) -> int:
    """Copies passages without cutting the articles up anew. Returns how many."""
    articles.touch()
    revision = articles.current_revision()[1]
    copies = Article.objects.bulk_create(
        Article(
            slug=f"{original.pk}-{number}",
            title=_altered(original.title, number)[:200],
            body="A copy of passages.",
            source=f"{original.source}#{number}",
            locale="en",
            revision=revision,
        )
        for original in originals
    )
    passages = [
        Chunk(
            article=copy,
            position=chunk.position,
            heading=_altered(chunk.heading, number),
            anchor=chunk.anchor,
            text=_altered(chunk.text, number),
        )
        for copy, original in zip(copies, originals, strict=True)
        for chunk in original.chunks.all()
    ][:most]
    vectors.write(Chunk.objects.bulk_create(passages, batch_size=1000))
    return len(passages)


def _altered(text: str, number: int) -> str:
    chance = random.Random(f"{number} {text}")
    suffix = chr(ord("a") + number % 26)
    return " ".join(
        word + suffix if len(word) >= LONG_WORD and chance.random() < ALTERED else word
        for word in text.split(" ")
    )


def measured(size: int) -> dict[str, float]:
    """The figures for the base that is stored."""
    shutil.rmtree(settings.DATA_DIR / "index", ignore_errors=True)
    get_embedder().embed_query("warm")
    process = psutil.Process()
    before = process.memory_full_info()
    build = _seconds(get_index().locales)
    questions = [json.loads(line)["text"] for line in (DATA / "queries.jsonl").open()]
    ours = _times(search, questions)
    after = process.memory_full_info()
    return {
        "chunks": Chunk.objects.count(),
        "build_s": round(build, 1),
        "p50_ms": percentile(ours, 50),
        "p95_ms": percentile(ours, 95),
        "builder_mb": (after.uss - before.uss) / 2**20,
        "folder_mb": _size_of_folder(),
        **_edit(f"{NEWS}{size}"),
        **_peers(questions),
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _times(answer: Callable[[str], object], questions: Sequence[str]) -> list[float]:
    """Milliseconds for each question, after as many to warm up."""
    for question in questions:
        answer(question)
    return [1000 * _seconds(partial(answer, question)) for question in questions]


def _size_of_folder() -> float:
    files = (settings.DATA_DIR / "index").rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file()) / 2**20


def _edit(news: str) -> dict[str, float]:
    """How long after an edit's commit this process and another one find it, and what the first
    search after it costs more than others."""
    article = Article.objects.order_by("pk")[1000]
    command = [sys.executable, "-m", "benchmarks.search_scale_part", "watch", news]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        memory = json.loads(other.stdout.readline())  # it is ready
        usual = min(_seconds(lambda: search(news)) for _ in range(5))
        article.body += f"\n\n## {news}\n\nA {news} is new."
        articles.save(article)
        committed = time.time()
        first = _seconds(lambda: search(news))
        seen_here = _found_at(committed, news)
        seen_there = float(other.stdout.readline()) - committed
    return {
        **memory,
        "refresh_ms": 1000 * (first - usual),
        "visible_here_s": seen_here,
        "visible_elsewhere_s": seen_there,
    }


def _found_at(since: float, news: str) -> float:
    while time.time() < since + PATIENCE:
        if any(news in passage.text for passage in search(news).passages):
            return time.time() - since
        time.sleep(0.005)
    raise TimeoutError("the edit was not found")


def watch(news: str) -> None:
    """Tells how much memory a process takes that only maps the index, of its own and with what it
    shares, and when the edit is found by it."""
    get_embedder().embed_query("warm")
    process = psutil.Process()
    before = process.memory_full_info()
    for line in (DATA / "queries.jsonl").open():
        search(json.loads(line)["text"])
    after = process.memory_full_info()
    memory = {
        "rss_mb": (after.rss - before.rss) / 2**20,
        "own_mb": (after.uss - before.uss) / 2**20,
    }
    print(json.dumps(memory), flush=True)
    since = time.time()
    print(since + _found_at(since, news), flush=True)


def _peers(questions: Sequence[str]) -> dict[str, float]:
    texts = [
        f"{title}\n{heading}\n{text}"
        for title, heading, text in Chunk.objects.order_by("pk").values_list(
            "article__title", "heading", "text"
        )
    ]
    found: dict[str, float] = {}
    for name, answer in (("bm25s", _bm25s(texts)), ("fts5", _fts5(texts))):
        times = _times(answer, questions)
        found |= {f"{name}_p50_ms": percentile(times, 50), f"{name}_p95_ms": percentile(times, 95)}
    return found


def _bm25s(texts: Sequence[str]) -> Callable[[str], object]:
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stemmer=stemmer, show_progress=False), show_progress=False)

    def answer(question: str) -> Any:
        tokens = bm25s.tokenize([question], stemmer=stemmer, show_progress=False)
        return index.retrieve(tokens, k=LIMIT, show_progress=False)

    return answer


def _fts5(texts: Sequence[str]) -> Callable[[str], object]:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE passage USING fts5(text, tokenize = 'porter unicode61')")
    database.executemany("INSERT INTO passage (text) VALUES (?)", ((text,) for text in texts))

    def answer(question: str) -> Any:
        words = " OR ".join(f'"{word}"' for word in _letters(question))
        query = "SELECT rowid FROM passage WHERE passage MATCH ? ORDER BY rank LIMIT ?"
        return database.execute(query, (words or '""', LIMIT)).fetchall()

    return answer


def _letters(question: str) -> Iterator[str]:
    yield from "".join(c if c.isalnum() else " " for c in question).split()


if __name__ == "__main__":
    work, about = sys.argv[1:]
    if work == "fill":
        fill(int(about))
    elif work == "watch":
        watch(about)
    else:
        print(json.dumps({name: round(value, 3) for name, value in measured(int(about)).items()}))
