"""Personal data and secrets in a text: found, and replaced by what they were.

The time taken grows with the text and no faster, whatever it is: what repeats in a pattern never
gives back what it took (`++`, `*+`), and begins only where nothing of its own kind stands before it.
"""

import re
from collections.abc import Callable
from itertools import accumulate

EMAIL, CARD, PHONE, KEY = "[email]", "[card]", "[phone]", "[key]"

StandIn = Callable[[str, str], str]
"""What stands for something personal, by its kind and itself."""

SHORTEST_CARD, LONGEST_CARD = 13, 19
"""Digits of a card number (ISO/IEC 7812)."""

SHORTEST_SECRET = 6
"""Characters. What is shorter after `password:` is a word such as "none" rather than a secret."""

_URL_LOGIN = re.compile(r"(?<=://)[^\s/@]*+(?=@)")

_KEY = re.compile(
    r"""
      (?<![^\W_]) (?:sk|pk|rk) [-_] [\w*-]{8,}+             # Anthropic, OpenAI, Stripe
    | (?<![^\W_]) (?: gh[a-z]_\w{20,}+ | xox[a-z]-[\w-]{10,}+ | A[KS]IA[A-Z0-9]{16} | AIza[\w-]{30,}+ )
    | (?<![\w.-]) eyJ[\w-]{8,}+ (?: [:.][\w-]++ ){1,4}+     # a session token, a JSON Web Token
    | (?i: (?<=\bbearer\s) [^\s'",;\[]{6,}+ )
    """,
    re.VERBOSE,
)

_NAMED = re.compile(
    rf"""
    (?<! [^\W_] )
    ( api[_-]?key | password | passwd | secret(?:[_-]?key)? | authorization | (?:set-)?cookie | token
      | sessionid | csrftoken )
    ( ['"]? \s?[:=]\s? ['"]? (?:(?:basic|bearer)\s)? )
    (?! \d+(?:\.\d+)?(?:\W|$) )                              # a count of tokens is no secret
    [^\s'",;&}}\[]{{{SHORTEST_SECRET},}}+
    """,
    re.VERBOSE | re.IGNORECASE,
)

_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]++(?:@|%40)(?:[\w-]++\.)+[^\W\d_]{2,}+")

_ID = r"(?<![\w-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])|(?<!\w)[0-9a-f]{32}(?!\w)"
_ID_OR_DIGITS = re.compile(rf"({_ID})|(?<!\d)\d(?:[ \u00a0-]?\d){{{SHORTEST_CARD - 1},}}+")
_GROUP = re.compile(r"\d+")

_PHONE = re.compile(
    r"""
      (?<![\w+]) \+ \d (?: [ \u00a0()./-]{0,3}+ \d ){6,14}+ (?!\d)         # +44 (0)20 7946 0958
    | (?<![\w.,-]) 00[1-9] (?: [ \u00a0()/-]{0,3}+ \d ){7,13}+ (?![\w])    # 0049 171 1234567
    | (?<![\w.,-]) \(? 0[1-9] (?: [ \u00a0()/-]{0,2}+ \d ){7,10}+ (?![\w:]|[.,]\d)   # 020 7946 0958
    | (?<![\w.,-]) (?: \( \d{3} \) [ ]? | \d{3} [ .-] ) \d{3} [ .-] \d{4} (?![\w-])  # (555) 010-9999
    """,
    re.VERBOSE,
)


def redact(text: str) -> str:
    """`text` with every e-mail address, card number, phone number and secret replaced by its kind."""
    return replaced(text, lambda kind, _: kind)


def replaced(text: str, stand_in: StandIn) -> str:
    """`text` with `stand_in(kind, found)` for each of them, which must not look like one itself."""

    def by(kind: str) -> Callable[[re.Match[str]], str]:
        return lambda found: stand_in(kind, found[0])

    def named(found: re.Match[str]) -> str:
        before = found[1] + found[2]
        return before + stand_in(KEY, found[0][len(before) :])

    def cards(found: re.Match[str]) -> str:
        """A run of digits without the card numbers in it. Ids of turns and traces stay whole."""
        return found[0] if found[1] else _mask(found[0], stand_in)

    if "://" in text:
        text = _URL_LOGIN.sub(by(KEY), text)
    text = _KEY.sub(by(KEY), text)
    text = _NAMED.sub(named, text)
    if "@" in text or "%40" in text:
        text = _ADDRESS.sub(by(EMAIL), text)
    text = _ID_OR_DIGITS.sub(cards, text)
    return _PHONE.sub(by(PHONE), text)


def holds_personal_data(text: str) -> bool:
    """Whether there is anything in `text` that `redact` takes out."""
    return redact(text) != text


def _mask(run: str, stand_in: StandIn) -> str:
    """A card number is a few whole groups of the run: "1234 4111 1111 1111 1111" has one."""
    groups = [match.span() for match in _GROUP.finditer(run)]
    digits = list(accumulate((end - start for start, end in groups), initial=0))
    luhn = _Luhn("".join(run[start:end] for start, end in groups))
    parts, kept, first = [], 0, 0
    while first < len(groups):
        last = _card_from(first, digits, luhn)
        if last is not None:
            begin, end = groups[first][0], groups[last][1]
            parts += [run[kept:begin], stand_in(CARD, run[begin:end])]
            kept, first = end, last
        first += 1
    return "".join([*parts, run[kept:]])


def _card_from(first: int, digits: list[int], luhn: "_Luhn") -> int | None:
    """The last group of the card number that begins with group `first`; None where none does."""
    for last in range(first, min(first + LONGEST_CARD, len(digits) - 1)):
        length = digits[last + 1] - digits[first]
        if length > LONGEST_CARD:
            return None
        if length >= SHORTEST_CARD and luhn.holds(digits[first], digits[last + 1]):
            return last
    return None


class _Luhn:
    """The check digit of card numbers, for any part of a run of digits at the cost of one."""

    def __init__(self, text: str) -> None:
        digits = [int(character) for character in text]
        doubled = [2 * digit - 9 * (digit > 4) for digit in digits]
        even = [doubled[i] if i % 2 == 0 else digits[i] for i in range(len(digits))]
        odd = [doubled[i] if i % 2 else digits[i] for i in range(len(digits))]
        self._sums = [list(accumulate(values, initial=0)) for values in (even, odd)]

    def holds(self, start: int, end: int) -> bool:
        """Whether the digits from `start` to `end` are a valid number: its last digit counts once, the
        one before it twice, and so on in turn."""
        sums = self._sums[end % 2]
        return (sums[end] - sums[start]) % 10 == 0
