"""Log lines: nothing of a customer's in them, and in JSON the ids that lead on."""

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any, Literal
from uuid import UUID

import pytest

from chat import telemetry
from supportbot import logs
from tests.observed import observed

TURN, CONVERSATION = UUID(int=1), UUID(int=2)
CANARIES = ("ada@mail.example", "4111 1111 1111 1111", "sk-ant-canary-0123456789")


class Log:
    """A logger whose lines are formatted as the project's are."""

    def __init__(self, form: Literal["text", "json"]) -> None:
        configured = logs.configuration("INFO", form)
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        formatter = configured["formatters"][form]
        handler.setFormatter(logging.config.DictConfigurator({}).configure_formatter(formatter))
        self.logger = logging.Logger("shop")  # of its own, for no other test to see
        self.logger.addHandler(handler)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def line(self) -> dict[str, Any]:
        (line,) = self.text.splitlines()
        read: dict[str, Any] = json.loads(line)
        return read


@pytest.fixture(params=["text", "json"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    yield Log(request.param)


def test_the_message_its_arguments_and_the_traceback_are_redacted(log: Log) -> None:
    mail, card, key = CANARIES
    try:
        raise ValueError(f"no such customer: {mail}, {card}")
    except ValueError:
        log.logger.exception("failed for %s with %s", mail, {"x-api-key": key})
    log.logger.info("still here", stack_info=True)  # sk-ant-canary-0123456789 is in this line
    assert [canary for canary in CANARIES if canary in log.text] == []
    assert "failed for [email]" in log.text
    assert "no such customer: [email], [card]" in log.text
    assert "Traceback" in log.text


def test_a_line_of_text_is_what_it_was() -> None:
    log = Log("text")
    log.logger.warning("turn %s missed a heartbeat", TURN)
    assert log.text.endswith(f" WARNING shop: turn {TURN} missed a heartbeat\n")


def test_a_json_line_says_when_who_and_what() -> None:
    log = Log("json")
    log.logger.warning("lost %s", "it")
    time = log.line.pop("time")
    assert time.endswith("+00:00")
    assert {key: value for key, value in log.line.items() if key != "time"} == {
        "level": "WARNING",
        "logger": "shop",
        "message": "lost it",
    }


def test_a_json_line_names_its_turn_and_trace() -> None:
    log = Log("json")
    with observed() as seen, telemetry.turn_span(TURN, CONVERSATION, 1):
        log.logger.info("working")
    context = seen.spans[0].context
    assert context
    assert log.line["turn"] == str(TURN)
    assert log.line["conversation"] == str(CONVERSATION)
    assert log.line["trace_id"] == f"{context.trace_id:032x}"
    assert log.line["span_id"] == f"{context.span_id:016x}"


def test_a_turn_is_named_where_nothing_is_traced_and_not_after_it() -> None:
    log = Log("json")
    with telemetry.turn_span(TURN, CONVERSATION, 1):
        pass
    log.logger.info("idle")
    assert "turn" not in log.line
    log = Log("json")
    with telemetry.turn_span(TURN, CONVERSATION, 1):
        log.logger.info("working")
    assert log.line["turn"] == str(TURN)
    assert "trace_id" not in log.line


def test_an_exception_is_told_apart_from_its_message() -> None:
    log = Log("json")
    try:
        raise LookupError("gone")
    except LookupError:
        log.logger.exception("failed")
    assert log.line["message"] == "failed"
    assert log.line["exception"]["type"] == "LookupError"
    assert log.line["exception"]["stack"].endswith("LookupError: gone")


def test_half_a_surrogate_pair_and_a_newline_do_not_cost_the_line() -> None:
    log = Log("json")
    log.logger.info("a\ud800\nb")
    assert log.line["message"] == "a\ud800\nb"


def test_every_line_takes_the_one_way_out() -> None:
    configured = logs.configuration("WARNING", "json")
    assert configured["root"] == {"handlers": ["console"], "level": "WARNING"}
    assert [name for name, value in configured["loggers"].items() if "handlers" in value] == []
