"""Tickets, as a Django app."""

from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "tools.tickets"
    verbose_name = "Tickets"

    def ready(self) -> None:
        """Has its part in what happens to a customer's data."""
        from tools.tickets import privacy  # noqa: PLC0415  # its models must be loaded

        privacy.register()
