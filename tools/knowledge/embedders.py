"""Who turns texts into vectors: WordLlama in this process, or a provider's model by setting.

A vector is stored beside the name of the model that made it, so that those of two models never meet.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Protocol

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string
from numpy.typing import NDArray

from chat.llm.base import ProviderError, Usage
from chat.llm.embedding import embed
from chat.redaction import redact

logger = logging.getLogger(__name__)

WORDLLAMA = "wordllama-l2-supercat-256"
"""The weights in wordllama's wheel. A release with others has to change this name with them."""

BATCH_TIMEOUT = 60.0
"""Seconds that a provider may be silent over a batch of passages. Nobody waits for it."""

QUERY_VECTORS = 512
"""Query vectors of a provider's model that are kept: 3 MB at 1,536 dimensions. A follow-up is often
searched twice, and popular questions come all day."""

PAUSE = 15.0
"""Seconds for which a provider is not asked for a query's vector once it failed: each customer would
wait for the time limit again."""

AT_ONCE = 8
"""Query vectors that are asked for at the same time. Others go without."""


class Embedder(Protocol):
    """Turns texts into vectors of unit length. Thread-safe."""

    name: str
    """The model's, as it is stored beside its vectors."""

    local: bool
    """Whether it works in this process, fast enough to be part of a write's transaction."""

    languages: frozenset[str]
    """Those that the model was made for; empty for one that knows all."""

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text. Raises ProviderError where a provider does not answer."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32] | None:
        """The query's vector. None where there is none in time: search goes on by words alone."""
        ...


class Embedded(Protocol):
    """See chat.llm.openai_embedding."""

    vectors: NDArray[np.float32]
    usage: Usage


class Embeddings(Protocol):
    """An adapter of `chat.llm`, which is imported once its model is configured."""

    model: str

    def embed(self, texts: Sequence[str], *, timeout: float) -> Embedded:
        """Raises ProviderError."""
        ...


class WordLlamaEmbedder:
    """Static embeddings that ship in a wheel: 25,000 texts a second, offline."""

    name = WORDLLAMA
    local = True
    languages = frozenset({"en"})

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder."""
        return embed(texts)

    def embed_query(self, text: str) -> NDArray[np.float32] | None:
        """See Embedder. None for a text without any word that the model knows."""
        (vector,) = embed([text])
        return vector if vector.any() else None


class ProviderEmbedder:
    """A provider's embedding model. `timeout` is how many seconds a query's vector may take."""

    local = False
    languages: frozenset[str] = frozenset()

    def __init__(self, embeddings: Embeddings, timeout: float) -> None:
        self.name = embeddings.model
        self._embeddings = embeddings
        self._timeout = timeout
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()
        self._paused_until = 0.0
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="embedding")

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See Embedder."""
        embedded = self._embeddings.embed(texts, timeout=BATCH_TIMEOUT)
        logger.info("embedded %s passages: %s tokens", len(texts), embedded.usage.input_tokens)
        return embedded.vectors

    def embed_query(self, text: str) -> NDArray[np.float32] | None:
        """See Embedder."""
        if settings.REDACT_FOR_PROVIDERS:
            text = redact(text)
        with self._lock:
            if text in self._kept:
                self._kept.move_to_end(text)
                return self._kept[text]
        if not text.strip() or time.monotonic() < self._paused_until:
            return None
        vector = self._asked(text)
        if vector is not None:
            with self._lock:
                self._kept[text] = vector
                while len(self._kept) > QUERY_VECTORS:
                    self._kept.popitem(last=False)
        return vector

    def _asked(self, text: str) -> NDArray[np.float32] | None:
        # In a thread: the SDK limits only how long a server is silent, not how long it takes.
        asked = self._threads.submit(self._embeddings.embed, [text], timeout=self._timeout)
        try:
            vector: NDArray[np.float32] = asked.result(self._timeout).vectors[0]
        except (ProviderError, TimeoutError) as error:
            asked.cancel()
            self._paused_until = time.monotonic() + PAUSE
            reason = error if isinstance(error, ProviderError) else "too slow"
            logger.warning("search goes on by words alone for %.0f s: %s", PAUSE, reason)
            return None
        return vector


@cache
def _provider(model: str, api_key: str, base_url: str | None, timeout: float) -> ProviderEmbedder:
    adapter = import_string("chat.llm.openai_embedding.OpenAIEmbeddings")
    return ProviderEmbedder(adapter(model=model, api_key=api_key, base_url=base_url), timeout)


_WORDLLAMA = WordLlamaEmbedder()


def get_embedder() -> Embedder:
    """The embedder that `settings.EMBEDDING` asks for."""
    return _provider(**settings.EMBEDDING) if settings.EMBEDDING["model"] else _WORDLLAMA
