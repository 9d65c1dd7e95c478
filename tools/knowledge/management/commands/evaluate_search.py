"""manage.py evaluate_search CORPUS QUERIES QRELS"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tools.knowledge import collection, evaluation
from tools.knowledge.collection import Collection
from tools.knowledge.evaluation import Figures, Outcome
from tools.knowledge.scratch import NoScratch, scratch_base


class Command(BaseCommand):
    help = (
        "Measures search on a corpus with questions and judgements: nDCG@10, recall@5, MRR@10, "
        "abstention AUROC with the articles of half the questions hidden, and latency. The live "
        "knowledge base is not touched."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("corpus", type=Path, help="JSON Lines with id, title and text")
        parser.add_argument("queries", type=Path, help="JSON Lines with id, text and maybe kind")
        parser.add_argument("qrels", type=Path, help="question, article and grade between tabs")
        parser.add_argument("--locale", default="", help="the corpus's language; told otherwise")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(
        self, *args: Any, corpus: Path, queries: Path, qrels: Path, locale: str, **options: Any
    ) -> None:
        try:
            read = collection.read(corpus, queries, qrels)
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror or error}") from error
        except collection.BadCollection as error:
            raise CommandError(str(error)) from error
        try:
            outcomes, auroc = _measured(read, locale)
        except NoScratch as error:
            raise CommandError(
                f"There is no database to try search out in: {error}. Let this user CREATE DATABASE, "
                "or measure the in-process index: unset SUPPORTBOT_KNOWLEDGE_INDEX."
            ) from error
        report = _report(len(read.documents), outcomes, auroc)
        self.stdout.write(json.dumps(report) if options["json"] else _table(report))


def _measured(read: Collection, locale: str) -> tuple[list[Outcome], float | None]:
    """How the questions were answered, and how well the confidence tells those that cannot be.
    Raises NoScratch."""
    with scratch_base():
        questions = collection.load(read, locale)
        evaluation.ask(questions[:1])  # builds the index
        outcomes = evaluation.ask(questions)
        hidden = evaluation.ask(collection.hide_half(questions))
    return outcomes, evaluation.abstention(hidden)


def _report(articles: int, outcomes: list[Outcome], auroc: float | None) -> dict[str, Any]:
    whole = evaluation.figures(outcomes)
    kinds = sorted({outcome.question.kind for outcome in outcomes} - {""})
    return {
        "articles": articles,
        "questions": whole.questions,
        **_scores(whole),
        "abstention_auroc": _rounded(auroc),
        "p50_ms": round(whole.p50_ms, 2),
        "p95_ms": round(whole.p95_ms, 2),
        "kinds": {
            kind: _scores(evaluation.figures([o for o in outcomes if o.question.kind == kind]))
            for kind in kinds
        },
    }


def _scores(figures: Figures) -> dict[str, float | None]:
    return {
        "ndcg_at_10": _rounded(figures.ndcg),
        "recall_at_5": _rounded(figures.recall),
        "mrr_at_10": _rounded(figures.mrr),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _table(report: dict[str, Any]) -> str:
    lines = [
        f"{report['articles']} articles, {report['questions']} questions",
        f"nDCG@10           {_shown(report['ndcg_at_10'])}",
        f"recall@5          {_shown(report['recall_at_5'])}",
        f"MRR@10            {_shown(report['mrr_at_10'])}",
        f"abstention AUROC  {_shown(report['abstention_auroc'])}",
        f"latency           p50 {report['p50_ms']} ms, p95 {report['p95_ms']} ms",
    ]
    for kind, scores in report["kinds"].items():
        shown = " / ".join(_shown(score) for score in scores.values())
        lines.append(f"{kind}: nDCG@10 / recall@5 / MRR@10 {shown}")
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
