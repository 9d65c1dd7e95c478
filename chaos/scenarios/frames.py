"""Ten thousand frames that no client of ours sends, on a server's own port; then real questions."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Origin

from chaos import alone, fuzz
from chaos.scenario import Control, Scenario
from chaos.stage import Outcome, Stage

DATA = Path(__file__).parents[3] / "shared" / "data" / "attacks"
"""Strings by others. Without them the frames are made of the protocol and of chance alone."""

AT_ONCE = 12
"""Sockets that send side by side."""

PATIENCE = 30.0
"""Seconds for the answer to one frame. A server that is silent for longer hangs."""

FAULTS = ("Traceback (most recent call last)", "a frame could not be handled")
"""What a log holds of an exception that nobody expected."""

Frame = dict[str, Any]


@dataclass
class Attacker:
    """One client. It greets on every other socket; `closes` and `errors` count codes."""

    url: str
    token: str
    sent: int = 0
    size: int = 0
    sockets: int = 0
    silent: int = 0
    cut: int = 0
    """Sockets that ended while a frame beyond the limit was still on its way. The server's close frame,
    with 1009, is lost where it resets a line that it no longer reads."""
    closes: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    async def send_all(self, frames: Sequence[fuzz.Hostile]) -> None:
        """Sends the frames, on as many sockets as it takes."""
        waiting = list(reversed(frames))
        while waiting:
            try:
                async with opened(self.url) as socket:
                    self.sockets += 1
                    if self.sockets % 2:
                        await socket.send(json.dumps({"type": "hello", "token": self.token}))
                        await self._until(socket, "ready")
                    while waiting:
                        await self._send(socket, waiting.pop())
            except ConnectionClosed as closed:
                self._count(closed)
            except TimeoutError:
                self.silent += 1
            except (OSError, WebSocketException) as error:
                self.errors[type(error).__name__] += 1

    def _count(self, closed: ConnectionClosed) -> None:
        if closed.rcvd:
            self.closes[closed.rcvd.code] += 1
        elif self.size > fuzz.BEYOND:
            self.cut += 1
        else:
            self.closes[1006] += 1

    async def _send(self, socket: ClientConnection, frame: fuzz.Hostile) -> None:
        self.sent += 1
        self.size = len(frame.data)
        await socket.send(frame.data, text=frame.text)
        await socket.send('{"type":"ping"}')
        await self._until(socket, "pong")

    async def _until(self, socket: ClientConnection, kind: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while (said := json.loads(await socket.recv()))["type"] != kind:
                if said["type"] == "error":
                    self.errors[said["code"]] += 1


def opened(url: str) -> connect:
    """A socket of the server, as a browser opens it."""
    return connect(
        f"{url.replace('http', 'ws', 1)}/ws/chat/",
        origin=Origin(url),
        compression=None,
        ping_interval=None,
        close_timeout=1,
        max_size=None,
    )


def strings(name: str) -> list[str]:
    """The texts of one file of the shared data; none where it is absent."""
    path = DATA / name
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [json.loads(line)["text"] for line in lines]


async def answered(url: str, questions: Sequence[str]) -> int:
    """How many of the questions a customer gets an answer to, each in a conversation of its own."""
    token = (await alone.session(url))["token"]
    found = 0
    async with opened(url) as socket:
        await socket.send(json.dumps({"type": "hello", "token": token}))
        for n, question in enumerate(questions):
            asked = {"type": "message.send", "id": f"benign-{n}", "text": question}
            await socket.send(json.dumps(asked))
            async with asyncio.timeout(PATIENCE):
                while (kind := json.loads(await socket.recv())["type"]) not in ENDS:
                    pass
            found += kind == "answer.completed"
    return found


ENDS = {"answer.completed", "answer.failed", "error"}


async def play(stage: Stage) -> Outcome:
    outcome = Outcome()
    frames = fuzz.frames(stage.rng, stage.scale(10_000, 600), strings("attacks.jsonl"))
    benign = strings("benign.jsonl")[: stage.scale(200, 20)]
    async with alone.stack(stage) as stack:
        server = stack.web[0]
        url = f"http://127.0.0.1:{server.port}"
        attackers = [Attacker(url, (await alone.session(url))["token"]) for _ in range(AT_ONCE)]
        await asyncio.gather(
            *(attacker.send_all(frames[n::AT_ONCE]) for n, attacker in enumerate(attackers))
        )
        replies = await answered(url, benign)
        log = server.log.read_text("utf-8", "replace")
        alive = server.running
    closes = sum((attacker.closes for attacker in attackers), Counter[int]())
    errors = sum((attacker.errors for attacker in attackers), Counter[str]())
    outcome.figures = {
        "frames": sum(attacker.sent for attacker in attackers),
        "frames_by_strings": sum(frame.kind.startswith("a string") for frame in frames),
        "errors_told": errors.total(),
        "errors_internal": errors["internal"],
        "closes": closes.total(),
        "closes_1011": closes[1011],
        "closes_without_a_code": closes[1006],
        "cut_while_sending": sum(attacker.cut for attacker in attackers),
        "silent": sum(attacker.silent for attacker in attackers),
        "tracebacks": sum(log.count(fault) for fault in FAULTS),
        "benign_answered": replies,
        "benign_blocked": len(benign) - replies,
    }
    outcome.examples = [f"closes {dict(closes)}", f"errors {dict(errors)}"]
    outcome.aims = {
        f"frames sent: {len(frames)}": outcome.figures["frames"] == len(frames),
        "closes with 1011: none": not closes[1011],
        "closes without a code: none": not closes[1006],
        "tracebacks and internal errors: none": not (
            outcome.figures["tracebacks"] or errors["internal"]
        ),
        "answered or closed, never silent": not outcome.figures["silent"] and alive,
        "real questions blocked: none": not outcome.figures["benign_blocked"],
    }
    return outcome


SCENARIO = Scenario("frames", play, (Control("frame errors", shows="tracebacks"),), alone=True)
