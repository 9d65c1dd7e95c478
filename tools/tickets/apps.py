"""Tickets, as a Django app."""

from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "tools.tickets"
    verbose_name = "Tickets"
