"""What the scripted model says: a pure function of the customer's words.

A question names itself, what it wants done and how long the answer takes, such as
`#kills-17 ticket 1400ms`. Every word of an answer carries the question's key and the number of the
request that it was streamed for, so that a text made of two attempts is seen to be one.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any

GAP = 0.1
"""Seconds between two words: slow for a model, so that a turn lasts without costing the machine that
runs everything."""

_QUESTION = re.compile(r"#([a-z0-9-]+) (plain|ticket|tools|long) (\d+)ms")
_WORD = re.compile(r"([a-z0-9-]+\.(\d+))\.\d+")


class Kind(StrEnum):
    """What a question makes the model do."""

    PLAIN = "plain"
    TICKET = "ticket"
    """Opens a ticket, then answers."""
    TOOLS = "tools"
    """Searches and opens a ticket at once, then answers."""
    LONG = "long"
    """Answers in several kilobytes."""


_SHARES = {Kind.PLAIN: 50, Kind.TICKET: 25, Kind.TOOLS: 15, Kind.LONG: 10}
"""Of a hundred questions. Tickets are many: what they show is that no effect happens twice."""

_PADDING = {Kind.LONG: "-" + "x" * 150}


@dataclass(frozen=True, slots=True)
class Question:
    """One question and, with it, its answer. `key` is unlike that of any other."""

    key: str
    kind: Kind
    seconds: float

    @classmethod
    def drawn(cls, rng: Random, key: str, longest: float = 3.0) -> "Question":
        """One that takes between one second and `longest`."""
        kind = rng.choices(list(_SHARES), weights=list(_SHARES.values()))[0]
        return cls(key, kind, round(rng.uniform(min(1.0, longest), longest), 1))

    @classmethod
    def read(cls, text: str) -> "Question | None":
        """The question in a customer's words, if there is one: of several, which are answered together,
        the newest."""
        found = _QUESTION.findall(text)
        if not found:
            return None
        key, kind, milliseconds = found[-1]
        return cls(key, Kind(kind), int(milliseconds) / 1000)

    @property
    def text(self) -> str:
        """As the customer writes it."""
        return f"#{self.key} {self.kind} {round(self.seconds * 1000)}ms"

    @property
    def calls(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        """The tools that the model calls before it answers, all at once."""
        ticket = ("create_ticket", {"title": f"About {self.key}", "description": self.text})
        search = ("search_knowledge_base", {"query": f"returns of {self.key}"})
        match self.kind:
            case Kind.TICKET:
                return (ticket,)
            case Kind.TOOLS:
                return (search, ticket)
            case _:
                return ()

    @property
    def tickets(self) -> int:
        """How many tickets it opens, however often its turn runs."""
        return sum(name == "create_ticket" for name, _ in self.calls)

    def words(self, request: int) -> list[str]:
        """The answer to the model's request of this number, word by word."""
        count = max(1, round(self.seconds / GAP))
        padding = _PADDING.get(self.kind, "")
        return [f"{self.key}.{request}.{n}{padding}" for n in range(count)]


def author(text: str) -> int | None:
    """The number of the request whose answer `text` begins as; None where it is nothing of ours."""
    found = _WORD.match(text)
    return int(found[2]) if found else None


def is_mixed(text: str) -> bool:
    """Whether some text, whole or not, is of more than one attempt."""
    return len({found[1] for found in _WORD.finditer(text)}) > 1


def is_whole(question: Question, text: str) -> bool:
    """Whether `text` is one attempt's answer to the question: all of it, and of no other."""
    written = author(text)
    return written is not None and text.strip() == " ".join(question.words(written))
