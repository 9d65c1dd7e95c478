"""Text as words and stems, each language in its own way: the one analysis of queries, documents and
confidence.

A query is reduced to words before anything else sees it, so no character of it can be taken for
the syntax of a query language.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import chain, groupby, pairwise

import Stemmer

from tools.knowledge.languages import base
from tools.knowledge.stop_words import STOP_STRINGS, STOP_WORDS

LONGEST_WORD = 60
"""Characters. Longer "words" are keys and addresses: nobody types them, every index pays."""

LONGEST_CODE = 12
"""Characters of a word such as xr500 that is found by its letters and its digits, too. Longer ones
are keys, whose parts are noise."""

REMEMBERED = 1 << 16
"""Words whose stems are kept at hand, some 10 MB: all that a help centre says often."""

STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
"""The Snowball stemmer of each language that has one."""

_SCRIPTS = {
    "LATIN": "en",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "ARABIC": "ar",
    "DEVANAGARI": "hi",
    "ARMENIAN": "hy",
    "TAMIL": "ta",
}
"""The language that a word of a script is taken for, where the text's own language is written in
another or not known: most often right, and the same for queries and documents in any case."""

_WRITTEN_IN = {
    "ar": "ARABIC",
    "bg": "CYRILLIC",
    "el": "GREEK",
    "fa": "ARABIC",
    "he": "HEBREW",
    "hi": "DEVANAGARI",
    "hy": "ARMENIAN",
    "ja": "CJK",
    "ko": "HANGUL",
    "ne": "DEVANAGARI",
    "ru": "CYRILLIC",
    "sr": "CYRILLIC",
    "ta": "TAMIL",
    "th": "THAI",
    "uk": "CYRILLIC",
    "zh": "CJK",
}
"""The script of each language that is not written in Latin letters."""

_ELIDING = frozenset({"ca", "fr", "it"})
"""Languages in which an apostrophe parts two words: l'article, dell'ordine."""

_FOLDED = str.maketrans({"ø": "o", "ł": "l", "ı": "i", "đ": "d", "æ": "ae", "œ": "oe", "ё": "е"})

# Ranges of scripts that put no spaces between words: Thai, Lao, Burmese, Khmer, kana, Han; and of
# Hangul, whose particles stick to the word.
_RUNS_ON = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)


def _marks() -> str:
    """Every combining mark, as ranges of a character class. `\\w` leaves them out, and would so
    cut a Hindi word at each vowel sign."""
    # Ideographs and private use have none: to look at those too takes each process 0.2 s to start.
    planes = chain(range(0x20000), range(0xE0000, 0xE1000))
    marks = [c for c in planes if unicodedata.category(chr(c))[0] == "M"]
    runs = [
        [c for _, c in run] for _, run in groupby(enumerate(marks), lambda pair: pair[1] - pair[0])
    ]
    return "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in runs)


_MARKS = _marks()
_ANY = rf"(?:[^\W_]|[{_MARKS}]|'(?=[^\W_]))"
_WORD = re.compile(rf"[^\W_]{_ANY}*")
# A run of letters without spaces, or words that dots, dashes or underlines hold together.
_SPACED = rf"[^\W_{_RUNS_ON}](?:[^\W_{_RUNS_ON}]|(?![{_RUNS_ON}])[{_MARKS}]|'(?=[^\W_]))*"
_TERM = re.compile(rf"[{_RUNS_ON}]+|{_SPACED}(?:[-_./]{_SPACED})*")
_RUN = re.compile(rf"[{_RUNS_ON}]")
_JOINED_ARTICLE = re.compile(r"^(?:[وفبك]ال|لل)(?=\w{3})")
"""The Arabic article behind "and", "so", "with", "like" or "for", as one word. Snowball's stemmer
takes off the article alone."""
_CLUSTER = re.compile(rf"[^{_MARKS}][{_MARKS}]*")
_CONNECTED = re.compile(r"[-_./]")
_PART = re.compile(r"\d+|[^\d]+")
_DIGIT = re.compile(r"\d")


def words(text: str) -> list[str]:
    """The words of a text as its writer parted them, in lower case and compatibility form."""
    return _WORD.findall(_normal(text))


def stems(text: str, locale: str = "") -> list[str]:
    """What a text is found by, in order: the stems of its words, pairs of characters for scripts
    without spaces, and codes both whole and in parts.

    `locale` is the language of the text. Where it is empty, each word is taken by its script.
    """
    language = base(locale)
    return [stem for term in _terms(text, language) for stem in _stems_of(term, language)]


def informative(text: str, locale: str = "") -> list[str]:
    """The stems of the words that carry the topic, each once; of all words where none does."""
    return topic(text, locale) or list(dict.fromkeys(stems(text, locale)))


def topic(text: str, locale: str = "") -> list[str]:
    """The stems of the words that carry the topic, each once; none where no word does."""
    language = base(locale)
    kept = (stem for term in _terms(text, language) for stem in _topic_of(term, language))
    return list(dict.fromkeys(kept))


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text.replace("\u2019", "'")).casefold()


def _terms(text: str, language: str) -> list[str]:
    if language == "tr":  # its two letters i
        text = text.replace("İ", "i").replace("I", "ı")
    normal = _normal(text)
    found: list[str] = _TERM.findall(normal.replace("'", " ") if language in _ELIDING else normal)
    return found


def _stems_of(term: str, language: str) -> tuple[str, ...]:
    # A run is a whole clause, which hardly comes twice: only words are worth remembering.
    return tuple(_pairs(term)) if _RUN.match(term) else _stems_of_word(term, language)


@lru_cache(REMEMBERED)
def _stems_of_word(term: str, language: str) -> tuple[str, ...]:
    found = [_stem(part, language) for part in _parts(term)]
    whole = _whole(term)
    if whole:
        found.append(_stem(whole, language))
    return tuple(stem for stem in dict.fromkeys(found) if len(stem) <= LONGEST_WORD)


def _topic_of(term: str, language: str) -> tuple[str, ...]:
    """The stems of a term without its stop words."""
    if _RUN.match(term):
        pieces = _stop_strings(term, language).split(term)
        return tuple(stem for piece in pieces if piece for stem in _pairs(piece))
    return _topic_of_word(term, language)


@lru_cache(REMEMBERED)
def _topic_of_word(term: str, language: str) -> tuple[str, ...]:
    listed = _stop_words(language or _SCRIPTS.get(_script(term), ""))
    # Parts, because of the French "puis-je" and "est-ce".
    if all(_plain(part) in listed for part in _CONNECTED.split(term)):
        return ()
    return _stems_of_word(term, language)


def _pairs(run: str) -> Iterator[str]:
    """Each two characters that follow one another, marks staying with the character below."""
    clusters = _CLUSTER.findall(run)
    if len(clusters) == 1:
        yield clusters[0]
    for first, second in pairwise(clusters):
        yield first + second


def _parts(term: str) -> Iterator[str]:
    for part in _CONNECTED.split(term):
        yield part
        if len(part) <= LONGEST_CODE and _DIGIT.search(part) and not part.isdecimal():
            yield from _PART.findall(part)


def _whole(term: str) -> str:
    """A code such as sku-1234-x, version 14.2 or e-mail as one word; empty for plain words."""
    if not _CONNECTED.search(term):
        return ""
    if _DIGIT.search(term):
        digits_only = not any(character.isalpha() for character in term)
        return term if digits_only else _CONNECTED.sub("", term)
    return term.replace("-", "") if set(_CONNECTED.findall(term)) == {"-"} else ""


@lru_cache(REMEMBERED)
def _stem(word: str, language: str) -> str:
    if _DIGIT.search(word):
        return word
    script = _script(word)
    if _WRITTEN_IN.get(language, "LATIN") != script or not language:
        language = _SCRIPTS.get(script, language)
    if language == "ar":
        word = _JOINED_ARTICLE.sub("ال", word)
    if language == "en":
        word = _folded(
            word, script, language
        )  # elsewhere the stemmer knows accents, and needs them
    algorithm = STEMMERS.get(language)
    stem = _stemmers(algorithm).stemWord(word) if algorithm else word
    return _folded(stem, script, language)


def _script(word: str) -> str:
    return unicodedata.name(word[0], "").split(" ", 1)[0]


def _folded(stem: str, script: str, language: str) -> str:
    """Without accents and vowel points, which people leave out; in Vietnamese they are the word."""
    if script not in ("LATIN", "GREEK", "ARABIC", "HEBREW", "CYRILLIC") or language == "vi":
        return stem
    if script == "CYRILLIC":
        return stem.translate(_FOLDED)
    plain = "".join(c for c in unicodedata.normalize("NFD", stem) if not unicodedata.combining(c))
    return plain.translate(_FOLDED)


class _Stemmers(threading.local):
    """A stemmer keeps state while it works: each thread has its own."""

    def __init__(self) -> None:
        self.of: dict[str, Stemmer.Stemmer] = {}


_own = _Stemmers()


def _stemmers(algorithm: str) -> Stemmer.Stemmer:
    if algorithm not in _own.of:
        _own.of[algorithm] = Stemmer.Stemmer(algorithm, 0)  # no cache: `_stem` is one
    return _own.of[algorithm]


def _plain(word: str) -> str:
    return _folded(word, _script(word), "")


@cache
def _stop_words(language: str) -> frozenset[str]:
    return frozenset(_plain(_normal(word)) for word in STOP_WORDS.get(language, ()))


@cache
def _stop_pattern(language: str) -> re.Pattern[str]:
    strings = sorted(_normal(STOP_STRINGS.get(language, "")).split(), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, strings)) or r"(?!)")


def _stop_strings(run: str, language: str) -> re.Pattern[str]:
    """Chinese where the language of a run of Han is not known, and so on."""
    if language not in STOP_STRINGS:
        kana = any("\u3040" <= character <= "\u30ff" for character in run)
        language = "ja" if kana else "th" if "\u0e00" <= run[0] <= "\u0e7f" else "zh"
    return _stop_pattern(language)
