"""Filling a tool's arguments from what the customer wrote, without a model."""

import re
from collections.abc import Sequence
from typing import Any

from chat.llm.base import Slot, ToolSpec
from chat.llm.routing import informative, sentences

DESCRIPTION_WORDS = 4
"""Informative words beyond a tool's own examples that make an utterance a description: "I want to
talk to a human" has none, "I was charged twice for the blue lamp" has enough."""


def find(slot: Slot, text: str) -> str | None:
    """The last value in `text` that looks like the slot's: people correct themselves forwards."""
    found = [match[0] for match in re.finditer(slot.pattern, text)] if slot.pattern else []
    return found[-1] if found else None


def fill(
    tool: ToolSpec, utterance: str, earlier: Sequence[str], *, words: str | None = None
) -> tuple[dict[str, Any], Slot | None]:
    """The arguments that can be filled, and the first required slot that cannot.

    Patterns are looked for in the utterance, then in `earlier` customer messages, newest first.
    `words` is the customer's own text for the free-text slots; None where nothing was said yet.
    """
    arguments: dict[str, Any] = {}
    missing: Slot | None = None
    for slot in tool.slots:
        if slot.free_text:
            value = _free_text(slot, words)
        else:
            texts = (utterance, *reversed(earlier))
            value = next((found for text in texts if (found := find(slot, text))), None)
        if value is not None:
            arguments[slot.name] = value
        elif slot.required and (missing is None or not missing.ask):
            missing = slot
    return arguments, missing


def _free_text(slot: Slot, words: str | None) -> str | None:
    if not words:
        return None
    # A slot that is never asked for is a heading of the one that is: its first sentence.
    text = words.strip() if slot.ask else sentences(words)[0]
    if slot.max_length is None or len(text) <= slot.max_length:
        return text
    return text[: slot.max_length - 1].rsplit(" ", 1)[0] + "…"


def says_something(utterance: str, tool: ToolSpec) -> bool:
    """Whether an utterance says anything beyond the wish for the tool."""
    known = set().union(*(informative(example) for example in tool.examples))
    return bool(informative(utterance) - known)


def describes(utterance: str, tool: ToolSpec) -> bool:
    """Whether an utterance says more than which tool it wants."""
    known = set().union(*(informative(example) for example in tool.examples))
    return len(informative(utterance) - known) >= DESCRIPTION_WORDS
