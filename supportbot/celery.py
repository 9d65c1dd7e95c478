"""The Celery application."""

import os

from celery import Celery

from supportbot import queue_folder

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportbot.settings")

queue_folder.install()
app = Celery("supportbot")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# A thread that never imported this module, such as one that retries a task, must find this
# application and not Celery's default one, which dials a broker of its own.
app.set_default()
