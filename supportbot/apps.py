"""The wiring, as a Django app: its commands, its demo, its system checks and what a request leaves."""

from typing import Any

from axes import apps as axes_apps
from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import (
    apps as admin_apps,
)  # the class itself would count as an app of ours
from django.core.signals import request_finished
from django.db import connections


class DeskConfig(admin_apps.AdminConfig):
    """Django's admin, with our site."""

    default = False
    default_site = "supportbot.desk.Desk"


class LoginsConfig(axes_apps.AppConfig):
    """django-axes, as staff would call it."""

    default = False
    verbose_name = "Logins"


class SupportbotConfig(AppConfig):
    name = "supportbot"
    default = True

    def ready(self) -> None:
        """Registers the system checks, and what has to happen after each request."""
        from chat.privacy import retention  # noqa: PLC0415  # its models must be loaded
        from supportbot import checks, lockout  # noqa: F401, PLC0415  # Django wants checks here

        for rule in lockout.RETENTION:
            retention.register(rule)

        if settings.EMBEDDED_DATABASE:
            request_finished.connect(_let_go)


def _let_go(**_: Any) -> None:
    """Closes the request's connection to SQLite. Each request has a thread of its own, whose
    connection would stay open until the garbage collector comes by."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
