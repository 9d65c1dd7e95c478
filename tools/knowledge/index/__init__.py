"""The search index: a class named in settings, built from the database and following it.

An index is a cache. It may be a moment behind; what it finds is read back from the database, which
alone decides what may be shown.
"""

from tools.knowledge.index.in_process import InProcessIndex
from tools.knowledge.index.local import MAX_TERMS, Hit, KnowledgeIndex, TantivyIndex, get_index

__all__ = [
    "MAX_TERMS",
    "Hit",
    "InProcessIndex",
    "KnowledgeIndex",
    "TantivyIndex",
    "get_index",
]
