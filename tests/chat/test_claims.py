"""The guard against false claims: what an answer says was done must be what a tool did."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from chat import claims, conversations
from chat.claims import ACTIONS, Claim, Proof
from chat.identity import Visitor
from chat.models import ToolCall, Turn
from chat.toolbox import ToolContext, tool
from tests import shared_data
from tests.chat.claim_sentences import CLAIMS, HARMLESS

TICKET = Proof(frozenset({"ticket"}), "ticket t-7k3qf is open.", '{"title": "order #4711"}')
CANCELLED = Proof(frozenset(), "order: w100\nstatus: cancelled\ncancelled on: 2026-05-03")

ANSWERS_OF_AN_ERP = 0.02
"""Share of whole articles about bookkeeping, a hundred sentences each, that may be taken for claims.
They say "the report was created" of programs; nobody's reply is one of them."""


@tool(label="…", performs=["ticket"])
async def open_ticket(context: ToolContext) -> str:
    """Opens a ticket."""
    return ""


@tool(label="…")
async def find_order(context: ToolContext) -> str:
    """Finds an order."""
    return ""


@tool(label="…", version=lambda customer: "1")
async def read_manual(context: ToolContext) -> str:
    """Reads what is the same for everybody."""
    return ""


@pytest.mark.parametrize(
    ("action", "sentence"), [(action, s) for action, said in CLAIMS.items() for s in said]
)
def test_a_lying_model_is_caught(action: str, sentence: str) -> None:
    """Every sentence, and no tool that did anything: nothing passes."""
    said = claims.read(f"Thank you for waiting. {sentence} Have a nice day!")
    assert {claim.action for claim in said} == {action}
    assert claims.unproven(said, []) == said


@pytest.mark.parametrize("sentence", HARMLESS)
def test_an_honest_answer_is_left_alone(sentence: str) -> None:
    assert claims.read(f"Thank you for waiting. {sentence}") == ()


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    assert sum(map(len, CLAIMS.values())) >= 60
    assert len(HARMLESS) >= 60
    assert set(CLAIMS) == set(ACTIONS)


def test_articles_of_others_are_not_taken_for_claims() -> None:
    articles = shared_data.rows("business_central/corpus.jsonl")
    taken = [article["title"] for article in articles if claims.read(article["text"])]
    assert len(taken) <= ANSWERS_OF_AN_ERP * len(articles), taken


def test_customers_words_are_no_claims_of_the_shop() -> None:
    questions = shared_data.rows("routing/dev.jsonl")
    taken = [row for row in questions if claims.read(row["text"])]
    assert len(taken) <= 0.01 * len(questions), taken


@pytest.mark.parametrize(
    ("sentence", "proofs"),
    [
        ("I have opened a ticket for you.", [TICKET]),
        ("I have opened ticket T-7K3QF about your order #4711.", [TICKET]),
        ("Your ticket number is T-7K3QF.", [CANCELLED, TICKET]),
        ("Ich habe ein Ticket eröffnet: T-7K3QF.", [TICKET]),
        ("Your order W100 was cancelled on 3 May.", [CANCELLED]),
        ("Ihre Bestellung W100 wurde storniert.", [CANCELLED]),
        ("We have cancelled your order.", [CANCELLED]),
    ],
)
def test_a_claim_that_a_tool_proves_stands(sentence: str, proofs: list[Proof]) -> None:
    said = claims.read(sentence)
    assert said
    assert claims.unproven(said, proofs) == ()


