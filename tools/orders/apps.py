"""Orders, as a Django app."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "tools.orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        """Has its part in what happens to a customer's data."""
        from tools.orders import privacy  # noqa: PLC0415  # its models must be loaded

        privacy.register()
