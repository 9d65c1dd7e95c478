"""The knowledge base in the admin, a file a page."""

from tools.knowledge.admin import articles, evaluation, gaps, imports, synonyms, tags

__all__ = ["articles", "evaluation", "gaps", "imports", "synonyms", "tags"]
