"""The embedded worker: tasks are files, and a thread of the server's process runs them."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_storage

SCRIPT = """
import sys, time, threading
import django
django.setup()
from celery import shared_task
from supportbot.worker import EmbeddedWorker

ran = threading.Event()

@shared_task(name="tests.ring", bind=True, max_retries=1)
def ring(self):
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    ran.set()

if "publish" in sys.argv:
    ring.delay()
    print("published")
else:
    from django.conf import settings
    (settings.DATA_DIR / "queue" / "0_half-written.celery.msg").touch()
    worker = EmbeddedWorker()
    worker.start()
    print("ran" if ran.wait(20) else "did not run")
    started = time.monotonic()
    worker.stop()
    print("stopped" if time.monotonic() - started < 6 else "hung")
"""


def run(action: str, data_dir: Path) -> str:
    environment = {"DJANGO_SETTINGS_MODULE": "supportbot.settings", "DATA_DIR": str(data_dir)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, action],
        env=environment,
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_a_task_outlives_the_process_that_published_it(tmp_path: Path) -> None:
    assert run("publish", tmp_path) == "published\n"
    assert run("work", tmp_path) == "ran\nstopped\n"
