"""New migrations are safe while the old version runs: docs/deployment.md, "Migrations"."""

import pytest
from django.apps import apps
from django.db import connection
from django_migration_linter import MigrationLinter

from deploy.processes import ROOT

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="they are judged by the SQL of PostgreSQL"
    ),
]

BEFORE_THE_RULE = (
    "0001_initial",
    "0002_providers_budgets_alerts",
    "0002_articles_imports_gaps",
    "0002_ticket_resolution",
    "0003_drafts",
    "0004_citations_invented",
)
"""Nobody had this version in production when they were written. No name is to be added."""


OURS = [
    config.label
    for config in apps.get_app_configs()
    if config.name.partition(".")[0] in {"supportbot", "chat", "tools"}
]


def test_they_leave_to_the_old_version_all_that_it_writes_and_reads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    linter = MigrationLinter(
        path=str(ROOT), include_apps=OURS, ignore_name=BEFORE_THE_RULE, no_cache=True
    )
    linter.lint_all_migrations()
    assert not linter.has_errors, capsys.readouterr().out


def test_one_whose_column_the_old_version_would_not_fill_is_found() -> None:
    linter = MigrationLinter(
        path=str(ROOT), include_name=["0004_citations_invented"], no_cache=True
    )
    linter.lint_all_migrations()
    assert linter.has_errors
