"""Questions that make no sense without the one before: "and how much does it cost?", "why?".

Told by their words, in the languages below. Whether a question that begins with "what about" goes on
with the old topic or opens a new one, no word tells: `OfflineProvider` sees it in what is found.
"""

import re

from chat.llm.phrases import phrases, spoken
from chat.llm.routing import STEM, informative, words

LONGEST = 3
"""English words with a meaning of their own. "And how much does it cost to return a lamp?" has more:
it says by itself what it is about."""

LONGEST_FOREIGN = 6
"""Words of other languages: which of those have a meaning of their own, nobody has listed here."""

_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")

_LEADS_ON = re.compile(
    r"^\W*(?:(?:and|but|or|also|what about|how about|what if"
    r"|und|aber|oder|was ist mit|wie ist es (?:mit|bei)|wie sieht es (?:mit|bei)"
    r"|y|e|pero|o|qué (?:hay|pasa) (?:de|con)"
    r"|et|mais|ou|qu['\u2019]en est-il (?:de|du|des)|ma|mas|और|लेकिन)(?![^\W\d_])"
    r"|那(?=.*呢)|(?=.*は\W*$))",
    re.I,
)
"""Goes on, with a word or two of its own: "what about Canada?"."""

_THEN = r"(?=\W*$|\s+(?:is|are|was|cost|costs|work|works|take|takes|mean|means|for|to|in|by|too)\b)"
"""After a word that stands alone: "this" without it belongs to a noun, as in "this lamp"."""

_POINTS_BACK = re.compile(
    rf"\b(?:it|its|they|them|(?:this|that|these|those|ones?){_THEN}|there\W*$"
    r"|dafür|damit|davon|dazu|dort|dabei|ihn|dies"
    r"|(?:kostet|ist|geht|dauert|gilt|macht|wird|mache ich) (?:das|es)"
    r"|es[ao](?=\W*$| (?:es|cuesta|vale|tarda|incluye)\b)|eso|esto|ello|allí|hacerlo|devolverl[oa]"
    r"|ça|cela|celui-ci|celle-ci|ceux-ci)\b"
    r"|(?<!\w)(?:यह|वह|ये|वे|इसे|इसका|उसका)(?!\w)|它|这个?(?=[多怎什能可要])|これ|それ",
    re.I,
)

_BARE = re.compile(
    r"^\W*(?:(?:why(?: not)?|how(?: come)?|(?:for )?how (?:much|long|many|often|far|so)|when|where|who|which"
    r"|since when|until when|by when|really|are you sure|what else|how much (?:is|does) (?:it|that)"
    r"|warum(?: nicht)?|wieso|weshalb|wie|wann|wo|wie ?viel|wie lange|wie oft|wie teuer|bis wann"
    r"|ab wann|was (?:noch|sonst)|wirklich"
    r"|por qué(?: no)?|cómo|cuándo|dónde|cuánt[oa]s?(?: (?:cuesta|vale|tarda|es|tiempo))?"
    r"|hasta cuándo|desde cuándo|cuál(?:es)?|de verdad"
    r"|pourquoi(?: pas)?|comment|quand|où|combien(?: de (?:temps|fois))?|lequel|laquelle"
    r"|jusqu['\u2019]à quand|vraiment"
    r"|perché|quanto|quando|dove|por que|porquê"
    r"|क्यों|कैसे|कब|कहाँ|कितना|कितने)"
    r"|为什么|怎么|什么时候|多少钱|多久|哪里|为何|なぜ|どうして|どうやって|いつ|どこ|いくら)\W*[呢吗]?\W*$",
    re.I,
)
"""No more than a question word."""


def depends(text: str) -> bool:
    """Whether a question makes sense only after another."""
    return _is_bare(text) or (
        _is_short(text) and bool(_LEADS_ON.match(text) or _POINTS_BACK.search(text))
    )


def points_back(text: str) -> bool:
    """Whether it speaks of what was named before: there is no topic of its own in it."""
    return _is_bare(text) or bool(_POINTS_BACK.search(text))


def _is_bare(text: str) -> bool:
    return bool(_BARE.match(_LEADS_ON.sub("", text, count=1)))


def speaks_of(found: str, question: str) -> bool:
    """Whether a text has a word that is the question's own. True where the question has none."""
    asked = _LEADS_ON.sub("", question, count=1)
    common = phrases(spoken(question)).words
    own = [word for word in words(asked) if word not in common and word[:STEM] in informative(word)]
    there = found.casefold()
    return not own or any(part in there for word in own for part in _parts(word))


def _parts(word: str) -> list[str]:
    """What of a word is looked for: its beginning, or every two characters where a "word" is a whole
    sentence without spaces."""
    if _UNSPACED.search(word):
        return [word[i : i + 2] for i in range(len(word) - 1)]
    return [word[:STEM]]


def _is_short(text: str) -> bool:
    if text.isascii() and spoken(text) == "en":
        return len(informative(text)) <= LONGEST
    return len(text.split()) <= LONGEST_FOREIGN
