"""Real data by others, which tests use where it lies beside the project."""

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "data"


def path(name: str) -> Path:
    """A file of the shared data. Skips the test where it is absent."""
    found = FOLDER / name
    if not found.exists():
        pytest.skip(f"needs {name} of the shared data, which is not in {FOLDER}")
    return found


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a JSONL file of the shared data. Skips the test where it is absent."""
    return [json.loads(line) for line in path(name).read_text("utf-8").splitlines()]
