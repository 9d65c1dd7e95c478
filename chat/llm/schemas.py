"""Structured outputs: which schemas a model can be held to, and whether its answer fits."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, PydanticUserError, ValidationError

from chat.llm.base import Malformed, Schema, Unsupported
from chat.llm.tally import Tally

MOST_PROBLEMS = 10
"""A model that reads ten of its mistakes learns nothing from an eleventh."""

_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of", "pattern", "expected")
"""What pydantic tells about a rule that is not about the value."""


def require_closed(provider: str, schema: type[BaseModel]) -> None:
    """Raises Unsupported unless `schema`, and every model inside it, forbids extra fields.

    Strict modes close every object of a schema themselves: with an open one, what the model is
    held to and what its answer is checked against would be two things.
    """
    try:
        described = schema.model_json_schema()
    except PydanticUserError:
        raise Unsupported(f"no JSON schema for {schema.__name__}", provider) from None
    objects = (node for node in _nodes(described) if node.get("type") == "object")
    if any(node.get("additionalProperties") is not False for node in objects):
        raise Unsupported(f"{schema.__name__} does not forbid extra fields", provider)


def fitted(provider: str, schema: type[Schema], text: str, tally: Tally) -> Schema:
    """What the model wrote, as an instance of `schema`; raises Malformed."""
    try:
        value = schema.model_validate_json(text)
    except ValidationError as error:
        problems = _problems(error, schema)
    else:
        # JSON can spell a NUL, which no PostgreSQL stores.
        if "\\u0000" not in value.model_dump_json():
            return value
        problems = "a NUL character in a text"
    raise Malformed(
        f"does not fit {schema.__name__}",
        provider,
        usage=tally.whole(),
        request_id=tally.request_id,
        text=text,
        problems=problems,
    )


def _problems(error: ValidationError, schema: type[BaseModel]) -> str:
    """Field and rule of each problem. The value is never told: it may be the customer's."""
    known = {name for node in _nodes(schema.model_json_schema()) for name in _properties(node)}
    details = error.errors(include_url=False, include_input=False)
    return "; ".join(_problem(detail, known) for detail in details[:MOST_PROBLEMS])


def _problem(detail: Any, known: set[str]) -> str:
    # A field that the schema does not know has a name that the model made up.
    places = (
        str(part) if isinstance(part, int) or part in known else "?" for part in detail["loc"]
    )
    context = detail.get("ctx", {})
    limits = (f"{name} {context[name]}" for name in _LIMITS if name in context)
    return f"{'.'.join(places) or 'answer'}: {' '.join((detail['type'], *limits))}"


def _properties(node: dict[str, Any]) -> dict[str, Any]:
    properties = node.get("properties")
    return properties if isinstance(properties, dict) else {}


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a JSON schema."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _nodes(inner)
