"""The audit: what customers were told, held against what the database says."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from chaos.customer import Customer
from chaos.model import Stream
from chaos.script import Question, author, is_mixed, is_whole
from chaos.transcript import Said

TERMINAL = frozenset({"completed", "stopped", "failed"})


class Cursor(Protocol):
    """What any DB-API driver has."""

    def execute(self, query: str, /) -> Any: ...
    def fetchall(self) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn's row."""

    id: UUID
    conversation: UUID
    status: str
    attempts: int
    finished: float | None
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message's row."""

    conversation: UUID
    turn: UUID | None
    role: str
    client_id: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Books:
    """What the database holds. Messages are in their order; `tickets` are the turns they belong to."""

    turns: Mapping[UUID, Turn]
    messages: Sequence[Message]
    tickets: Sequence[UUID]

    def of(self, conversations: Iterable[UUID]) -> "Books":
        """The part that belongs to some conversations."""
        kept = set(conversations)
        turns = {key: turn for key, turn in self.turns.items() if turn.conversation in kept}
        return Books(
            turns,
            [message for message in self.messages if message.conversation in kept],
            [turn for turn in self.tickets if turn in turns],
        )

    def transcript(self, conversation: UUID) -> list[Said]:
        """A conversation as its customer should see it."""
        return [
            Said(message.role, message.text)
            for message in self.messages
            if message.conversation == conversation
        ]


def read(cursor: Cursor) -> Books:
    """Reads all that is audited."""
    cursor.execute(
        "SELECT id, conversation_id, status, attempts, finished_at, error_code FROM chat_turn"
    )
    turns = [
        Turn(_uuid(id_), _uuid(conversation), status, attempts, _moment(finished), code)
        for id_, conversation, status, attempts, finished, code in cursor.fetchall()
    ]
    cursor.execute(
        "SELECT conversation_id, turn_id, role, client_id, text FROM chat_message ORDER BY id"
    )
    messages = [
        Message(_uuid(conversation), _uuid(turn) if turn else None, role, client_id, text)
        for conversation, turn, role, client_id, text in cursor.fetchall()
    ]
    cursor.execute("SELECT turn_id FROM tickets_ticket WHERE turn_id IS NOT NULL")
    tickets = [_uuid(turn) for (turn,) in cursor.fetchall()]
    return Books({turn.id: turn for turn in turns}, messages, tickets)


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))


def _moment(value: Any) -> float | None:
    """SQLite gives text, and means UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value.timestamp() if value else None


@dataclass
class Findings:
    """What the audit found. What `stage.ALWAYS_NONE` names should be nothing."""

    turns: int = 0
    answered: int = 0
    failed: int = 0
    """Ended visibly without an answer."""
    lost: int = 0
    """Acknowledged messages that the database does not hold."""
    duplicate_messages: int = 0
    duplicate_replies: int = 0
    duplicate_tickets: int = 0
    missing_tickets: int = 0
    """Answered turns whose ticket was never opened."""
    not_terminal: int = 0
    spliced: int = 0
    """Replies that are not one attempt's whole text, in the database or on the way to it on screen."""
    late_writes: int = 0
    """Replies by a runner that had lost its turn to another by then."""
    transcripts_differ: int = 0
    """Customers who see anything but what is stored."""
    order_differs: int = 0
    """Customers who see it in another order, until they load it again: a message and the answer to
    the one before it may cross on their way."""
    replaced: int = 0
    """Replies that took the place of another attempt's text on screen, as a whole."""
    unanswered: int = 0
    """Acknowledged messages whose turn's end the customer has not seen."""
    examples: list[str] = field(default_factory=list)
    """Of what should not be, a few."""

    def note(self, name: str, example: object) -> None:
        """Counts one, and keeps a few examples for whoever looks into it."""
        setattr(self, name, getattr(self, name) + 1)
        if len(self.examples) < 20:
            self.examples.append(f"{name}: {example}")


