"""Text as words and stems: the one analysis of queries, documents and confidence.

A query is reduced to words before anything else sees it, so no character of it can be taken for
the syntax of a query language.
"""

import re
import sys
import unicodedata
from itertools import groupby

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

LONGEST_WORD = 60
"""Characters. Longer "words" are keys and addresses: nobody types them, every index pays."""


def _marks() -> str:
    """Every combining mark, as ranges of a character class. `\\w` leaves them out, and would so
    cut a Hindi word at each vowel sign."""
    marks = [c for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c))[0] == "M"]
    runs = [
        [c for _, c in run] for _, run in groupby(enumerate(marks), lambda pair: pair[1] - pair[0])
    ]
    return "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in runs)


_WORD = re.compile(rf"[^\W_](?:[^\W_]|[{_marks()}]|'(?=[^\W_]))*")

_STOP_WORDS = """
a about all am an and any are aren't as at be been being but by can can't cannot could did do
does doesn't doing don't for from had has have having he her him his how i i'd i'll i'm i've
if in into is isn't it it's its just let let's me my of on or our please she should so some
than that that's the their them then there these they this those to u up ur us was we we're
were what what's when where where's which who why will with would you you're your
gonna got hello help hey hi know like need tell thank thanks wanna want ya
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English words that carry no topic, those of polite requests included. In a small base they are
rare by accident, so that inverse document frequency alone would take them for important."""


def _analyzer() -> TextAnalyzer:
    """Lower case, no accents, English stems. `words` has already cut the text."""
    return (
        TextAnalyzerBuilder(Tokenizer.whitespace())
        .filter(Filter.remove_long(LONGEST_WORD))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.stemmer("english"))
        .build()
    )


ANALYZER = _analyzer()


def words(text: str) -> list[str]:
    """The words of a text, in lower case and compatibility form."""
    normal = unicodedata.normalize("NFKC", text.replace("\u2019", "'"))
    return _WORD.findall(normal.casefold())


def stems(text: str) -> list[str]:
    """The stems of a text's words, in order."""
    found: list[str] = ANALYZER.analyze(" ".join(words(text)))
    return found


def informative(text: str) -> list[str]:
    """The stems of the words that carry the topic, each once; of all words where none does."""
    said = words(text)
    kept = [word for word in said if word not in STOP_WORDS] or said
    found: list[str] = ANALYZER.analyze(" ".join(kept))
    return list(dict.fromkeys(found))
