"""The knowledge base, as a Django app."""

from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    name = "tools.knowledge"
    verbose_name = "Knowledge base"
