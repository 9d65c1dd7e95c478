"""A check looks once a second at most, one look at a time, and never keeps anybody waiting."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from redis.exceptions import ConnectionError as RedisAway

from supportbot import readiness
from supportbot.readiness import CHECKS, Check

SOON = 0.05
PATIENCE = 30.0


class Look:
    """Something to look at. It counts, and hangs while it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.count = 0
        self.error = error
        self.may_end = threading.Event()
        self.may_end.set()
        self.ended = threading.Event()

    def __call__(self) -> None:
        self.count += 1
        assert self.may_end.wait(PATIENCE)
        self.ended.set()
        if self.error:
            raise self.error


@pytest.fixture
def hanging() -> Iterator[Look]:
    look = Look()
    look.may_end.clear()
    yield look
    look.may_end.set()


async def test_what_is_there_has_no_reason() -> None:
    outcome = await Check("thing", Look()).outcome()
    assert outcome.ok
    assert outcome.reason == ""


@pytest.mark.parametrize(
    "error", [OperationalError("password=hunter2"), RedisAway("hunter2"), OSError("hunter2")]
)
async def test_what_is_away_is_told_by_the_kind_of_its_error_alone(error: Exception) -> None:
    outcome = await Check("thing", Look(error)).outcome()
    assert outcome.as_json()["reason"] == type(error).__name__
    assert "hunter2" not in str(outcome.as_json())


async def test_however_many_ask_it_looks_once() -> None:
    look = Look()
    check = Check("thing", look)
    await asyncio.gather(*(check.outcome() for _ in range(50)))
    await check.outcome()
    assert look.count == 1


async def test_it_looks_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "FRESH", 0.0)
    look = Look()
    check = Check("thing", look)
    await check.outcome()
    await check.outcome()
    assert look.count == 2


async def test_what_hangs_is_given_up_and_holds_one_thread_only(hanging: Look) -> None:
    check = Check("thing", hanging, limit=SOON)
    outcomes = [await check.outcome() for _ in range(3)]
    assert {outcome.reason for outcome in outcomes} == {"timeout"}
    assert hanging.count == 1


async def test_what_hung_is_looked_at_again_once_it_goes_on(
    hanging: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "FRESH", 0.0)
    check = Check("thing", hanging, limit=SOON)
    assert (await check.outcome()).reason == "timeout"
    hanging.may_end.set()
    assert await asyncio.to_thread(hanging.ended.wait, PATIENCE)
    patient = Check("thing", hanging)
    assert (await patient.outcome()).ok


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["database", "migrations", "cache", "broker"])
async def test_all_is_well_in_a_server_that_is_set_up(name: str) -> None:
    outcome = await next(check for check in CHECKS if check.name == name).outcome()
    assert outcome.reason == ""


@pytest.mark.django_db
def test_a_migration_that_has_not_run_is_missed() -> None:
    look = readiness.Migrations()
    look()
    newest = next(
        n for app, n in MigrationLoader(connection).graph.leaf_nodes() if app == "tickets"
    )
    MigrationRecorder(connection).record_unapplied("tickets", newest)
    look()  # once seen, it is not looked for again: nobody takes one back
    with pytest.raises(readiness.MigrationsMissing):
        readiness.Migrations()()


@pytest.mark.django_db
def test_migrations_of_a_newer_version_do_no_harm() -> None:
    MigrationRecorder(connection).record_applied("tickets", "9999_of_tomorrow")
    readiness.Migrations()()
