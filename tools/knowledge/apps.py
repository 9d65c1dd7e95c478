"""The knowledge base, as a Django app."""

from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    name = "tools.knowledge"
    verbose_name = "Knowledge base"

    def ready(self) -> None:
        """Follows the conversations and the articles."""
        from tools.knowledge import receivers  # noqa: F401, PLC0415  # its models must be loaded
