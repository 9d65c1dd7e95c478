"""Every fault of a provider, at each provider: the turn ends answered, by exactly one attempt.

Whole turns through the WebSocket and the real SDKs, against servers on loopback that fail. With the
environment variable FAULT_MATRIX the results are written there as a Markdown table.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from llmock.pytest_plugin import LLMock
from llmock.scenarios import Reply
from llmock.scenarios import ToolCall as Call
from pytest_django import Settings

from chat.agent import MAX_ROUNDS
from chat.models import ToolCall
from tests.chat.llm.conftest import NOWHERE
from tests.fault_matrix import (
    ANSWER,
    IN_BAND,
    VENDORS,
    Outcome,
    Row,
    Stream,
    installed,
    one_turn,
    table,
)
from tools.tickets.models import Ticket

pytestmark = pytest.mark.django_db(transaction=True)

AGES = 60.0
"""Seconds a stalled server stays silent: longer than any limit."""

FIRST_TEXT = {"anthropic": 4, "openai": 5, "openai_compatible": 2}
"""Events of llmock's streams up to the first word, that word included."""

TICKET = {"title": "Refund", "description": "Please refund my order. Yours, ada@mail.example"}

Fault = Callable[[LLMock], LLMock]

PASSING: dict[str, tuple[Fault, str]] = {
    "429, Retry-After 1": (lambda server: server.rate_limit(retry_after=1), "RATE_LIMIT"),
    "500 once": (lambda server: server.fail(500), "API_ERROR"),
    "529 once": (lambda server: server.fail(529), "OVERLOADED"),
}
LASTING: dict[str, tuple[Fault, list[str]]] = {
    "429, Retry-After 3600": (lambda server: server.rate_limit(retry_after=3600), ["RATE_LIMIT"]),
    "500": (lambda server: server.outage(status=500), ["API_ERROR"] * 2),
    "529": (lambda server: server.outage(status=529), ["OVERLOADED"] * 2),
    "401": (lambda server: server.outage(status=401), ["AUTH"]),
    "400": (lambda server: server.outage(status=400), ["INVALID_REQUEST"]),
}


@pytest.fixture(scope="session")
def rows() -> Iterator[list[Row]]:
    """What each case came to."""
    kept: list[Row] = []
    yield kept
    path = os.environ.get("FAULT_MATRIX")
    if path:
        Path(path).write_text(table(kept))


@pytest.fixture(params=sorted(VENDORS))
def name(request: pytest.FixtureRequest) -> str:
    provider: str = request.param
    return provider


@pytest.fixture
def server(llmock: LLMock, settings: Settings) -> LLMock:
    settings.TURN_TIMEOUT = 15.0
    return prepared(llmock)


def prepared(server: LLMock) -> LLMock:
    """Events leave it apart, as a model writes them."""
    return server.reset().tool_mode("off").pace(5)


def check(turn: Outcome, server: LLMock | None = None) -> None:
    """What holds after every fault."""
    assert turn.kind == "answer.completed"
    assert turn.streamed == turn.stored != ""
    by_offline = turn.written_by == "offline"
    # One attempt's text: all of the vendor's, or nothing of it.
    assert turn.stored == ANSWER or (by_offline and "one" not in turn.stored.split())
    assert turn.attempts.count("ok") == (0 if by_offline else 1)
    if server:
        assert len(turn.attempts) == len(server.requests), "the ledger has every request"


@pytest.mark.parametrize("fault", PASSING)
async def test_a_fault_that_passes_is_survived_by_a_second_attempt(
    name: str, server: LLMock, rows: list[Row], fault: str
) -> None:
    inject, code = PASSING[fault]
    inject(server).reply(ANSWER)

    async with installed(name, server.base_url(VENDORS[name])):
        turn = await one_turn(name)

    check(turn, server)
    assert (turn.stored, turn.written_by) == (ANSWER, name)
    assert turn.attempts == (code, "ok")
    landed = server.verdict().faults
    assert landed == 1
    rows.append(Row(fault, name, landed, len(server.requests), [turn]))


@pytest.mark.parametrize("fault", LASTING)
async def test_a_fault_that_lasts_leaves_the_turn_to_the_next(
    name: str, server: LLMock, rows: list[Row], fault: str
) -> None:
    inject, codes = LASTING[fault]
    inject(server)

    async with installed(name, server.base_url(VENDORS[name])):
        turn = await one_turn(name)

    check(turn, server)
    assert (turn.written_by, turn.resets) == ("offline", 0)
    assert turn.attempts == tuple(codes)
    landed = server.verdict().faults
    assert landed == len(codes)
    rows.append(Row(fault, name, landed, len(server.requests), [turn]))


async def test_a_refused_connection_leaves_the_turn_to_the_next(
    name: str, rows: list[Row], settings: Settings
) -> None:
    async with installed(name, NOWHERE):
        turn = await one_turn(name)

    check(turn)
    assert turn.written_by == "offline"
    assert turn.attempts == ("CONNECTION", "CONNECTION")
    rows.append(Row("connection refused", name, 2, 0, [turn]))


