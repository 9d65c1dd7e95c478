"""Search in large knowledge bases: how long a question takes, and how soon an edit is found.

The articles of a real help centre, and copies of their passages with altered words up to each size,
are stored in a real database: SQLite, or that of DATABASE_URL, which must hold nothing else. On one
core, each question goes through the app's own search, the reading from the database included; bm25s
and SQLite FTS5 answer the same questions over the same passages in the same process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.processes import ROOT, cores, environment

SIZES = (20_000, 100_000)

DATA = ROOT.parent / "shared" / "data" / "business_central"


def measure(sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """The figures of each size, as `name_size`; times are in milliseconds, or seconds where the name
    says so, memory is in megabytes. Sizes ascend. Raises CalledProcessError."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="search-scale-") as folder:
        for size in sizes:
            _child(folder, "fill", size)
            for name, value in json.loads(_child(folder, "time", size)).items():
                found[f"{name}_{size}"] = value
    return found


def _child(folder: str, work: str, size: int) -> str:
    """Runs a part in a process of its own on one core. Returns the last line that it prints."""
    command = [sys.executable, "-m", "benchmarks.search_scale_part", work, str(size)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=part_environment(folder),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        preexec_fn=_on_one_core,
    )
    return done.stdout.strip().rpartition("\n")[2]


def part_environment(folder: str) -> dict[str, str]:
    """One thread for numpy, and a data folder of its own."""
    return environment(
        {
            "DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "supportbot.settings",
            "LOG_LEVEL": "WARNING",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
    )


def _on_one_core() -> None:
    os.sched_setaffinity(0, cores()[0])


def show(found: Mapping[str, Any]) -> None:
    """Prints the figures, and all of them as JSON in the last line."""
    for name, value in found.items():
        print(f"{name:40} {value:>10}")
    print(json.dumps(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    show(measure(parser.parse_args().sizes))
