"""Reading JSON Lines for an import: a bad line is reported by its number and stops nothing else."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeVar

from pydantic import BaseModel, ValidationError
from tqdm import tqdm

Row = TypeVar("Row", bound=BaseModel)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out: where it stands and what is wrong with it."""

    place: str
    reason: str


@dataclass
class Report:
    """What an import did, one count an item."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: list[BadRow] = field(default_factory=list)

    def __str__(self) -> str:
        counts = f"{self.added} added, {self.changed} changed, {self.unchanged} unchanged"
        return f"{counts}, {len(self.failed)} failed"


def read(path: Path, schema: type[Row]) -> Iterator[tuple[str, Row | BadRow]]:
    """Yields each line's place (`line 7`) with its row, or with what is wrong. Skips blank lines.

    Raises OSError for a file that cannot be read.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield f"line {number}", _parse(f"line {number}", line, schema)


def _parse(place: str, line: bytes, schema: type[Row]) -> Row | BadRow:
    try:
        return schema.model_validate(json.loads(line))
    except UnicodeDecodeError:
        return BadRow(place, "is not UTF-8")
    except json.JSONDecodeError as error:
        return BadRow(place, f"is not valid JSON: {error.msg} at column {error.colno}")
    except RecursionError:
        return BadRow(place, "is nested too deeply")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "row"
        return BadRow(place, f"{where}: {first['msg']}")
    except ValueError:  # json's own word for it comes with the interpreter's limits
        return BadRow(place, "has a number of too many digits")


def with_progress(items: Iterable[Item], *, total: int, name: str, to: TextIO) -> Iterator[Item]:
    """Yields the items behind a progress bar, which shows on a terminal only."""
    bar: Iterable[Item] = tqdm(items, total=total, desc=name, unit="", file=to, disable=None)
    yield from bar


def count_lines(path: Path) -> int:
    """How many lines a file has, for a progress bar."""
    with path.open("rb") as file:
        return sum(1 for _ in file)
