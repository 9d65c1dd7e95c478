"""The embedded queue: Celery tasks as files in a folder, by kombu's filesystem transport.

Kombu writes a task under its final name, so that a worker may take a file that is still empty, and
a file that cannot be read ends the worker (celery/kombu#1551). Here a file appears when it is whole,
and one that cannot be read is left out.
"""

import logging
import uuid
from pathlib import Path
from time import monotonic_ns
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

logger = logging.getLogger(__name__)


class Channel(filesystem.Channel):
    """Puts and gets whole tasks only."""

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:  # type: ignore[override]  # kombu names it two ways
        folder = Path(self.data_folder_out)
        name = f"{monotonic_ns():020}_{uuid.uuid4()}"  # the oldest sorts first
        written = folder / f"{name}.part"
        written.write_text(str(dumps(message)), "utf-8")
        written.replace(folder / f"{name}.{queue}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        while True:
            try:
                return super()._get(queue)
            except ValueError as error:  # kombu has taken the file away by now
                logger.error("a task in %s cannot be read: %s", self.data_folder_in, error)


class Transport(filesystem.Transport):
    """What `filesystem://` means in this project."""

    Channel = Channel


def install() -> None:
    """Makes `filesystem://` this transport."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:{Transport.__name__}"
