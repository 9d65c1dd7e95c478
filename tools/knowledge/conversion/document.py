"""What a conversion gives, and how it says that there is nothing to give."""

from dataclasses import dataclass


class Unreadable(Exception):
    """A file that cannot be used. Its text is a reason for whoever sent it: `has no text`."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document's title (empty where it has none), its text as Markdown, its language or ``."""

    title: str
    text: str
    locale: str = ""
