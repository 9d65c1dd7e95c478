"""A process that is configured wrongly does not start.

`manage.py` runs the system checks itself; an ASGI server and a bare Celery process run none.
"""

from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured


def refuse_bad_configuration() -> None:
    """Raises ImproperlyConfigured with all that the system checks find wrong."""
    serious = [message for message in run_checks() if message.is_serious()]
    if serious:
        raise ImproperlyConfigured("\n".join(map(str, serious)))
