"""What is configured wrongly does not start, whichever program starts it: each in a process of its own."""

import os
import subprocess
import sys
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
    "fewer than 50 characters": {"SECRET_KEY": "short"},
    "is a default": {"SECRET_KEY": "django-insecure-" + KEY},
    "SECRET_KEY is not set": {"SECRET_KEY": ""},
    "SUPPORTBOT_TURN_TIMEOUT": {"SUPPORTBOT_TURN_TIMEOUT": "soon"},
}
ASGI = ("-c", "import supportbot.asgi; print('started')")
MANAGE = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")
WORKER = ("-m", "celery", "-A", "supportbot", "worker", "--pool", "solo")
BEAT = ("-m", "celery", "-A", "supportbot", "beat", "--pidfile=", "--schedule")


def run(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    data = {"DATA_DIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**kept, **data, **GOOD, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_checks_for_a_deployment_find_nothing_in_production(tmp_path: Path) -> None:
    done = run(tmp_path, *MANAGE)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("SUPPORTBOT_HTTPS", "false", "security.W008"),
        ("SUPPORTBOT_HSTS_SECONDS", "0", "security.W004"),
        ("SUPPORTBOT_HSTS_SUBDOMAINS", "false", "security.W005"),
        ("SUPPORTBOT_TRUSTED_PROXIES", "0", "supportbot.W004"),
    ],
)
def test_and_they_do_find_what_is_weakened(
    tmp_path: Path, setting: str, value: str, told: str
) -> None:
    done = run(tmp_path, *MANAGE, **{setting: value})
    assert done.returncode != 0
    assert told in done.stderr


def test_a_server_starts_where_all_is_well(tmp_path: Path) -> None:
    done = run(tmp_path, *ASGI)
    assert done.stdout == "started\n", done.stderr


@pytest.mark.parametrize("told", WRONG)
def test_an_asgi_server_refuses_to_start(tmp_path: Path, told: str) -> None:
    done = run(tmp_path, *ASGI, **WRONG[told])
    assert done.returncode != 0
    assert "started" not in done.stdout
    assert told in done.stderr


@pytest.mark.parametrize("told", ["DEBUG is on", "is a default"])
def test_a_bare_worker_refuses_to_start(tmp_path: Path, told: str) -> None:
    done = run(tmp_path, *WORKER, **WRONG[told])
    assert done.returncode == 1, done.stderr
    assert told in done.stderr


def test_the_clock_refuses_to_start(tmp_path: Path) -> None:
    done = run(tmp_path, *BEAT, str(tmp_path / "beat"), **WRONG["DEBUG is on"])
    assert done.returncode == 1, done.stderr
    assert "DEBUG is on" in done.stderr


def test_a_try_on_one_machine_needs_none_of_it(tmp_path: Path) -> None:
    embedded = {"DATABASE_URL": "", "REDIS_URL": "", "SECRET_KEY": "", "DEBUG": "true"}
    done = run(tmp_path, *ASGI, **embedded)
    assert done.stdout == "started\n", done.stderr
