"""The Celery application."""

import os
from typing import Any

from celery import Celery
from celery.concurrency.prefork import TaskPool
from celery.signals import celeryd_after_setup, worker_process_init, worker_process_shutdown

from supportbot import queue_folder, telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportbot.settings")

queue_folder.install()
app = Celery("supportbot")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# A thread that never imported this module, such as one that retries a task, must find this
# application and not Celery's default one, which dials a broker of its own.
app.set_default()


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
