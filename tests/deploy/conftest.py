"""Production on loopback, started once for the tests that ask it things."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.processes import ProcessFailed, program
from deploy.prod_local import Stack

TOKEN = "the-scraper's-token"


def missing() -> list[str]:
    """The programs that production needs and this machine does not have."""
    absent = [name for name in ("nginx", "redis-server") if not shutil.which(name)]
    try:
        program("initdb")
    except ProcessFailed:
        absent.append("postgresql")
    return absent


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    if missing():
        pytest.skip(f"not installed: {', '.join(missing())}")
    extra = {"SUPPORTBOT_METRICS_TOKEN": TOKEN, "SUPPORTBOT_PROVIDERS": "offline"}
    # Not pytest's own folder, which root keeps to itself: PostgreSQL runs as another user.
    with (
        TemporaryDirectory(prefix="stack-") as folder,
        Stack(Path(folder), extra_environment=extra) as running,
    ):
        yield running
