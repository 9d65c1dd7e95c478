"""Markdown as text that reads well by itself, in units that make sense alone."""

import pytest

from tools.knowledge.document import parse
from tools.knowledge.plain import LINE, PARAGRAPH, Unit, join, units


def plain(body: str) -> str:
    return join(units(parse(body, title="")))


def test_a_unit_is_a_paragraph_or_a_list_item() -> None:
    assert units(parse("Intro\nhere.\n\n- one\n- two\n\nEnd.", title="")) == [
        Unit("Intro here."),
        Unit("- one", PARAGRAPH),
        Unit("- two", LINE),
        Unit("End."),
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("**Fill** the [kettle](k.md).\n\nBoil `it`.", "Fill the kettle.\n\nBoil it."),
        ("1. fill\n2. boil", "1. fill\n2. boil"),
        ("3) rest\n4) pour", "3. rest\n4. pour"),
        ("* a\n+ b", "- a\n\n- b"),
        ("- a\n\n- b", "- a\n- b"),
        ("> **Note:** hot!\n>\n> Wait.", "Note: hot!\n\nWait."),
        ("```sh\nmake tea\n\n  now\n```", "make tea\n\n  now"),
        ("    indented\n", "indented"),
        ("a\n\n---\n\nb", "a\n\nb"),
        ("- ![](x.png)\n- b", "- b"),
        ("<b></b>", ""),
        ("", ""),
    ],
)
def test_markdown_as_plain_text(body: str, text: str) -> None:
    assert plain(body) == text


def test_what_belongs_to_an_item_is_indented_below_it() -> None:
    body = "1. Fill it.\n\n   To the line.\n   - cold\n   - fresh\n2. Boil it.\n\n   ```\n   on\n   ```"
    assert plain(body) == (
        "1. Fill it.\n   To the line.\n   - cold\n   - fresh\n2. Boil it.\n   on"
    )
    assert len(units(parse(body, title=""))) == 2


def test_a_table_of_two_columns_is_a_list_of_pairs() -> None:
    body = "| Way | Time |\n|---|---|\n| Express | 1 to 2 **days** |\n| Standard | |\n| | |"
    assert plain(body) == "- Express: 1 to 2 days\n- Standard"


def test_a_wider_table_names_its_columns() -> None:
    body = "| Way | Time | Cost |\n|---|---|---|\n| Express | 2 days | $5 |\n| Pick-up | | free |"
    assert plain(body) == "- Express; Time: 2 days; Cost: $5\n- Pick-up; Cost: free"


def test_a_sentence_that_another_cell_follows_has_no_full_stop() -> None:
    table = "|Mode|Fields|Note|\n|---|---|---|\n|Search.|All of them.|Quick.|"
    assert plain(table) == "- Search; Fields: All of them; Note: Quick."


def test_a_table_without_rows_is_nothing() -> None:
    assert plain("| a | b |\n|---|---|") == ""