@pytest.mark.parametrize(
    ("sentence", "proofs"),
    [
        ("I have opened ticket T-XXXXX for you.", [TICKET]),
        ("Your ticket number is #99999.", [TICKET]),
        ("I have opened ticket #4711 for you.", [TICKET]),
        ("I have opened a ticket for you.", [CANCELLED]),
        ("I have cancelled your order.", [TICKET]),
        ("I have cancelled your order W100.", [CANCELLED]),
        ("Your order W999 was cancelled on 3 May.", [CANCELLED]),
        ("Your order was cancelled.", [Proof(frozenset(), "it can not be cancelled any more")]),
        ("Your refund has been issued.", [CANCELLED]),
    ],
    ids=[
        "an invented number", "another invented number", "a number the customer gave",
        "an order is no ticket",
        "a ticket is no cancellation", "found cancelled is not done by the bot", "another order",
        "a tool that says no", "another state",
    ],
)  # fmt: skip
def test_a_claim_that_goes_beyond_the_proof_does_not(sentence: str, proofs: list[Proof]) -> None:
    said = claims.read(sentence)
    assert said
    assert claims.unproven(said, proofs) == said


@pytest.mark.django_db
class TestProofs:
    """What the rows of a conversation prove."""

    @pytest.fixture(autouse=True)
    def _tools(self, settings: Settings) -> None:
        names = ("open_ticket", "find_order", "read_manual")
        settings.AGENT_TOOLS = [f"tests.chat.test_claims.{name}" for name in names]

    @pytest.fixture
    def turn(self, ada: Visitor) -> Turn:
        conversation = conversations.open_conversation(ada)
        received = conversations.receive(conversation, client_id="1", text="Open a ticket.")
        return Turn.objects.get(pk=received.turn)

    def add(self, turn: Turn, name: str, *, ordinal: int = 1, **values: Any) -> None:
        values = {"status": ToolCall.Status.SUCCEEDED, "result": {"content": "Ok."}} | values
        ToolCall.objects.create(turn=turn, ordinal=ordinal, name=name, **values)

    def test_a_call_that_succeeded_proves_what_its_tool_performs(self, turn: Turn) -> None:
        self.add(turn, "open_ticket", receipt={"title": "Ticket T-7K3QF"})
        (proof,) = claims.load(turn.conversation_id)
        assert proof.performs == {"ticket"}
        assert claims.unproven(claims.read("I opened ticket T-7K3QF."), [proof]) == ()

    @pytest.mark.parametrize(
        "values",
        [
            {"status": ToolCall.Status.FAILED},
            {"status": ToolCall.Status.RUNNING},
            {"result": {"content": "What is it about?", "missing": ["description"]}},
            {"result": {"content": "Nothing.", "found": False}},
        ],
        ids=["failed", "still running", "asked for something", "had nothing to do"],
    )
    def test_a_call_that_did_nothing_proves_nothing(
        self, turn: Turn, values: dict[str, Any]
    ) -> None:
        self.add(turn, "open_ticket", **values)
        said = claims.read("I have opened a ticket.")
        assert claims.unproven(said, claims.load(turn.conversation_id)) == said

    def test_an_article_proves_nothing(self, turn: Turn) -> None:
        self.add(turn, "read_manual", result={"content": "Your order was cancelled: what now?"})
        assert claims.load(turn.conversation_id) == []

    def test_a_tool_that_is_gone_proves_nothing(self, turn: Turn) -> None:
        self.add(turn, "teleport")
        assert claims.load(turn.conversation_id) == []

    def test_another_customers_ticket_proves_nothing(self, turn: Turn, mallory: Visitor) -> None:
        self.add(turn, "open_ticket")
        other = conversations.open_conversation(mallory)
        assert claims.load(other.pk) == []


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_the_honest_line_is_in_the_language_of_the_lie_and_claims_nothing(language: str) -> None:
    line = claims.honest_line([Claim("ticket", language, True, "")], "Shall I open a ticket?")
    assert claims.read(line) == ()
    assert line.endswith("Shall I open a ticket?") == (language == "en")


def test_the_complaint_names_what_was_claimed_and_no_words_of_the_customer() -> None:
    lies = claims.read("I have cancelled order #4711 and I have issued a refund.")
    said = claims.complaint(lies)
    assert "money given back" in said
    assert "an order, an address or an account changed" in said
    assert "4711" not in json.dumps(said)
