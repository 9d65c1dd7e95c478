"""What is configured wrongly does not start, whichever program starts it: each in a process of its own."""

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_storage

ROOT = Path(__file__).parent.parent
KEY = "kX3vR8sT1qW6zB9nM4cL7pJ2hG5fD0aYeUiOoQxZvKtRbNsM"
GOOD = {
    "DATABASE_URL": "postgres://supportbot@127.0.0.1:1/supportbot",  # nobody listens there
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": KEY + "42",
    "SUPPORTBOT_TRUSTED_PROXIES": "1",
    "ALLOWED_HOSTS": "chat.shop.example",
}
WRONG = {
    "DEBUG is on": {"DEBUG": "true"},
    "is a default": {"SECRET_KEY": "django-insecure-" + KEY},
    "SUPPORTBOT_TURN_TIMEOUT": {"SUPPORTBOT_TURN_TIMEOUT": "soon"},
    "SUPPORTBOT_IDENTITY_SECRET": {"SUPPORTBOT_IDENTITY_SECRET": "secret"},
}
WEAK = [
    {
        "security.W008": {"SUPPORTBOT_HTTPS": "false"},
        "security.W004": {"SUPPORTBOT_HSTS_SECONDS": "0"},
    },
    {
        "security.W005": {"SUPPORTBOT_HSTS_SUBDOMAINS": "false"},
        "supportbot.W004": {"SUPPORTBOT_TRUSTED_PROXIES": "0"},
    },
]
"""What a check says, by the settings that it says it of. A process takes seconds to start, so each is
wrong in as many ways as it tells of at once."""

ASGI = ("-c", "import supportbot.asgi, sys; print('started', 'twisted' in sys.modules)")
MANAGE = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")
WORKER = ("-m", "celery", "-A", "supportbot", "worker", "--pool", "solo")
BEAT = ("-m", "celery", "-A", "supportbot", "beat", "--pidfile=", "--schedule")


def run(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**kept, "DATA_DIR": str(tmp_path), **GOOD, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def together(by_what_is_told: dict[str, dict[str, str]]) -> dict[str, str]:
    """All of these settings for one process."""
    return dict(chain.from_iterable(settings.items() for settings in by_what_is_told.values()))


def test_the_checks_for_a_deployment_find_nothing_in_production(tmp_path: Path) -> None:
    done = run(tmp_path, *MANAGE)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize("weak", WEAK, ids=["HTTPS", "proxies"])
def test_and_they_do_find_what_is_weakened(tmp_path: Path, weak: dict[str, dict[str, str]]) -> None:
    done = run(tmp_path, *MANAGE, **together(weak))
    assert done.returncode != 0
    assert [told for told in weak if told not in done.stderr] == []


def test_a_server_starts_where_all_is_well_without_the_other_kind_of_server(
    tmp_path: Path,
) -> None:
    """daphne with Twisted is 14 MB that only `serve` and `runserver` need."""
    done = run(tmp_path, *ASGI)
    assert done.stdout == "started False\n", done.stderr


def test_an_asgi_server_refuses_to_start_and_tells_all_that_is_wrong(tmp_path: Path) -> None:
    done = run(tmp_path, *ASGI, **together(WRONG))
    assert done.returncode != 0
    assert "started" not in done.stdout
    assert [told for told in WRONG if told not in done.stderr] == []


@pytest.mark.parametrize(
    ("key", "told"), [("", "SECRET_KEY is not set"), ("short", "fewer than 50 characters")]
)
def test_an_asgi_server_refuses_a_key_that_guards_nothing(
    tmp_path: Path, key: str, told: str
) -> None:
    done = run(tmp_path, *ASGI, SECRET_KEY=key)
    assert done.returncode != 0
    assert "started" not in done.stdout
    assert told in done.stderr


def test_a_bare_worker_refuses_to_start(tmp_path: Path) -> None:
    done = run(tmp_path, *WORKER, **WRONG["DEBUG is on"], **WRONG["is a default"])
    assert done.returncode == 1, done.stderr
    assert "DEBUG is on" in done.stderr
    assert "is a default" in done.stderr


def test_the_clock_refuses_to_start(tmp_path: Path) -> None:
    done = run(tmp_path, *BEAT, str(tmp_path / "beat"), **WRONG["DEBUG is on"])
    assert done.returncode == 1, done.stderr
    assert "DEBUG is on" in done.stderr


def test_a_try_on_one_machine_needs_none_of_it(tmp_path: Path) -> None:
    embedded = {"DATABASE_URL": "", "REDIS_URL": "", "SECRET_KEY": "", "DEBUG": "true"}
    done = run(tmp_path, *ASGI, **embedded)
    assert done.stdout == "started False\n", done.stderr
