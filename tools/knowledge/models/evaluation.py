"""The staff's own test of the search: questions, and the article that answers each."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tools.knowledge.models.article import Article


class TestQuestion(models.Model):
    """A question and the article that should be found. Without one, search should say that it does
    not know."""

    __test__ = False  # no test of ours, whatever pytest thinks of the name

    text = models.CharField(_("question"), max_length=500, unique=True)
    article = models.ForeignKey(
        Article,
        models.CASCADE,
        related_name="test_questions",
        null=True,
        blank=True,
        verbose_name=_("article"),
        help_text=_("Left empty: there is none, and search should say that it does not know."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["text"]
        verbose_name = _("test question")
        verbose_name_plural = _("test questions")

    def __str__(self) -> str:
        return self.text


class Evaluation(models.Model):
    """How well the test questions were answered at one moment, at one revision of the base.

    The scores are averages over the questions that have an article, NULL where none has one; `auroc`
    is NULL unless there are some with and some without. `ranks` keeps each question's own result
    (see `tools.knowledge.question_set`), so that two evaluations can be compared by question.
    """

    created_at = models.DateTimeField(_("measured"), auto_now_add=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        null=True,
        editable=False,
        verbose_name=_("asked for by"),
    )
    revision = models.CharField(_("revision"), max_length=100, editable=False)
    questions = models.PositiveIntegerField(_("questions"))
    ndcg = models.FloatField("nDCG@10", null=True)
    recall = models.FloatField("recall@5", null=True)
    mrr = models.FloatField("MRR@10", null=True)
    auroc = models.FloatField(_("abstention AUROC"), null=True)
    p95_ms = models.FloatField(_("p95, ms"))
    ranks = models.JSONField(_("ranks"), default=list)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        verbose_name = _("evaluation")
        verbose_name_plural = _("evaluations")

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M}"
