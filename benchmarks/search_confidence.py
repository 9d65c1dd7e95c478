"""Fits the confidence of search: a logistic regression, judged on sets that it has not seen.

Prints the coefficients for tools/knowledge/confidence.py, and for each set the AUROC of a regression
that was fitted on the others.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import django
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportbot.settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")
django.setup()  # before anything below, whose models need it

from benchmarks.processes import ROOT
from benchmarks.search_quality import SETS
from tools.knowledge import collection, evaluation
from tools.knowledge.collection import Collection
from tools.knowledge.readers import Reader
from tools.knowledge.scratch import scratch_base
from tools.knowledge.search import found

STRANGERS = 200
"""Questions to another base that are asked of one."""

STRANGERS_WEIGHT = 0.5
"""Of such questions, beside those of a set: they are the easier ones, and the rarer."""

RIDGE = 0.5
"""Keeps coefficients small where features go together."""

STEPS = 50


@dataclass(frozen=True, slots=True)
class Sample:
    """A question: its set, whether it came from another, its features, and whether it has an answer."""

    set: str
    stranger: bool
    features: tuple[float, ...]
    answerable: bool


def main() -> None:
    """Collects, fits and prints."""
    data = Path(os.environ.get("SEARCH_DATA", ROOT.parent / "shared" / "data"))
    if not (data / SETS[0]).is_dir():
        sys.exit(f"{data} has no {SETS[0]}. Say where the data are with SEARCH_DATA.")
    read = {
        name: collection.read(
            *(data / name / file for file in ("corpus.jsonl", "queries.jsonl", "qrels.tsv"))
        )
        for name in SETS
    }
    samples = [sample for name in SETS for sample in _of_set(name, read)]
    intercept, *coefficients = fitted(samples)
    print("intercept", round(intercept, 2), "coefficients", [round(c, 2) for c in coefficients])
    for name in SETS:
        parts = fitted([sample for sample in samples if sample.set != name])
        for stranger in (False, True):
            print(f"{name:18} {'strangers' if stranger else 'half hidden':12}", end=" ")
            print(f"{_auroc([s for s in samples if s.set == name], parts, stranger):.3f}")


def fitted(samples: Sequence[Sample]) -> list[float]:
    """The intercept and the coefficients, by Newton's method on the penalised likelihood."""
    sizes = Counter((sample.set, sample.stranger) for sample in samples)
    shares = np.array(
        [(STRANGERS_WEIGHT if s.stranger else 1.0) / sizes[s.set, s.stranger] for s in samples]
    )
    weights = shares * len(samples) / shares.sum()
    rows = np.array([(1.0, *sample.features) for sample in samples])
    truth = np.array([sample.answerable for sample in samples], dtype=float)
    ridge = np.diag([0.0, *[RIDGE] * (rows.shape[1] - 1)])
    parts: NDArray[np.float64] = np.zeros(rows.shape[1])
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-rows @ parts))
        slope = rows.T @ (weights * (likely - truth)) + ridge @ parts
        bend = (rows * (weights * likely * (1 - likely))[:, np.newaxis]).T @ rows + ridge
        parts = parts - np.linalg.solve(bend, slope)
    return [float(value) for value in parts]


def _of_set(name: str, read: dict[str, Collection]) -> Iterator[Sample]:
    english = SETS[1] if name == SETS[0] else SETS[0]
    with scratch_base():
        questions = collection.load(read[name])
        for query in read[english].queries[:STRANGERS]:
            yield Sample(name, True, _features(query.text), answerable=False)
        for question in collection.hide_half(questions):
            yield Sample(name, False, _features(question.text), bool(question.relevant))


def _features(text: str) -> tuple[float, ...]:
    _, evidence = found(text, evaluation.PASSAGES, Reader.GUEST)
    return evidence.features if evidence else (0.0, 0.0, 0.0)


def _auroc(samples: Sequence[Sample], parts: Sequence[float], stranger: bool) -> float:
    def score(sample: Sample) -> float:
        return sum(part * value for part, value in zip(parts, (1, *sample.features), strict=True))

    strong = [score(sample) for sample in samples if sample.answerable]
    weak = [score(s) for s in samples if not s.answerable and s.stranger == stranger]
    return evaluation.auroc(strong, weak)


if __name__ == "__main__":
    main()
