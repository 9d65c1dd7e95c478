"""Articles that somebody should look at: those to be read again, and those gone from their source."""

from datetime import date, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from tools.knowledge.models import Article, Status

SOON = timedelta(days=30)
"""How far the list of what is to be read soon looks ahead: a month, as people plan."""

INTERVAL = timedelta(days=365)
"""Until when an article that was read again is good: prices and policies seldom last longer."""


def due(today: date | None = None) -> QuerySet[Article]:
    """Articles that are shown or in work, and whose day has come. Archived ones mislead nobody."""
    return _to_read().filter(stale_after__lte=today or timezone.localdate())


def soon(today: date | None = None) -> QuerySet[Article]:
    """Articles whose day comes within a month."""
    today = today or timezone.localdate()
    return _to_read().filter(stale_after__gt=today, stale_after__lte=today + SOON)


def gone() -> QuerySet[Article]:
    """Articles that their source has no more, and that are still shown."""
    return Article.objects.filter(gone_at__isnull=False, status=Status.PUBLISHED)


def _to_read() -> QuerySet[Article]:
    return Article.objects.exclude(status=Status.ARCHIVED)
