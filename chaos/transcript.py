"""What a client shows of a conversation, put together from frames as static/widget does it.

The widget's `transcript.js` and `live-answer.js` are the originals; what only a screen needs is left
out, and what only an examiner needs is added: text on screen that the reply does not begin with.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

Frame = dict[str, Any]

TRAIL = 12
"""Frames that are remembered."""


@dataclass(slots=True)
class LiveAnswer:
    """The answer of a running turn as far as it has come. Offsets count code points."""

    turn: str
    text: str = ""
    trusting: bool = False
    """Believes that pieces come once and in order: for a negative control."""
    broken: bool = False
    _ahead: dict[int, str] = field(default_factory=dict)
    _request: Frame | None = None
    _starting: bool = False
    _asked_from: int = 0

    def write(self, offset: int, text: str) -> None:
        """Adds a piece; one that leaves a gap waits, one that contradicts is not believed."""
        if self.trusting:
            self.text += text
            return
        if self._starting and offset == 0:
            self.set(text)
        elif offset > len(self.text):
            self._ahead[offset] = text
            self._ask(len(self.text))
        elif not self._extend(offset, text):
            self._ask(0)
        self._catch_up()

    def set(self, text: str) -> None:
        self.text = text
        self.broken = self._starting = False
        self._request = None

    def reset(self) -> None:
        """A new attempt: what an earlier one wrote is void."""
        self.set("")
        self._ahead.clear()

    def take_request(self) -> Frame | None:
        """The `sync` that this answer wants sent, once."""
        request, self._request = self._request, None
        return request

    def position(self) -> Frame:
        """From where on text is missing."""
        return {"turn": self.turn, "offset": 0 if self._starting else len(self.text)}

    def _extend(self, offset: int, text: str) -> bool:
        tail = self.text[offset:]
        if tail.startswith(text):
            return True
        if not text.startswith(tail):
            return False
        self.text += text[len(tail) :]
        return True

    def _ask(self, offset: int) -> None:
        if self.broken and (self._starting or offset > 0):
            return
        self.broken, self._starting, self._asked_from = True, offset == 0, offset
        self._request = {"type": "sync", "turn": self.turn, "offset": offset}

    def _catch_up(self) -> None:
        for offset, text in sorted(self._ahead.items()):
            if offset > len(self.text):
                self._ask_on()
                return
            del self._ahead[offset]
            self._extend(offset, text)
        if not self._starting:
            self.broken = False

    def _ask_on(self) -> None:
        """Some of the gap was filled, not all: an older snapshot answered."""
        if len(self.text) != self._asked_from and not self._starting:
            self.broken = False
            self._ask(len(self.text))


@dataclass(frozen=True, slots=True)
class Said:
    """One message, as far as two transcripts can be compared by it."""

    role: str
    text: str


@dataclass
class Transcript:
    """Frames go in, what is on screen comes out. `unsent` holds texts by their client's id."""

    messages: list[tuple[str, Said]] = field(default_factory=list)
    live: LiveAnswer | None = None
    unsent: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    """The turn of each message that the server acknowledged, by the client's id."""
    ended: dict[str, Frame] = field(default_factory=dict)
    """The last frame of each turn that was seen to end."""
    replaced: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What the screen showed of each turn whose reply does not begin with that, and how it came: the
    last frame of a turn replaces what another attempt wrote."""
    trusting: bool = False
    trail: deque[str] = field(default_factory=lambda: deque(maxlen=TRAIL))
    """The newest frames in short, for whoever looks into it."""
    _texts: dict[str, str] = field(default_factory=dict)

    @property
    def said(self) -> list[Said]:
        """The conversation, for comparing."""
        return [said for _, said in self.messages]

    def send(self, client_id: str, text: str) -> None:
        """A message that is on its way."""
        self.unsent[client_id] = self._texts[client_id] = text

    def apply(self, frame: Frame) -> Frame | None:
        """Takes a frame in; returns a `sync` where text is missing."""
        self.trail.append(_short(frame))
        match frame["type"]:
            case "ready":
                self._ready(frame)
            case "message.accepted":
                self._accepted(frame)
            case "message.created":
                self._add(frame["message"])
            case "answer.started" | "answer.reset":
                if live := self._of(frame["turn"]):
                    live.reset()
            case "answer.delta":
                if live := self._of(frame["turn"]):
                    live.write(frame["offset"], frame["text"])
            case "answer.completed":
                self._finish(frame, frame["message"])
            case "answer.failed":
                failure = {"id": f"failed-{frame['turn']}", "role": "system", "text": frame["text"]}
                self._finish(frame, failure)
        return self.live.take_request() if self.live else None

    def _of(self, turn: str) -> LiveAnswer | None:
        if turn in self.ended:
            return None
        if self.live is None or self.live.turn != turn:
            self.live = LiveAnswer(turn, trusting=self.trusting)
        return self.live

    def _ready(self, frame: Frame) -> None:
        self.messages = [_kept(message) for message in frame["messages"]]
        stored = {message.get("client_id") for message in frame["messages"]}
        for client_id in stored & self.unsent.keys():
            del self.unsent[str(client_id)]
        turn = frame.get("turn")
        self.live = LiveAnswer(turn["turn"], turn["text"], self.trusting) if turn else None

    def _accepted(self, frame: Frame) -> None:
        self.accepted[frame["id"]] = frame["turn"]
        self.unsent.pop(frame["id"], None)
        if frame["message"] not in dict(self.messages):
            said = Said("customer", self._texts[frame["id"]])
            self.messages.insert(self._before_answer(frame["turn"]), (frame["message"], said))

    def _before_answer(self, turn: str) -> int:
        """Where a message belongs that is acknowledged now: before its answer, if that came first."""
        end = self.ended.get(turn, {})
        answer = end["message"]["id"] if "message" in end else f"failed-{turn}"
        ids = [id_ for id_, _ in self.messages]
        return ids.index(answer) if answer in ids else len(ids)

    def _add(self, message: Frame) -> None:
        if message["id"] not in dict(self.messages):
            self.messages.append(_kept(message))

    def _finish(self, frame: Frame, message: Frame) -> None:
        turn, text = frame["turn"], message["text"]
        if self.live and self.live.turn == turn:
            shown = self.live.text
            if frame["type"] == "answer.completed" and not text.startswith(shown.strip()):
                self.replaced[turn] = shown, " ".join(self.trail)
            self.live = None
        if turn in self.ended:
            return
        self.ended[turn] = frame
        known = dict(self.messages)
        failed_already = message["role"] == "system" and Said("system", text) == (
            self.messages[-1][1] if self.messages else None
        )
        if message["id"] not in known and not failed_already:
            self.messages.append(_kept(message))


def _short(frame: Frame) -> str:
    if frame["type"] == "answer.delta":
        return f"{frame['offset']}+{len(frame['text'])}:{frame['text'][:16]!r}"
    if frame["type"] == "ready" and frame.get("turn"):
        return f"ready:{frame['turn']['text'][:16]!r}+{len(frame['turn']['text'])}"
    return str(frame["type"])


def _kept(message: Frame) -> tuple[str, Said]:
    return message["id"], Said(message["role"], message["text"])
