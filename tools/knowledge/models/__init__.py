"""What the knowledge base stores, a file a concept."""

from tools.knowledge.models.article import (
    Article,
    Audience,
    Chunk,
    Revision,
    Status,
    Tag,
    Vector,
    Version,
)
from tools.knowledge.models.evaluation import Evaluation, TestQuestion
from tools.knowledge.models.gap import Gap, GapQuestion
from tools.knowledge.models.import_run import ImportProblem, ImportRun, Listing
from tools.knowledge.models.synonym import Synonyms

__all__ = [
    "Article",
    "Audience",
    "Chunk",
    "Evaluation",
    "Gap",
    "GapQuestion",
    "ImportProblem",
    "ImportRun",
    "Listing",
    "Revision",
    "Status",
    "Synonyms",
    "Tag",
    "TestQuestion",
    "Vector",
    "Version",
]
