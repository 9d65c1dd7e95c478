"""Whether search answers the questions of a gap by now: asked again, as their customers would."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from tools.knowledge.gaps import collecting
from tools.knowledge.models import Article, Gap, GapQuestion, Status
from tools.knowledge.readers import Reader
from tools.knowledge.search import search

MOST = 50
"""Questions of a gap that are asked again, the latest: half a second's work, and enough to tell."""

ANSWERED = 0.8
"""Share of a gap's questions for which its article must be found first before the gap is closed. One
in five may have come into the group by mistake."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found: how many questions were asked again, how many of them are answered, and
    whether that closed the gap."""

    asked: int
    answered: int
    closed: bool


def check(gap: Gap) -> Check:
    """Asks a gap's questions again and stores what answers each. A gap whose published article now
    answers is closed."""
    questions = list(gap.questions.select_related("conversation")[:MOST])
    for question in questions:
        question.answered_by_id, question.confidence = _answer(question)
    answered = sum(question.answered_by_id is not None for question in questions)
    by_its_own = sum(question.answered_by_id == gap.draft_id for question in questions)
    closes = (
        gap.state == Gap.State.DRAFTED
        and _is_published(gap.draft)
        and by_its_own >= ANSWERED * len(questions)
    )
    with transaction.atomic():
        GapQuestion.objects.bulk_update(questions, ["answered_by", "confidence"])
        Gap.objects.filter(pk=gap.pk).update(checked_at=timezone.now())
        if closes:
            collecting.close([gap.pk])
    return Check(len(questions), answered, closes)


def check_published() -> int:
    """Checks every gap whose draft somebody has published since. Returns how many it closed."""
    waiting = Gap.objects.filter(state=Gap.State.DRAFTED, draft__status=Status.PUBLISHED)
    return sum(check(gap).closed for gap in waiting.select_related("draft").order_by("pk"))


def _answer(question: GapQuestion) -> tuple[int | None, float]:
    """The article that answers a question and how sure search is; None where it is not sure."""
    conversation = question.conversation
    reader = Reader.CUSTOMER if conversation.customer_id else Reader.GUEST
    results = search(question.text, 1, reader=reader, locale=conversation.locale)
    if results.weak or not results.passages:
        return None, results.confidence
    return results.passages[0].article, results.confidence


def _is_published(article: Article | None) -> bool:
    return article is not None and article.status == Status.PUBLISHED
