"""OpenAI's embeddings API, and that of servers which speak it: vLLM, Ollama, llama.cpp."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chat.llm.base import Usage
from chat.llm.failures import translated
from chat.llm.openai_client import blocking_client, vendor
from chat.llm.tally import MOST_TOKENS, Tally

NAME = "openai"

_VENDOR = vendor(NAME)


@dataclass(frozen=True, slots=True)
class Embedded:
    """Unit vectors as rows, one a text, and what they took."""

    vectors: NDArray[np.float32]
    usage: Usage


class OpenAIEmbeddings:
    """One embedding model. Thread-safe.

    `base_url` None means the SDK's own: OPENAI_BASE_URL, else OpenAI.
    """

    name = NAME

    def __init__(self, *, model: str, api_key: str, base_url: str | None = None) -> None:
        self.model = model
        self._client = blocking_client(api_key=api_key, base_url=base_url)

    def embed(self, texts: Sequence[str], *, timeout: float) -> Embedded:
        """The vectors of some texts, none of which is empty. Raises ProviderError, such as TimedOut
        where the server is silent for `timeout` seconds."""
        tally = Tally(sent=sum(map(len, texts)))
        with translated(_VENDOR, tally):
            answer = self._client.embeddings.create(
                model=self.model, input=list(texts), timeout=timeout
            )
            tally.begun = True
            if answer.usage is not None:  # some servers do not count
                tally.input_tokens = min(max(0, answer.usage.prompt_tokens), MOST_TOKENS)
            rows = sorted(answer.data, key=lambda row: row.index)
            vectors = np.array([row.embedding for row in rows], dtype=np.float32)
            if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
                raise ValueError("no vector for each text")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return Embedded(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), tally.whole())
