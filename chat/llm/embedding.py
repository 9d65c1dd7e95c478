"""Sentence embeddings without a network: WordLlama's static vectors, which ship in its wheel."""

import pathlib
import threading
from collections.abc import Sequence
from functools import cache

import numpy as np
import wordllama
from numpy.typing import NDArray

_loading = threading.Lock()


@cache
def _load() -> wordllama.WordLlamaInference:
    # Without a cache folder of its own and this flag, load() looks for the weights on a network.
    folder = pathlib.Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)


def _model() -> wordllama.WordLlamaInference:
    with _loading:  # two threads at once would load 100 MB twice
        return _load()


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """One unit vector a text, as rows: the dot product of two is their cosine similarity.

    A text without any word the model knows, such as an empty one, is all zeros: like nothing.
    """
    vectors = np.nan_to_num(np.asarray(_model().embed(list(texts)), dtype=np.float32))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit
