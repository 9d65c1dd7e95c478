"""What runs in a server's process beside the requests: the embedded worker, a sweeper, a warm-up."""

import gc
import threading

from django.conf import settings
from django.db import connection

from chat.llm.embedding import embed
from supportbot.sweeper import Sweeper
from supportbot.worker import EmbeddedWorker
from tools.knowledge import vectors
from tools.knowledge.search import search

WARM_UP_TIMEOUT = 5.0
"""Seconds the warm-up may hold up a stop. It is at work in compiled code, which cannot be told to
stop, and which must not find the interpreter gone."""

GC_THRESHOLD = 50_000
"""New objects until the garbage collector looks at the youngest: at its default of 700 an answer is
interrupted dozens of times, for next to nothing."""


class Background:
    """Runs between `start` and `stop`."""

    def __init__(self) -> None:
        self._worker = EmbeddedWorker() if settings.EMBEDDED_WORKER else None
        self._sweeper = Sweeper()
        self._warm_up = threading.Thread(target=_warm_up, name="warm-up", daemon=True)

    def start(self) -> None:
        """Begins, once the server is there to be stopped."""
        if self._worker:
            self._worker.start()
        self._sweeper.start()
        self._warm_up.start()

    def stop(self) -> None:
        """Waits, within limits, for what is being done."""
        self._sweeper.stop(WARM_UP_TIMEOUT)
        if self._worker:
            self._worker.stop()
        if self._warm_up.is_alive():
            self._warm_up.join(WARM_UP_TIMEOUT)


def _warm_up() -> None:
    """Loads what the first question needs, the embeddings and the search index, and has made what
    vectors are missing."""
    embed(["hello"])
    search("hello", limit=1)
    vectors.catch_up()
    connection.close()
    # What is loaded by now stays: a full collection that looks at it pauses every answer for 0.1 s.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
