"""The one home of the writes to gaps and their questions.

Collecting is idempotent: a question has the name of the record that tells of it, and comes once.
Whoever writes holds the row of the knowledge base's revision, as the writers of articles do, so that
two workers cannot both begin a group for the same question.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from chat.models import Turn
from tools.knowledge.gaps import sources
from tools.knowledge.gaps.grouping import Groups, Meaning, meanings
from tools.knowledge.gaps.sources import Asked
from tools.knowledge.models import Gap, GapQuestion, Revision

BATCH = 500
"""Questions in a transaction: other writers wait for it, a second at most."""

TITLE_LENGTH = 300

_GROUPED = ("centre", "stems", "first_at", "last_at", "state", "closed_at")

State = Gap.State


def collect_turn(turn: UUID) -> int:
    """Collects what a turn tells of, once. Returns how many questions are new.

    A thumb that is no longer down takes its question back.
    """
    told = [asked for one in _telling(turn) for asked in sources.told_by(one)]
    origin = sources.thumb_origin(turn)
    if all(asked.origin != origin for asked in told):
        GapQuestion.objects.filter(origin=origin).delete()
    return collect(told)


def collect_all() -> Iterator[int]:
    """Collects from all turns there are, oldest first. Yields after each batch how many of its
    questions are new."""
    told = (asked for one in _telling() for asked in sources.told_by(one))
    while batch := list(islice(told, BATCH)):
        yield collect(batch)


def collect(told: Iterable[Asked]) -> int:
    """Puts questions that are not there yet into their groups. Returns how many were new."""
    new = _unknown(sorted(told, key=lambda asked: (asked.asked_at, asked.origin)))
    by_language: defaultdict[str, list[Asked]] = defaultdict(list)
    for asked in new:
        by_language[asked.locale].append(asked)
    return sum(_collect(locale, of_it) for locale, of_it in sorted(by_language.items()))


@transaction.atomic
def merge(gaps: Collection[int]) -> Gap | None:
    """Makes one gap of several in one language, the oldest, which keeps the first draft there is.

    Returns it, or None where there are not two in one language.
    """
    _lock()
    chosen = list(Gap.objects.filter(pk__in=gaps).order_by("pk"))
    if len(chosen) < 2 or len({gap.locale for gap in chosen}) > 1:
        return None
    kept, *others = chosen
    kept.draft = next((gap.draft for gap in chosen if gap.draft), None)
    if kept.state in (State.OPEN, State.DRAFTED):
        kept.state = State.DRAFTED if kept.draft else State.OPEN
    kept.save(update_fields=["draft", "state"])
    GapQuestion.objects.filter(gap__in=others).update(gap=kept)
    Gap.objects.filter(pk__in=[gap.pk for gap in others]).delete()
    _recount(kept)
    return kept


@transaction.atomic
def split(gap: int, questions: Collection[int]) -> Gap | None:
    """Gives some questions of a gap a gap of their own. Returns it, or None where that would leave
    nothing behind, or nothing was chosen."""
    _lock()
    old = Gap.objects.get(pk=gap)
    moved = list(old.questions.filter(pk__in=questions).order_by("asked_at", "pk"))
    if not moved or old.questions.count() == len(moved):
        return None
    new = Gap.objects.create(
        title=moved[0].text[:TITLE_LENGTH],
        locale=old.locale,
        first_at=moved[0].asked_at,
        last_at=moved[-1].asked_at,
    )
    GapQuestion.objects.filter(pk__in=[question.pk for question in moved]).update(gap=new)
    _recount(new)
    _recount(old)
    return new


def rename(gap: Gap, title: str) -> None:
    """Gives a gap another title."""
    gap.title = title[:TITLE_LENGTH]
    gap.save(update_fields=["title"])


def close(gaps: Collection[int]) -> int:
    """Closes gaps: a question that is asked after this opens them again. Returns how many."""
    open_ones = Gap.objects.filter(pk__in=gaps).exclude(state=State.CLOSED)
    return open_ones.update(state=State.CLOSED, closed_at=timezone.now())


def ignore(gaps: Collection[int]) -> int:
    """Leaves gaps alone for good, whoever asks again. Returns how many."""
    return Gap.objects.filter(pk__in=gaps).exclude(state=State.IGNORED).update(state=State.IGNORED)


def reopen(gaps: Collection[int]) -> int:
    """Opens gaps that were closed or ignored. Returns how many."""
    done = Gap.objects.filter(pk__in=gaps, state__in=(State.CLOSED, State.IGNORED))
    drafted = done.filter(draft__isnull=False).update(state=State.DRAFTED, closed_at=None)
    return drafted + done.update(state=State.OPEN, closed_at=None)


@transaction.atomic
def removed(question: GapQuestion) -> None:
    """What follows the deletion of a question, with its conversation say: its gap no longer counts
    it and no longer has it for a title, and goes with the last one."""
    gap = Gap.objects.filter(pk=question.gap_id).first()
    if gap is None:
        return
    if gap.title == question.text[:TITLE_LENGTH]:
        first = gap.questions.order_by("asked_at", "pk").first()
        rename(gap, first.text if first else "")
    _recount(gap)


def _telling(turn: UUID | None = None) -> Iterator[Turn]:
    turns = Turn.objects.order_by("created_at", "pk")
    wanted: QuerySet[Turn] = sources.telling(turns.filter(pk=turn) if turn else turns)
    return wanted.iterator(chunk_size=BATCH)


def _unknown(told: Sequence[Asked]) -> list[Asked]:
    origins = [asked.origin for asked in told]
    known = set(GapQuestion.objects.filter(origin__in=origins).values_list("origin", flat=True))
    return [asked for asked in told if asked.origin not in known]


def _collect(locale: str, told: Sequence[Asked]) -> int:
    meant = dict(
        zip(
            (asked.origin for asked in told),
            meanings([asked.text for asked in told], locale),
            strict=True,
        )
    )
    with transaction.atomic():
        _lock()
        new = _unknown(told)  # somebody may have been faster
        groups = Groups(Gap.objects.filter(locale=locale).order_by("pk"))
        grown: dict[int, Gap] = {}
        questions = []
        for asked in new:
            gap = _joined(groups, asked, meant[asked.origin])
            grown[gap.pk] = gap
            questions.append(_question(gap, asked))
        Gap.objects.bulk_update(grown.values(), _GROUPED)
        GapQuestion.objects.bulk_create(questions)
    return len(new)


def _joined(groups: Groups, asked: Asked, meaning: Meaning) -> Gap:
    """The gap that a question belongs to, with the question counted; a new one is stored."""
    gap = groups.nearest(meaning)
    if gap is None:
        gap = Gap.objects.create(
            title=asked.text[:TITLE_LENGTH],
            locale=asked.locale,
            first_at=asked.asked_at,
            last_at=asked.asked_at,
        )
    groups.add(gap, meaning)
    gap.first_at = min(gap.first_at, asked.asked_at)
    gap.last_at = max(gap.last_at, asked.asked_at)
    if gap.state == State.CLOSED and (gap.closed_at is None or asked.asked_at > gap.closed_at):
        gap.state, gap.closed_at = State.OPEN, None
    return gap


def _question(gap: Gap, asked: Asked) -> GapQuestion:
    return GapQuestion(
        gap=gap,
        text=asked.text,
        reason=asked.reason,
        origin=asked.origin,
        conversation_id=asked.conversation,
        asked_at=asked.asked_at,
    )


def _recount(gap: Gap) -> None:
    """What a gap is compared by and when it was asked, from the questions it has now; without any
    it is deleted."""
    questions = list(gap.questions.order_by("asked_at", "pk"))
    if not questions:
        gap.delete()
        return
    groups = Groups()
    for meaning in meanings([question.text for question in questions], gap.locale):
        groups.add(gap, meaning)
    gap.first_at, gap.last_at = questions[0].asked_at, questions[-1].asked_at
    gap.save(update_fields=["centre", "stems", "first_at", "last_at"])


def _lock() -> None:
    """Waits for other writers, and lets them wait until the transaction ends."""
    row: QuerySet[Any] = Revision.objects.select_for_update()
    if not row.exists():
        Revision.objects.bulk_create([Revision()], ignore_conflicts=True)
    row.get()
