"""Frames that no client of ours sends: made from the protocol itself, from chance and from lists of
strings that have broken others."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, get_args
from uuid import UUID

from pydantic import BaseModel

from chat.protocol import ClientFrame

LARGEST = 10_000_000
"""Bytes. The server takes 64 KB; what is larger must cost one client its socket, and nobody else."""

BEYOND = 65_536
"""Bytes from which on the server's own end of the socket refuses a frame."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """One frame: what is wrong with it, and its bytes. `text` is how it says that it is to be read."""

    kind: str
    data: bytes
    text: bool = True


WRONG: Sequence[Any] = (
    *(None, True, False, 0, -1, 1.5, 2**63, -(2**63) - 1, 10**400, "", " ", "x", "\0", "a\0b"),
    *([], [None], {}, {"type": "ping"}, [[]], "\ud800", "\udfff\ud800", "\u202e", "é" * 100),
    *("00000000-0000-0000-0000-000000000000", "x" * 70_000, "NaN", "1e999", "'; DROP TABLE x; --"),
    *("../../etc/passwd", "{{7*7}}", "%s%n", "\r\nSet-Cookie: x=1"),
)
"""Values of the wrong type, or of the right one and hardly ever meant."""


def every_frame() -> tuple[type[BaseModel], ...]:
    """The frames that a client may send."""
    found: tuple[type[BaseModel], ...] = get_args(get_args(ClientFrame)[0])
    return found


def mistyped() -> list[Hostile]:
    """Each field of each frame with each wrong value, and without a value."""
    made = []
    for frame in every_frame():
        right = _filled(frame)
        for name in right:
            absent = {key: value for key, value in right.items() if key != name}
            made.append(_json(f"{right['type']}.{name} absent", absent))
            made += [_json(f"{right['type']}.{name}", {**right, name: v}) for v in WRONG]
        made.append(_json(f"{right['type']} and more", {**right, "more": {"a": [1]}}))
    return made


def spoken(strings: Sequence[str]) -> list[Hostile]:
    """Each string as a message's text and id, as a token, as a comment, and as a frame's whole text."""
    made = []
    for n, text in enumerate(strings):
        send = {"type": "message.send", "id": f"fuzz-{n}", "text": text}
        made.append(_json("a string as a text", send))
        made.append(_json("a string as an id", {**send, "id": text}))
        made.append(_json("a string as a token", {"type": "hello", "token": text}))
        made.append(Hostile("a string alone", text.encode("utf-8", "replace")))
    return made


def frames(rng: Random, count: int, strings: Sequence[str] = ()) -> list[Hostile]:
    """So many frames in a random order: half of them by chance, the others of the protocol's own
    fields and of `strings`. The largest are few: they are meant to be refused, not to fill a disk."""
    listed = [*mistyped(), *spoken(strings)]
    rng.shuffle(listed)
    made = listed[: count // 2]
    by_chance = _by_chance(rng)
    made += [next(by_chance) for _ in range(count - len(made))]
    rng.shuffle(made)
    return made


def _filled(frame: type[BaseModel]) -> dict[str, Any]:
    """A frame that is right, though nothing it names exists."""
    values: dict[Any, Any] = {UUID: str(UUID(int=7)), UUID | None: str(UUID(int=7)), int: 0}
    filled: dict[str, Any] = {"type": frame.model_fields["type"].default}
    for name, field in frame.model_fields.items():
        if name != "type":
            filled[name] = values.get(field.annotation, "up")
    return filled


def _json(kind: str, value: object) -> Hostile:
    # Lone surrogates are written as escapes, which is how they arrive in real life.
    return Hostile(kind, json.dumps(value).encode())


def _by_chance(rng: Random) -> Iterator[Hostile]:
    shapes: list[tuple[Callable[[Random], Hostile], int]] = [
        (_binary, 15),
        (_broken_json, 20),
        (_no_object, 15),
        (_deep, 8),
        (_nul, 10),
        (_surrogates, 10),
        (_not_utf8, 4),
        (_sized, 12),
        (_huge, 1),
        (_unknown, 10),
        (_twice, 5),
    ]
    make = [shape for shape, _ in shapes]
    weights = [weight for _, weight in shapes]
    while True:
        yield rng.choices(make, weights)[0](rng)


def _binary(rng: Random) -> Hostile:
    return Hostile("binary", rng.randbytes(rng.randint(0, 2_000)), text=False)


def _broken_json(rng: Random) -> Hostile:
    whole = json.dumps(_filled(rng.choice(every_frame())))
    at = rng.randrange(len(whole))
    broken = rng.choice([whole[:at], whole[at:], whole[:at] + rng.choice('"{}[],:\\') + whole[at:]])
    return Hostile("broken JSON", broken.encode())


def _no_object(rng: Random) -> Hostile:
    value = rng.choice(
        ["[]", "null", "true", "0", '"ping"', '[{"type":"ping"}]', "NaN", "1e999", ""]
    )
    return Hostile("no object", value.encode())


def _deep(rng: Random) -> Hostile:
    depth = rng.choice([10, 200, 1_000, 10_000, 30_000])
    opening, closing = rng.choice([("[", "]"), ('{"type":', "}")])
    ended = closing * depth if rng.random() < 0.5 else ""
    return Hostile("deep", (opening * depth + "1" + ended).encode()[:BEYOND])


def _nul(rng: Random) -> Hostile:
    text = rng.choice(["\0", "a\0b", "\0" * 100, "\x01\x02\x1b[2J", "\x7f"])
    raw = json.dumps({"type": "message.send", "id": f"nul-{rng.randrange(10**9)}", "text": text})
    return Hostile("NUL", (raw.replace("\\u0000", "\0") if rng.random() < 0.3 else raw).encode())


def _surrogates(rng: Random) -> Hostile:
    text = rng.choice(["\ud800", "\udc00\ud800", "a\udfff", "\ud83d", "😀\ud83d"])
    field = rng.choice(["text", "id", "type", "comment"])
    frame = {"type": "message.send", "id": f"lone-{rng.randrange(10**9)}", "text": "x", field: text}
    return _json("lone surrogates", frame)


def _not_utf8(rng: Random) -> Hostile:
    return Hostile("not UTF-8", b'{"type":"ping","x":"' + rng.randbytes(20) + b'\xff\xc0"}')


def _sized(rng: Random) -> Hostile:
    size = int(10 ** rng.uniform(0, 4.8))
    frame = {"type": "message.send", "id": f"size-{rng.randrange(10**9)}", "text": "x" * size}
    return _json("sized", frame) if size > 60 else Hostile("sized", b"x" * size)


def _huge(rng: Random) -> Hostile:
    size = int(10 ** rng.uniform(4.9, 7))
    return Hostile("huge", b'{"type":"message.send","text":"' + b"x" * min(size, LARGEST) + b'"}')


def _unknown(rng: Random) -> Hostile:
    kind = rng.choice(["pong", "ready", "answer.delta", "__proto__", "HELLO", "", "message.send\n"])
    return _json("unknown type", {"type": kind, "turn": str(UUID(int=rng.getrandbits(128)))})


def _twice(rng: Random) -> Hostile:
    return Hostile(
        "a key twice", b'{"type":"ping","type":' + rng.choice([b'"hello"', b"[]"]) + b"}"
    )
