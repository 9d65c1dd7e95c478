"""A broker that hangs: it takes connections and says nothing, as one does whose machine is frozen."""

import subprocess
import sys
from pathlib import Path

import pytest

from chat.leases import LEASE
from tests.live_server import ROOT

pytestmark = pytest.mark.any_storage

SCRIPT = """
import socket, threading, time
listening = socket.create_server(("127.0.0.1", 0))
held = []
threading.Thread(target=lambda: [held.append(listening.accept()) for _ in range(20)], daemon=True).start()
import os
os.environ["REDIS_URL"] = f"redis://127.0.0.1:{listening.getsockname()[1]}/0"
import django
django.setup()
from kombu.exceptions import OperationalError
from chat import outbox
from chat.models import OutboxTask
started = time.monotonic()
try:
    outbox.to_celery(OutboxTask(task="chat.anything", arguments={}))
except OperationalError:
    print(len(held), time.monotonic() - started)
"""


def test_it_is_given_up_before_the_leases_end_that_wait_behind_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"DJANGO_SETTINGS_MODULE": "supportbot.settings", "DATA_DIR": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    held, took = done.stdout.split()
    assert int(held) > 0, "it was there"
    assert float(took) < LEASE.total_seconds()
