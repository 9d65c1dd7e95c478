"""The search index: a class named in settings, built from the database and following it.

An index is a cache. It may be a moment behind; what it finds is read back from the database, which
alone decides what may be shown.
"""

from tools.knowledge.index.base import Hit, KnowledgeIndex, Query, Term, get_index
from tools.knowledge.index.in_process import InProcessIndex
from tools.knowledge.index.postgres import PostgresIndex

__all__ = [
    "Hit",
    "InProcessIndex",
    "KnowledgeIndex",
    "PostgresIndex",
    "Query",
    "Term",
    "get_index",
]
