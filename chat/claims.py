"""What an answer says was done, and whether any tool did it.

A model may write "I have opened a ticket" without opening one. Its words are read clause by clause:
who did it, a verb, an object (see `chat.claim_wording`). A claim is proven by the row of a call that
succeeded and whose tool declares that action (`@tool(performs=...)`), or, for a state of an order
that nobody says to have brought about just now, by a tool's result that states the same. Numbers
that a claim names must come from there too.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from chat.claim_wording import BY_WORD, ENGLISH, NUMBERED, STATES, Group, Language
from chat.models import ToolCall
from chat.toolbox import load_tools

ACTIONS = ("ticket", "order", "refund", "email", "handover", "callback")
"""What `@tool(performs=...)` may name: a ticket opened or passed on, an order or an address changed,
money given back, an e-mail sent, a person connected, a call or a visit booked."""

NEAR = 4
"""Words between "has been" and its verb: "has now been successfully cancelled"."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An action that an answer says was done. `own` is one that the bot says to have done itself;
    `state` is what a result would say of it ("" where none would)."""

    action: str
    language: str
    own: bool
    state: str
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """A call that succeeded: what its tool performs, what it gave back, what it was asked."""

    performs: frozenset[str]
    result: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class _Clause:
    text: str
    before: str
    sentence: str


_WORD = re.compile(r"[\w-]+")
_QUOTED = re.compile(r"“[^”]*”|„[^“”]*[“”]|«[^»]*»|\"[^\"\n]*\"")
_MARKUP = re.compile(r"[*_`>]+|\[[a-z]?\d[\d,\sa-z-]{0,40}\]")
_SENTENCE = re.compile(r"(?:(?<=[.!?…])(?<!\d\.)(?<!\bno\.)(?<!\bnr\.)\s+)|\n+", re.IGNORECASE)
_ASIDE = re.compile(
    r",\s*(?:as (?:you )?(?:requested|asked|wished)|wie gewünscht|como (?:solicitó|pidió)|comme demandé"
    r"|of course|selbstverständlich|por supuesto|bien sûr)\s*,",
    re.IGNORECASE,
)
_JOINT = re.compile(r"[,;:()—–]|\s-\s|\b(?:but|aber|pero|mais|so that|damit|however|sondern)\b")

_RELATIVE = re.compile(
    r"\b(?:that|which|who|que|qui|can|could|should|would|may|might|must|will|to|cannot|peut|puede)\s+\Z"
)
"""What turns "was cancelled" into a description ("an order that was cancelled") or a wish."""

_REFERENCE = (
    r"(?:#\s?[\w-]*\d[\w-]*|[A-Z]{1,5}-[A-Z0-9]{3,}|[A-Z]{1,5}\d{3,}|(?!(?:19|20)\d\d\b)\d{4,})"
)
_ANY_REFERENCE = re.compile(rf"(?<![\w.-]){_REFERENCE}(?![\w-])")
_NUMBERED = re.compile(
    r"(?i:\b(?:tickets?|case|vorgang|fall|caso|tíquet|dossier|reference|referenz|referencia|référence"
    r"|ticketnummer|vorgangsnummer|referenznummer)\b)"
    r"(?i:[\s:.,(]|n[°º]|number|nummer|no\b|nr\b|id\b|número|numéro|de|is|lautet|ist|es|est)*"
    rf"(?P<number>{_REFERENCE})"
)
_TOLD = re.compile(
    r"(?i)\b(?:your|the|ihre?|su|votre|tu)\b.*?\b(?:number|reference|id|nummer|ticketnummer|referenz\w*|número|referencia"
    r"|numéro|référence)\b.{0,24}?(?:\bis\b|\blautet\b|\bist\b|\bes\b|\best\b|:)\s"
)


def read(text: str) -> tuple[Claim, ...]:
    """What the text claims was done. Cheap where it claims nothing, which is nearly always."""
    words = set(_WORD.findall(text.lower()))
    if BY_WORD.keys().isdisjoint(words) and NUMBERED.isdisjoint(words):
        return ()
    return tuple(dict.fromkeys(claim for clause in _clauses(text) for claim in _claims(clause)))


def unproven(claims: Iterable[Claim], proofs: Sequence[Proof]) -> tuple[Claim, ...]:
    """Those claims for which no proof stands."""
    return tuple(c for c in claims if not any(_proves(proof, c) for proof in proofs))


def load(conversation: UUID) -> list[Proof]:
    """What the tools of a conversation have done so far, this turn's included. One query."""
    tools = load_tools()
    rows = ToolCall.objects.filter(
        turn__conversation=conversation, status=ToolCall.Status.SUCCEEDED
    ).values_list("name", "arguments", "result", "receipt")
    return [
        _proof(tools[name].performs, arguments, result, receipt)
        for name, arguments, result, receipt in rows.order_by("pk")
        # An article says how things are done, not that they were.
        if name in tools and not tools[name].shareable
    ]


