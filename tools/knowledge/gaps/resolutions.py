"""How tickets were settled, from wherever they are kept. `settings.RESOLUTION_BACKEND` names the
class, so that the knowledge base need not know the ticket system."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string


class Resolutions(Protocol):
    """What a ticket system tells. It is called in a background task and may block."""

    def of(self, conversations: Collection[UUID], limit: int) -> Sequence[str]:
        """What settled the tickets of these conversations, the latest first, `limit` at most."""
        ...


def get_backend() -> Resolutions:
    """The backend that the settings name. Raises ImportError for one that cannot be loaded."""
    return _load(settings.RESOLUTION_BACKEND)


@cache
def _load(path: str) -> Resolutions:
    backend: Resolutions = import_string(path)()
    return backend
