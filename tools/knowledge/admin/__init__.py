"""The knowledge base in the admin, a file a page."""

from tools.knowledge.admin import articles, imports, synonyms, tags

__all__ = ["articles", "imports", "synonyms", "tags"]
