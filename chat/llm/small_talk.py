"""What people say that is no question: greetings, thanks, a yes, a no. In the widget's languages."""

import re

from chat.llm.phrases import Phrases

LONGEST_THANKS = 8
"""Words: "thank you, that solved it". What is longer says something else as well."""

_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|greetings|hola|hallo|"
    r"guten (?:tag|morgen|abend)|bonjour|salut|buenos d[ií]as|buenas(?: tardes)?)"
    r"(?: there| team| all| everyone| friend)?\W*$",
    re.I,
)
_THANKS = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|no(?:pe)?|all good)[ ,]*)?(?:many )?(?:thanks?|thank you|thx|ty|cheers|"
    r"great|perfect|awesome|wonderful|good|nice|fine|alright|got it|i see|understood|"
    r"gracias|danke|vielen dank|merci)\b",
    re.I,
)
_GOODBYE = re.compile(
    r"^\W*(?:good ?bye|bye(?: bye)?|see you|have a (?:nice|good) \w+|adi[oó]s|tsch[uü]ss|au revoir)"
    r"\W*$",
    re.I,
)
_HOW_ARE_YOU = re.compile(
    r"^\W*(?:hi|hello|hey)?\W*how(?: are|'re) you(?: doing| today)*\W*$", re.I
)
_ABOUT_YOU = re.compile(
    r"^\W*(?:who are you|what are you|what can you do|how can you help(?: me)?|help|"
    r"are you (?:a |an )?(?:ro)?(?:bot|human|person|real(?: person)?|ai|machine|robot))\W*$",
    re.I,
)
_MORE_THAN_THANKS = re.compile(
    r"\?|\b(?:but|how|what|where|when|why|who|which|can|could|not|never|need|want|order|still)\b",
    re.I,
)

_YES = re.compile(
    r"^\W*(?:yes|yeah|yep|yup|sure|ok(?:ay)?|please(?: do)?|go ahead|do it|of course|definitely|"
    r"that would be (?:great|nice|good)|sounds good|s[ií]|claro|vale|ja|gerne?|oui|d['\u2019]accord)\b"
    r"[\s,.!]*"
    r"(?:please|thanks?|thank you|do(?: it| so| that)?|por favor|bitte|s'il vous pla[iî]t)?\W*",
    re.I,
)
_NO = re.compile(
    r"^\W*(?:no|nope|nah|not now|cancel|stop|no,? thanks?(?: you)?|nein(?: danke)?|non(?: merci)?|"
    r"no,? that'?s (?:all|fine|ok(?:ay)?)|no,? thanks?,? that'?s (?:all|it)|no gracias)\W*$"
    r"|\b(?:never ?mind|forget (?:it|about it)|don'?t (?:want|need) (?:a \w+|one|that)\W*$)",
    re.I,
)
_NOT_JUST_YES = re.compile(
    r"\?|^\W*(?:but|what|how|where|when|why|who|which|can|could|first|then)\b|\bfirst\b", re.I
)


def reply(text: str, phrases: Phrases) -> str | None:
    """The answer to small talk, of `phrases`; None where the text is about something."""
    for pattern, answer in (
        (_GREETING, phrases.greeting),
        (_HOW_ARE_YOU, phrases.well),
        (_ABOUT_YOU, phrases.about_me),
        (_GOODBYE, phrases.goodbye),
    ):
        if pattern.match(text):
            return answer
    return phrases.anything_else if _is_thanks(text) else None


def _is_thanks(text: str) -> bool:
    return (
        bool(_THANKS.match(text))
        and len(text.split()) <= LONGEST_THANKS
        and not _MORE_THAN_THANKS.search(text)
    )


def accepted(text: str) -> str | None:
    """What follows a yes, often nothing; None where the text is no yes, or a yes to go on with
    something else first."""
    yes = _YES.match(text)
    if yes is None or declined(text):
        return None
    rest = text[yes.end() :].strip()
    return None if _NOT_JUST_YES.search(rest) else rest


def declined(text: str) -> bool:
    """Whether the text is a no."""
    return bool(_NO.search(text))
