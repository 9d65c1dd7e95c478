"""Orders, as a Django app."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "tools.orders"
    verbose_name = "Orders"
