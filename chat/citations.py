"""Citations in a stream of text: opaque ids in, numbers out.

A model cites a passage by the id it was given, `[a12-3]`. The customer reads `[1]`, the first source
of the answer. An id that no tool returned is dropped: it was invented.
"""

import re
from collections.abc import Iterable

from chat.llm.base import Citation
from chat.protocol import CitationView

_MARKER = re.compile(r" ?\[\s*([a-z]\d+-\d+(?:\s*,\s*[a-z]\d+-\d+)*)\s*\]")
_NUMBER = re.compile(r"(?: |(?<![\w)\]]))\[\d{1,2}\](?!\()")
"""A number that the model wrote itself, as it reads them in its earlier answers: it names no source."""

LONGEST_MARKER = 200
"""Characters: a dozen ids. What is longer in brackets is text."""

_BEGINNING = re.compile(rf" ?(?:\[[a-z\d,\s\-]{{0,{LONGEST_MARKER}}}\]?)?$")
"""What may be the start of a marker: held back until the rest shows what it is."""

_CUT = re.compile(r" ?\[(?:[a-z]\d*(?:-\d*)?(?:\s*,\s*|$))*$")
"""A marker whose end never came."""


class CitationFilter:
    """Rewrites the markers of one answer as it streams."""

    def __init__(self) -> None:
        self._known: dict[str, Citation] = {}
        self._cited: dict[tuple[str, str, str], CitationView] = {}
        self._held = ""
        self._before = ""
        self.invented = 0

    def restart(self) -> None:
        """Forgets the text and what it cited: another attempt starts clean."""
        self._cited, self._held, self._before = {}, "", ""

    def offer(self, citations: Iterable[Citation]) -> None:
        """Adds sources that the answer may cite."""
        self._known |= {citation.id: citation for citation in citations}

    @property
    def cited(self) -> tuple[CitationView, ...]:
        """The sources cited so far, in the order of their numbers."""
        return tuple(self._cited.values())

    def feed(self, text: str) -> str:
        """Takes the next piece of text; returns what can be shown by now."""
        text = self._held + text
        if "[" not in text and not text.endswith(" "):  # nearly all of it
            self._held, self._before = "", text[-1:] or self._before
            return text
        held = _BEGINNING.search(text)
        cut = held.start() if held else len(text)
        self._held = text[cut:]
        return self._shown(text[:cut])

    def finish(self) -> str:
        """Returns what was held back: the text is over. Half a marker is none."""
        rest, self._held = self._held, ""
        return self._shown(_CUT.sub("", rest))

    def _shown(self, text: str) -> str:
        before = self._before.strip()  # tells `items[1]` from a number that stands alone
        text = _NUMBER.sub("", before + text)[len(before) :]
        self._before = text[-1:] or self._before
        return _MARKER.sub(self._number, text)

    def _number(self, match: re.Match[str]) -> str:
        numbers = [self._cite(marker.strip()) for marker in match[1].split(",")]
        shown = "".join(f"[{number}]" for number in dict.fromkeys(numbers) if number)
        return f" {shown}" if shown and match[0].startswith(" ") else shown

    def _cite(self, marker: str) -> int | None:
        citation = self._known.get(marker)
        if citation is None:
            self.invented += 1
            return None
        key = (citation.url, citation.title, citation.heading)
        view = CitationView(title=citation.title, heading=citation.heading, url=citation.url)
        self._cited.setdefault(key, view)
        return list(self._cited).index(key) + 1
