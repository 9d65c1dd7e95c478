"""What a customer asked in vain, in an export and in an erasure."""

from collections.abc import Mapping

from django.db.models import QuerySet
from django.db.models.functions import Substr

from chat.privacy import contributions
from chat.privacy.contributions import Rows, rows_of
from chat.privacy.erasure import ERASED
from chat.privacy.subjects import Subject
from tools.knowledge.models import Evaluation, GapQuestion, TestQuestion

_LONGEST = TestQuestion._meta.get_field("text").max_length
"""A test question made of a customer's has this much of it."""


class Questions:
    """The questions of gaps, and what staff made test questions of."""

    named = ()

    def export(self, subject: Subject) -> Mapping[str, Rows]:
        """See `Contribution`."""
        return {"gap_questions": rows_of(_of(subject))}

    def erase(self, subject: Subject) -> Mapping[str, int]:
        """Their gaps forget them too, as with every question that goes (`tools.knowledge.receivers`)."""
        questions = _of(subject)
        texts = list(questions.values_list(Substr("text", 1, _LONGEST), flat=True))
        tests, _ = TestQuestion.objects.filter(text__in=texts).delete()
        if tests:
            _forget_in_evaluations(set(texts))
        _, by_model = questions.delete()
        return {
            "questions of gaps": by_model.get(GapQuestion._meta.label, 0),
            "test questions": tests,
        }


def _forget_in_evaluations(texts: set[str]) -> None:
    """What was measured stays comparable by the questions' numbers."""
    for evaluation in Evaluation.objects.all():
        told = [rank for rank in evaluation.ranks if rank["text"] in texts]
        for rank in told:
            rank["text"] = ERASED
        if told:
            evaluation.save(update_fields=["ranks"])


def _of(subject: Subject) -> QuerySet[GapQuestion]:
    return GapQuestion.objects.filter(conversation__owner__in=subject.owners)


def register() -> None:
    """Has its part from now on."""
    contributions.register(Questions())
