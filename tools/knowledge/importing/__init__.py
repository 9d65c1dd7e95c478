"""Importing articles from files and sites, twice as well as once. No bad one stops the rest.

A run (`runs`) opens its sources (`source`), which list items (`item`); each is loaded by the reader of
its format, checked (`row`), and stored in small batches (`work`, `store`).
"""

from tools.knowledge.importing.row import ArticleRow
from tools.knowledge.importing.runs import ArticleReport, ImportFailed, import_articles

__all__ = ["ArticleReport", "ArticleRow", "ImportFailed", "import_articles"]
