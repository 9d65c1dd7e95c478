"""Pieces of a passage, and the parts of a section as one text again."""

from tools.knowledge.chunks import split
from tools.knowledge.pieces import merged, parse


def test_parts_of_a_list_are_one_list_with_one_lead_in() -> None:
    body = "Do this:\n\n" + "\n".join(f"{n}. Step {n} {'word ' * 50}end." for n in range(1, 9))
    parts = [passage.text for passage in split(body, title="Kettles")]
    assert len(parts) == 2
    assert merged(parts) == body
    assert merged(parts).count("Do this:") == 1


def test_a_sentence_that_two_parts_share_is_said_once() -> None:
    body = " ".join(f"Sentence {n} {'word ' * 18}end." for n in range(30))
    parts = [passage.text for passage in split(body, title="Kettles")]
    assert len(parts) == 3
    assert " ".join(merged(parts).split()) == body


def test_a_step_that_was_cut_within_is_one_step() -> None:
    body = "\n".join(
        ["1. Fill in:", *(f"   - Field {n} {'word ' * 60}end." for n in range(6)), "2. Go."]
    )
    parts = [passage.text for passage in split(body, title="Kettles")]
    assert len(parts) > 1
    assert [piece.text[:3] for piece in parse(merged(parts))] == ["1. ", "2. "]


def test_a_line_within_a_step_introduces_no_list() -> None:
    lines = [f"   {'Word ' * 60}Choose {n} if:" for n in range(6)]
    body = "\n\n".join(["1. Open it.", *lines]) + "\n2. Go."
    parts = [passage.text for passage in split(body, title="Kettles")]
    assert len(parts) > 1
    whole = merged(parts)
    assert [piece.text[:3] for piece in parse(whole)] == ["1. ", "2. "]
    assert [line[-9:] for line in whole.split("\n")[1:-1]] == [
        f"oose {n} if:"[-9:] for n in range(6)
    ]


def test_what_is_one_part_stays_as_it_is() -> None:
    assert merged(["One.\n\n- two"]) == "One.\n\n- two"
    assert merged([]) == ""