@pytest.mark.parametrize("fault", ["disconnect", "truncate"])
async def test_a_stream_that_ends_at_any_event_is_never_half_an_answer(
    name: str, server: LLMock, rows: list[Row], fault: str
) -> None:
    address = server.base_url(VENDORS[name])
    server.reply(ANSWER)
    async with installed(name, address):
        check(await one_turn(name), server)
    row = Row(f"{fault} at every event", name, 0, 0)

    for boundary in range(server.last_request.chunks_sent):
        getattr(prepared(server).reply(ANSWER, times=None), fault)(after_chunks=boundary)
        async with installed(name, address):  # each with closed breakers
            turn = await one_turn(name)
        check(turn, server)
        assert turn.resets == (turn.written_by == "offline"), "void only what somebody saw"
        row.turns.append(turn)
        row.requests += len(server.requests)
        row.landed += sum(record.fault is not None for record in server.requests)

    assert row.landed == len(row.turns)
    before, within = row.turns[: FIRST_TEXT[name] - 1], row.turns[FIRST_TEXT[name] :]
    assert {turn.written_by for turn in before} == {name}
    assert {len(turn.attempts) for turn in before} == {2}, "nobody saw anything: tried again"
    assert any(turn.resets for turn in within)
    assert {len(turn.attempts) for turn in within if turn.resets} == {1}
    rows.append(row)


async def test_a_corrupt_chunk_within_the_text_voids_it(
    name: str, server: LLMock, rows: list[Row]
) -> None:
    server.pace(30).reply(ANSWER).corrupt(after_chunks=FIRST_TEXT[name] + 1)

    async with installed(name, server.base_url(VENDORS[name])):
        turn = await one_turn(name)

    check(turn, server)
    assert (turn.written_by, turn.resets, turn.attempts) == ("offline", 1, ("API_ERROR",))
    assert [record.fault for record in server.requests] == [
        f"stream:malformed@{FIRST_TEXT[name] + 1}"
    ]
    rows.append(Row("corrupt chunk", name, 1, 1, [turn]))


async def test_an_error_within_the_stream_voids_its_text(name: str, rows: list[Row]) -> None:
    stream = Stream(IN_BAND[name])

    async with stream.serving() as address, installed(name, address):
        turn = await one_turn(name)

    check(turn)
    assert (turn.written_by, turn.resets) == ("offline", 1)
    assert turn.attempts == ("OVERLOADED" if name == "anthropic" else "API_ERROR",)
    assert stream.requests == 1
    rows.append(Row("error event in the stream", name, stream.requests, stream.requests, [turn]))


async def test_a_stall_before_the_first_token_is_not_sat_through(
    name: str, server: LLMock, rows: list[Row]
) -> None:
    server.stall(after_chunks=0, seconds=AGES, times=None)

    async with installed(name, server.base_url(VENDORS[name]), first_token=0.4):
        turn = await one_turn(name)

    check(turn, server)
    assert (turn.written_by, turn.resets, turn.attempts) == ("offline", 0, ("TIMEOUT", "TIMEOUT"))
    landed = server.verdict().faults
    assert landed == 2
    rows.append(Row("stall before the first token", name, landed, 2, [turn]))


async def test_a_stall_after_the_first_token_voids_the_text(
    name: str, server: LLMock, rows: list[Row]
) -> None:
    server.reply(ANSWER).stall(after_chunks=FIRST_TEXT[name], seconds=AGES)

    async with installed(name, server.base_url(VENDORS[name]), token_gap=0.6):
        turn = await one_turn(name)

    check(turn, server)
    assert (turn.written_by, turn.resets, turn.attempts) == ("offline", 1, ("TIMEOUT",))
    landed = server.verdict().faults
    assert landed == 1
    rows.append(Row("stall after the first token", name, landed, 1, [turn]))


@pytest.mark.parametrize("fault", ["malformed tool JSON", "tool JSON cut by max_tokens"])
async def test_a_tool_call_that_cannot_be_read_is_not_run(
    name: str, server: LLMock, rows: list[Row], fault: str
) -> None:
    reason = "length" if "max_tokens" in fault else None
    asked = Reply(tool_calls=(Call("create_ticket", TICKET),), finish_reason=reason)
    server.add(asked).break_tool_call("malformed_arguments").reply(ANSWER)

    async with installed(name, server.base_url(VENDORS[name])):
        turn = await one_turn(name)

    assert (turn.kind, turn.stored, turn.streamed) == ("answer.completed", ANSWER, ANSWER)
    assert (turn.written_by, turn.attempts) == (name, ("ok", "ok"))
    assert len(server.requests) == 2
    (call,) = await _calls()
    assert (call.name, call.arguments, call.status) == (
        "create_ticket",
        None,
        ToolCall.Status.FAILED,
    )
    assert await sync_to_async(Ticket.objects.count)() == 0
    rows.append(Row(fault, name, 1, 2, [turn]))


async def test_a_tool_call_that_can_be_read_is_run(name: str, server: LLMock) -> None:
    """The control of the test before: the same call, whole, makes a ticket."""
    server.call_tool("create_ticket", TICKET).reply(ANSWER)

    async with installed(name, server.base_url(VENDORS[name])):
        await one_turn(name)

    (call,) = await _calls()
    assert call.status == ToolCall.Status.SUCCEEDED
    assert await sync_to_async(Ticket.objects.count)() == 1


async def test_a_model_that_never_stops_calling_tools_is_stopped(
    name: str, server: LLMock, rows: list[Row]
) -> None:
    server.call_tool("search_knowledge_base", {"query": "refund"}, times=None)

    async with installed(name, server.base_url(VENDORS[name])):
        turn = await one_turn(name)

    assert turn.kind == "answer.completed"
    assert turn.streamed == turn.stored != ""
    assert turn.attempts == ("ok",) * len(server.requests)
    assert len(server.requests) == MAX_ROUNDS
    assert len(await _calls()) == MAX_ROUNDS - 1, "the last round may ask for none"
    rows.append(Row("endless tool loop", name, MAX_ROUNDS, MAX_ROUNDS, [turn]))


@sync_to_async
def _calls() -> list[ToolCall]:
    return list(ToolCall.objects.all())
