"""The Celery application."""

import os
import sys
from typing import Any

import django
from celery import Celery
from celery.concurrency.prefork import TaskPool
from celery.signals import (
    beat_init,
    celeryd_after_setup,
    celeryd_init,
    worker_process_init,
    worker_process_shutdown,
)
from django.core.exceptions import ImproperlyConfigured

from supportbot import queue_folder, startup, telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportbot.settings")

queue_folder.install()
app = Celery("supportbot")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# A thread that never imported this module, such as one that retries a task, must find this
# application and not Celery's default one, which dials a broker of its own.
app.set_default()


@celeryd_init.connect
@beat_init.connect
def _process_begins(**_: Any) -> None:
    """A worker, or the clock, that is configured wrongly ends at once. Celery swallows whatever else
    a receiver raises."""
    django.setup()
    try:
        startup.refuse_bad_configuration()
    except ImproperlyConfigured as error:
        # The clock has made sys.stderr a logger by now, and that logger writes to sys.stderr.
        if sys.__stderr__:
            sys.__stderr__.write(f"{error}\n")
        raise SystemExit(1) from error


@worker_process_init.connect
def _child_begins(**_: Any) -> None:
    """A child of a prefork worker records for itself: threads, which export, do not survive a fork."""
    telemetry.set_up("supportbot-worker")


@worker_process_shutdown.connect
def _child_ends(**_: Any) -> None:
    telemetry.shut_down()


@celeryd_after_setup.connect
def _worker_begins(instance: Any, **_: Any) -> None:
    """A worker without children records in its own process."""
    if not issubclass(instance.pool_cls, TaskPool):
        telemetry.set_up("supportbot-worker")
