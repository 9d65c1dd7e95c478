"""search_knowledge_base: the passages of the help centre that answer a question."""

from collections.abc import Sequence
from itertools import islice
from typing import Annotated

from pydantic import Field

from chat.database import in_backend
from chat.identity import VerifiedCustomer
from chat.llm.base import Citation
from chat.toolbox import FromCustomer, ToolContext, ToolOutput, tool
from tools.knowledge import choice, extract
from tools.knowledge.articles import current_revision
from tools.knowledge.languages import base
from tools.knowledge.pieces import escaped, merged
from tools.knowledge.readers import Reader
from tools.knowledge.search import Passage, search, sections

PASSAGES = 5
"""Passages that a model reads: enough for an answer from two articles, under 2,000 tokens."""

SEE_ALSO = 2
"""Other articles that an answer names. Of 544 questions to a real help centre the best passage is
from the right article in 60%, one of the first three articles is the right one in 81%."""

SEE_ALSO_IN = {
    "en": "See also:",
    "de": "Siehe auch:",
    "es": "Véase también:",
    "fr": "Voir aussi :",
    "hi": "यह भी देखें:",
    "it": "Vedi anche:",
    "ja": "関連:",
    "nl": "Zie ook:",
    "pl": "Zobacz też:",
    "pt": "Veja também:",
    "th": "ดูเพิ่มเติม:",
    "zh": "另请参阅：",
}
"""By the language of the article that answers."""

NEARLY_AS_GOOD = 0.8
"""Share of the best passage's score that makes another article worth naming."""

MAX_QUERY_LENGTH = 500

EXAMPLES = (
    "how do I return an item?",
    "I want to return my order",
    "I want a refund",
    "my order arrived damaged",
    "I received the wrong item",
    "what is your refund policy?",
    "how long does a refund take?",
    "how much is shipping?",
    "how long does delivery take?",
    "how long does shipping take?",
    "do you ship to Canada?",
    "which payment methods do you accept?",
    "can I pay with a gift card?",
    "how do I change my delivery address?",
    "can I cancel my order?",
    "how do I place an order?",
    "I want to buy something, how do I purchase an item?",
    "what does the warranty cover?",
    "how do I reset my password?",
    "how do I clean it?",
    "what are your opening hours?",
    "how do I delete my account?",
    "what delivery options are there?",
    "where can I find my invoice?",
    "how do I subscribe to the newsletter?",
    "where can I leave a review?",
)

NOTHING = "The knowledge base has nothing about this. Say that you do not know; do not guess."
WEAK = (
    "These passages may not answer the question. Use them only where they do, and otherwise say "
    "that you do not know."
)


def version(customer: VerifiedCustomer | None) -> str:
    """The version of what a search reads: every change of an article changes it, and a verified
    customer's search may read more than a guest's."""
    return "-".join(map(str, (Reader.of(customer).name, *current_revision())))


@tool(label="Searching the help center…", examples=EXAMPLES, open_ended=True, version=version)
async def search_knowledge_base(
    context: ToolContext,
    query: Annotated[
        str,
        Field(min_length=1, max_length=MAX_QUERY_LENGTH),
        FromCustomer(ask="What would you like to know?", free_text=True),
    ],
) -> ToolOutput:
    """Search the shop's help articles: policies, delivery, returns, payment, products and their care.

    Use it for every question about the shop that is not about one particular order, and again with
    other words if the first search does not answer. Cite the passages that you use by their ids.

    Args:
        query: What the customer wants to know, as a complete question that makes sense without
            the conversation, in the customer's language.
    """
    return await in_backend(_search)(query, Reader.of(context.customer), context.locale)


def _search(query: str, reader: Reader, locale: str) -> ToolOutput:
    results = search(query, PASSAGES, reader=reader, locale=locale)
    if not results.passages:
        return ToolOutput(content=NOTHING, text="", found=False)
    best = _answering(results.passages, query, reader)
    others = [passage for passage in results.passages if passage.id != best.id]
    passages = [best, *others][:PASSAGES]
    return ToolOutput(
        content=_for_model(passages, weak=results.weak),
        text="" if results.weak else _for_customer(passages, query, reader),
        citations=tuple(Citation(p.id, p.title, p.heading, p.url) for p in passages),
        found=not results.weak,
    )


def _answering(found: Sequence[Passage], query: str, reader: Reader) -> Passage:
    """The passage that answers: another part of the best article perhaps, or for a follow-up question
    one that is nearly as good and speaks of what is new in it."""
    first = found[0]
    others = sections(first, reader)
    if choice.is_follow_up(query, first.locale):
        others += [p for p in found if p.score >= NEARLY_AS_GOOD * first.score]
    return choice.best(query, first, others)


def _for_model(passages: Sequence[Passage], *, weak: bool) -> str:
    told = [f"[{p.id}] {_name(p)}\n{p.text}" for p in passages]
    return "\n\n".join([WEAK, *told] if weak else told)


def _for_customer(passages: Sequence[Passage], query: str, reader: Reader) -> str:
    """The article's own words, with the marker that becomes the citation, and where else to look."""
    best, *others = passages
    heading = best.heading or best.title
    parts = [
        p.text for p in sections(best, reader) if (p.heading, p.url) == (best.heading, best.url)
    ]
    text = merged(parts or [best.text], best.locale)
    words = extract.answer(text, query, heading=heading, locale=best.locale)
    answer = f"{words} [{best.id}]"
    also: dict[int, Passage] = {}
    for passage in others:
        if passage.article != best.article and passage.score >= NEARLY_AS_GOOD * best.score:
            also.setdefault(passage.article, passage)
    names = ", ".join(f"{escaped(p.title)} [{p.id}]" for p in islice(also.values(), SEE_ALSO))
    label = SEE_ALSO_IN.get(base(best.locale), SEE_ALSO_IN["en"])
    return f"{answer}\n\n{label} {names}" if names else answer


def _name(passage: Passage) -> str:
    return f"{passage.title} › {passage.heading}" if passage.heading else passage.title
