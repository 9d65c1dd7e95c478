"""The words by which an import describes its articles, checked."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints

_LOCALE = re.compile(r"\A(?:[a-z]{2,3}(?:-[a-z0-9]{2,8})?)?\Z")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_HALVES = re.compile(r"[\ud800-\udfff]")

LONGEST_CATEGORY = 100


def storable(value: str) -> str:
    """The text, if every database can store it. Raises ValueError."""
    if _CONTROLS.search(value):
        raise ValueError("has control characters, which cannot be stored")
    if _HALVES.search(value):
        raise ValueError("has half a character (a lone surrogate), which cannot be stored")
    return value


def _on_one_line(value: Any) -> Any:
    if value is None:
        return ""
    return " ".join(value.split()) if isinstance(value, str) else value


def _as_locale(value: Any) -> Any:
    return value.strip().lower().replace("_", "-") if isinstance(value, str) else value


def _is_locale(value: str) -> str:
    if not _LOCALE.match(value):
        raise ValueError("is no language such as en or pt-br")
    return value


Line = Annotated[str, AfterValidator(storable), BeforeValidator(_on_one_line)]
Category = Annotated[Line, StringConstraints(max_length=LONGEST_CATEGORY)]
Locale = Annotated[
    Line, StringConstraints(max_length=10), BeforeValidator(_as_locale), AfterValidator(_is_locale)
]
TagName = Annotated[Line, StringConstraints(min_length=1, max_length=50)]
