"""A draft of the article that would close a gap. Whatever writes it, a person publishes it.

Where people have settled tickets of the gap's conversations and a model can be asked, it writes from
those resolutions and nothing else. Otherwise the draft is a skeleton for the author. What the author
should know (the questions, the resolutions, what to check) stands at the top of the draft in an HTML
comment, which neither customers nor search ever see, should it be published with it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from string import Template

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict

from chat import providers, usage
from chat.llm import attempts
from chat.llm.base import Provider, ProviderError, Request, Unsupported, UserMessage
from chat.models import UsageRecord
from chat.personal import masked
from chat.usage import Attempt
from tools.knowledge import articles
from tools.knowledge.gaps.resolutions import get_backend
from tools.knowledge.models import Article, Gap, Status

QUESTIONS = 20
"""Questions that a draft is made for: wordings after that repeat those before."""

RESOLUTIONS = 10
LONGEST_RESOLUTION = 2_000
"""Characters. Ten at this length are 5,000 tokens: a cent or two."""

OUTPUT_TOKENS = 2_000
"""An article of a thousand words, and the JSON around it."""

PATIENCE = timedelta(minutes=10)
"""A draft that takes longer belonged to a worker that died: it may be asked for again."""

EMPTY = "EMPTY"
"""The code of a draft without a text."""

_PROMPT = Template((Path(__file__).parent / "draft.md").read_text("utf-8"))
_FACT = re.compile(r"https?://[^\s)>\]]+|[\w.+-]+@[\w-]+\.\w+|\d+(?:[.,:]\d+)*")
_TITLE_LENGTH = 200
_ORIGIN_LENGTH = 100


class Written(BaseModel):
    """What a model answers: an article, and the questions that it could not answer in it."""

    model_config = ConfigDict(extra="forbid")

    title: str
    body: str
    missing: list[str]


@dataclass(frozen=True, slots=True)
class Material:
    """What a draft is made of. `resolutions` come the latest first."""

    title: str
    locale: str
    questions: tuple[str, ...]
    resolutions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking a model: what it wrote, or the code of why not ("" where there is no model
    to ask), and the requests that were made."""

    written: Written | None = None
    code: str = ""
    made: tuple[Attempt, ...] = ()

    @property
    def origin(self) -> str:
        """Who wrote it."""
        last = self.made[-1]
        return f"{last.provider} {last.model}"[:_ORIGIN_LENGTH]


def wish(gap: int) -> bool:
    """Notes that a draft of a gap is wanted. False where there is one or one is being made.

    Whoever gets True has `make` run in the background.
    """
    late = timezone.now() - PATIENCE
    free = Gap.objects.filter(Q(drafting_at=None) | Q(drafting_at__lt=late), pk=gap, draft=None)
    return bool(free.update(drafting_at=timezone.now(), draft_error=""))


def make(gap: int, author: int | None, *, by_model: bool = True) -> None:
    """Makes the draft that was wished for, in the name of `author`. What a model failed with is noted
    on the gap, for staff to see. Does nothing where there is a draft already."""
    found = Gap.objects.filter(pk=gap, draft=None).first()
    if found is None:
        return
    material = gather(found)
    answer = Answer()
    if by_model and material.resolutions:
        answer = async_to_sync(_asked)(material)
    store(gap, material, answer, author)


def gather(gap: Gap) -> Material:
    """What a draft of a gap is made of, without what tells who asked as far as that can be seen."""
    asked = gap.questions.order_by("-asked_at", "-pk").values_list("text", flat=True)
    conversations = set(gap.questions.values_list("conversation", flat=True))
    told = get_backend().of(conversations, RESOLUTIONS)
    return Material(
        gap.title,
        gap.locale,
        tuple(dict.fromkeys(asked))[:QUESTIONS],
        tuple(masked(text.strip())[:LONGEST_RESOLUTION] for text in told),
    )