def audit(books: Books, customers: Sequence[Customer], streams: Sequence[Stream]) -> Findings:
    """Compares the books of `customers` with what each of them was told."""
    books = books.of(customer.conversation for customer in customers if customer.conversation)
    found = Findings(turns=len(books.turns))
    _audit_messages(found, books, customers)
    _audit_turns(found, books, streams)
    for customer in customers:
        _audit_screen(found, books, customer)
    return found


def ends(books: Books) -> dict[str, float]:
    """When the turn of each question ended, by the question's key."""
    found = {}
    for message in books.messages:
        question = Question.read(message.text) if message.role == "customer" else None
        turn = books.turns.get(message.turn) if message.turn else None
        if question and turn and turn.finished:
            found[question.key] = turn.finished
    return found


def _audit_messages(found: Findings, books: Books, customers: Sequence[Customer]) -> None:
    stored = Counter(
        (m.conversation, m.client_id, m.text) for m in books.messages if m.client_id is not None
    )
    for customer in customers:
        for client_id in customer.transcript.accepted:
            if not stored[customer.conversation, client_id, customer.texts[client_id]]:  # type: ignore[index]  # accepted: it has one
                found.note("lost", f"{customer.name} {client_id}")
    ids = Counter((m.conversation, m.client_id) for m in books.messages if m.client_id is not None)
    for id_, count in ids.items():
        for _ in range(count - 1):
            found.note("duplicate_messages", id_[1])


def _audit_turns(found: Findings, books: Books, streams: Sequence[Stream]) -> None:
    ends, questions = defaultdict[UUID, list[Message]](list), dict[UUID, Question]()
    for message in books.messages:
        if message.turn is None:
            continue
        if message.role != "customer":
            ends[message.turn].append(message)
        elif question := Question.read(message.text):
            questions[message.turn] = question  # the newest of several is the one that is answered
    tickets = Counter(books.tickets)
    by_key = defaultdict[str, list[Stream]](list)
    for stream in streams:
        by_key[stream.question.key].append(stream)
    for turn in books.turns.values():
        question = questions.get(turn.id)
        if turn.status not in TERMINAL:
            found.note("not_terminal", f"{turn.id} {turn.status}")
        found.failed += turn.status == "failed"
        for _ in ends[turn.id][1:]:
            found.note("duplicate_replies", turn.id)
        for _ in range(tickets[turn.id] - (question.tickets if question else 1)):
            found.note("duplicate_tickets", turn.id)
        replies = [message for message in ends[turn.id] if message.role == "assistant"]
        if replies and question:
            found.answered += 1
            if tickets[turn.id] < question.tickets:
                found.note("missing_tickets", turn.id)
            _audit_reply(found, turn, question, replies[-1].text, by_key[question.key])


def _audit_reply(
    found: Findings, turn: Turn, question: Question, text: str, streams: Sequence[Stream]
) -> None:
    if not is_whole(question, text):
        found.note("spliced", f"{turn.id} {text[:60]!r}…{text[-40:]!r}")
    if late(turn, text, streams):
        found.note("late_writes", turn.id)


def late(turn: Turn, text: str, streams: Sequence[Stream]) -> bool:
    """Whether a reply came from a runner to whom the turn no longer belonged: somebody else had
    claimed it, and had begun an answer of their own, before this one was committed."""
    written = author(text)
    if written is None or turn.finished is None:
        return False
    mine = next((stream for stream in streams if stream.number == written), None)
    return mine is not None and any(
        mine.began < other.began < turn.finished for other in streams if not other.calls
    )


def _audit_screen(found: Findings, books: Books, customer: Customer) -> None:
    for turn, (shown, trail) in customer.transcript.replaced.items():
        found.replaced += 1
        if is_mixed(shown):
            found.note("spliced", f"on the screen of {customer.name}: {turn}: {trail}")
    for client_id, turn in customer.transcript.accepted.items():
        if turn not in customer.transcript.ended:
            found.note("unanswered", f"{customer.name} {client_id} {turn}")
    if customer.conversation is None:
        return
    said, stored = customer.transcript.said, books.transcript(customer.conversation)
    if Counter(said) != Counter(stored):
        found.note("transcripts_differ", customer.name)
    else:
        found.order_differs += said != stored
