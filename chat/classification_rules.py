"""A message's classification without a model: telling words, counted the same way every time."""

import re

from chat.reading import Category, Reading, Sentiment, Urgency


def _words(*stems: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(stems)})", re.IGNORECASE)


_NEGATIVE = _words(
    "angry", "annoy", "awful", "bad", "broke", "complain", "crack", "cheat", "damag", "defect",
    "disappoint", "fail", "fed up", "frustrat", "furious", "hate", "horribl", "late", "lost",
    "miss", "never", "not happy", "poor", "ridiculous", "rude", "scam", "slow", "still (?:no|not|waiting)",
    "terribl", "unacceptabl", "unhappy", "upset", "useless", "waste", "worst", "wrong", "wtf",
)  # fmt: skip
_POSITIVE = _words(
    "amazing", "appreciat", "awesome", "brilliant", "excellent", "fantastic", "glad", "good job",
    "great", "happy", "helpful", "love", "lovely", "perfect", "pleased", "thank", "thx", "wonderful",
)  # fmt: skip
_NEGATION = re.compile(r"\b(?:not|no|never|isn't|wasn't|don't|didn't|hardly)\s+(?:\w+\s+)?$", re.I)
_BILLING = _words(
    "bank", "bill", "card", "cash", "charg", "cost", "credit", "debit", "discount", "fee", "gift card",
    "invoice", "money", "overcharg", "paid", "pay", "paypal", "price", "promo", "receipt", "refund",
    "tax", "vat", "voucher",
)  # fmt: skip
_TECHNICAL = _words(
    "app\\b", "bug", "broke", "can(?:'|no)t (?:log|sign)", "crash", "doesn't (?:work|turn|start|heat)",
    "does not (?:work|turn|start|heat)", "error", "fix", "install", "leak", "log ?in", "password",
    "repair", "reset", "set ?up", "sign ?(?:in|up)", "spare part", "stopped working", "website",
    "won't (?:turn|start|work|heat|load)", "not working",
)  # fmt: skip
_HIGH = _words(
    "asap", "burn", "dangerous", "electric shock", "emergency", "fire", "fraud", "hacked", "immediately",
    "injur", "lawyer", "legal", "right now", "shock", "smoke", "stolen", "today", "tonight", "twice",
    "unauthori[sz]ed", "urgent", "within the hour",
)  # fmt: skip


def by_rules(text: str) -> Reading:
    """The deterministic reading: counts of telling words, negation turned around."""
    negative = len(_NEGATIVE.findall(text))
    positive = 0
    for match in _POSITIVE.finditer(text):
        if _NEGATION.search(text[: match.start()]):
            negative += 1
        else:
            positive += 1
    sentiment: Sentiment = "neutral"
    if positive != negative:
        sentiment = "positive" if positive > negative else "negative"
    return Reading(sentiment=sentiment, category=_category(text), urgency=_urgency(text, sentiment))


def _category(text: str) -> Category:
    billing, technical = len(_BILLING.findall(text)), len(_TECHNICAL.findall(text))
    if not billing and not technical:
        return "general"
    return "billing" if billing >= technical else "technical"


def _urgency(text: str, sentiment: str) -> Urgency:
    if _HIGH.search(text):
        return "high"
    return "medium" if sentiment == "negative" else "low"
