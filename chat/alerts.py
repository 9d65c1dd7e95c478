"""Alerts: what staff should act on, told once and counted when it happens again.

The admin shows those that are open and closes them; one that comes back after that is told anew.
"""

import logging
import re
from collections.abc import Iterable
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from chat.models import Alert

logger = logging.getLogger(__name__)

LONGEST_KEY = 200
"""Characters: the width of the column."""


def tell(key: str, text: str) -> None:
    """Tells staff `text`, unless an alert of that `key` is open: then that one counts once more.

    `text` names no customer's words. Takes part in the transaction that is open, if there is one:
    what is rolled back was not told.
    """
    key = key[:LONGEST_KEY]
    with transaction.atomic():
        if _repeated(key, text):
            return
        if not (_reopened(key, text) or _created(key, text)):
            _repeated(key, text)  # another process was faster
            return
    transaction.on_commit(partial(logger.warning, "alert: %s", text), robust=True)


def open_alerts() -> QuerySet[Alert]:
    """What nobody has closed yet, the latest first."""
    return Alert.objects.filter(closed_at=None)


def close(chosen: QuerySet[Alert]) -> int:
    """Closes those of `chosen` that are open; returns how many they were."""
    return chosen.filter(closed_at=None).update(closed_at=Now())


def forget(needles: Iterable[str]) -> int:
    """Deletes the alerts that say one of `needles`, not as a part of something longer. Returns how
    many."""
    said = Q(pk=None)
    for needle in needles:
        said |= Q(key__iregex=whole_word(needle)) | Q(text__iregex=whole_word(needle))
    return Alert.objects.filter(said).delete()[0]


def whole_word(needle: str) -> str:
    """A regular expression, of all databases, for `needle` where it is no part of another word, address
    or id. A full stop may end the sentence."""
    return rf"(^|[^\w.@+-]){re.escape(needle)}($|[^\w.@+-]|\.(\W|$))"


def _repeated(key: str, text: str) -> int:
    return open_alerts().filter(key=key).update(text=text, count=F("count") + 1, updated_at=Now())


def _reopened(key: str, text: str) -> int:
    closed = Alert.objects.filter(key=key, closed_at__isnull=False)
    return closed.update(text=text, count=F("count") + 1, updated_at=Now(), closed_at=None)


def _created(key: str, text: str) -> bool:
    try:
        with transaction.atomic():
            Alert.objects.create(key=key, text=text)
    except IntegrityError:
        return False
    return True
