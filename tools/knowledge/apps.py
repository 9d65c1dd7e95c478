"""The knowledge base, as a Django app."""

from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    name = "tools.knowledge"
    verbose_name = "Knowledge base"

    def ready(self) -> None:
        """Follows the conversations and the articles, and what happens to a customer's data."""
        from tools.knowledge import privacy, receivers  # noqa: F401, PLC0415  # its models must be loaded

        privacy.register()