def complaint(lies: Sequence[Claim]) -> str:
    """What to tell the model that wrote them, for its second try. Not for the customer."""
    named = ", ".join(dict.fromkeys(_IN_WORDS[lie.action] for lie in lies))
    return (
        f"(From the shop's system, not from the customer.) Your answer says that this was done: {named}. "
        "No tool did it in this conversation, or its numbers come from no tool. The customer has not "
        "seen your answer. Write it again: if a tool can do it and the customer wants it, call the "
        "tool now; otherwise say plainly that it was not done. Do not mention this note."
    )


def honest_line(lies: Sequence[Claim], offer: str = "") -> str:
    """What the customer reads instead of an answer that claims what was not done. `offer` is the
    sentence in English that offers what a tool can do."""
    said, offered = _HONEST[lies[0].language]
    return f"{said} {offer if offer and lies[0].language == 'en' else offered}"


_IN_WORDS = {
    "ticket": "a ticket opened or the matter passed on",
    "order": "an order, an address or an account changed",
    "refund": "money given back",
    "email": "an e-mail sent",
    "handover": "a person connected",
    "callback": "a call or a visit booked",
}

_HONEST = {
    "en": (
        "I have to correct myself: nothing has been done about this yet, because I cannot do it "
        "from this chat.",
        "If you write “open a ticket”, our team will look into it.",
    ),
    "de": (
        "Ich muss mich berichtigen: In dieser Sache ist noch nichts geschehen, denn von diesem Chat "
        "aus kann ich das nicht erledigen.",
        "Soll ich ein Ticket eröffnen, damit sich unser Team darum kümmert?",
    ),
    "es": (
        "Debo corregirme: todavía no se ha hecho nada en este asunto, porque no puedo hacerlo desde "
        "este chat.",
        "¿Quiere que abra un ticket para que nuestro equipo se ocupe?",
    ),
    "fr": (
        "Je dois me corriger : rien n’a encore été fait à ce sujet, car je ne peux pas le faire "
        "depuis ce chat.",
        "Voulez-vous que j’ouvre un ticket pour que notre équipe s’en occupe ?",
    ),
}


def _clauses(text: str) -> Iterator[_Clause]:
    """The clauses that state something. What is quoted is somebody else's; a question asks."""
    text = unicodedata.normalize("NFC", text)
    plain = _MARKUP.sub("", _ASIDE.sub(" ", _QUOTED.sub(" ", text))).replace("’", "'")
    for sentence in _SENTENCE.split(plain):
        parts = [part for part in _JOINT.split(sentence) if part.strip()]
        if sentence.rstrip().endswith("?") or sentence.lstrip().startswith("¿"):
            parts = parts[:-1]  # "I have cancelled it, is there anything else?" still claims
        start = 0
        for part in parts:
            start = sentence.index(part, start)
            yield _Clause(part.lower(), sentence[:start].lower(), sentence)
            start += len(part)


def _claims(clause: _Clause) -> Iterator[Claim]:
    words = set(_WORD.findall(clause.text))
    candidates = dict.fromkeys(pair for word in words for pair in BY_WORD.get(word, ()))
    for language, group in candidates:
        found = _active(clause, language, group) or _passive(clause, language, group)
        if found:
            yield found
    if not NUMBERED.isdisjoint(words) and not ENGLISH.denies.search(clause.text):
        numbers = tuple(_plain(m["number"]) for m in _NUMBERED.finditer(clause.sentence))
        if numbers and _TOLD.search(clause.sentence):
            yield Claim("ticket", "en", False, "open", numbers)


