"""One row of every model, each text of it marked: what must not leak, and what must not run.

The rows are made from the models themselves, so that a field that is added tomorrow is marked too.
"""

import itertools
import uuid
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

OURS = ("chat", "knowledge", "orders", "tickets")
"""The labels of the project's apps."""

CONTRIB: tuple[type[models.Model], ...] = (User, Group, LogEntry, AccessAttempt, AccessLog)
"""What the admin shows of Django's own and of django-axes'."""

Values = Mapping[str, Any]
"""Values of fields by `app.Model.field`, where a model's own rules ask for them."""

_serial = itertools.count(1)


def every_model() -> list[type[models.Model]]:
    """The models of the project's apps and those of Django that the admin shows."""
    ours = [model for label in OURS for model in apps.get_app_config(label).get_models()]
    return [*ours, *CONTRIB]


def plant(text: str, values: Values | None = None) -> dict[type[models.Model], models.Model]:
    """Creates a row of every model with `text` in each of its texts, and returns them by model."""
    planter = _Planter(text, values or {})
    for model in every_model():
        planter.row(model)
    return planter.rows


class _Planter:
    def __init__(self, text: str, values: Values) -> None:
        self.rows: dict[type[models.Model], models.Model] = {}
        self._text = text
        self._values = _json(text) | _ruled(text) | dict(values)

    def row(self, model: type[models.Model]) -> models.Model:
        if model not in self.rows and _is_the_only_one(model):
            self.rows[model] = model._default_manager.first() or model._default_manager.create()
        if model not in self.rows:
            fields = [f for f in model._meta.concrete_fields if not _fills_itself(f)]
            values = {field.attname: self._value(field) for field in fields}
            self.rows[model] = model._default_manager.create(**values)
        return self.rows[model]

    def _value(self, field: models.Field[Any, Any]) -> Any:
        ruled = f"{field.model._meta.label}.{field.name}"
        if ruled in self._values:
            return self._values[ruled]
        if isinstance(field, models.ForeignKey):
            return self._key(field)
        if field.choices:
            return next(iter(field.flatchoices))[0]
        return self._scalar(field)

    def _key(self, field: models.ForeignKey[Any, Any]) -> Any:
        model = field.related_model
        if model is ContentType:
            return ContentType.objects.get_for_model(apps.get_model("chat.Conversation")).pk
        return self.row(model).pk

    def _scalar(self, field: models.Field[Any, Any]) -> Any:
        match field:
            case models.CharField() | models.TextField():
                return self._words(field)
            case models.GenericIPAddressField():
                return "192.0.2.1"
            case models.JSONField():
                return [self._text] if field.default is list else {"text": self._text}
            case models.DateTimeField():
                return timezone.now()
            case models.DateField():
                return date(2026, 11, 2)
            case models.DecimalField():
                return Decimal(1)
            case models.UUIDField():
                return uuid.uuid4()
            case models.BooleanField():
                return False
            case models.BinaryField():
                return b"\0\0"
            case models.FloatField():
                return 0.5
            case models.IntegerField():
                return 1
            case _:
                raise AssertionError(f"tests.planted does not know {field!r} yet: teach it")

    def _words(self, field: models.Field[Any, Any]) -> str:
        """Unique where it has to be; cut where the column is short."""
        text = f"{next(_serial)} {self._text}" if field.unique else self._text
        return text[: field.max_length]


def _is_the_only_one(model: type[models.Model]) -> bool:
    """Whether a table has one row by design: its key is always the same."""
    return model._meta.pk.has_default() and not callable(model._meta.pk.default)


def _fills_itself(field: models.Field[Any, Any]) -> bool:
    return isinstance(field, models.AutoField) or (field.primary_key and field.has_default())


def _ruled(text: str) -> dict[str, Any]:
    """Values that a constraint, or the page that shows them, has rules for."""
    return {
        "chat.Turn.status": "completed",  # at most one waits, and one that ended has a reply
        "chat.Message.role": "assistant",
        "auth.User.username": f"staff-{next(_serial)}",
        "auth.User.is_active": True,
        "auth.User.password": "!",
        "admin.LogEntry.action_flag": 2,
        "admin.LogEntry.object_id": "1",
        "knowledge.Article.slug": f"planted-{next(_serial)}",
        "knowledge.Article.locale": "en",
        "knowledge.Evaluation.revision": f"{text}-1"[:100],
    }


def _json(text: str) -> dict[str, Any]:
    """The columns of JSON that have a shape."""
    citation = {"title": text, "heading": text, "url": text}
    rank = {
        "question": 1,
        "text": text,
        "article": None,
        "title": text,
        "rank": None,
        "confidence": 0.5,
        "refused": False,
    }
    return {
        "chat.Message.citations": [citation],
        "chat.Turn.passed_over": [
            {"provider": text, "model": text, "code": text, "detail": text},
        ],
        "chat.ToolCall.result": {
            "content": text,
            "text": text,
            "citations": [citation | {"id": text}],
            "missing": [text],
        },
        "chat.ToolCall.receipt": {
            "title": text,
            "fields": [{"label": text, "value": text}],
            "tone": "neutral",
        },
        "knowledge.Evaluation.ranks": [rank],
        "knowledge.Gap.stems": {text: 1},
    }


def unmarked(rows: Mapping[type[models.Model], models.Model], text: str) -> list[str]:
    """The models whose row holds no mark although it has room for one."""
    return [
        model._meta.label
        for model, row in rows.items()
        if any(map(_has_room, model._meta.concrete_fields)) and text not in str(stored(row))
    ]


def _has_room(field: models.Field[Any, Any]) -> bool:
    if isinstance(field, models.JSONField):
        return True
    return isinstance(field, models.CharField | models.TextField) and not field.choices


def stored(row: models.Model) -> dict[str, Any]:
    """A row as the database has it now; empty where it is gone."""
    there: dict[str, Any] | None = type(row)._default_manager.filter(pk=row.pk).values().first()
    return there or {}


def snapshot(rows: Iterable[models.Model]) -> dict[str, list[tuple[Any, ...]]]:
    """What the database has of the rows now, to be compared later. In plain SQL: the ownership
    matrix takes thousands of them, and of a queryset most of the time is in making its SQL."""
    with connection.cursor() as cursor:
        return {f"{row._meta.label} {row.pk}": _raw(cursor, row) for row in rows}


def _raw(cursor: CursorWrapper, row: models.Model) -> list[tuple[Any, ...]]:
    key, name = row._meta.pk, connection.ops.quote_name
    assert key is not None and key.column is not None
    table, column = name(row._meta.db_table), name(key.column)
    cursor.execute(
        f"SELECT * FROM {table} WHERE {column} = %s",  # noqa: S608  # names of ours
        [key.get_db_prep_value(row.pk, connection)],
    )
    return list(cursor.fetchall())
