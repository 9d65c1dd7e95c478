"""The wiring: settings, routes, server, background work."""

from supportbot.celery import app as celery_app

__all__ = ["celery_app"]
