"""search_knowledge_base: what the model reads, what the customer reads, and what is cited."""

import re
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chat.toolbox import Tool, ToolContext, ToolOutcome
from tests.tools.knowledge.support import write
from tools.knowledge.models import Article, Chunk
from tools.knowledge.tool import MAX_QUERY_LENGTH, PASSAGES, search_knowledge_base

pytestmark = pytest.mark.django_db(transaction=True)
tool: Tool = search_knowledge_base

_MARKER = re.compile(r"\[(a\d+-\d+)\]")
FILLER = "The shop was founded in a small town by the sea by two sisters who liked good things. "


async def ask(context: ToolContext, query: str, **others: Any) -> ToolOutcome:
    return await tool.run(context, {"query": query, **others})


# Something that answers --------------------------------------------------------------------------


async def test_the_model_reads_the_passages_under_their_ids_and_names(
    guest: ToolContext, shop: None
) -> None:
    outcome = await ask(guest, "How do I descale my kettle?")
    chunk = await Chunk.objects.aget(heading="Descaling")
    first = f"[a{chunk.article_id}-{chunk.pk}] Kettles › Descaling\nDescale a kettle with vinegar."
    assert outcome.output.content.startswith(first)
    assert outcome.error == ""


async def test_the_customer_reads_the_articles_own_words_with_a_marker(
    guest: ToolContext, shop: None
) -> None:
    outcome = await ask(guest, "How do I descale my kettle?")
    best = outcome.output.citations[0]
    assert outcome.output.found
    assert outcome.output.text.startswith(f"Descale a kettle with vinegar. [{best.id}]")
    assert _MARKER.search(outcome.output.text.rstrip()[-30:])
    assert outcome.output.text.endswith("]")


async def test_each_passage_is_a_citation_that_leads_to_its_place(
    guest: ToolContext, shop: None
) -> None:
    outcome = await ask(guest, "How do I descale my kettle?")
    best = outcome.output.citations[0]
    assert (best.title, best.heading) == ("Kettles", "Descaling")
    assert best.url == "/help/kettles/#descaling"
    ids = [citation.id for citation in outcome.output.citations]
    assert _MARKER.findall(outcome.output.content) == ids


async def test_of_a_long_passage_the_customer_reads_the_part_that_answers(
    guest: ToolContext,
) -> None:
    said = f"{FILLER * 6} A bulb of the oak lamp lasts for two years. {FILLER * 6}"
    await sync_to_async(write)("Oak lamp", said)
    output = (await ask(guest, "How long does the bulb of the oak lamp last?")).output
    assert "A bulb of the oak lamp lasts for two years." in output.text
    assert len(output.text) < len(output.content) * 0.7


async def test_the_model_reads_a_few_passages_and_no_more(guest: ToolContext) -> None:
    for number in range(PASSAGES + 3):
        await sync_to_async(write)(f"Kettle {number}", "Descale the kettle with vinegar.")
    outcome = await ask(guest, "How do I descale a kettle with vinegar?")
    assert len(outcome.output.citations) == PASSAGES


# Something that may not --------------------------------------------------------------------------


async def test_weak_passages_are_for_the_model_only(guest: ToolContext, shop: None) -> None:
    outcome = await ask(guest, "Which kettle would win the presidential election in France?")
    assert (outcome.output.found, outcome.output.text) == (False, "")
    assert outcome.output.content.startswith("These passages may not answer the question.")
    assert "Kettles" in outcome.output.content
    assert outcome.output.citations


@pytest.mark.parametrize("query", ["zebra", "?!", "\0", "返品"])
async def test_where_nothing_is_found_the_model_is_told_not_to_guess(
    guest: ToolContext, shop: None, query: str
) -> None:
    outcome = await ask(guest, query)
    assert (outcome.output.found, outcome.output.text) == (False, "")
    assert outcome.output.citations == ()
    assert "do not guess" in outcome.output.content
    assert outcome.error == ""


async def test_an_unpublished_article_leaves_the_tool_in_no_way(
    guest: ToolContext, shop: None
) -> None:
    await Article.objects.filter(title="Kettles").aupdate(status="draft")
    output = (await ask(guest, "How do I descale my kettle?")).output
    told = output.content + output.text + str(output.citations)
    assert "vinegar" not in told
    assert "Kettles" not in told


# What it accepts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"query": ""},
        {"query": 7},
        {"query": None},
        {"query": "x" * (MAX_QUERY_LENGTH + 1)},
        {"query": "half \ud800"},
        {"query": "kettle", "limit": 100},
        {"query": "kettle", "drafts": True},
    ],
)
async def test_arguments_that_do_not_fit_the_schema_search_nothing(
    guest: ToolContext, shop: None, arguments: dict[str, Any]
) -> None:
    outcome = await tool.run(guest, arguments)
    assert outcome.error.startswith("The arguments are not valid:")
    assert outcome.output.citations == ()


# How it presents itself --------------------------------------------------------------------------


def test_the_schema_asks_for_a_query_and_nothing_else() -> None:
    assert set(tool.spec.schema["properties"]) == {"query"}
    assert tool.spec.schema["required"] == ["query"]
    assert tool.spec.schema["additionalProperties"] is False
    assert tool.spec.schema["properties"]["query"]["description"]


def test_the_offline_engine_takes_the_customers_words_as_the_query() -> None:
    (slot,) = tool.spec.slots
    assert (slot.name, slot.required, slot.free_text) == ("query", True, True)
    assert slot.max_length == MAX_QUERY_LENGTH
    assert tool.spec.open_ended
    assert len(set(tool.spec.examples)) == len(tool.spec.examples) >= 15
