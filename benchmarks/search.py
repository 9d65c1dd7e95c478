"""Search, measured: how well it finds beside bm25s, how well it knows what it does not know, and how
long it takes in large knowledge bases.

The data are others' and lie beside the project, in ../shared/data or where SEARCH_DATA says: a folder
for each set, with corpus.jsonl, queries.jsonl and qrels.tsv. The last line is one JSON object.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportbot.settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")

from benchmarks import search_quality, search_scale
from benchmarks.processes import ROOT
from benchmarks.search_quality import SETS, WITHHELD, SetFigures
from tools.knowledge import evaluation
from tools.knowledge.collection import BadCollection
from tools.knowledge.confidence import CONFIDENT

DATA = Path(os.environ.get("SEARCH_DATA", ROOT.parent / "shared" / "data"))


def main() -> None:
    """Runs the benchmark of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with the sets")
    parser.add_argument("--no-scale", action="store_true", help="leave out the large bases")
    given = parser.parse_args()
    missing = [name for name in SETS if not (given.data / name / "corpus.jsonl").is_file()]
    if missing:
        sys.exit(
            f"{given.data} has no {', '.join(missing)}. Say where the data are with --data or "
            "SEARCH_DATA; see docs/search.md."
        )
    try:
        found = _quality(given.data)
    except BadCollection as error:
        sys.exit(str(error))
    if not given.no_scale:
        found |= _scale()
    print(json.dumps(found))


def _quality(data: Path) -> dict[str, Any]:
    print(f"{'nDCG@10':32} {'ours':>8} {'bm25s':>8} {'gain':>8} {'p95 ms':>8}")
    measured = {name: search_quality.measure(data / name) for name in SETS}
    found: dict[str, Any] = {}
    for name, figures in measured.items():
        for kind, beside in figures.kinds.items():
            place = f"{name.replace('/', '_')}_{'faq' if kind == WITHHELD else kind}"
            row = f"{beside.ours:8.4f} {beside.bm25s:8.4f} {beside.gain:+8.4f}"
            print(f"{place:32} {row} {figures.p95_ms:8.1f}")
            found |= {
                place: round(beside.ours, 4),
                f"{place}_bm25s": round(beside.bm25s, 4),
                f"{place}_gain": round(beside.gain, 4),
            }
    for name, figures in measured.items():
        found |= _abstention(name.replace("/", "_"), figures)
    found["abstention_auroc"] = found["business_central_auroc"]
    return found


def _abstention(name: str, figures: SetFigures) -> dict[str, Any]:
    outcomes = figures.half_hidden
    auroc = evaluation.abstention(outcomes) or 0.0
    print(f"\n{name}, the articles of half the questions hidden: AUROC {auroc:.4f}")
    print("  refused of the answerable and of the unanswerable:")
    for share, of_the_others in search_quality.curve(outcomes).items():
        print(f"  {share:8.0%} {of_the_others:8.0%}")
    answerable = search_quality.refused(outcomes, answerable=True)
    unanswerable = search_quality.refused(outcomes, answerable=False)
    print(f"  {answerable:8.0%} {unanswerable:8.0%}  at the threshold in use, {CONFIDENT}")
    return {
        f"{name}_auroc": round(auroc, 4),
        f"{name}_answerable_refused": round(answerable, 4),
        f"{name}_unanswerable_refused": round(unanswerable, 4),
    }


def _scale() -> dict[str, Any]:
    print("\nlarge bases, on one core:")
    found = search_scale.measure()
    for name, value in found.items():
        print(f"{name:40} {value:>10}")
    return found


if __name__ == "__main__":
    main()
