"""The knowledge base in the admin, a file a page."""

from tools.knowledge.admin import articles, tags

__all__ = ["articles", "tags"]
