"""What the files of the deployment say, read for the tests of their rules."""

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")

Service = dict[str, Any]


def read(name: str) -> dict[str, Any]:
    """A YAML file of the project."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / name).read_text("utf-8"))
    return loaded


def strings(value: Any) -> Iterator[str]:
    """Every text in it, however deep."""
    if isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of the Dockerfile that has this name."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return [
        line.partition(" ")[2].strip()
        for line in joined.splitlines()
        if line.startswith(f"{name} ")
    ]


def copied() -> set[str]:
    """What the images take from the checkout."""
    arguments = [line.split() for line in instructions("COPY") if "--from=" not in line]
    return {source for line in arguments for source in line[:-1]}


def in_context(path: str) -> bool:
    """Whether a path gets past .dockerignore: the last pattern that matches it or a folder above it
    decides, and `!` lets it in."""
    inside = True
    above = [str(folder) for folder in PurePosixPath(path).parents if str(folder) != "."]
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        wanted = _expression(pattern.removeprefix("!"))
        if any(wanted.fullmatch(part) for part in [path, *above]):
            inside = pattern.startswith("!")
    return inside


def _expression(pattern: str) -> re.Pattern[str]:
    anywhere = pattern.startswith("**/")
    name = fnmatch.translate(pattern.removeprefix("**/")).replace(".*", "[^/]*")
    return re.compile(f"(?:.*/)?{name}" if anywhere else name)
