"""Every route of the URL configuration, and an address of each that leads to given rows."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

Rows = Mapping[type[models.Model], models.Model]

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>.*?\)(?=/|\$|$)")
"""Of a path and of a regular expression."""


class NoArgument(Exception):
    """A route has a parameter that nobody knows a value for."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `name` has its namespaces; a route without a name is named by its pattern."""

    name: str
    pattern: str

    @property
    def is_of_the_admin(self) -> bool:
        return self.name.startswith("admin:")

    @property
    def model(self) -> type[models.Model] | None:
        """The model whose pages of the admin it belongs to."""
        parts = self.pattern.split("/")
        if not self.is_of_the_admin or len(parts) < 3:
            return None
        try:
            return apps.get_model(parts[1], parts[2])
        except (LookupError, ValueError):
            return None

    def address(self, rows: Rows) -> str:
        """Its address for what belongs to `rows`. Raises NoArgument."""

        def fill(found: re.Match[str]) -> str:
            return str(self._argument(found[1] or found[2], rows))

        return "/" + _PARAMETER.sub(fill, self.pattern).replace("^", "").replace("$", "")

    def _argument(self, name: str, rows: Rows) -> Any:
        article = rows[apps.get_model("knowledge.Article")]
        conversation = apps.get_model("chat.Conversation")
        match name:
            case "object_id" | "pk" | "id":
                return rows[self.model or conversation].pk
            case "number":
                return _of(rows[apps.get_model("knowledge.Version")], "number")
            case "content_type_id":
                return ContentType.objects.get_for_model(conversation).pk
            case "slug":
                return _of(article, "slug")
            case "code":
                return _of(article, "locale")
            case "section":
                return "articles"
            case "app_label":
                return "chat"
            case "url":
                return "no/such/page/"
        raise NoArgument(f"{self.pattern}: tell tests.routes what <{name}> leads to a planted row")


def _of(row: models.Model, field: str) -> Any:
    return getattr(row, field)


def every_route() -> list[Route]:
    """All routes of the URL configuration in use, those of included ones too."""
    return list(_walk(get_resolver(), "", ()))


def _walk(within: URLResolver, prefix: str, spaces: tuple[str, ...]) -> Iterator[Route]:
    for entry in within.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = (*spaces, entry.namespace) if entry.namespace else spaces
            yield from _walk(entry, pattern, inner)
        elif isinstance(entry, URLPattern):
            yield Route(":".join((*spaces, entry.name or pattern)), pattern)
