"""Who makes vectors, and what a search does while a provider does not."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chat.llm.base import Overloaded, Usage
from tools.knowledge import embedders
from tools.knowledge.embedders import ProviderEmbedder, WordLlamaEmbedder, get_embedder


@dataclass
class Made:
    vectors: NDArray[np.float32]
    usage: Usage = field(default_factory=Usage)


@dataclass
class Scripted:
    """An embedding model that does as it is told, and keeps what it was asked."""

    model: str = "model-1"
    takes: float = 0.0
    fails: bool = False
    asked: list[str] = field(default_factory=list)

    def embed(self, texts: Sequence[str], *, timeout: float) -> Made:
        self.asked += texts
        time.sleep(self.takes)
        if self.fails:
            raise Overloaded("busy", "openai")
        return Made(np.eye(len(texts), 3, dtype=np.float32))


@pytest.fixture
def model() -> Scripted:
    return Scripted()


@pytest.fixture
def embedder(model: Scripted) -> ProviderEmbedder:
    return ProviderEmbedder(model, timeout=0.2)


def test_without_a_setting_vectors_are_made_here() -> None:
    embedder = get_embedder()
    assert isinstance(embedder, WordLlamaEmbedder)
    assert embedder.local
    vector = embedder.embed_query("a kettle")
    assert vector is not None
    assert float(vector @ vector) == pytest.approx(1)
    assert np.array_equal(embedder.embed_passages(["a kettle"])[0], vector)
    assert embedder.embed_query("") is None


def test_a_setting_chooses_a_providers_model(settings: Any) -> None:
    settings.EMBEDDING = {
        "model": "model-1",
        "api_key": "key",
        "base_url": "http://127.0.0.1:9/v1",
        "timeout": 0.5,
    }
    embedder = get_embedder()
    assert (embedder.name, embedder.local) == ("model-1", False)
    assert get_embedder() is embedder
    assert embedder.embed_query("nobody listens there") is None


def test_a_question_that_is_asked_again_is_not_embedded_again(
    embedder: ProviderEmbedder, model: Scripted
) -> None:
    first = embedder.embed_query("a kettle")
    assert first is not None
    assert embedder.embed_query("a kettle") is first
    assert model.asked == ["a kettle"]


def test_of_many_questions_the_latest_are_kept(
    embedder: ProviderEmbedder, model: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedders, "QUERY_VECTORS", 2)
    for text in ("a", "b", "a", "c", "a", "b"):
        embedder.embed_query(text)
    assert model.asked == ["a", "b", "c", "b"]


def test_no_words_are_not_asked_about(embedder: ProviderEmbedder, model: Scripted) -> None:
    assert embedder.embed_query("  ") is None
    assert model.asked == []


def test_a_slow_provider_is_not_waited_for_and_then_left_alone(
    embedder: ProviderEmbedder, model: Scripted
) -> None:
    model.takes = 0.6
    started = time.monotonic()
    assert embedder.embed_query("a") is None
    assert embedder.embed_query("b") is None
    assert time.monotonic() - started < 0.5
    assert model.asked == ["a"]


def test_a_provider_that_fails_is_asked_again_after_a_pause(
    embedder: ProviderEmbedder, model: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedders, "PAUSE", 0.05)
    model.fails = True
    assert embedder.embed_query("a") is None
    model.fails = False
    assert embedder.embed_query("a") is None
    time.sleep(0.06)
    assert embedder.embed_query("a") is not None


def test_a_provider_that_fails_fails_a_batch_of_passages(
    embedder: ProviderEmbedder, model: Scripted
) -> None:
    model.fails = True
    with pytest.raises(Overloaded):
        embedder.embed_passages(["a"])
