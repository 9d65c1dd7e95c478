"""What every test shares: no real model, no leftovers, and the cast of customers."""

from collections.abc import Iterator

import pytest
from asgiref.sync import SyncToAsync
from django.core.cache import cache
from django.db import connections

from chat import breakers, database, providers
from chat.identity import VerifiedCustomer, Visitor


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        nargs="?",
        const="",
        metavar="MARKER",
        help="fail when a test is skipped, or one with this marker: CI has everything",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is run once for all storages must not touch that of the run."""
    for item in items:
        if item.get_closest_marker("any_storage") and item.get_closest_marker("django_db"):
            raise pytest.UsageError(f"{item.nodeid} uses the database: it is not of any_storage")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    marker = session.config.getoption("--no-skips")
    if marker is None:
        return
    skipped = [
        report
        for report in reporter.stats.get("skipped", [])
        if not marker or marker in report.keywords
    ]
    if skipped:
        reporter.write_line(f"{len(skipped)} tests were skipped, and --no-skips forbids it")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The test database; at the end the threads that async code reads it with let go of it."""
    yield
    database.disconnect()
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture(autouse=True)
def _clean_slate() -> Iterator[None]:
    """No provider and no cached value outlives its test."""
    yield
    providers.install(None)
    breakers.shared.cache_clear()
    cache.clear()


@pytest.fixture
def guest() -> Visitor:
    """Somebody nobody has verified."""
    return Visitor(owner="visitor:guest")


@pytest.fixture
def ada() -> Visitor:
    """The customer whom most tests are about."""
    return Visitor("customer:C-1", VerifiedCustomer("C-1", "ada@mail.example", "Ada Byron"))


@pytest.fixture
def mallory() -> Visitor:
    """The other customer, who must see nothing of Ada's."""
    return Visitor("customer:C-2", VerifiedCustomer("C-2", "mallory@mail.example", "Mallory"))