def _active(clause: _Clause, language: Language, group: Group) -> Claim | None:
    """Somebody of the shop is said to have done it."""
    for marker, form in language.active:
        verbs = group.verbs.get(form)
        for verb in verbs.finditer(clause.text) if verbs else ():
            doers = [] if marker is None else _before(marker, verb, clause.text)
            if marker is not None and not doers:
                continue
            start = doers[-1].start() if doers else verb.start()
            between = clause.text[doers[-1].end() : verb.start()] if doers else ""
            if between and doers[-1].groupdict().get("first") is not None:
                continue
            thing = group.objects.search(clause.text, doers[-1].end() if doers else 0)
            if thing is None or language.parts.search(between):
                continue
            end = max(verb.end(), thing.end())
            if not _denied(clause, language, min(start, thing.start()), end):
                own = marker is None or bool(doers[-1].groupdict().get("own"))
                return _claim(clause, language, group, verb[0], own=own)
    return None


def _passive(clause: _Clause, language: Language, group: Group) -> Claim | None:
    """It is said to be done, by whomever."""
    if language.sympathy.search(clause.before + clause.text):
        return None
    verbs = (
        v
        for form in ("done", "stated")
        if form in group.verbs
        for v in group.verbs[form].finditer(clause.text)
    )
    for verb in verbs:
        thing = group.objects.search(clause.text)
        marker = _beside(language.passive, verb, clause.text)
        if thing is None or marker is None or thing.span() == verb.span():
            continue
        if _RELATIVE.search(clause.text, 0, marker.start()):
            continue
        start, end = min(marker.start(), thing.start()), max(verb.end(), thing.end())
        if not _denied(clause, language, start, end):
            return _claim(clause, language, group, verb[0], own=False)
    return None


def _beside(marker: re.Pattern[str], verb: re.Match[str], text: str) -> re.Match[str] | None:
    """The marker that belongs to the verb: shortly before it, or right after it as in German."""
    before = _before(marker, verb, text)
    if before:
        near = len(text[before[-1].end() : verb.start()].split()) <= NEAR
        return before[-1] if near else None
    return marker.match(text, verb.end() + 1)


def _before(marker: re.Pattern[str], verb: re.Match[str], text: str) -> list[re.Match[str]]:
    return [match for match in marker.finditer(text) if match.end() <= verb.start()]


def _denied(clause: _Clause, language: Language, start: int, end: int) -> bool:
    """Whether the claim between `start` and `end` is negated, a condition or a report."""
    before = clause.text[:start]
    span = " ".join([*before.split()[-2:], clause.text[start:end]])
    return bool(language.denies.search(span) or language.governs.search(before))


def _claim(clause: _Clause, language: Language, group: Group, verb: str, *, own: bool) -> Claim:
    state = next((name for name, stems in STATES.items() if stems.search(verb)), "")
    if group.action == "ticket":
        numbers = [match["number"] for match in _NUMBERED.finditer(clause.sentence)]
    else:
        numbers = _ANY_REFERENCE.findall(clause.sentence)
    references = tuple(dict.fromkeys(map(_plain, numbers)))
    return Claim(group.action, language.code, own, state, references)


def _plain(reference: str) -> str:
    return reference.lstrip("# ").casefold()


def _proves(proof: Proof, claim: Claim) -> bool:
    if claim.action in proof.performs:
        known = proof.result if claim.action == "ticket" else proof.result + proof.arguments
        return all(reference in known for reference in claim.references)
    if claim.own or not claim.state:
        return False
    stated = any(
        STATES[claim.state].search(part) and not ENGLISH.denies.search(part)
        for part in re.split(r"[\n,;.]|\band\b", proof.result)
    )
    return stated and all(reference in proof.result for reference in claim.references)


def _proof(
    performs: frozenset[str], arguments: object, result: dict[str, object], receipt: object
) -> Proof:
    if not result.get("found", True) or result.get("missing"):
        performs = frozenset()  # it asked for something, or had nothing to do
    said = [str(result.get("content", "")), str(result.get("text", "")), _json(receipt)]
    return Proof(performs, "\n".join(said).casefold(), _json(arguments).casefold())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""
