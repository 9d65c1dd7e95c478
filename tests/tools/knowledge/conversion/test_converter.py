"""Converting in a process of its own: a file that breaks it, or keeps it, costs that file only."""

import time

import psutil
import pytest

from tests.tools.knowledge.documents import docx, pdf
from tools.knowledge.conversion.converter import Converter
from tools.knowledge.conversion.document import Document, Unreadable

pytestmark = pytest.mark.any_storage

PAGE = b"<main><h1>Linen</h1><p>Wash it cold.</p></main>"
DEEP = b"<div>" * 100_000 + b"x"


def test_documents_of_each_kind_are_converted_one_after_another() -> None:
    with Converter() as converter:
        page = converter.convert("html", PAGE)
        assert page == Document("Linen", "# Linen\n\nWash it cold.")
        assert converter.convert("pdf", pdf([(11, "Wash it cold.")])).text == "Wash it cold."
        assert converter.convert("docx", docx(("", "Wash it cold."))).text == "Wash it cold."


def test_a_document_larger_than_a_pipe_goes_through_it_both_ways() -> None:
    with Converter() as converter:
        text = "Wash it cold. " * 100_000
        assert len(converter.convert("html", f"<main>{text}</main>".encode()).text) > 1_300_000


def test_one_that_takes_too_long_is_given_up() -> None:
    started = time.monotonic()
    with Converter(time_limit=0.05) as converter:
        for _ in range(2):  # the second finds a new process
            with pytest.raises(Unreadable, match=r"more than 0\.05 seconds"):
                converter.convert("html", DEEP)
    assert time.monotonic() - started < 5
    assert psutil.Process().children() == []


def test_one_that_ends_the_process_is_told_and_the_next_is_converted() -> None:
    with Converter() as converter:
        with pytest.raises(Unreadable, match="PNG"):
            converter.convert("png", b"x")  # type: ignore[arg-type]  # nothing knows what to do with it
        assert converter.convert("html", PAGE).title == "Linen"


def test_one_that_is_nested_too_deeply_is_told() -> None:
    with Converter() as converter, pytest.raises(Unreadable):
        converter.convert("html", DEEP)


def test_the_process_ends_with_its_owner_and_never_had_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET_KEY", "hidden")
    with Converter() as converter:
        converter.convert("html", PAGE)
        (child,) = psutil.Process().children()
        assert "SECRET_KEY" not in child.environ()
    assert psutil.Process().children() == []
