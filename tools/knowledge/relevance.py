"""How well each sentence of a passage answers a question, told without a model."""

import re
from collections import Counter
from collections.abc import Sequence
from math import log

import numpy as np

from chat.llm.embedding import embed
from tools.knowledge import sentences
from tools.knowledge.languages import base
from tools.knowledge.words import informative, stems

EMBEDDED = ("", "en")
"""Languages whose sentences are compared by embedding, too. WordLlama learned from English: in others
it takes for alike what only looks alike."""

LAST_QUESTION = 2.0
"""Weight of the words of a question's last sentence, against those before it: a follow-up is
searched with the question that it follows, and asks for something else."""

QUANTITY = 0.25
"""What a number is worth where an amount or a time is asked for."""

BEGINNING = 0.3
"""What the first sentence of a section is worth whose heading is the question. It is the answer as a
rule, in other words: "Often not." under "Do I have to send it back?"."""

_ASKS_HOW = re.compile(
    r"^\W*(?:(?:and|und|y|et)\s)?(?:how|wie|c[oó]mo|comment|come)\b"
    r"|\b(?:steps|what (?:should|do) (?:I|we) do)\b"
    r"|कैसे|怎么|如何|怎样|どうやって|どうすれば|อย่างไร",
    re.I,
)
_ASKS_AMOUNT = re.compile(
    r"\b(?:how (?:much|many|long|often|far|soon|fast|big|large|old)|when|price|cost|fee"
    r"|wie ?(?:viel|lange|oft|weit|teuer|hoch|gro(?:ß|ss)|alt)e?|wann|was kostet"
    r"|cu[aá]nt[oa]s?|cu[aá]ndo|precio|combien|quand|prix|quant[oaei]|quando|pre[cç]o|prezzo)\b"
    r"|कितन|कब|多少|几天|几个|多久|多长|何日|何時|いくら|いくつ|いつ|どのくらい|เท่าไ|กี่|เมื่อไ|얼마|언제|몇",
    re.I,
)
_ASKS_PRICE = re.compile(
    r"\b(?:how (?:much|expensive)|prices?|costs?|fees?|charge|cuesta|precio|kostet|kosten|teuer|prix|co[uû]te"
    r"|quanto costa|prezzo|quanto custa|pre[cç]o)\b|कीमत|多少钱|いくら|料金|ราคา|얼마",
    re.I,
)
_PRICE = re.compile(r"[$€£¥₹฿]|\b(?:USD|EUR|euros?|dollars?|d[oó]lares|pesos)\b|[元円]", re.I)
_ASKS_WHETHER = re.compile(
    r"[?\uff1f؟]|\b(?:is|are|am|was|were|do|does|did|can|could|may|must|should|shall|will|would|has|have)"
    r"\s+(?:I|you|we|he|she|it|they|there|this|that|these|those|the|a|an|my|your|our|any)\b|吗|か\W*$|ไหม|क्या",
    re.I,
)
_ASKS_WHICH = re.compile(
    r"^\W*(?:what|which|who|whom|whose|where|when|why|how|was|welche[rmns]?|wer|wo|wann|warum|wie"
    r"|qu[eé]|cu[aá]l(?:es)?|qui[eé]n|d[oó]nde|cu[aá]ndo|c[oó]mo|quoi|quel(?:le)?s?|qui|o[uù]|quand|comment|pourquoi)\b",
    re.I,
)
_NUMBER = re.compile(r"\d")
_AMOUNT = re.compile(
    r"\d|[$€£¥₹฿]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|free|zwei|drei|vier|fünf|kostenlos"
    r"|dos|tres|cuatro|cinco|gratis|gratuit[oae]?s?|deux|trois|quatre|cinq)\b|免费|無料|[一二三四五六七八九十]",
    re.I,
)


def scores(
    texts: Sequence[str], question: str, *, heading: str = "", locale: str = ""
) -> list[float]:
    """For each of a passage's sentences, in order, how well it answers: from 0 to about 1.5.

    `heading` is the passage's, `locale` its language.
    """
    weights = _weights(texts, question, locale)
    own = [set(stems(text, locale)) for text in texts]
    total = sum(weights.values()) or 1.0
    shared = [sum(w for stem, w in weights.items() if stem in there) / total for there in own]
    if base(locale) in EMBEDDED:
        vectors = embed([question, *texts])
        near = np.clip(vectors[1:] @ vectors[0], 0.0, None)
        shared = [0.5 * float(n) + 0.5 * s for n, s in zip(near, shared, strict=True)]
    first = BEGINNING * _answers(heading, question, locale)
    amount = QUANTITY if asks_amount(question) else 0.0
    return [
        score + first * (1 - place / len(texts)) + amount * bool(_AMOUNT.search(text))
        for place, (score, text) in enumerate(zip(shared, texts, strict=True))
    ]


def asks_amount(question: str) -> bool:
    """Whether a question is about a price, a number or a time."""
    return bool(_ASKS_AMOUNT.search(question))


def asks_how(question: str) -> bool:
    """Whether a question is about how something is done."""
    return bool(_ASKS_HOW.search(question)) and not asks_amount(question)


def asks_whether(question: str) -> bool:
    """Whether a "Yes." or a "No." may answer a text: it is a question, and not one for a thing, a place
    or a way."""
    return bool(_ASKS_WHETHER.search(question)) and not _ASKS_WHICH.match(question)


def has_amount(text: str, question: str) -> bool:
    """Whether a text names what a question about an amount asks for: a price, or any number."""
    return bool((_PRICE if _ASKS_PRICE.search(question) else _NUMBER).search(text))


def _weights(texts: Sequence[str], question: str, locale: str) -> dict[str, float]:
    """How much each of the question's stems tells one sentence of the passage from the others."""
    in_texts = Counter(stem for text in texts for stem in set(stems(text, locale)))
    asked = sentences.split(question, locale)
    last = set(informative(asked[-1], locale)) if len(asked) > 1 else set()
    return {
        stem: log(1 + len(texts) / (1 + in_texts[stem])) * (LAST_QUESTION if stem in last else 1.0)
        for stem in informative(question, locale)
    }


def _answers(heading: str, question: str, locale: str) -> float:
    """The share of the question's words that a heading has."""
    asked = set(informative(question, locale))
    return len(asked & set(stems(heading, locale))) / max(1, len(asked))
