"""How well search finds and how well it knows that it does not, beside bm25s on the same questions."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import bm25s
import django
import Stemmer

django.setup()  # before anything below, whose models need it

from tools.knowledge import collection, evaluation
from tools.knowledge.collection import Collection
from tools.knowledge.confidence import CONFIDENT
from tools.knowledge.evaluation import DEPTH, Outcome
from tools.knowledge.scratch import scratch_base

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it tells of each index

SETS = ("business_central", "xquad/en", "xquad/es", "xquad/hi", "xquad/zh")

WITHHELD = "faq_heading"
"""The kind of question whose heading was taken out of the text that answers it."""

REFUSED = (0.05, 0.10, 0.15, 0.20, 0.30, 0.40, 0.50)
"""Shares of answerable questions that are refused, for which the curve is shown."""

_HAN = re.compile(r"[\u4e00-\u9fff]+|[^\W_\u4e00-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Beside:
    """Average nDCG@10 of ours and of bm25s."""

    ours: float
    bm25s: float

    @property
    def gain(self) -> float:
        """How much better ours is."""
        return self.ours - self.bm25s


@dataclass(frozen=True, slots=True)
class SetFigures:
    """One set: scores of all questions and of each kind, and what search said about half of them with
    the articles of the other half hidden."""

    kinds: Mapping[str, Beside]
    half_hidden: Sequence[Outcome]
    p95_ms: float


def measure(folder: Path) -> SetFigures:
    """Measures one set, told nothing but its files. Raises OSError and BadCollection."""
    read = collection.read(*(folder / f for f in ("corpus.jsonl", "queries.jsonl", "qrels.tsv")))
    theirs = _bm25s(read)
    with scratch_base():
        questions = collection.load(read)
        evaluation.ask(questions[:1])  # builds the index
        outcomes = evaluation.ask(questions)
        half_hidden = evaluation.ask(collection.hide_half(questions))
    ours = [evaluation.ndcg(o.ranking, o.question.relevant) for o in outcomes]
    kinds = sorted({question.kind for question in questions} - {""})
    return SetFigures(
        kinds={
            kind or "all": Beside(
                *(fmean(_of_kind(scores, read, kind)) for scores in (ours, theirs))
            )
            for kind in ("", *kinds)
        },
        half_hidden=half_hidden,
        p95_ms=evaluation.figures(outcomes).p95_ms,
    )


def curve(outcomes: Sequence[Outcome]) -> dict[float, float]:
    """For a share of answerable questions that are refused, the share of unanswerable ones that are."""
    answerable = sorted(o.confidence for o in outcomes if o.question.relevant)
    points = {}
    for share in REFUSED:
        threshold = answerable[min(len(answerable) - 1, int(share * len(answerable)))]
        points[share] = refused(outcomes, threshold, answerable=False)
    return points


def refused(
    outcomes: Sequence[Outcome], threshold: float = CONFIDENT, *, answerable: bool
) -> float:
    """The share of answerable or unanswerable questions whose confidence is below a threshold."""
    asked = [o.confidence for o in outcomes if bool(o.question.relevant) == answerable]
    return sum(confidence < threshold for confidence in asked) / len(asked)


def _of_kind(scores: Sequence[float], read: Collection, kind: str) -> list[float]:
    return [s for s, q in zip(scores, read.queries, strict=True) if kind in ("", q.kind)]


def _bm25s(read: Collection) -> list[float]:
    """nDCG@10 of bm25s with its defaults and the Snowball English stemmer, article by article. Chinese
    is given to it in pairs of characters, as it would find nothing otherwise."""
    texts = [f"{document.title}\n{document.text}" for document in read.documents]
    questions = [query.text for query in read.queries]
    if sum(map(_is_han, texts)) > len(texts) / 2:
        texts, questions = list(map(_paired, texts)), list(map(_paired, questions))
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stemmer=stemmer, show_progress=False), show_progress=False)
    asked = bm25s.tokenize(questions, stemmer=stemmer, show_progress=False)
    found, _ = index.retrieve(asked, k=min(DEPTH, len(texts)), show_progress=False)
    places = {document.id: place for place, document in enumerate(read.documents)}
    relevant = [
        {places[document]: grade for document, grade in read.judgements[query.id].items()}
        for query in read.queries
    ]
    return [
        evaluation.ndcg([int(place) for place in row], judged)
        for row, judged in zip(found, relevant, strict=True)
    ]


def _is_han(text: str) -> bool:
    return sum("\u4e00" <= character <= "\u9fff" for character in text) > len(text) / 3


def _paired(text: str) -> str:
    return " ".join(
        part
        for run in _HAN.findall(text)
        for part in ([a + b for a, b in pairwise(run)] if "\u4e00" <= run[0] <= "\u9fff" else [run])
    )
