"""Log lines: as text or as JSON, with nothing in them that belongs to a customer or opens a door."""

import json
import logging
from datetime import UTC, datetime
from typing import Any, Literal

from opentelemetry import trace

from chat.redaction import redact
from chat.telemetry import turn_ids

QUIET = {
    "axes": "WARNING",
    "django.request": "ERROR",
    "daphne": "WARNING",
    "uvicorn": "WARNING",
    "celery": "WARNING",
    "httpx2": "WARNING",
}
"""Loggers that say more than anybody wants to read, and from which level on they may."""


def configuration(level: str, form: Literal["text", "json"]) -> dict[str, Any]:
    """What LOGGING is set to: one handler, so that no line gets past the redaction."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {
                "class": "supportbot.logs.TextFormatter",
                "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            },
            "json": {"class": "supportbot.logs.JsonFormatter"},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {name: {"level": least} for name, least in QUIET.items()},
    }


class TextFormatter(logging.Formatter):
    """A line as it always was, redacted: message, arguments and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time` (UTC), `level`, `logger`, `message`; `turn`, `conversation`,
    `trace_id`, `span_id` and `exception` where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
            **_ids(),
        }
        if record.exc_info and record.exc_info[0]:
            stack = redact(self.formatException(record.exc_info))
            line["exception"] = {"type": record.exc_info[0].__qualname__, "stack": stack}
        if record.stack_info:
            line["stack"] = redact(record.stack_info)
        return json.dumps(line)  # ASCII: half a surrogate pair in a message must not cost the line


def _ids() -> dict[str, str]:
    """Where the line comes from: ids that lead to the turn's row and to its trace."""
    ids: dict[str, str] = {}
    turn = turn_ids.get()
    if turn:
        ids |= {"turn": turn.turn, "conversation": turn.conversation}
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        ids |= {
            "trace_id": trace.format_trace_id(span.trace_id),
            "span_id": trace.format_span_id(span.span_id),
        }
    return ids
