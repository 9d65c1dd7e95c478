"""The wiring, as a Django app: its commands, its demo and its system checks."""

from django.apps import AppConfig


class SupportbotConfig(AppConfig):
    name = "supportbot"

    def ready(self) -> None:
        """Registers the system checks."""
        from supportbot import checks  # noqa: F401, PLC0415  # Django wants checks imported here
