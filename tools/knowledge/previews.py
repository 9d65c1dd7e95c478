"""How the bot would answer from one article, published or not, stored or not."""

from dataclasses import dataclass

import numpy as np
from django.utils.safestring import SafeString, mark_safe

from chat import markdown
from chat.llm.embedding import embed
from tools.knowledge import chunks, extract
from tools.knowledge.described import described
from tools.knowledge.models import Article


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """What the customer reads in the chat, and the heading of the passage that it comes from."""

    html: SafeString
    heading: str


def chat_answer(article: Article, question: str) -> ChatAnswer | None:
    """The answer of the offline engine, if search finds this article for the question. None for an
    article without any text."""
    passages = chunks.split(article.body, title=article.title, locale=article.locale)
    if not passages:
        return None
    about = [described(article.title, passage.heading, passage.text) for passage in passages]
    vectors = embed([question, *about])
    best = passages[int(np.argmax(vectors[1:] @ vectors[0]))]
    text = extract.answer(best.text, question, heading=best.heading, locale=article.locale)
    return ChatAnswer(mark_safe(markdown.to_html(text)), best.heading)  # noqa: S308  # sanitised
