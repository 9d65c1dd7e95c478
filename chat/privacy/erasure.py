"""The end of what is stored of one customer.

The transcript goes, with all that hangs on it; what a request cost stays, and no longer says whose
it was; other apps do their own part. All in one transaction, so that an erasure is whole or did not
happen. What is in a cache goes after the commit.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, QuerySet

from chat import alerts, answer_cache, relay, spending, usage
from chat.models import Conversation, Message, Turn
from chat.privacy.contributions import registered
from chat.privacy.subjects import Subject

logger = logging.getLogger(__name__)

ERASED = "[erased]"
"""What stands where a customer's words or name stood, in a row that stays."""


class Busy(Exception):
    """An answer is being written to the customer: what it writes would come after the erasure."""


def erase(subject: Subject) -> Mapping[str, int]:
    """Erases a customer's data, and returns how much of what there was. Raises Busy."""
    with transaction.atomic():
        conversations = _locked(subject.conversations)
        if Turn.objects.filter(conversation__in=conversations, status=Turn.Status.RUNNING).exists():
            raise Busy("An answer is being written to this customer. Try again in a minute.")
        counts: Counter[str] = Counter()
        for contribution in registered():
            counts.update(contribution.erase(subject))
        counts["usage records kept without a name"] += usage.disown(subject.owners)
        counts["accounts"] += spending.forget(subject.owners, conversations)
        counts["alerts"] += alerts.forget(subject.owners | subject.emails)
        counts["entries of the audit log"] += _forget_in_log(subject, conversations)
        counts["messages"] += Message.objects.filter(conversation__in=conversations).count()
        counts["conversations"] += remove(conversations)
        transaction.on_commit(answer_cache.forget, robust=True)
    logger.info("erased customer %s: %s", subject.fingerprint, dict(+counts))
    return dict(+counts)


def remove(conversations: Sequence[UUID]) -> int:
    """Deletes conversations with all that hangs on them, but for what their requests cost. Returns
    how many. Takes part in the transaction that is open."""
    turns = list(Turn.objects.filter(conversation__in=conversations).values_list("pk", flat=True))
    usage.detach(conversations)
    _, by_model = Conversation.objects.filter(pk__in=conversations).delete()
    transaction.on_commit(partial(relay.forget, turns), robust=True)
    return by_model.get(Conversation._meta.label, 0)


def _locked(conversations: QuerySet[Conversation]) -> list[UUID]:
    return list(conversations.select_for_update().values_list("pk", flat=True))


def _forget_in_log(subject: Subject, conversations: Sequence[UUID]) -> int:
    """The admin's log names what staff looked after: it goes on saying that, without the name. A name
    is looked for only where the log tells of what may bear it: it may be a word, as "An" is."""
    named = Q(object_id__in=[str(pk) for pk in conversations])
    for address in subject.emails:  # kept in small letters
        named |= _said(address, "iregex")
    for owner in subject.owners:
        named |= _said(owner, "regex")
    bearing = [Conversation, *(model for part in registered() for model in part.named)]
    of_these = Q(content_type__in=ContentType.objects.get_for_models(*bearing).values())
    for name in subject.names:
        named |= of_these & _said(name, "regex")
    return LogEntry.objects.filter(named).update(object_repr=ERASED, change_message="")


def _said(needle: str, lookup: str) -> Q:
    whole = alerts.whole_word(needle)
    return Q((f"object_repr__{lookup}", whole)) | Q((f"change_message__{lookup}", whole))