async def ask(material: Material, provider: Provider) -> Answer:
    """What a model makes of the resolutions. Raises nothing for a provider that cannot answer."""
    try:
        structured = await provider.complete_structured(_request(material), Written)
    except ProviderError as error:
        made = attempts.kept(error)
        # The offline engine, last in the chain, can write nothing: what matters is who failed before.
        codes = [code for code in (error.code, *(a.code for a in made)) if code != Unsupported.code]
        return Answer(code=codes[-1] if codes else "", made=made)
    written = structured.value
    requests: tuple[Attempt, ...] = (*structured.failed, structured.report)
    if not written.title.strip() or not written.body.strip():
        return Answer(code=EMPTY, made=requests)
    return Answer(written, made=requests)


def unsupported(text: str, sources: Sequence[str]) -> list[str]:
    """The numbers and addresses of a text that none of its sources has, each once, in order."""
    known = {fact for source in sources for fact in _FACT.findall(source)}
    return [fact for fact in dict.fromkeys(_FACT.findall(text)) if fact not in known]


async def _asked(material: Material) -> Answer:
    async with providers.opened() as provider:
        return await ask(material, provider)


def _request(material: Material) -> Request:
    data = {"questions": material.questions, "resolutions": material.resolutions}
    return Request(
        system=_PROMPT.substitute(shop=settings.SHOP_NAME, language=_language(material.locale)),
        messages=(UserMessage(json.dumps(data, ensure_ascii=False)),),
        max_output_tokens=OUTPUT_TOKENS,
    )


def _language(locale: str) -> str:
    try:
        return str(translation.get_language_info(locale or settings.LANGUAGE_CODE)["name"])
    except KeyError:
        return locale


@transaction.atomic
def store(gap: int, material: Material, answer: Answer, author: int | None) -> None:
    """Saves the draft, unless another one has come meanwhile, or notes why there is none. What was
    spent on it is recorded either way."""
    usage.keep(
        answer.made,
        conversation=None,
        customer="",
        turn=None,
        purpose=UsageRecord.Purpose.DRAFT,
    )
    if answer.code:
        Gap.objects.filter(pk=gap).update(drafting_at=None, draft_error=answer.code)
    else:
        _save(gap, material, answer, author)


def _save(gap: int, material: Material, answer: Answer, author: int | None) -> None:
    locked = Gap.objects.select_for_update().filter(pk=gap, draft=None).first()
    if locked is None:
        return
    written = answer.written
    title = written.title if written else material.title
    draft = Article(
        title=" ".join(title.split())[:_TITLE_LENGTH],
        body=_body(material, written),
        status=Status.DRAFT,
        locale=material.locale,
    )
    who = User.objects.filter(pk=author).first() if author else None
    articles.save(draft, author=who, origin=answer.origin if written else "")
    locked.draft, locked.state, locked.drafting_at = draft, Gap.State.DRAFTED, None
    locked.save(update_fields=["draft", "state", "drafting_at"])


def _body(material: Material, written: Written | None) -> str:
    parts = [(_("Customers asked:"), material.questions)]
    if written:
        strange = unsupported(f"{written.title}\n{written.body}", material.resolutions)
        parts.append((_("The resolutions do not answer:"), tuple(written.missing)))
        parts.append((_("In no resolution, so check it:"), tuple(strange)))
    parts.append((_("How tickets were settled, the latest first:"), material.resolutions))
    notes = "\n\n".join(_listed(head, lines) for head, lines in parts if lines)
    told = _("For the author. Neither customers nor search see this note; delete it when done.")
    return f"<!--\n{told}\n\n{notes}\n-->\n\n{written.body.strip() if written else ''}".strip()


def _listed(head: str, lines: Sequence[str]) -> str:
    """A list inside of an HTML comment, which no line of it may end."""
    safe = (re.sub("-{2,}", "–", " ".join(line.split())) for line in lines)
    return "\n".join([head, *(f"- {line}" for line in safe)])
