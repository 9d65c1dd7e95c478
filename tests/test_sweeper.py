"""The sweeper looks for abandoned work when it starts, and keeps looking whatever it meets."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from supportbot.sweeper import Sweeper
from tools.knowledge.importing import claims
from tools.knowledge.models import ImportRun


@pytest.mark.django_db(transaction=True)
def test_it_gives_up_what_killed_too_many_and_ends_when_it_is_told() -> None:
    long_ago = timezone.now() - claims.SILENCE - timedelta(seconds=1)
    run = ImportRun.objects.create(
        name="x",
        kind=ImportRun.Kind.UPLOAD,
        state=ImportRun.State.RUNNING,
        attempt=claims.MOST_ATTEMPTS,
        alive_at=long_ago,
    )
    sweeper = Sweeper()
    sweeper.start()
    deadline = time.monotonic() + 10
    while run.state == ImportRun.State.RUNNING and time.monotonic() < deadline:
        time.sleep(0.02)
        run.refresh_from_db()
    started = time.monotonic()
    sweeper.stop(5)
    assert run.state == ImportRun.State.FAILED
    assert time.monotonic() - started < 2


def test_it_can_be_stopped_before_it_was_started() -> None:
    Sweeper().stop(1)
